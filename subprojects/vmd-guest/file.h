/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

/* Small files, whole. Each sets errno on failure and reports nothing. */

ssize_t file_read (const char *path, char *buffer, size_t size);
bool file_read_line (const char *path, char *buffer, size_t size);
bool file_write_fd (int fd, const void *data, size_t length);
bool file_write (const char *path, mode_t mode, const void *data, size_t length);
bool file_copy (const char *from, const char *to, mode_t mode);
bool file_make_directories (const char *path, mode_t mode);
bool file_exists (const char *path);

/* A descriptor that closes itself: `autofd int fd = -1;`. */
static inline void
file_clear_fd (int *fd)
{
  if (*fd >= 0)
    close (*fd);
}
#define autofd __attribute__ ((cleanup (file_clear_fd)))
