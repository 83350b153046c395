/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loopback.h"

#include "libvmd/base/vmd-poll-private.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static GPid
start_unpack (const char *root, int *input)
{
  const char *const argv[] = { g_getenv ("VMD_UNPACK_PROGRAM"), "--target", "/tree", "--replace",
                               NULL };
  g_autofree char *guest_root = g_strconcat ("VMD_GUEST_ROOT=", root, NULL);
  char *environment[] = { guest_root, NULL };
  g_autoptr (GError) error = NULL;
  GPid pid;

  g_spawn_async_with_pipes (NULL, (char **) argv, environment,
                            G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES |
                                G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                            NULL, NULL, &pid, input, NULL, NULL, &error);
  g_assert_no_error (error);
  return pid;
}

static void
write_all (int fd, const GByteArray *bytes)
{
  for (gsize done = 0; done < bytes->len;)
    {
      gssize n = write (fd, bytes->data + done, bytes->len - done);

      g_assert_true (n > 0 || errno == EINTR);
      done += MAX (n, 0);
    }
}

static void
count_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  (*(guint *) data)++;
}

VmdSourceDescription *
loopback_import (VmdSource *source, const char *root, GError **error)
{
  g_autoptr (VmdSourceDescription) description = NULL;
  g_autoptr (GByteArray) piece = g_byte_array_new ();
  gboolean good, ended = FALSE;
  guint served = 0;
  int fds[2], input, status;
  GPid pid;

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  vmd_source_serve_async (source, fds[1], NULL, count_cb, &served);
  pid = start_unpack (root, &input);
  description = vmd_source_client_hello (fds[0], NULL, VMD_NO_DEADLINE, error);
  good = description != NULL &&
         vmd_source_client_begin_stream (fds[0], "full-copy", NULL, VMD_NO_DEADLINE, error);
  while (good && !ended)
    {
      good =
          vmd_source_client_next (fds[0], piece, &ended, description, NULL, VMD_NO_DEADLINE, error);
      if (good)
        write_all (input, piece);
    }

  close (input);
  vmd_source_client_bye (fds[0]);
  close (fds[0]);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status) && (WEXITSTATUS (status) == 0) == good);
  while (served == 0)
    g_main_context_iteration (NULL, TRUE);
  return good ? g_steal_pointer (&description) : NULL;
}
