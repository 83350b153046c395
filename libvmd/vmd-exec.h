/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-macros.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* What to run in a guest, and what its standard streams are. */
#define VMD_TYPE_EXEC_SPEC (vmd_exec_spec_get_type ())
VMD_AVAILABLE_IN_0_1 G_DECLARE_FINAL_TYPE (VmdExecSpec, vmd_exec_spec, VMD, EXEC_SPEC, GObject)

/* @argv: NULL or empty: the login shell. Never passed through a shell unquoted. */
VMD_AVAILABLE_IN_0_1 VmdExecSpec *vmd_exec_spec_new (const char *const *argv);
/* "NAME=value" strings. */
VMD_AVAILABLE_IN_0_1 void
vmd_exec_spec_set_environment (VmdExecSpec *self, const char *const *environment);
/* Absolute guest path; default: the home directory. */
VMD_AVAILABLE_IN_0_1 void vmd_exec_spec_set_directory (VmdExecSpec *self, const char *directory);
/* Takes the descriptors, -1 for none (stdin: end of file; stdout, stderr: thrown away). Closed when
 * the command ends. */
VMD_AVAILABLE_IN_0_1 void
vmd_exec_spec_take_streams (VmdExecSpec *self, int stdin_fd, int stdout_fd, int stderr_fd);
/* A PTY of this size, with $TERM @term. stdout and stderr are then one. */
VMD_AVAILABLE_IN_0_1 void
vmd_exec_spec_set_terminal (VmdExecSpec *self, const char *term, guint columns, guint rows);
/* While it runs, from any thread. */
VMD_AVAILABLE_IN_0_1 void vmd_exec_spec_resize (VmdExecSpec *self, guint columns, guint rows);
/* Milliseconds from start to the end of the command; 0 (default): as long as it takes. */
VMD_AVAILABLE_IN_0_1 void vmd_exec_spec_set_timeout (VmdExecSpec *self, guint milliseconds);

/* How it ended. */
#define VMD_TYPE_EXEC_RESULT (vmd_exec_result_get_type ())
VMD_AVAILABLE_IN_0_1 G_DECLARE_FINAL_TYPE (VmdExecResult, vmd_exec_result, VMD, EXEC_RESULT,
                                           GObject)

/* 0–255; 128 + the signal's number where it was killed by one. */
VMD_AVAILABLE_IN_0_1 int vmd_exec_result_get_exit_status (VmdExecResult *self);
/* (nullable): "KILL", "TERM"… without SIG. */
VMD_AVAILABLE_IN_0_1 const char *vmd_exec_result_get_signal (VmdExecResult *self);

G_END_DECLS
