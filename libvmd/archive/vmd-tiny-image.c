/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-archive-private.h"
#include "vmd-tiny-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-fault-private.h"
#include "../base/vmd-poll-private.h"
#include "../vmd-job-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

/* The smallest image that is of use: busybox for a shell and its commands, dropbear to log in, and
 * the libraries that dropbear is linked with. All come out of Debian's packages, not from what the
 * host has installed, so the image is the same wherever it is built, and nothing need be installed
 * for it. Which packages have the libraries is found by following dependencies, since their names
 * change with each release. */

#define DISK_SIZE (G_GUINT64_CONSTANT (4) * 1024 * 1024 * 1024)

/* dropbear has eight in Debian 12; beyond this a package is not what it is taken for. */
#define PACKAGES_MAX 32

/* The packages to unpack, in the order found. */
typedef struct
{
  const char *cache;
  GPtrArray *names;
  GPtrArray *paths; /* of the .deb of each */
  guint64 bytes;
  VmdJob *job;
  GCancellable *cancellable;
} Packages;

static void
packages_clear (Packages *packages)
{
  g_clear_pointer (&packages->names, g_ptr_array_unref);
  g_clear_pointer (&packages->paths, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Packages, packages_clear)

static void
want (Packages *packages, const char *name)
{
  if (packages->names->len < PACKAGES_MAX &&
      !g_ptr_array_find_with_equal_func (packages->names, name, g_str_equal, NULL))
    g_ptr_array_add (packages->names, g_strdup (name));
}

/* Those of a "Depends" field that are libraries: "libc6 (>= 2.34), zlib1g (>= 1:1.1.4), debconf |
 * debconf-2.0". */
static void
want_libraries (Packages *packages, const char *depends)
{
  g_auto (GStrv) words = g_strsplit_set (depends, ",| ()", -1);

  for (guint i = 0; words[i] != NULL; i++)
    {
      char *colon = strchr (words[i], ':');

      if (colon != NULL)
        *colon = '\0';
      if (g_str_has_prefix (words[i], "lib") || g_str_equal (words[i], "zlib1g"))
        want (packages, words[i]);
    }
}

/* One more package is there: what does it want? */
static gboolean
take_package (Packages *packages, const char *path, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autofree char *depends = vmd_deb_read_field (path, "Depends", packages->cancellable, &local);
  struct stat status;

  if (local != NULL)
    {
      vmd_propagate_foreign (error, g_steal_pointer (&local),
                             "%s is damaged; remove it and try again", path);
      return FALSE;
    }
  g_ptr_array_add (packages->paths, g_strdup (path));
  if (depends != NULL)
    want_libraries (packages, depends);
  if (g_stat (path, &status) == 0)
    packages->bytes += (guint64) status.st_size;
  vmd_job_set_bytes (packages->job, packages->bytes, 0);
  return TRUE;
}

/* In rounds: what is wanted, then what that turned out to want. */
static gboolean
download_all (Packages *packages, GError **error)
{
  while (packages->paths->len < packages->names->len)
    {
      g_autoptr (GStrvBuilder) round = g_strv_builder_new ();
      g_auto (GStrv) names = NULL;
      g_auto (GStrv) paths = NULL;

      for (guint i = packages->paths->len; i < packages->names->len; i++)
        g_strv_builder_add (round, packages->names->pdata[i]);
      names = g_strv_builder_end (round);
      paths = vmd_debian_download ((const char *const *) names, packages->cache,
                                   packages->cancellable, error);
      for (guint i = 0; paths != NULL && paths[i] != NULL; i++)
        if (!take_package (packages, paths[i], error))
          return FALSE;
      if (paths == NULL)
        return FALSE;
    }

  return TRUE;
}

/* Where a package's member goes; NULL: it is left out. Only programs that are asked for, and the
 * libraries themselves, without the directories of what they can load. */
static char *
choose_path (const char *member, guint mode)
{
  const char *path = member;
  g_auto (GStrv) parts = NULL;
  guint n_parts;

  while (path[0] == '.' || path[0] == '/')
    path++;
  if (g_str_has_prefix (path, "usr/"))
    path += strlen ("usr/");
  parts = g_strsplit (path, "/", -1);
  n_parts = g_strv_length (parts);
  if (S_ISDIR (mode) || n_parts < 2)
    return NULL;
  if (g_str_equal (path, "bin/busybox"))
    return g_strdup ("/usr/bin/busybox");
  if (g_str_equal (path, "sbin/dropbear"))
    return g_strdup ("/usr/bin/dropbear");
  if (strstr (parts[n_parts - 1], ".so") == NULL)
    return NULL;
  if ((g_str_equal (parts[0], "lib") && n_parts == 3) ||
      (g_str_equal (parts[0], "lib64") && n_parts == 2))
    return g_strconcat ("/usr/", path, NULL);

  return NULL;
}

static gboolean
unpack (VmdExt4 *disk, const char *path, GCancellable *cancellable, GError **error)
{
  vmd_autofd int fd = open (path, O_RDONLY | O_CLOEXEC);
  g_autoptr (VmdDeb) deb = NULL;
  struct archive_entry *entry;

  if (fd < 0)
    return vmd_fail_errno (error, errno, "cannot open %s", path);
  deb = vmd_deb_open (fd, "data.tar", cancellable, NULL, error);
  if (deb == NULL)
    return FALSE;
  while (vmd_archive_next (vmd_deb_get_reader (deb), &entry, error))
    {
      g_autofree char *target = NULL;
      const char *name;

      if (entry == NULL)
        return TRUE;
      name = vmd_archive_entry_name (entry, error);
      if (name == NULL)
        return FALSE;
      target = choose_path (name, archive_entry_mode (entry));
      if (target == NULL)
        continue;
      archive_entry_copy_pathname (entry, target);
      if (!vmd_ext4_add (disk, entry, vmd_deb_get_reader (deb), cancellable, error))
        return FALSE;
    }

  return FALSE;
}

static gboolean
check_whole (VmdExt4 *disk, GError **error)
{
  static const char *const needed[] = { "/bin/sh", "/usr/sbin/dropbear" };

  for (gsize i = 0; i < G_N_ELEMENTS (needed); i++)
    if (!vmd_ext4_exists (disk, needed[i]))
      return vmd_fail (error, VMD_ERROR_FAILED,
                       "Debian's packages busybox-static and dropbear-bin no longer have %s",
                       needed[i]);

  return TRUE;
}

gboolean
vmd_tiny_image_write (const char *path, const char *cache_dir, VmdJob *job,
                      GCancellable *cancellable, GError **error)
{
  g_auto (Packages) packages = { .cache = cache_dir,
                                 .names = g_ptr_array_new_with_free_func (g_free),
                                 .paths = g_ptr_array_new_with_free_func (g_free),
                                 .job = job,
                                 .cancellable = cancellable };
  g_auto (VmdArchiveLocale) locale = { 0 };
  g_autoptr (VmdExt4) disk = NULL;

  vmd_archive_locale_enter (&locale);
  vmd_job_set_phase (job, "downloading");
  want (&packages, "busybox-static");
  want (&packages, "dropbear-bin");
  if (!download_all (&packages, error))
    return FALSE;

  vmd_job_set_phase (job, "unpacking");
  disk = vmd_ext4_create (path, DISK_SIZE, "vmd-root", error);
  if (disk == NULL || !vmd_tiny_add_directories (disk, error))
    return FALSE;
  for (guint i = 0; i < packages.paths->len; i++)
    if (!unpack (disk, packages.paths->pdata[i], cancellable, error))
      return FALSE;
  if (!vmd_tiny_add_files (disk, error) || !check_whole (disk, error) ||
      !vmd_fault_point ("tiny-image", error))
    return FALSE;

  vmd_job_set_phase (job, "writing");
  return vmd_ext4_finish (disk, error);
}
