/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-local-socket-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* How soon a full queue of connections is tried again: there is no way to wait for its turn. */
#define FULL_QUEUE_MILLISECONDS 5

/* INVALID_ARGUMENT when @path is longer than a socket's may be: better said before the hypervisor
 * says it in its own words. */
gboolean
vmd_local_socket_check_path (const char *path, GError **error)
{
  if (strlen (path) < sizeof ((struct sockaddr_un *) NULL)->sun_path)
    return TRUE;

  return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                   "the path %s is too long for a socket: set XDG_RUNTIME_DIR to a shorter one",
                   path);
}

/* Connects, and waits while the queue at @path is full. */
static gboolean
connect_to_path (int fd, const char *path, GCancellable *cancellable, gint64 deadline,
                 GError **error)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  while (connect (fd, (struct sockaddr *) &address, sizeof address) < 0)
    {
      gint64 soon = MIN (deadline, vmd_deadline_in (FULL_QUEUE_MILLISECONDS));

      if (errno == EINTR)
        continue;
      if (errno != EAGAIN)
        return vmd_fail_errno (error, errno, "cannot connect to %s", path);
      if (deadline <= g_get_monotonic_time ())
        return vmd_fail (error, VMD_ERROR_TIMED_OUT, "timed out while connecting to %s", path);
      vmd_poll (NULL, 0, cancellable, soon, "connecting", NULL);
      if (vmd_is_cancelled (cancellable, error))
        return FALSE;
    }

  return TRUE;
}

/* The peer of a stream socket is who called listen(2). That its pid is the one meant is worth
 * something only while the process meant lives: asked after the connecting, when it cannot have
 * been replaced before. */
static gboolean
check_peer (int fd, const char *path, const VmdProcessId *process, GError **error)
{
  struct ucred peer = { 0 };
  socklen_t length = sizeof peer;

  if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
    return vmd_fail_errno (error, errno, "cannot tell who is at %s", path);
  if (peer.pid != process->pid || !vmd_process_id_is_alive (process))
    return vmd_fail (error, VMD_ERROR_BACKEND, "process %d is at %s, and not the hypervisor %d",
                     (int) peer.pid, path, (int) process->pid);

  return TRUE;
}

/* A socket (not blocking, close-on-exec, the caller's) to @path, at whose other end is @process. -1
 * on error: NOT_FOUND when there is no socket, BACKEND when another process is there. */
int
vmd_local_socket_connect (const char *path, const VmdProcessId *process, GCancellable *cancellable,
                          gint64 deadline, GError **error)
{
  vmd_autofd int fd = -1;

  if (!vmd_local_socket_check_path (path, error))
    return -1;
  fd = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    vmd_fail_errno (error, errno, "cannot make a socket");
  if (fd < 0 || !connect_to_path (fd, path, cancellable, deadline, error) ||
      !check_peer (fd, path, process, error))
    return -1;

  return vmd_steal_fd (&fd);
}
