/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-poll-private.h"

#include "vmd-failure-private.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Descriptors that a wait has room for on the stack; more than that are copied to the heap. */
#define FEW_FDS 8

/* A deadline @milliseconds from now, in microseconds of g_get_monotonic_time(). */
gint64
vmd_deadline_in (guint milliseconds)
{
  return g_get_monotonic_time () + (gint64) milliseconds * 1000;
}

/* ppoll until @deadline; -1 with errno. */
static int
poll_until (struct pollfd *fds, nfds_t n_fds, gint64 deadline)
{
  gint64 left;
  struct timespec wait;

  if (deadline == VMD_NO_DEADLINE)
    return ppoll (fds, n_fds, NULL, NULL);
  left = MAX (deadline - g_get_monotonic_time (), 0);
  wait.tv_sec = left / G_USEC_PER_SEC;
  wait.tv_nsec = (left % G_USEC_PER_SEC) * 1000;

  return ppoll (fds, n_fds, &wait, NULL);
}

/* Waits on @fds (may be NULL when @n_fds is 0), on @cancellable (nullable) and until @deadline.
 * Goes on after EINTR. TRUE with revents set when a descriptor is ready, also one that only has an
 * error or a hang-up; else FALSE with CANCELLED or TIMED_OUT. A cancel counts before a ready
 * descriptor, so that a stream that never pauses can be cancelled; a deadline that has passed
 * counts after it. @what completes "timed out while …". */
gboolean
vmd_poll (struct pollfd *fds, nfds_t n_fds, GCancellable *cancellable, gint64 deadline,
          const char *what, GError **error)
{
  struct pollfd few[FEW_FDS + 1];
  g_autofree struct pollfd *many = n_fds > FEW_FDS ? g_new (struct pollfd, n_fds + 1) : NULL;
  struct pollfd *all = many != NULL ? many : few;
  int cancel_fd = g_cancellable_get_fd (cancellable);
  int saved_errno;
  int n;

  if (n_fds > 0)
    memcpy (all, fds, n_fds * sizeof *fds);
  all[n_fds] = (struct pollfd){ .fd = cancel_fd, .events = POLLIN };
  do
    n = poll_until (all, n_fds + 1, deadline);
  while (n < 0 && errno == EINTR);
  saved_errno = errno;
  if (cancel_fd >= 0)
    g_cancellable_release_fd (cancellable);

  if (vmd_is_cancelled (cancellable, error))
    return FALSE;
  if (n < 0)
    return vmd_fail_errno (error, saved_errno, "cannot wait while %s", what);
  if (n == 0)
    return vmd_fail (error, VMD_ERROR_TIMED_OUT, "timed out while %s", what);
  if (n_fds > 0)
    memcpy (fds, all, n_fds * sizeof *fds);

  return TRUE;
}

/* FALSE with CANCELLED or TIMED_OUT: before each transfer, since a peer that is always ready never
 * lets one wait. */
static gboolean
may_go_on (GCancellable *cancellable, gint64 deadline, const char *what, GError **error)
{
  if (vmd_is_cancelled (cancellable, error))
    return FALSE;
  if (deadline <= g_get_monotonic_time ())
    return vmd_fail (error, VMD_ERROR_TIMED_OUT, "timed out while %s", what);

  return TRUE;
}

/* write(2) that does not raise SIGPIPE: this is a library, and the process may not be ours to kill.
 * Sockets have a flag for that, and one for not waiting; for pipes the signal is held back in this
 * thread and, if it came, taken away. */
gssize
vmd_write_quietly (int fd, const void *data, gsize length)
{
  static const struct timespec at_once = { 0, 0 };
  gssize n = send (fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);
  sigset_t pipe_signal, before, pending;
  gboolean was_pending;
  int saved_errno;

  if (n >= 0 || errno != ENOTSOCK)
    return n;
  sigemptyset (&pipe_signal);
  sigaddset (&pipe_signal, SIGPIPE);
  sigpending (&pending);
  was_pending = sigismember (&pending, SIGPIPE);
  pthread_sigmask (SIG_BLOCK, &pipe_signal, &before);
  n = write (fd, data, length);
  saved_errno = errno;
  if (n < 0 && saved_errno == EPIPE && !was_pending)
    sigtimedwait (&pipe_signal, NULL, &at_once);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  errno = saved_errno;

  return n;
}

/* Writes all of @data to a non-blocking @fd (pipe, socket, file). Never raises SIGPIPE. On failure
 * part of it may have been written. */
gboolean
vmd_write_all (int fd, const void *data, gsize length, GCancellable *cancellable, gint64 deadline,
               GError **error)
{
  const guint8 *rest = data;

  while (length > 0)
    {
      struct pollfd wait = { .fd = fd, .events = POLLOUT };
      gssize n;

      if (!may_go_on (cancellable, deadline, "writing", error))
        return FALSE;
      n = vmd_write_quietly (fd, rest, length);
      if (n > 0)
        {
          rest += n;
          length -= (gsize) n;
        }
      else if (n < 0 && errno != EAGAIN && errno != EINTR)
        return vmd_fail_errno (error, errno, "cannot write");
      else if (!vmd_poll (&wait, 1, cancellable, deadline, "writing", error))
        return FALSE;
    }

  return TRUE;
}

/* Reads what there is, at most @length bytes, from a non-blocking @fd, waiting for the first of it.
 * 0 at end of file, -1 with @error set. */
gssize
vmd_read_some (int fd, void *data, gsize length, GCancellable *cancellable, gint64 deadline,
               GError **error)
{
  struct pollfd wait = { .fd = fd, .events = POLLIN };

  for (;;)
    {
      gssize n;

      if (!may_go_on (cancellable, deadline, "reading", error))
        return -1;
      n = read (fd, data, length);
      if (n >= 0)
        return n;
      if (errno != EAGAIN && errno != EINTR)
        {
          vmd_fail_errno (error, errno, "cannot read");
          return -1;
        }
      if (!vmd_poll (&wait, 1, cancellable, deadline, "reading", error))
        return -1;
    }
}

/* Closes *@fd if there is one, and sets it to -1. Keeps errno. A number that is closed twice is a
 * fault of whoever calls, and a grave one: between the two another thread may have opened a file
 * of that number, which loses it then, be it a client's socket or a lock. So it is told of
 * whenever it does no harm. */
void
vmd_clear_fd (int *fd)
{
  int saved_errno = errno;

  if (*fd >= 0 && close (*fd) < 0 && errno == EBADF)
    g_critical ("descriptor %d has been closed by somebody else", *fd);
  *fd = -1;
  errno = saved_errno;
}
