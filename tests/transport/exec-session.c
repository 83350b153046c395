/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exec-session.h"

#include "libvmd/base/vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int
make_pipe (gboolean ours_writes, int *ours)
{
  int ends[2];

  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  *ours = ends[ours_writes ? 1 : 0];
  return ends[ours_writes ? 0 : 1];
}

ExecSession *
exec_session_new (VmdGuestConnection *connection, const char *script)
{
  const char *const argv[] = { "/bin/sh", "-c", script, NULL };

  return exec_session_new_for_argv (connection, argv);
}

ExecSession *
exec_session_new_for_argv (VmdGuestConnection *connection, const char *const *argv)
{
  ExecSession *self = g_new0 (ExecSession, 1);
  int theirs[3];

  self->connection = g_object_ref (connection);
  self->cancellable = g_cancellable_new ();
  self->spec = vmd_exec_spec_new (argv);
  theirs[0] = make_pipe (TRUE, &self->input);
  theirs[1] = make_pipe (FALSE, &self->output);
  theirs[2] = make_pipe (FALSE, &self->errors);
  vmd_exec_spec_take_streams (self->spec, theirs[0], theirs[1], theirs[2]);
  return self;
}

static gpointer
exec_thread (gpointer data)
{
  ExecSession *self = data;

  self->result =
      vmd_guest_connection_exec (self->connection, self->spec, self->cancellable, &self->error);
  return NULL;
}

void
exec_session_start (ExecSession *self)
{
  self->thread = g_thread_new ("exec", exec_thread, self);
}

VmdExecResult *
exec_session_join (ExecSession *self)
{
  g_thread_join (g_steal_pointer (&self->thread));
  g_assert_true ((self->result != NULL) == (self->error == NULL));
  return self->result;
}

void
exec_session_free (ExecSession *self)
{
  if (self->thread != NULL)
    {
      g_cancellable_cancel (self->cancellable);
      g_thread_join (self->thread);
    }
  vmd_clear_fd (&self->input);
  vmd_clear_fd (&self->output);
  vmd_clear_fd (&self->errors);
  g_clear_object (&self->result);
  g_clear_error (&self->error);
  g_object_unref (self->spec);
  g_object_unref (self->cancellable);
  g_object_unref (self->connection);
  g_free (self);
}

static gpointer
drain_thread (gpointer data)
{
  vmd_autofd int fd = GPOINTER_TO_INT (data);
  GByteArray *bytes = g_byte_array_new ();
  guint8 buffer[65536];
  gssize n;

  while ((n = read (fd, buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR))
    g_byte_array_append (bytes, buffer, MAX (n, 0));
  return bytes;
}

GThread *
drain_begin (int *fd)
{
  return g_thread_new ("drain", drain_thread, GINT_TO_POINTER (vmd_steal_fd (fd)));
}

GByteArray *
drain_end (GThread *thread)
{
  return g_thread_join (thread);
}

static char *
drain_text (GThread *thread)
{
  GByteArray *bytes = drain_end (thread);

  g_byte_array_append (bytes, (const guint8 *) "", 1);
  return (char *) g_byte_array_free (bytes, FALSE);
}

char *
exec_session_run (ExecSession *self, char **errors, int *exit_status)
{
  g_autofree char *complaints = NULL;
  GThread *output_thread, *errors_thread;

  vmd_clear_fd (&self->input);
  output_thread = drain_begin (&self->output);
  errors_thread = drain_begin (&self->errors);
  exec_session_start (self);
  exec_session_join (self);
  g_assert_no_error (self->error);
  *exit_status = vmd_exec_result_get_exit_status (self->result);
  complaints = drain_text (errors_thread);
  if (errors != NULL)
    *errors = g_steal_pointer (&complaints);
  return drain_text (output_thread);
}

void
fill_pattern (guint8 *bytes, gsize offset, gsize length)
{
  for (gsize i = 0; i < length; i++)
    bytes[i] = (guint8) ((offset + i) * 2654435761u >> 13);
}

typedef struct
{
  int fd;
  gsize length;
} Feed;

static gpointer
feed_thread (gpointer data)
{
  g_autofree Feed *self = data;
  vmd_autofd int fd = self->fd;
  guint8 buffer[65536];
  gsize done = 0;

  while (done < self->length)
    {
      gsize piece = MIN (sizeof buffer, self->length - done);
      gssize n;

      fill_pattern (buffer, done, piece);
      n = vmd_write_quietly (fd, buffer, piece);
      if (n < 0 && errno != EINTR)
        break;
      done += MAX (n, 0);
    }
  return NULL;
}

GThread *
feed_begin (int *fd, gsize length)
{
  Feed *feed = g_new (Feed, 1);

  *feed = (Feed){ .fd = vmd_steal_fd (fd), .length = length };
  return g_thread_new ("feed", feed_thread, feed);
}

gboolean
is_pattern (const GByteArray *bytes, gsize length)
{
  guint8 expected[4096];
  gboolean same = bytes->len == length;

  for (gsize done = 0; same && done < length; done += sizeof expected)
    {
      gsize piece = MIN (sizeof expected, length - done);

      fill_pattern (expected, done, piece);
      same = memcmp (bytes->data + done, expected, piece) == 0;
    }
  return same;
}

void
expect_text (int fd, const char *text)
{
  g_autoptr (GString) seen = g_string_new (NULL);
  char byte;

  while (strstr (seen->str, text) == NULL)
    {
      gssize n = read (fd, &byte, 1);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        g_error ("“%s” did not come; this did: %s", text, seen->str);
      g_string_append_c (seen, byte);
    }
}
