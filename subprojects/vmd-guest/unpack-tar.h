/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "unpack-input.h"

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum tar_type
{
  TAR_FILE,
  TAR_DIRECTORY,
  TAR_SYMBOLIC_LINK,
  TAR_HARD_LINK
};

/* One member, checked: names are relative, of components that are neither empty, "." nor "..". */
struct tar_member
{
  enum tar_type type;
  mode_t mode; /* permission bits only */
  uint64_t size; /* bytes that follow; 0 but for a TAR_FILE */
  struct timespec mtime;
  char name[PATH_MAX]; /* "" for the top of the tree, which only a directory can be */
  char target[PATH_MAX]; /* of a symbolic link: any text; of a hard link: a member's name */
};

bool tar_next (struct unpack_input *input, struct tar_member *member, bool *ended);
bool tar_skip_padding (struct unpack_input *input, uint64_t size);
