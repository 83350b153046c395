/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Archives and file systems: libarchive in, ext4 or cpio out. No archive member ever becomes a host
 * path. */

#include "../vmd-job.h"
#include "vmd-error.h"

#include <archive.h>
#include <archive_entry.h>
#include <gio/gio.h>
#include <locale.h>

G_BEGIN_DECLS

typedef struct archive VmdArchiveReader;
typedef struct archive_entry VmdArchiveEntry;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdArchiveReader, archive_read_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdArchiveEntry, archive_entry_free)

/* The one function that makes a VmdError of libarchive's. BAD_ARCHIVE, NO_SPACE, CANCELLED. Returns
 * FALSE. */
gboolean vmd_archive_fail (struct archive *archive, GError **error, const char *doing);
/* What a reader has had from its descriptor so far. */
typedef struct
{
  guint64 bytes;
  gboolean ends_in_zeros; /* the last 512 bytes were all zero, as at the end of a whole tar */
} VmdArchiveInput;

/* A reader of tar, cpio or ar in any compression, from @fd (not taken), that stops when
 * @cancellable fires. @input (nullable) is kept up to date for as long as it reads. */
VmdArchiveReader *
vmd_archive_reader_open (int fd, GCancellable *cancellable, VmdArchiveInput *input, GError **error);
/* Some bytes of @fd, which may block; 0 at the end, -1 with @error set. */
gssize vmd_archive_read_input (int fd, void *data, gsize length, GCancellable *cancellable,
                               GError **error);
/* All compressions that libarchive knows without running a program. */
void vmd_archive_support_filters (struct archive *archive);
/* A reader of a compressed or plain file in memory (not copied): one entry, whose data is the plain
 * content. */
VmdArchiveReader *vmd_archive_reader_open_raw (const void *data, gsize length, GError **error);
/* *@entry: the next one (the reader's own), or NULL at the end. */
gboolean vmd_archive_next (VmdArchiveReader *archive, struct archive_entry **entry, GError **error);
/* The rest of the entry's data, at most @limit bytes, else BAD_ARCHIVE, naming @what. */
GByteArray *
vmd_archive_read_all (VmdArchiveReader *archive, gsize limit, const char *what, GError **error);
/* The entry's name, as the bytes it is written with; NULL, BAD_ARCHIVE when it has none. Inside a
 * VmdArchiveLocale. */
const char *vmd_archive_entry_name (struct archive_entry *entry, GError **error);

/* libarchive turns names from UTF-8 into the thread's locale, and has none to give where that
 * cannot write them: in the C locale, every name that is not ASCII. While one of these is in force
 * on a thread, names are the bytes they are. */
typedef struct
{
  locale_t utf8;
  locale_t before;
} VmdArchiveLocale;

void vmd_archive_locale_enter (VmdArchiveLocale *self);
void vmd_archive_locale_leave (VmdArchiveLocale *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmdArchiveLocale, vmd_archive_locale_leave)

/* An ext4 file system in a sparse file, written with libext2fs, without root. */
typedef struct _VmdExt4 VmdExt4;
VmdExt4 *vmd_ext4_create (const char *path, guint64 size, const char *label, GError **error);
/* Adds a member: parents are made; a path with "..", or below something that is no directory, is
 * BAD_ARCHIVE. Later members replace earlier ones. Regular files: data is read from @data
 * (nullable: empty). Absolute names are taken below the root. Owners, modes, times, xattrs,
 * symlinks (absolute ones too), hard links and device nodes are kept. */
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

/* Downloads Debian packages with apt-get, without root, into a directory that keeps them: the paths
 * of the .debs. */
GStrv vmd_debian_download (const char *const *packages, const char *directory,
                           GCancellable *cancellable, GError **error);
/* The same for what a metapackage stands for: its dependency whose name begins with @prefix
 * ("linux-image-"). */
char *
vmd_debian_download_dependency (const char *package, const char *prefix, const char *directory,
                                GCancellable *cancellable, GError **error);
/* Opens a member of a .deb, "data.tar" or "control.tar", as a reader, positioned before its first
 * entry. */
typedef struct _VmdDeb VmdDeb;
VmdDeb *vmd_deb_open (int fd, const char *member, GCancellable *cancellable, VmdArchiveInput *input,
                      GError **error);
VmdArchiveReader *vmd_deb_get_reader (VmdDeb *self);
void vmd_deb_free (VmdDeb *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdDeb, vmd_deb_free)
/* A field of the control file of the .deb at @path ("Depends"); NULL without error: it has none. */
char *
vmd_deb_read_field (const char *path, const char *field, GCancellable *cancellable, GError **error);

/* The name that a disk image has by its content: the sha256, in lower-case hex, of what is in the
 * file, where it is, and its size. It is not that of its bytes one after the other: gigabytes of
 * nothing would take longer to hash than the image to make. */
char *vmd_digest_file (const char *path, GCancellable *cancellable, GError **error);

/* Builders: each writes one finished file (or directory) inside a staging directory that the caller
 * made and will rename. */
gboolean vmd_tiny_image_write (const char *path, const char *cache_dir, VmdJob *job,
                               GCancellable *cancellable, GError **error);
/* @ssh_server: set to "dropbear", "openssh" or "none". */
gboolean vmd_image_write_from_tar (const char *path, int tar_fd, char **ssh_server, VmdJob *job,
                                   GCancellable *cancellable, GError **error);
/* From a .deb or a bare vmlinuz (+ tar of modules, or -1): @directory/vmlinuz and
 * @directory/modules.cpio, the closure of the modules that boot needs (virtio_pci virtio_blk
 *   virtio_net virtio_console virtio-rng ext4 …, those that are there) with `modules.order`, a file
 *   that lists
 * them in loading order, under /lib/vmd-modules/. @version: as uname -r. */
gboolean vmd_kernel_write (const char *directory, int fd, int modules_fd, char **version,
                           VmdJob *job, GCancellable *cancellable, GError **error);

G_END_DECLS
