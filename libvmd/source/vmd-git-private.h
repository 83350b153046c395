/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* git, run as a program in the caller's process and with the caller's rights. */

#include "vmd-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* How a git ended that did run. */
typedef struct
{
  int exit_status; /* -1: killed by a signal */
  char *complaint; /* the last line of its stderr, or "" */
} VmdGitExit;

void vmd_git_exit_clear (VmdGitExit *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmdGitExit, vmd_git_exit_clear)

/* A piece of git's output, as it comes. FALSE ends git. */
typedef gboolean (*VmdGitOutputFunc) (const char *bytes, gsize length, gpointer data,
                                      GError **error);

gboolean vmd_git_run (const char *directory, const char *const *arguments, VmdGitOutputFunc func,
                      gpointer data, VmdGitExit *ended, GCancellable *cancellable, GError **error);
char *vmd_git_query (const char *directory, const char *const *arguments, VmdGitExit *ended,
                     GCancellable *cancellable, GError **error);
gboolean vmd_git_fail (const VmdGitExit *ended, const char *directory, GError **error);

G_END_DECLS
