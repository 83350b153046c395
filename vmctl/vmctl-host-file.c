/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-host-file.h"

#include "vmctl-await.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vmd-error.h>

static gboolean
fail_errno (GError **error, const char *path)
{
  VmdError code = VMD_ERROR_FAILED;
  g_autofree char *shown = g_filename_display_name (path);

  if (errno == ENOENT || errno == ENOTDIR)
    code = VMD_ERROR_NOT_FOUND;
  else if (errno == EACCES || errno == EPERM)
    code = VMD_ERROR_PERMISSION_DENIED;
  g_set_error (error, VMD_ERROR, code, "Cannot open %s: %s", shown, g_strerror (errno));
  return FALSE;
}

/* For reading; "-" is standard input. -1 on error. */
int
vmctl_host_file_open (const char *path, GError **error)
{
  g_autofree char *shown = g_filename_display_name (path);
  struct stat status;
  int fd = g_str_equal (path, "-") ? fcntl (STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                   : open (path, O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    {
      fail_errno (error, path);
      return -1;
    }
  if (fstat (fd, &status) == 0 && S_ISDIR (status.st_mode))
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT, "%s is a directory, not a file",
                   shown);
      close (fd);
      return -1;
    }
  return fd;
}

/* All of it; "-" is standard input. INVALID_ARGUMENT when it is no text in UTF-8, or more than
 * @limit bytes. (transfer full) */
char *
vmctl_host_file_read_text (const char *path, gsize limit, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *shown = g_filename_display_name (path);
  int fd = vmctl_host_file_open (path, error);
  char buffer[4096];
  gssize n = 1;

  if (fd < 0)
    return NULL;
  while (n != 0 && text->len <= limit)
    {
      n = read (fd, buffer, sizeof buffer);
      if (n < 0 && errno != EINTR)
        break;
      g_string_append_len (text, buffer, MAX (n, 0));
    }
  close (fd);
  if (n < 0)
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_FAILED, "Cannot read %s: %s", shown,
                   g_strerror (errno));
      return NULL;
    }
  if (text->len <= limit && strlen (text->str) == text->len &&
      g_utf8_validate (text->str, (gssize) text->len, NULL))
    return g_string_free (g_steal_pointer (&text), FALSE);
  g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
               "%s is no text in UTF-8 of at most %" G_GSIZE_FORMAT " bytes", shown, limit);
  return NULL;
}

/* What is kept as its origin. (transfer full): UTF-8 */
char *
vmctl_host_file_dup_description (const char *path)
{
  g_autofree char *absolute = NULL;

  if (g_str_equal (path, "-"))
    return g_strdup ("standard input");
  absolute = g_canonicalize_filename (path, NULL);
  return g_filename_display_name (absolute);
}

/* vmd was given a descriptor, and cannot say which file it is that it does not understand. */
void
vmctl_host_file_name_in_error (const char *path, GError **error)
{
  g_autofree char *shown = vmctl_host_file_dup_description (path);

  if (error != NULL && g_error_matches (*error, VMD_ERROR, VMD_ERROR_BAD_ARCHIVE))
    g_prefix_error (error, "%s: ", shown);
}

static gboolean
run_tar (VmctlClient *client, const char *directory, int fd, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  const char *const argv[] = { "tar", "-c", "-C", directory, "-f", "-", ".", NULL };
  GCancellable *cancellable = vmctl_client_get_cancellable (client);
  g_autoptr (GSubprocess) tar = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GAsyncResult) reaped = NULL;
  g_autofree char *shown = g_filename_display_name (directory);

  g_subprocess_launcher_take_stdout_fd (launcher, fcntl (fd, F_DUPFD_CLOEXEC, 3));
  tar = g_subprocess_launcher_spawnv (launcher, argv, error);
  if (tar == NULL)
    return FALSE;
  g_subprocess_wait_async (tar, cancellable, vmctl_await_cb, &result);
  vmctl_await (&result);
  if (!g_subprocess_wait_finish (tar, result, error))
    {
      g_subprocess_force_exit (tar);
      g_subprocess_wait_async (tar, NULL, vmctl_await_cb, &reaped);
      vmctl_await (&reaped);
      return FALSE;
    }
  if (g_subprocess_get_if_exited (tar) && g_subprocess_get_exit_status (tar) == 0)
    return TRUE;
  g_set_error (error, VMD_ERROR, VMD_ERROR_FAILED, "tar could not archive %s", shown);
  return FALSE;
}

/* A file without a name that holds a tar of @directory. It is whole before vmd gets it: a tar that
 * is cut off where a member ends would look whole. -1 on error. */
int
vmctl_host_file_archive_directory (VmctlClient *client, const char *directory, GError **error)
{
  struct stat status;
  int fd;

  if (stat (directory, &status) < 0)
    {
      fail_errno (error, directory);
      return -1;
    }
  fd = open ("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0)
    {
      fail_errno (error, "/var/tmp");
      return -1;
    }
  if (run_tar (client, directory, fd, error) && lseek (fd, 0, SEEK_SET) == 0)
    return fd;
  close (fd);
  return -1;
}
