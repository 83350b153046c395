/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-failure-private.h"
#include "base/vmd-poll-private.h"
#include "vmd-workspace-unpack-private.h"

#include <string.h>

/* The protocol is told in subprojects/vmd-guest/unpack.c. In short: a tar goes in, "ok" comes out
 * when the tree is in its place, and unless "keep" goes in then, the tree is taken back. */
struct _VmdUnpack
{
  VmdGuestProcess *process;
};

/* As in subprojects/vmd-guest/unpack.h. */
enum
{
  UNPACK_FAILED = 1,
  UNPACK_USAGE = 2,
  UNPACK_BAD_ARCHIVE = 3,
  UNPACK_EXISTS = 4,
  UNPACK_NO_SPACE = 5,
  UNPACK_INTERRUPTED = 6,
};

/* For what is only a question and an answer. */
#define ANSWER_TIMEOUT 30000
/* For one piece of the tar, and for the flush of the tree: a slow disk is no failure. A
 * guest that is gone is found out about much earlier, and stop and kill end the waiting at any
 * time. */
#define PIECE_TIMEOUT (10 * 60 * 1000)
/* For "keep" to be heard, whatever happens to the VM meanwhile. */
#define KEEP_TIMEOUT 2000
/* What is read of the guest's words. */
#define WORDS_MAX 2048
#define COMPLAINT_PREFIX "vmd-guest: unpack: "

/**
 * vmd_unpack_begin:
 * @path: where in the guest, absolute
 * @replace: a tree that is there is replaced as a whole
 *
 * Returns: (transfer full) (nullable): an unpacking under way in the guest
 */
VmdUnpack *
vmd_unpack_begin (VmdGuestConnection *connection, const char *path, gboolean replace,
                  GCancellable *cancellable, GError **error)
{
  const char *const argv[] = {
    VMD_GUEST_PROGRAM, "unpack", "--hold", "--target", path, replace ? "--replace" : NULL, NULL
  };
  g_autofree char *command = vmd_shell_quote_argv (argv);
  VmdGuestProcess *process;
  VmdUnpack *self;

  process = vmd_guest_connection_spawn (connection, command, cancellable,
                                        vmd_deadline_in (ANSWER_TIMEOUT), error);
  if (process == NULL)
    return NULL;
  self = g_new0 (VmdUnpack, 1);
  self->process = process;
  return self;
}

/* Takes the tree back, unless it is kept. */
void
vmd_unpack_free (VmdUnpack *self)
{
  vmd_guest_process_abort (self->process);
  g_object_unref (self->process);
  g_free (self);
}

/* A line, or what there is before the end of the stream. @line: of WORDS_MAX bytes. */
static gboolean
read_line (VmdUnpack *self, gboolean is_stderr, char *line, GCancellable *cancellable,
           gint64 deadline, GError **error)
{
  gsize length = 0;
  gssize n = 1;

  while (n > 0 && length < WORDS_MAX - 1 && memchr (line, '\n', length) == NULL)
    {
      n = vmd_guest_process_read (self->process, is_stderr, line + length, WORDS_MAX - 1 - length,
                                  cancellable, deadline, error);
      if (n < 0)
        return FALSE;
      length += n;
    }
  line[length] = '\0';
  line[strcspn (line, "\n")] = '\0';
  return TRUE;
}

static VmdError
get_code (int exit_status)
{
  switch (exit_status)
    {
    case UNPACK_BAD_ARCHIVE:
      return VMD_ERROR_BAD_ARCHIVE;
    case UNPACK_EXISTS:
      return VMD_ERROR_EXISTS;
    case UNPACK_NO_SPACE:
      return VMD_ERROR_NO_SPACE;
    case UNPACK_USAGE:
    case UNPACK_FAILED:
    case UNPACK_INTERRUPTED:
    default:
      return VMD_ERROR_GUEST;
    }
}

/* It has ended before its time: says why. Returns FALSE, always. */
static gboolean
fail_ended (VmdUnpack *self, GCancellable *cancellable, GError **error)
{
  gint64 deadline = vmd_deadline_in (ANSWER_TIMEOUT);
  g_autoptr (VmdExecResult) result = NULL;
  g_autofree char *shown = NULL;
  char line[WORDS_MAX];
  const char *words = line;
  int status;

  if (!read_line (self, TRUE, line, cancellable, deadline, error))
    return FALSE;
  result = vmd_guest_process_wait (self->process, cancellable, deadline, error);
  if (result == NULL)
    return FALSE;
  if (g_str_has_prefix (words, COMPLAINT_PREFIX))
    words += strlen (COMPLAINT_PREFIX);
  shown = g_utf8_make_valid (words, -1);
  status = vmd_exec_result_get_exit_status (result);
  return vmd_fail (error, get_code (status), "The guest cannot unpack: %s (exit status %d)",
                   *shown != '\0' ? shown : "it does not say why", status);
}

/* Gives the guest the next piece of the tar, the two blocks of zeros at its end included. */
gboolean
vmd_unpack_write (VmdUnpack *self, const void *data, gsize length, GCancellable *cancellable,
                  GError **error)
{
  g_autoptr (GError) local = NULL;

  if (vmd_guest_process_write (self->process, data, length, cancellable,
                               vmd_deadline_in (PIECE_TIMEOUT), &local))
    return TRUE;
  if (g_error_matches (local, VMD_ERROR, VMD_ERROR_GUEST))
    return fail_ended (self, cancellable, error);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/**
 * vmd_unpack_publish:
 *
 * After the whole tar: waits until the tree is on the guest's disk and in its place. It stays there
 * only if vmd_unpack_keep() is called. A guest that hangs in its flush holds up nobody who cancels.
 *
 * Returns: TRUE; or FALSE with EXISTS, NO_SPACE, BAD_ARCHIVE, GUEST, or what the transport fails
 *   with: then nothing is there that was not there before
 */
gboolean
vmd_unpack_publish (VmdUnpack *self, GCancellable *cancellable, GError **error)
{
  char line[WORDS_MAX];

  if (!read_line (self, FALSE, line, cancellable, vmd_deadline_in (PIECE_TIMEOUT), error))
    return FALSE;
  return g_str_has_prefix (line, "ok ") || fail_ended (self, cancellable, error);
}

/**
 * vmd_unpack_keep:
 *
 * After vmd_unpack_publish(): makes it final. Not to be cancelled, since what has begun here is
 * known to be wanted; and short, since a guest that hears at all hears this at once. What the guest
 * does after that, to remove a tree that was replaced, is not waited for.
 *
 * Returns: FALSE when the guest said that it took the tree back, or was lost before it could
 *   hear
 */
gboolean
vmd_unpack_keep (VmdUnpack *self, GError **error)
{
  static const char keep[] = "keep\n";
  gint64 deadline = vmd_deadline_in (KEEP_TIMEOUT);
  g_autoptr (VmdExecResult) result = NULL;
  g_autoptr (GError) local = NULL;

  if (!vmd_guest_process_write (self->process, keep, strlen (keep), NULL, deadline, error) ||
      !vmd_guest_process_write_eof (self->process, NULL, deadline, error))
    return FALSE;
  result = vmd_guest_process_wait (self->process, NULL, deadline, &local);
  if (result == NULL && g_error_matches (local, VMD_ERROR, VMD_ERROR_TIMED_OUT))
    return TRUE;
  if (result == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  return vmd_exec_result_get_exit_status (result) == 0 || fail_ended (self, NULL, error);
}
