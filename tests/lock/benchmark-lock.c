/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "lock-support.h"

#include "base/vmd-poll-private.h"
#include "lock/vmd-lock-file-private.h"
#include "lock/vmd-lock-keeper-private.h"
#include "lock/vmd-lock-line-private.h"
#include "scale.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <unistd.h>

/* What a lock costs that nobody contends for, layer by layer, each beside a peer in the same run:
 * the line, which is what it costs in the process, beside a mutex; the file beside the bare system
 * calls; all of it, the record included, beside making and removing a file. */

typedef struct
{
  Fixture fixture;
  VmdLockKeeper *keeper;
  VmdLockRequest *request;
  VmdLockFile *file;
  GMutex mutex;
  int locks_fd;
  int requests_fd;
} Bench;

static void
pass_mutex (Bench *self)
{
  g_mutex_lock (&self->mutex);
  g_mutex_unlock (&self->mutex);
}

static void
pass_line (Bench *self)
{
  VmdLockTicket *ticket = vmd_lock_ticket_new (self->keeper, self->request, NULL, VMD_NO_DEADLINE);

  g_assert_true (vmd_lock_keeper_admit (self->keeper, ticket, NULL));
  vmd_lock_keeper_dismiss (self->keeper, ticket);
  vmd_lock_ticket_unref (ticket);
}

static void
lock_one_byte (Bench *self, short type)
{
  struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = 4711, .l_len = 1 };

  g_assert_no_errno (fcntl (self->locks_fd, F_OFD_SETLK, &lock));
}

static void
pass_system_calls (Bench *self)
{
  lock_one_byte (self, F_WRLCK);
  lock_one_byte (self, F_UNLCK);
}

static void
pass_file (Bench *self)
{
  VmdLockGrip *grip =
      vmd_lock_grip_new (self->file, vmd_lock_request_get_set (self->request), NULL);

  g_assert_cmpint (vmd_lock_grip_tighten (grip, TRUE, NULL), ==, VMD_LOCK_GRIP_WHOLE);
  vmd_lock_grip_free (grip);
}

static void
pass_plain_file (Bench *self)
{
  int fd = openat (self->requests_fd, "plain", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

  g_assert_cmpint (write (fd, "somebody\n", 9), ==, 9);
  g_assert_no_errno (unlinkat (self->requests_fd, "plain", 0));
  close (fd);
}

static void
pass_whole (Bench *self)
{
  g_object_unref (vmd_lock_table_lock (self->fixture.table, self->request, NULL, NULL));
}

/* The best of five, in nanoseconds: what disturbs a run makes it longer only. */
static double
measure (Bench *self, void (*pass) (Bench *), guint n)
{
  double best = G_MAXDOUBLE;

  for (guint round = 0; round < 5; round++)
    {
      gint64 start = g_get_monotonic_time ();

      for (guint i = 0; i < n; i++)
        pass (self);
      best = MIN (best, (double) (g_get_monotonic_time () - start) * 1000.0 / n);
    }
  return best;
}

static void
compare (Bench *self, const char *what, void (*pass) (Bench *), const char *peer,
         void (*pass_peer) (Bench *), guint n)
{
  double ours = measure (self, pass, n);
  double theirs = measure (self, pass_peer, n);

  printf ("%-28s %9.0f ns; %-28s %9.0f ns; ratio %6.2f\n", what, ours, peer, theirs, ours / theirs);
}

int
main (int argc, char **argv)
{
  Bench bench = { 0 };
  g_autofree char *requests = NULL;
  g_autofree char *locks = NULL;
  int directory_fd;

  g_test_init (&argc, &argv, NULL);
  fixture_set_up (&bench.fixture, NULL);
  requests = g_build_filename (bench.fixture.state_dir, "requests", NULL);
  locks = g_build_filename (bench.fixture.state_dir, "locks", NULL);
  directory_fd = open (bench.fixture.state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bench.requests_fd = open (requests, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bench.locks_fd = open (locks, O_RDWR | O_CLOEXEC);
  bench.keeper = vmd_lock_keeper_new (bench.fixture.state_dir, NULL);
  bench.file = vmd_lock_file_open (directory_fd, bench.fixture.state_dir, NULL);
  bench.request = new_request ("benchmark", "vm/0123456789abcdef0123456789abcdef:exclusive");
  g_assert_true (vmd_lock_request_seal (bench.request, NULL));

  compare (&bench, "lock + unlock, in process", pass_line, "g_mutex_lock + _unlock", pass_mutex,
           scaled (200000));
  compare (&bench, "lock + unlock, file", pass_file, "fcntl F_WRLCK + F_UNLCK", pass_system_calls,
           scaled (100000));
  compare (&bench, "lock + unlock, all of it", pass_whole, "create + write + unlink",
           pass_plain_file, scaled (10000));

  g_object_unref (bench.request);
  vmd_lock_file_free (bench.file);
  vmd_lock_keeper_close (bench.keeper);
  vmd_lock_keeper_unref (bench.keeper);
  close (bench.locks_fd);
  close (bench.requests_fd);
  close (directory_fd);
  fixture_tear_down (&bench.fixture, NULL);
  return 0;
}
