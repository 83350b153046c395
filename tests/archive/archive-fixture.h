/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of archives share: a directory, and file systems looked into with the programs
 * that know them best. */

#include "archive-maker.h"
#include "vmd-job-private.h"

typedef struct
{
  char *directory; /* private, removed in the end */
  char *disk; /* a path in it */
  VmdJob *job;
} Fixture;

void fixture_set_up (Fixture *fixture, gconstpointer data);
void fixture_tear_down (Fixture *fixture, gconstpointer data);
#define add_test(path, function)                                                                   \
  g_test_add (path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)
char *fixture_path (Fixture *fixture, const char *name);

#define assert_vmd_error(error, code) g_assert_error (error, VMD_ERROR, (int) (code))

/* -- file systems -- */

/* e2fsck finds nothing to complain of. */
void assert_clean (const char *disk);
/* What debugfs says to a request. */
char *debugfs (const char *disk, const char *request);
/* A file's content is this. */
void assert_content (const char *disk, const char *path, const void *data, gsize length);
/* What debugfs's "stat" says of @path has these words. */
void assert_stat_has (const char *disk, const char *path, const char *words);
gboolean is_in (const char *disk, const char *path);
