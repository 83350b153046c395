/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Few, large reads: under emulation a system call costs as much as copying a hundred kilobytes,
 * and a tar that reads a pipe by 512 bytes is slower than the link that fills it. Signals are
 * let in only while waiting for input, so that none comes between two steps of the publication. */

#include "unpack-input.h"
#include "unpack-failure.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

volatile sig_atomic_t unpack_signal = 0;

void
unpack_input_open (struct unpack_input *self, int fd, const sigset_t *wait_mask)
{
  self->fd = fd;
  self->wait_mask = *wait_mask;
  self->begin = 0;
  self->end = 0;
  /* A pipe holds 64 KiB unless told otherwise; where that is refused, or it is no pipe, nothing
   * is lost. */
  (void) fcntl (fd, F_SETPIPE_SZ, UNPACK_INPUT_SIZE);
}

/* One read into the free part of the buffer. False with a failure, or with *@ended. */
static bool
read_more (struct unpack_input *self, bool *ended)
{
  struct pollfd ready = { .fd = self->fd, .events = POLLIN };
  ssize_t n;

  *ended = false;
  do
    {
      if (ppoll (&ready, 1, NULL, &self->wait_mask) < 0 && errno != EINTR)
        return unpack_fail_errno ("cannot wait for the archive");
      if (unpack_signal != 0)
        return unpack_fail (UNPACK_INTERRUPTED, "interrupted by signal %d", (int) unpack_signal);
      n = ready.revents == 0
              ? -1
              : read (self->fd, self->data + self->end, sizeof self->data - self->end);
    }
  while (n < 0 && (ready.revents == 0 || errno == EINTR || errno == EAGAIN));
  if (n < 0)
    return unpack_fail_errno ("cannot read the archive");

  self->end += (size_t) n;
  *ended = n == 0;
  return n > 0;
}

/* The next @length bytes in one piece, at most half a buffer; valid until the next call. */
bool
unpack_input_take (struct unpack_input *self, size_t length, const unsigned char **bytes)
{
  bool ended;

  if (self->end - self->begin < length && self->begin > 0)
    {
      memmove (self->data, self->data + self->begin, self->end - self->begin);
      self->end -= self->begin;
      self->begin = 0;
    }
  while (self->end - self->begin < length)
    if (!read_more (self, &ended))
      return unpack_fail (UNPACK_BAD_ARCHIVE, "the archive was cut before its end");

  *bytes = self->data + self->begin;
  self->begin += length;
  return true;
}

/* At least one byte, at most @at_most: what is there already. Valid until the next call. */
bool
unpack_input_take_some (struct unpack_input *self, size_t at_most, const unsigned char **bytes,
                        size_t *length)
{
  bool ended;

  if (self->begin == self->end)
    {
      self->begin = 0;
      self->end = 0;
      if (!read_more (self, &ended))
        return unpack_fail (UNPACK_BAD_ARCHIVE, "the archive was cut before its end");
    }

  *bytes = self->data + self->begin;
  *length = self->end - self->begin < at_most ? self->end - self->begin : at_most;
  self->begin += *length;
  return true;
}

/* After the end-of-archive blocks: padding, then @last, or, if that is "", the end of the input. */
bool
unpack_input_expect_last (struct unpack_input *self, const char *last)
{
  size_t length = strlen (last);
  size_t matched = 0;
  bool ended = false;

  while (!ended)
    {
      for (; self->begin < self->end; self->begin++)
        {
          char byte = (char) self->data[self->begin];

          if (matched == length ? byte != 0 : byte != last[matched] && (byte != 0 || matched > 0))
            return unpack_fail (UNPACK_BAD_ARCHIVE, "there is more after the end of the archive");
          matched += matched < length && byte == last[matched];
        }
      if (length > 0 && matched == length)
        return true;
      self->begin = 0;
      self->end = 0;
      if (!read_more (self, &ended) && !ended)
        return false;
    }

  return length == 0 ||
         unpack_fail (UNPACK_INTERRUPTED, "the tree is taken back: nobody said to keep it");
}
