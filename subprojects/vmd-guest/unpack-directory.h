/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <sys/types.h>

int unpack_directory_open (int top_fd, const char *name);
int unpack_directory_make (int top_fd, const char *name, mode_t mode, size_t *existed);
void unpack_directory_unmake (int top_fd, const char *name, size_t existed);
