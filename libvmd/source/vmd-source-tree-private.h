/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The files of a git work tree that travel, and the way to each of them that follows no link. */

#include "vmd-error.h"

#include <gio/gio.h>
#include <sys/stat.h>

G_BEGIN_DECLS

/* Made once, then only read: any number of threads may. */
typedef struct
{
  int top_fd; /* O_PATH */
  char *top; /* absolute, as bytes */
  GStringChunk *names; /* the bytes of all names */
  GPtrArray *files; /* (element-type filename): into @names, sorted by their bytes */
  guint64 bytes; /* of all files, when they were counted */
} VmdSourceTree;

VmdSourceTree *vmd_source_tree_new (const char *top, gboolean include_untracked,
                                    GCancellable *cancellable, GError **error);
void vmd_source_tree_free (VmdSourceTree *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdSourceTree, vmd_source_tree_free)

/* A walk along the sorted names: keeps the directory of the last one open. Belongs to one thread.
 */
typedef struct
{
  int top_fd; /* borrowed */
  int directory_fd;
  GString *directory;
} VmdSourceWalk;

void vmd_source_walk_init (VmdSourceWalk *self, const VmdSourceTree *tree);
void vmd_source_walk_clear (VmdSourceWalk *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmdSourceWalk, vmd_source_walk_clear)

/* The directory that @name is in, open, and *@base, its last component. -1 with errno. */
int vmd_source_walk_enter (VmdSourceWalk *self, const char *name, const char **base);

/* Whether @error_number means that a file is not there: gone, or below something that is now a
 * link or no directory. */
gboolean vmd_source_is_gone (int error_number);
/* @name for people: UTF-8, on one line. */
char *vmd_source_display_name (const char *name);

G_END_DECLS
