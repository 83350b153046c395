/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-state-dir-private.h"

#include "vmd-failure-private.h"
#include "vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *
get_absolute_env (const char *name)
{
  const char *value = g_getenv (name);

  return value != NULL && g_path_is_absolute (value) ? value : NULL;
}

/* Where the store is: @override (nullable), else $VMD_STATE_DIR, else $XDG_STATE_HOME/vmd, else
 * ~/.local/state/vmd. Absolute, without "." and "..", whether it exists or not. (transfer full) */
char *
vmd_state_dir_resolve (const char *override)
{
  const char *environment = g_getenv ("VMD_STATE_DIR");
  const char *state_home = get_absolute_env ("XDG_STATE_HOME");
  g_autofree char *path = NULL;

  if (override != NULL && override[0] != '\0')
    path = g_strdup (override);
  else if (environment != NULL && environment[0] != '\0')
    path = g_strdup (environment);
  else if (state_home != NULL)
    path = g_build_filename (state_home, "vmd", NULL);
  else
    path = g_build_filename (g_get_home_dir (), ".local/state/vmd", NULL);

  return g_canonicalize_filename (path, NULL);
}

/* $XDG_RUNTIME_DIR, /run/user/UID where that is ours, else /tmp/vmd-UID. */
static char *
dup_runtime_base (void)
{
  const char *environment = get_absolute_env ("XDG_RUNTIME_DIR");
  g_autofree char *path = NULL;
  struct stat status;

  if (environment != NULL)
    return g_strdup (environment);
  path = g_strdup_printf ("/run/user/%u", (guint) getuid ());
  if (lstat (path, &status) == 0 && S_ISDIR (status.st_mode) && status.st_uid == getuid ())
    return g_steal_pointer (&path);

  return g_strdup_printf ("/tmp/vmd-%u", (guint) getuid ());
}

/* Where the sockets of @state_dir are: a name made of its path's sha256, 12 digits long, so that
 * two state directories do not share one and sun_path (108 bytes) has room for more. (transfer
 * full) */
char *
vmd_runtime_dir_resolve (const char *state_dir)
{
  g_autofree char *base = dup_runtime_base ();
  g_autofree char *path = g_canonicalize_filename (state_dir, NULL);
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, path, -1);

  digest[12] = '\0';

  return g_build_filename (base, "vmd", digest, NULL);
}

/* Below a directory to which everybody may write (/tmp), what is there already must be ours or
 * root's: whoever made it may exchange all that is below. */
static gboolean
check_component (const char *path, gboolean below_public, gboolean *is_public, GError **error)
{
  struct stat status;

  if (below_public)
    {
      if (lstat (path, &status) < 0)
        return vmd_fail_errno (error, errno, "cannot look at %s", path);
      if (status.st_uid != geteuid () && status.st_uid != 0)
        return vmd_fail (error, VMD_ERROR_PERMISSION_DENIED,
                         "%s belongs to user %u, who could exchange what is in it: remove it, or"
                         " choose another directory",
                         path, (guint) status.st_uid);
    }
  if (stat (path, &status) < 0)
    return vmd_fail_errno (error, errno, "cannot look at %s", path);
  *is_public = (status.st_mode & S_IWOTH) != 0;

  return TRUE;
}

static gboolean
check_private (const char *path, GError **error)
{
  vmd_autofd int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat status;

  if (fd < 0 || fstat (fd, &status) < 0)
    return vmd_fail_errno (error, errno, "cannot use the directory %s", path);
  if (status.st_uid != geteuid ())
    return vmd_fail (error, VMD_ERROR_PERMISSION_DENIED,
                     "the directory %s belongs to user %u, not to user %u", path,
                     (guint) status.st_uid, (guint) geteuid ());
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return vmd_fail (error, VMD_ERROR_PERMISSION_DENIED,
                     "others may write to the directory %s: chmod go-w it", path);

  return TRUE;
}

/* fsync(2) of a file or a directory by its path. */
gboolean
vmd_fsync_path (const char *path, GError **error)
{
  vmd_autofd int fd = open (path, O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    return vmd_fail_errno (error, errno, "cannot open %s", path);
  if (fsync (fd) < 0)
    return vmd_fail_errno (error, errno, "cannot write %s to disk", path);

  return TRUE;
}

/* A directory that is new is on the disk before anything is in it: what is put into it, synced and
 * noted in the store would else be gone with it after a power failure. Whoever may write into a
 * directory and not read it cannot sync it. */
static gboolean
make_component (const char *path, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (path);
  int saved_errno;

  if (mkdir (path, 0700) < 0)
    {
      saved_errno = errno;
      return saved_errno == EEXIST || access (path, F_OK) == 0 ||
             vmd_fail_errno (error, saved_errno, "cannot make the directory %s", path);
    }
  return access (parent, R_OK) < 0 || vmd_fsync_path (parent, error);
}

/* mkdir -p, mode 0700 for what is new. Then the directory must be one (a symlink of ours to one
 * will do), ours, and not writable by others. An error names the directory and, where there is one,
 * the next step. */
gboolean
vmd_private_dir_ensure (const char *path, GError **error)
{
  g_autofree char *whole = g_canonicalize_filename (path, NULL);
  gboolean is_public = FALSE;

  for (char *end = strchr (whole + 1, '/');; end = strchr (end + 1, '/'))
    {
      if (end != NULL)
        *end = '\0';
      if (!make_component (whole, error) || !check_component (whole, is_public, &is_public, error))
        return FALSE;
      if (end == NULL)
        break;
      *end = '/';
    }

  return check_private (whole, error);
}
