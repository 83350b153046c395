/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-hook.h"

#include "vmd-device-message.h"

#include <gio/gunixinputstream.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <vmd-error.h>

/* A hook is over when the program has ended, not when its output has: a service that it started
 * may keep the pipe for ever. It has a process group of its own, so that whatever it waits for ends
 * with it. The group is signalled while the program has not been reaped, and not later, for its
 * number could then be somebody else's. */

/* Of what it wrote last; more than a report's message takes. */
#define MAX_TAIL 1024
/* What a pipe holds, once more: of one that is written to for ever no more is read at the end. */
#define MAX_LEFT (128 * 1024)

typedef struct
{
  GSubprocess *process;
  GPollableInputStream *output;
  GSource *readable;
  GString *tail;
  guint timer;
  guint grace;
  const char *ended; /* (nullable) why it was, if it was */
  int next_signal;
  GCancellable *cancellable; /* (nullable) */
  GSource *cancelled; /* (nullable) */
} Run;

static void
destroy_source (GSource *source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

static void
run_free (gpointer data)
{
  Run *self = data;

  g_clear_pointer (&self->readable, destroy_source);
  g_clear_pointer (&self->cancelled, destroy_source);
  g_clear_handle_id (&self->timer, g_source_remove);
  g_clear_object (&self->process);
  g_clear_object (&self->cancellable);
  g_string_free (self->tail, TRUE);
  g_free (self);
}

/* FALSE: nothing more is there, or will be. */
static gboolean
read_output (Run *self, gsize *length)
{
  char buffer[4096];
  gssize got =
      g_pollable_input_stream_read_nonblocking (self->output, buffer, sizeof buffer, NULL, NULL);

  if (got <= 0)
    return FALSE;
  *length += (gsize) got;
  g_string_append_len (self->tail, buffer, got);
  if (self->tail->len > MAX_TAIL)
    g_string_erase (self->tail, 0, (gssize) (self->tail->len - MAX_TAIL));
  return TRUE;
}

static gboolean
readable_cb (GObject *stream, gpointer data)
{
  Run *self = data;
  gsize length = 0;

  return read_output (self, &length) ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static gboolean
signal_cb (gpointer data)
{
  Run *self = data;
  const char *pid = g_subprocess_get_identifier (self->process);

  if (pid != NULL)
    kill (-(pid_t) g_ascii_strtoll (pid, NULL, 10), self->next_signal);
  self->timer = self->next_signal == SIGKILL ? 0 : g_timeout_add (self->grace, signal_cb, self);
  self->next_signal = SIGKILL;
  return G_SOURCE_REMOVE;
}

static gboolean
deadline_cb (gpointer data)
{
  Run *self = data;

  self->ended = "did not end in time";
  return signal_cb (self);
}

static gboolean
cancelled_cb (GCancellable *cancellable, gpointer data)
{
  Run *self = data;

  self->ended = "was ended";
  g_clear_handle_id (&self->timer, g_source_remove);
  signal_cb (self);
  return G_SOURCE_REMOVE;
}

/* What it complained of: the last line that has something in it. (transfer full) */
static char *
dup_last_line (Run *self)
{
  const char *line;

  for (gsize i = 0; i < self->tail->len; i++)
    if (self->tail->str[i] == '\0')
      self->tail->str[i] = ' ';
  g_strchomp (self->tail->str);
  line = strrchr (self->tail->str, '\n');
  return g_utf8_make_valid (line != NULL ? line + 1 : self->tail->str, -1);
}

static void
set_error (Run *self, GError **error)
{
  g_autofree char *line = dup_last_line (self);
  g_autofree char *how = NULL;

  if (self->ended != NULL)
    how = g_strdup (self->ended);
  else if (g_subprocess_get_if_signaled (self->process))
    how = g_strdup_printf ("was ended by signal %d", g_subprocess_get_term_sig (self->process));
  else
    how = g_strdup_printf ("exited with status %d", g_subprocess_get_exit_status (self->process));
  g_set_error (error, VMD_ERROR, VMD_ERROR_FAILED, "The hook %s%s%s", how,
               *line != '\0' ? ": " : "", line);
}

static void
exited_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Run *self = g_task_get_task_data (task);
  GError *error = NULL;
  gsize length = 0;

  g_subprocess_wait_finish (self->process, result, NULL);
  while (length < MAX_LEFT && read_output (self, &length))
    continue;
  if (self->ended == NULL && g_subprocess_get_if_exited (self->process) &&
      g_subprocess_get_exit_status (self->process) == 0)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  set_error (self, &error);
  g_task_return_error (task, error);
}

static void
set_up_child (gpointer data)
{
  setpgid (0, 0);
}

static GSubprocess *
spawn (const VmdDeviceHook *hook, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE);
  const char *const argv[] = { hook->program, NULL };

  for (guint i = 0; hook->environment[i] != NULL; i++)
    {
      g_auto (GStrv) pair = g_strsplit (hook->environment[i], "=", 2);

      g_subprocess_launcher_setenv (launcher, pair[0], pair[1], TRUE);
    }
  g_subprocess_launcher_set_child_setup (launcher, set_up_child, NULL, NULL);
  return g_subprocess_launcher_spawnv (launcher, argv, error);
}

/* Cancelling ends it as its deadline does; it is over when it has ended. */
void
vmd_device_hook_run_async (const VmdDeviceHook *hook, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (NULL, NULL, callback, data);
  Run *self = g_new0 (Run, 1);
  GError *error = NULL;

  g_task_set_source_tag (task, vmd_device_hook_run_async);
  g_task_set_task_data (task, self, run_free);
  self->tail = g_string_new (NULL);
  self->grace = hook->grace;
  self->next_signal = SIGTERM;
  self->process = spawn (hook, &error);
  if (self->process == NULL)
    {
      g_prefix_error (&error, "The hook could not be run: ");
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }
  self->output = G_POLLABLE_INPUT_STREAM (g_subprocess_get_stdout_pipe (self->process));
  self->readable = g_pollable_input_stream_create_source (self->output, NULL);
  g_source_set_callback (self->readable, G_SOURCE_FUNC (readable_cb), self, NULL);
  g_source_attach (self->readable, NULL);
  self->timer = g_timeout_add (hook->deadline, deadline_cb, self);
  if (cancellable != NULL)
    {
      self->cancellable = g_object_ref (cancellable);
      self->cancelled = g_cancellable_source_new (cancellable);
      g_source_set_callback (self->cancelled, G_SOURCE_FUNC (cancelled_cb), self, NULL);
      g_source_attach (self->cancelled, NULL);
    }
  g_subprocess_wait_async (self->process, NULL, exited_cb, task);
}

gboolean
vmd_device_hook_run_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
