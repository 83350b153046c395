/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* A tree on its way to its place: beside it, and on record. */
struct unpack_staging
{
  const char *target; /* absolute */
  bool replace;
  char name[96]; /* of the staging directory, in the target's parent */
  char parent[PATH_MAX]; /* relative to the root */
  size_t parent_existed; /* bytes of @parent that were there before */
  int root_fd;
  int register_fd; /* the directory of records */
  int parent_fd;
  int top_fd; /* the staging directory */
  bool recorded;
  bool made; /* something is at @name, in @parent, that must go */
  bool published;
  bool replaced; /* what was there before is at @name now */
};

bool unpack_staging_begin (struct unpack_staging *self, const char *target, bool replace,
                           const char *hex);
bool unpack_staging_publish (struct unpack_staging *self);
void unpack_staging_take_back (struct unpack_staging *self);
void unpack_staging_end (struct unpack_staging *self);
