/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-frame-filter-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* vmd-network-guard: stands between QEMU and passt. What the guest sends (descriptor 3) goes to
 * passt (descriptor 4) if vmd-frame-filter.c lets it; what passt sends goes to the guest as it is.
 * It ends when either of them does. It lives as long as the VM and not as long as vmd, hence it is
 * a program of its own.
 *
 * Nothing is read while what was read before has not been written: each side is as slow as the
 * other, and no memory grows. */

#define GUEST_FD 3
#define OUTSIDE_FD 4

/* Room for a whole frame and then some. */
#define BUFFER_SIZE (256 * 1024)

typedef struct
{
  int from;
  int to;
  gboolean is_filtered;
  gsize input_length; /* the beginning of a frame, while filtered */
  gsize output_begin;
  gsize output_end;
  guint8 input[BUFFER_SIZE];
  guint8 output[BUFFER_SIZE];
} Pump;

static gboolean
has_output (const Pump *pump)
{
  return pump->output_begin < pump->output_end;
}

static void G_GNUC_NORETURN
die (const char *what)
{
  fprintf (stderr, "vmd-network-guard: %s\n", what);
  exit (EXIT_FAILURE);
}

/* n bytes were read or written, or it failed. Returns 0 where it is only not the time; the end of
 * either side is ours. */
static gsize
check (gssize n)
{
  if (n > 0)
    return (gsize) n;
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return 0;

  exit (EXIT_SUCCESS);
}

static void
filter (Pump *pump)
{
  gssize used =
      vmd_frame_filter_stream (pump->input, pump->input_length, pump->output, &pump->output_end);

  if (used < 0)
    die ("the hypervisor sends what are no frames");
  pump->input_length -= (gsize) used;
  memmove (pump->input, pump->input + used, pump->input_length);
}

/* Only with no output left. */
static void
take (Pump *pump)
{
  pump->output_begin = pump->output_end = 0;
  if (!pump->is_filtered)
    {
      pump->output_end = check (read (pump->from, pump->output, BUFFER_SIZE));
      return;
    }
  pump->input_length +=
      check (read (pump->from, pump->input + pump->input_length, BUFFER_SIZE - pump->input_length));
  filter (pump);
}

static void
give (Pump *pump)
{
  pump->output_begin += check (
      write (pump->to, pump->output + pump->output_begin, pump->output_end - pump->output_begin));
}

/* Waits until one of both can go on, and does that. */
static void
step (Pump *out, Pump *in)
{
  struct pollfd guest = { .fd = GUEST_FD };
  struct pollfd outside = { .fd = OUTSIDE_FD };
  struct pollfd fds[2];

  guest.events = (gint16) ((has_output (out) ? 0 : POLLIN) | (has_output (in) ? POLLOUT : 0));
  outside.events = (gint16) ((has_output (in) ? 0 : POLLIN) | (has_output (out) ? POLLOUT : 0));
  fds[0] = guest;
  fds[1] = outside;
  if (poll (fds, 2, -1) < 0)
    {
      if (errno != EINTR)
        die ("cannot wait");
      return;
    }
  if (has_output (out) && (fds[1].revents & (POLLOUT | POLLERR)) != 0)
    give (out);
  if (has_output (in) && (fds[0].revents & (POLLOUT | POLLERR)) != 0)
    give (in);
  if (!has_output (out) && (fds[0].revents & (POLLIN | POLLHUP)) != 0)
    take (out);
  if (!has_output (in) && (fds[1].revents & (POLLIN | POLLHUP)) != 0)
    take (in);
}

int
main (void)
{
  static Pump out = { .from = GUEST_FD, .to = OUTSIDE_FD, .is_filtered = TRUE };
  static Pump in = { .from = OUTSIDE_FD, .to = GUEST_FD };

  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || fcntl (GUEST_FD, F_SETFL, O_NONBLOCK) < 0 ||
      fcntl (OUTSIDE_FD, F_SETFL, O_NONBLOCK) < 0)
    die ("descriptors 3 and 4 must be sockets");
  for (;;)
    step (&out, &in);
}
