/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "unpack-tar.h"

/* The tree that is being written. */
struct unpack_tree
{
  int top_fd;
  int directory_fd; /* the directory written to last, or -1 */
  char directory[PATH_MAX]; /* its name, "" for the top */
  uint64_t n_files; /* files and links */
  uint64_t n_bytes;
};

void unpack_tree_open (struct unpack_tree *self, int top_fd);
bool unpack_tree_add (struct unpack_tree *self, const struct tar_member *member,
                      struct unpack_input *input);
void unpack_tree_close (struct unpack_tree *self);
