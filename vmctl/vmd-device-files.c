/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vmd-error.h>

/* A directory is replaced by exchanging it, in one step of the kernel's, with one that was written
 * nearby; what was there before is then removed. So it must be known to be ours, and nothing but
 * keys is to be in it. Hence what says so lies beside it, hidden: the workshop, a directory in
 * which the next one is made. Where that is, the other is ours too. */

static gboolean
fail_errno (GError **error, const char *what, const char *path)
{
  int saved_errno = errno;
  g_autofree char *shown = g_filename_display_name (path);

  g_set_error (error, VMD_ERROR,
               saved_errno == ENOSPC || saved_errno == EDQUOT ? VMD_ERROR_NO_SPACE
                                                              : VMD_ERROR_FAILED,
               "Cannot %s %s: %s", what, shown, g_strerror (saved_errno));
  return FALSE;
}

static gboolean
is_dot (const char *name)
{
  return g_str_equal (name, ".") || g_str_equal (name, "..");
}

/* NULL with errno set. */
static DIR *
open_directory (const char *path)
{
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *directory = fd >= 0 ? fdopendir (fd) : NULL;
  int saved_errno = errno;

  if (fd >= 0 && directory == NULL)
    close (fd);
  errno = saved_errno;
  return directory;
}

static gboolean
is_empty (DIR *directory)
{
  const struct dirent *entry;

  while ((entry = readdir (directory)) != NULL)
    if (!is_dot (entry->d_name))
      return FALSE;
  return TRUE;
}

/* (transfer full) */
static char *
dup_workshop (const char *path)
{
  g_autofree char *parent = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *hidden = g_strdup_printf (".%s.vmd-device", name);

  return g_build_filename (parent, hidden, NULL);
}

/* May @path be replaced? Also when there is none. INVALID_ARGUMENT: it is somebody else's. */
gboolean
vmd_device_files_check_directory (const char *path, GError **error)
{
  g_autofree char *workshop = dup_workshop (path);
  g_autofree char *shown = g_filename_display_name (path);
  DIR *directory = open_directory (path);
  gboolean ours;

  if (directory == NULL)
    return errno == ENOENT || fail_errno (error, "use", path);
  ours = is_empty (directory) || g_file_test (workshop, G_FILE_TEST_IS_DIR);
  closedir (directory);
  if (!ours)
    g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                 "%s has files in it that vmd-device did not write; they would be lost", shown);
  return ours;
}

/* With the files in it. A directory in it is not ours, and stays. */
static gboolean
remove_directory (const char *path, GError **error)
{
  DIR *directory = open_directory (path);
  const struct dirent *entry;
  gboolean good = TRUE;

  if (directory == NULL)
    return errno == ENOENT || fail_errno (error, "remove", path);
  while (good && (entry = readdir (directory)) != NULL)
    if (!is_dot (entry->d_name) && unlinkat (dirfd (directory), entry->d_name, 0) < 0)
      good = fail_errno (error, "empty", path);
  closedir (directory);
  return good && (rmdir (path) == 0 || fail_errno (error, "remove", path));
}

static gboolean
write_file (int directory, const char *name, GBytes *content)
{
  gsize length;
  const char *bytes = g_bytes_get_data (content, &length);
  int fd = openat (directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  gboolean good = fd >= 0;
  int saved_errno;

  while (good && length > 0)
    {
      gssize written = write (fd, bytes, length);

      if (written < 0 && errno == EINTR)
        continue;
      good = written > 0;
      bytes += MAX (written, 0);
      length -= (gsize) MAX (written, 0);
    }
  saved_errno = errno;
  if (fd >= 0 && close (fd) < 0 && good)
    return FALSE;
  errno = saved_errno;
  return good;
}

/* One call writes all of it out: a call for each of some hundred files takes seconds. */
static gboolean
fill_directory (const char *path, const VmdDeviceSnapshot *snapshot, GError **error)
{
  int directory = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  gboolean good = directory >= 0;

  for (guint i = 0; good && i < snapshot->entries->len; i++)
    {
      const VmdDeviceEntry *entry = snapshot->entries->pdata[i];

      good = write_file (directory, entry->key, entry->content);
    }
  good = good && syncfs (directory) == 0;
  if (!good)
    fail_errno (error, "fill", path);
  if (directory >= 0)
    close (directory);
  return good;
}

static gboolean
put_in_place (const char *path, const char *fresh, GError **error)
{
  if (renameat2 (AT_FDCWD, fresh, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
    return TRUE;
  if (errno != EEXIST)
    return fail_errno (error, "make", path);
  if (renameat2 (AT_FDCWD, fresh, AT_FDCWD, path, RENAME_EXCHANGE) < 0)
    return fail_errno (error, "replace", path);
  return remove_directory (fresh, error);
}

/* One file for each key, in @path. */
gboolean
vmd_device_files_write_directory (const char *path, const VmdDeviceSnapshot *snapshot,
                                  GError **error)
{
  g_autofree char *workshop = dup_workshop (path);
  g_autofree char *fresh = g_build_filename (workshop, "next", NULL);

  if (!vmd_device_files_check_directory (path, error))
    return FALSE;
  if (mkdir (workshop, 0700) < 0 && errno != EEXIST)
    return fail_errno (error, "make", workshop);
  if (!remove_directory (fresh, error))
    return FALSE;
  if (mkdir (fresh, 0777) < 0)
    return fail_errno (error, "make", fresh);
  return fill_directory (fresh, snapshot, error) && put_in_place (path, fresh, error);
}

/* The snapshot as it came, in one file. */
gboolean
vmd_device_files_write_output (const char *path, const VmdDeviceSnapshot *snapshot, GError **error)
{
  gsize length;
  const char *payload = g_bytes_get_data (snapshot->payload, &length);
  g_autofree char *text = g_strdup_printf ("%.*s\n", (int) length, payload);

  return g_file_set_contents_full (path, text, (gssize) length + 1,
                                   G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                   0666, error);
}
