/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Archives, packages, kernels and modules, made in memory. */

#include "archive/vmd-archive-private.h"
#include "base/vmd-poll-private.h"

typedef struct
{
  struct archive *archive;
  GByteArray *bytes; /* whole after tar_close() */
} Tar;

/* @filter: NULL, "gzip", "xz", "zstd", "bzip2", "lzma". @format: "pax", "newc", "ar". */
void tar_open (Tar *tar, const char *format, const char *filter);
/* An entry of root's with a time of 1,000,000,000; set what is to be otherwise, and hand it to
 * tar_add(). */
struct archive_entry *tar_entry (const char *name, guint mode);
void tar_add (Tar *tar, struct archive_entry *entry, const void *data, gsize length);
void tar_add_file (Tar *tar, const char *name, const char *content);
void tar_add_directory (Tar *tar, const char *name);
void tar_add_symlink (Tar *tar, const char *name, const char *target);
void tar_add_hard_link (Tar *tar, const char *name, const char *target);
/* Returns: (transfer full) */
GByteArray *tar_close (Tar *tar);
/* A package with these members in data.tar.xz, and this control file. */
GByteArray *make_deb (const char *control, GByteArray *data_tar);

/* A descriptor of a file with these bytes, at its beginning. */
int make_file (const void *data, gsize length);
int make_file_of (GByteArray *bytes);
void write_file (const char *path, const void *data, gsize length);

/* -- kernels -- */

/* The beginning of a kernel as a PC boots it, which says that it is @release. */
GByteArray *make_kernel (const char *release);
/* A module, as far as it says of itself what it is. @depends: "a,b". */
GByteArray *make_module (const char *name, const char *depends, const char *release);
