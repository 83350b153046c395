/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-source-frame-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Frames on a socket. Each call says MSG_DONTWAIT for itself: the descriptor may be shared with
 * another process (somebody's standard input), whose flags are not ours to change. And
 * MSG_NOSIGNAL: a peer that is gone is an error, not a signal. */

#define HEADER_SIZE 5

static gboolean
fail_socket (const char *doing, GError **error)
{
  if (errno == EPIPE || errno == ECONNRESET)
    return vmd_fail (error, VMD_ERROR_PROTOCOL, "the other side of the workspace's socket hung up");

  return vmd_fail_errno (error, errno, "cannot %s the workspace's socket", doing);
}

static gboolean
wait_for (int fd, short events, GCancellable *cancellable, gint64 deadline, GError **error)
{
  struct pollfd fds[1] = { { .fd = fd, .events = events } };

  return vmd_poll (fds, 1, cancellable, deadline,
                   events == POLLIN ? "waiting for the workspace's source"
                                    : "sending to the workspace's source",
                   error);
}

/* Drops the first @length bytes of @parts. */
static void
advance (struct iovec *parts, gsize n_parts, gsize length)
{
  for (gsize i = 0; i < n_parts; i++)
    {
      gsize taken = MIN (length, parts[i].iov_len);

      /* A part without bytes may be NULL, to which not even 0 may be added. */
      if (taken == 0)
        continue;
      parts[i].iov_base = (char *) parts[i].iov_base + taken;
      parts[i].iov_len -= taken;
      length -= taken;
    }
}

/**
 * vmd_frame_write: (skip)
 * @fd: a connected stream socket
 * @type: what the frame means
 * @payload: (nullable): its bytes
 * @length: how many, at most %VMD_SOURCE_FRAME_MAX
 * @cancellable: (nullable): ends it
 * @deadline: a time of g_get_monotonic_time(), or %VMD_NO_DEADLINE
 * @error: PROTOCOL: the other side hung up; CANCELLED, TIMED_OUT
 *
 * Sends one frame. After a failure the socket is of no use, since a part of the frame may be sent.
 *
 * Returns: whether all of it was sent
 */
gboolean
vmd_frame_write (int fd, VmdFrameType type, const void *payload, gsize length,
                 GCancellable *cancellable, gint64 deadline, GError **error)
{
  guint32 size = GUINT32_TO_BE ((guint32) length);
  guint8 header[HEADER_SIZE];
  struct iovec parts[2] = {
    { .iov_base = header, .iov_len = sizeof header },
    { .iov_base = (gpointer) payload, .iov_len = length },
  };
  struct msghdr message = { .msg_iov = parts, .msg_iovlen = G_N_ELEMENTS (parts) };

  g_return_val_if_fail (length <= VMD_SOURCE_FRAME_MAX, FALSE);

  memcpy (header, &size, sizeof size);
  header[4] = (guint8) type;
  if (vmd_is_cancelled (cancellable, error))
    return FALSE;
  while (parts[0].iov_len + parts[1].iov_len > 0)
    {
      gssize n = sendmsg (fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

      if (n >= 0)
        advance (parts, G_N_ELEMENTS (parts), n);
      else if (errno == EAGAIN && !wait_for (fd, POLLOUT, cancellable, deadline, error))
        return FALSE;
      else if (errno != EAGAIN && errno != EINTR)
        return fail_socket ("write to", error);
    }

  return TRUE;
}

/* Reads exactly @length bytes, or, with *@ended, none at the end of the stream. @ended NULL: an
 * end is an error. */
static gboolean
read_exactly (int fd, guint8 *bytes, gsize length, gboolean *ended, GCancellable *cancellable,
              gint64 deadline, GError **error)
{
  gsize have = 0;

  while (have < length)
    {
      gssize n = recv (fd, bytes + have, length - have, MSG_DONTWAIT);

      if (n > 0)
        have += n;
      else if (n == 0 && have == 0 && ended != NULL)
        return *ended = TRUE;
      else if (n == 0)
        return vmd_fail (error, VMD_ERROR_PROTOCOL,
                         "the other side of the workspace's socket hung up");
      else if (errno == EAGAIN && !wait_for (fd, POLLIN, cancellable, deadline, error))
        return FALSE;
      else if (errno != EAGAIN && errno != EINTR)
        return fail_socket ("read from", error);
    }

  return TRUE;
}

static gboolean
is_type (guint8 byte)
{
  return byte != '\0' && strchr ("HSDEXB", byte) != NULL;
}

/**
 * vmd_frame_read_or_end: (skip)
 * @fd: a connected stream socket
 * @type: (out): what the frame means
 * @payload: gets its bytes, and only those
 * @ended: (out) (optional): set when the other side hung up between two frames; if %NULL, that
 *   is an error
 * @cancellable: (nullable): ends it
 * @deadline: a time of g_get_monotonic_time(), or %VMD_NO_DEADLINE
 * @error: PROTOCOL: too large, or cut; CANCELLED, TIMED_OUT
 *
 * Receives one frame. An unknown type is the caller's to answer.
 *
 * Returns: whether there is a frame, or an end
 */
gboolean
vmd_frame_read_or_end (int fd, VmdFrameType *type, GByteArray *payload, gboolean *ended,
                       GCancellable *cancellable, gint64 deadline, GError **error)
{
  guint8 header[HEADER_SIZE];
  guint32 size;

  if (ended != NULL)
    *ended = FALSE;
  if (vmd_is_cancelled (cancellable, error) ||
      !read_exactly (fd, header, sizeof header, ended, cancellable, deadline, error))
    return FALSE;
  if (ended != NULL && *ended)
    return TRUE;

  memcpy (&size, header, sizeof size);
  size = GUINT32_FROM_BE (size);
  if (size > VMD_SOURCE_FRAME_MAX)
    return vmd_fail (error, VMD_ERROR_PROTOCOL,
                     "a frame of %u bytes on the workspace's socket is too large", size);

  *type = (VmdFrameType) header[4];
  g_byte_array_set_size (payload, size);
  return read_exactly (fd, payload->data, size, NULL, cancellable, deadline, error);
}

/**
 * vmd_frame_read: (skip)
 * @fd: a connected stream socket
 * @type: (out): what the frame means
 * @payload: gets its bytes, and only those
 * @cancellable: (nullable): ends it
 * @deadline: a time of g_get_monotonic_time(), or %VMD_NO_DEADLINE
 * @error: PROTOCOL: too large, cut, unknown, or the other side hung up; CANCELLED, TIMED_OUT
 *
 * Receives one frame of a known type.
 *
 * Returns: whether there is one
 */
gboolean
vmd_frame_read (int fd, VmdFrameType *type, GByteArray *payload, GCancellable *cancellable,
                gint64 deadline, GError **error)
{
  if (!vmd_frame_read_or_end (fd, type, payload, NULL, cancellable, deadline, error))
    return FALSE;

  return is_type ((guint8) *type) ||
         vmd_fail (error, VMD_ERROR_PROTOCOL, "a frame of unknown type 0x%02x", (guint) *type);
}
