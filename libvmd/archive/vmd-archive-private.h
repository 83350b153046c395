/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Archives and file systems: libarchive in, ext4 or cpio out. No archive member ever becomes a host path. */

#include "../vmd-job.h"
#include "vmd-error.h"

#include <archive.h>
#include <archive_entry.h>
#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct archive VmdArchiveReader;
typedef struct archive_entry VmdArchiveEntry;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdArchiveReader, archive_read_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdArchiveEntry, archive_entry_free)

/* The one function that makes a VmdError of libarchive's. BAD_ARCHIVE, NO_SPACE, CANCELLED. Returns FALSE. */
gboolean vmd_archive_fail (struct archive *archive, GError **error, const char *doing);
/* A reader of tar, cpio or ar in any compression, from @fd (not taken), that stops when @cancellable fires. @bytes_read (nullable) is
 * kept up to date. */
VmdArchiveReader *vmd_archive_reader_open (int fd, GCancellable *cancellable, guint64 *bytes_read,
                                           GError **error);

/* An ext4 file system in a sparse file, written with libext2fs, without root. */
typedef struct _VmdExt4 VmdExt4;
VmdExt4 *vmd_ext4_create (const char *path, guint64 size, const char *label, GError **error);
/* Adds a member: parents are made; a path with "..", or below something that is no directory, is BAD_ARCHIVE. Later members replace earlier
 * ones. Regular files: data is read from @data (nullable: empty). Absolute names are taken below the root. Owners, modes, times, xattrs, symlinks
 * (absolute ones too), hard links and device nodes are kept. */
gboolean vmd_ext4_add (VmdExt4 *self, struct archive_entry *entry, struct archive *data,
                       GCancellable *cancellable, GError **error);
gboolean vmd_ext4_add_file (VmdExt4 *self, const char *path, guint mode, const void *data,
                            gsize length, GError **error);
gboolean vmd_ext4_add_directory (VmdExt4 *self, const char *path, guint mode, GError **error);
gboolean vmd_ext4_add_symlink (VmdExt4 *self, const char *path, const char *target, GError **error);
gboolean vmd_ext4_exists (VmdExt4 *self, const char *path);
/* Writes what is left and closes; the file is fsynced. */
gboolean vmd_ext4_finish (VmdExt4 *self, GError **error);
/* Closes without finishing. The file is the caller's to remove. */
void vmd_ext4_free (VmdExt4 *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdExt4, vmd_ext4_free)

/* Downloads Debian packages with apt-get, without root, into a directory; returns the .deb's path. @package may be a metapackage
 * when @follow names the prefix of the dependency that is meant ("linux-image-"). */
char *vmd_debian_download (const char *package, const char *follow, const char *directory,
                           GCancellable *cancellable, GError **error);
/* Opens the data.tar member of a .deb as a reader, positioned before its first entry. @outer keeps it alive. */
gboolean vmd_deb_open (int fd, VmdArchiveReader **outer, VmdArchiveReader **data,
                       GCancellable *cancellable, GError **error);

/* The sha256 of a file, as lower-case hex. */
char *vmd_digest_file (const char *path, GCancellable *cancellable, GError **error);

/* Builders: each writes one finished file (or directory) inside a staging directory that the caller made and will rename. */
gboolean vmd_tiny_image_write (const char *path, const char *cache_dir, VmdJob *job,
                               GCancellable *cancellable, GError **error);
/* @ssh_server: set to "dropbear", "openssh" or "none". */
gboolean vmd_image_write_from_tar (const char *path, int tar_fd, char **ssh_server, VmdJob *job,
                                   GCancellable *cancellable, GError **error);
/* From a .deb or a bare vmlinuz (+ tar of modules, or -1): @directory/vmlinuz and @directory/modules.cpio, the closure of the modules that boot
 * needs (virtio_pci virtio_blk virtio_net virtio_console virtio-rng ext4 …, those that are there) with `modules.order`, a file that lists
 * them in loading order, under /lib/vmd-modules/. @version: as uname -r. */
gboolean vmd_kernel_write (const char *directory, int fd, int modules_fd, char **version, VmdJob *job,
                           GCancellable *cancellable, GError **error);

G_END_DECLS
