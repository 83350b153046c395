/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the transports see of a VmdExecSpec, and how they make a VmdExecResult. */

#include "vmd-transport-private.h"

G_BEGIN_DECLS

/* The three streams of a command, by their numbers. */
#define VMD_N_STREAMS 3

void vmd_shell_append_quoted (GString *line, const char *word);

gboolean vmd_exec_spec_check (VmdExecSpec *self, GError **error);
const char *vmd_exec_spec_get_directory (VmdExecSpec *self);
const char *const *vmd_exec_spec_get_environment (VmdExecSpec *self);
const char *const *vmd_exec_spec_get_argv (VmdExecSpec *self);
void vmd_exec_spec_append_program (VmdExecSpec *self, GString *line);
const char *vmd_exec_spec_get_token (VmdExecSpec *self);
const char *vmd_exec_spec_get_term (VmdExecSpec *self);
void vmd_exec_spec_get_size (VmdExecSpec *self, guint *columns, guint *rows);
int vmd_exec_spec_get_resize_fd (VmdExecSpec *self);
gboolean vmd_exec_spec_take_resize (VmdExecSpec *self);
gint64 vmd_exec_spec_get_deadline (VmdExecSpec *self);
int vmd_exec_spec_steal_stream (VmdExecSpec *self, guint number);
void vmd_exec_spec_close_streams (VmdExecSpec *self);

VmdExecResult *vmd_exec_result_new (int exit_status);
VmdExecResult *vmd_exec_result_new_signalled (const char *name);
VmdExecResult *vmd_exec_result_new_from_wait (int wait_status);

/* One of the caller's descriptors, used without ever blocking on it: vmd-exec-stream.c. */
int vmd_exec_stream_open (int fd, gboolean for_writing);
gssize vmd_exec_stream_read (int fd, void *data, gsize length);
gssize vmd_exec_stream_write (int fd, const void *data, gsize length);

G_END_DECLS
