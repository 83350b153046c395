/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A command under way on a connection, on a thread of its own, with pipes to its streams. */

#include "libvmd/transport/vmd-transport-private.h"

G_BEGIN_DECLS

typedef struct
{
  VmdGuestConnection *connection;
  VmdExecSpec *spec;
  GCancellable *cancellable;
  int input; /* our ends; -1 once they are closed or given to somebody */
  int output;
  int errors;
  GThread *thread;
  VmdExecResult *result;
  GError *error;
} ExecSession;

ExecSession *exec_session_new (VmdGuestConnection *connection, const char *script);
ExecSession *exec_session_new_for_argv (VmdGuestConnection *connection, const char *const *argv);
void exec_session_start (ExecSession *self);
/* Waits for its end; the result, borrowed, or NULL with self->error. */
VmdExecResult *exec_session_join (ExecSession *self);
void exec_session_free (ExecSession *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ExecSession, exec_session_free)

/* Runs it to its end, with nothing on its input: its output, its errors if they are wanted, and its
 * exit status. */
char *exec_session_run (ExecSession *self, char **errors, int *exit_status);

/* Reads a descriptor to its end, on a thread, and closes it. */
GThread *drain_begin (int *fd);
/* (transfer full) */
GByteArray *drain_end (GThread *thread);
/* Writes @length bytes of a pattern, on a thread, and closes the descriptor. */
GThread *feed_begin (int *fd, gsize length);
/* Whether @bytes are that pattern. */
gboolean is_pattern (const GByteArray *bytes, gsize length);
void fill_pattern (guint8 *bytes, gsize offset, gsize length);
/* Reads until @text has come. */
void expect_text (int fd, const char *text);

G_END_DECLS
