/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A private directory with a git repository in it, and git that knows no user but the test's. */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct
{
  char *directory; /* private, removed at the end */
  char *repository; /* <directory>/repository: an empty git repository on the branch "main" */
} GitFixture;

void git_fixture_set_up (GitFixture *self, gconstpointer data);
void git_fixture_tear_down (GitFixture *self, gconstpointer data);

/* Runs a program to its end in @directory; anything but an exit with 0 ends the test. Returns
 * its output. */
char *run_program (const char *directory, const char *const *argv);
/* git in the repository: git_run (self, "add", "-A", NULL). */
void git_run (GitFixture *self, ...) G_GNUC_NULL_TERMINATED;
/* Makes a file below the repository, and the directories it needs. */
void git_write (GitFixture *self, const char *name, const char *content);
char *git_path (GitFixture *self, const char *name);
/* Removes a tree whatever its modes are. */
void remove_tree (const char *path);

G_END_DECLS
