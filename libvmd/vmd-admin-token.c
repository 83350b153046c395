/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-admin-token-private.h"

#include "base/vmd-failure-private.h"
#include "base/vmd-poll-private.h"
#include "base/vmd-state-dir-private.h"
#include "channel/vmd-bearer-token-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "channel-admin-token"
#define TOKEN_LENGTH (VMD_TOKEN_ID_LENGTH + 1 + VMD_TOKEN_SECRET_LENGTH)

/* Beside the place, then renamed: nobody finds half a token there, after a crash either. */
static gboolean
write_token (const char *path, const char *token, GError **error)
{
  g_autofree char *beside = g_strconcat (path, ".new", NULL);
  g_autofree char *line = g_strconcat (token, "\n", NULL);
  vmd_autofd int fd =
      open (beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);

  if (fd < 0)
    return vmd_fail_errno (error, errno, "Cannot make %s", beside);
  if (fchmod (fd, S_IRUSR | S_IWUSR) < 0 ||
      !vmd_write_all (fd, line, strlen (line), NULL, VMD_NO_DEADLINE, error) || fsync (fd) < 0 ||
      rename (beside, path) < 0)
    {
      if (error == NULL || *error == NULL)
        vmd_fail_errno (error, errno, "Cannot write %s", path);
      unlink (beside);
      return FALSE;
    }
  return TRUE;
}

static char *
make_token (const char *state_dir, const char *path, GError **error)
{
  char id[VMD_TOKEN_ID_LENGTH + 1];
  guint8 hash[VMD_TOKEN_HASH_SIZE];
  g_autofree char *token = vmd_bearer_token_new (id, hash, error);

  if (token == NULL || !write_token (path, token, error) || !vmd_fsync_path (state_dir, error))
    return NULL;
  return g_steal_pointer (&token);
}

static gboolean
check_file (int fd, const char *path, GError **error)
{
  struct stat status;

  if (fstat (fd, &status) < 0)
    return vmd_fail_errno (error, errno, "Cannot look at %s", path);
  return (S_ISREG (status.st_mode) && (status.st_mode & (S_IRWXG | S_IRWXO)) == 0) ||
         vmd_fail (error, VMD_ERROR_PERMISSION_DENIED,
                   "%s can be read by others, so that it is no secret any more: remove it, and the"
                   " next start makes another",
                   path);
}

static char *
read_token (int fd, const char *path, GError **error)
{
  char text[TOKEN_LENGTH + 2] = "";
  char id[VMD_TOKEN_ID_LENGTH + 1];
  guint8 hash[VMD_TOKEN_HASH_SIZE];
  gssize length = pread (fd, text, sizeof text - 1, 0);

  if (length < 0)
    {
      vmd_fail_errno (error, errno, "Cannot read %s", path);
      return NULL;
    }
  g_strchomp (text);
  if (vmd_bearer_token_split (text, id, hash))
    return g_strdup (text);
  vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
            "What is in %s is no token: remove it, and the next start makes another", path);
  return NULL;
}

char *
vmd_admin_token_ensure (const char *state_dir, GError **error)
{
  g_autofree char *path = g_build_filename (state_dir, FILE_NAME, NULL);
  vmd_autofd int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

  if (fd < 0 && errno == ENOENT)
    return make_token (state_dir, path, error);
  if (fd < 0)
    {
      vmd_fail_errno (error, errno, "Cannot open %s", path);
      return NULL;
    }
  return check_file (fd, path, error) ? read_token (fd, path, error) : NULL;
}
