/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct
{
  int ends[2]; /* a pipe: [0] to read from, both non-blocking */
} Pipe;

static void
set_up (Pipe *self, gconstpointer data)
{
  g_assert_no_errno (pipe2 (self->ends, O_CLOEXEC | O_NONBLOCK));
}

static void
tear_down (Pipe *self, gconstpointer data)
{
  vmd_clear_fd (&self->ends[0]);
  vmd_clear_fd (&self->ends[1]);
}

static void
test_ready (Pipe *self, gconstpointer data)
{
  struct pollfd fds[] = { { .fd = self->ends[0], .events = POLLIN },
                          { .fd = self->ends[1], .events = POLLOUT } };
  g_autoptr (GError) error = NULL;

  g_assert_true (vmd_poll (fds, 2, NULL, VMD_NO_DEADLINE, "testing", &error));
  g_assert_cmpint (fds[0].revents, ==, 0);
  g_assert_cmpint (fds[1].revents, ==, POLLOUT);
  /* What is ready counts before a deadline that has passed. */
  g_assert_true (vmd_poll (&fds[1], 1, NULL, 0, "testing", &error));
}

static void
test_deadline (Pipe *self, gconstpointer data)
{
  struct pollfd fd = { .fd = self->ends[0], .events = POLLIN };
  g_autoptr (GError) error = NULL;
  gint64 start = g_get_monotonic_time ();

  g_assert_false (vmd_poll (&fd, 1, NULL, vmd_deadline_in (20), "testing", &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 20000);
  g_assert_nonnull (strstr (error->message, "timed out while testing"));
  g_clear_error (&error);
  g_assert_false (vmd_poll (&fd, 1, NULL, 0, "testing", &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_false (vmd_poll (NULL, 0, NULL, vmd_deadline_in (1), "testing", &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
}

static gpointer
cancel (gpointer data)
{
  g_cancellable_cancel (data);
  return NULL;
}

static void
test_cancel (Pipe *self, gconstpointer data)
{
  struct pollfd fd = { .fd = self->ends[0], .events = POLLIN };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GThread *thread = g_thread_new ("cancel", cancel, cancellable);
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_poll (&fd, 1, cancellable, VMD_NO_DEADLINE, "testing", &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
  g_thread_join (thread);
}

/* A stream that never pauses can be cancelled. */
static void
test_cancel_counts_before_ready (Pipe *self, gconstpointer data)
{
  struct pollfd fd = { .fd = self->ends[1], .events = POLLOUT };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_false (vmd_poll (&fd, 1, cancellable, VMD_NO_DEADLINE, "testing", &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_false (vmd_write_all (self->ends[1], "x", 1, cancellable, VMD_NO_DEADLINE, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
}

static void
test_many (Pipe *self, gconstpointer data)
{
  struct pollfd fds[40];
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = (struct pollfd){ .fd = i == 33 ? self->ends[1] : -1, .events = POLLOUT };
  g_assert_true (vmd_poll (fds, G_N_ELEMENTS (fds), NULL, VMD_NO_DEADLINE, "testing", &error));
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    g_assert_cmpint (fds[i].revents, ==, i == 33 ? POLLOUT : 0);
}

static void
test_hang_up (Pipe *self, gconstpointer data)
{
  struct pollfd fd = { .fd = self->ends[0], .events = POLLIN };
  char byte;

  vmd_clear_fd (&self->ends[1]);
  g_assert_true (vmd_poll (&fd, 1, NULL, VMD_NO_DEADLINE, "testing", NULL));
  g_assert_cmpint (fd.revents, ==, POLLHUP);
  g_assert_cmpint (vmd_read_some (self->ends[0], &byte, 1, NULL, VMD_NO_DEADLINE, NULL), ==, 0);
}

#define BIG (1024 * 1024)

static gpointer
read_slowly (gpointer data)
{
  int fd = GPOINTER_TO_INT (data);
  g_autoptr (GByteArray) all = g_byte_array_new ();
  guint8 buffer[777];
  gssize n;

  while ((n = vmd_read_some (fd, buffer, sizeof buffer, NULL, vmd_deadline_in (60000), NULL)) > 0)
    g_byte_array_append (all, buffer, (guint) n);
  g_assert_cmpint (n, ==, 0);
  return g_byte_array_free_to_bytes (g_steal_pointer (&all));
}

static void
assert_carries (int from, int *to)
{
  g_autofree guint8 *data = g_malloc (BIG);
  GThread *reader = g_thread_new ("reader", read_slowly, GINT_TO_POINTER (from));
  g_autoptr (GBytes) sent = NULL;
  g_autoptr (GBytes) got = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < BIG; i++)
    data[i] = (guint8) (i * 31 >> 3);
  sent = g_bytes_new (data, BIG);
  g_assert_true (vmd_write_all (*to, data, BIG, NULL, vmd_deadline_in (60000), &error));
  g_assert_no_error (error);
  vmd_clear_fd (to);
  got = g_thread_join (reader);
  g_assert_true (g_bytes_equal (sent, got));
}

static void
test_carry (Pipe *self, gconstpointer data)
{
  int sockets[2];

  assert_carries (self->ends[0], &self->ends[1]);
  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets));
  assert_carries (sockets[0], &sockets[1]);
  vmd_clear_fd (&sockets[0]);
}

static void
test_write_to_nobody (Pipe *self, gconstpointer data)
{
  g_autofree char *block = g_malloc0 (BIG);
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_write_all (self->ends[1], block, BIG, NULL, vmd_deadline_in (20), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
}

static void
test_read_nothing (Pipe *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  char byte;

  g_assert_cmpint (vmd_read_some (self->ends[0], &byte, 1, NULL, vmd_deadline_in (20), &error), ==,
                   -1);
  g_assert_error (error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
}

/* SIGPIPE would end this process: its default is not changed here. */
static void
test_no_sigpipe (Pipe *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  sigset_t pending;
  int sockets[2];

  g_assert_true (signal (SIGPIPE, SIG_DFL) != SIG_ERR);
  vmd_clear_fd (&self->ends[0]);
  g_assert_false (vmd_write_all (self->ends[1], "x", 1, NULL, VMD_NO_DEADLINE, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, g_strerror (EPIPE)));
  g_clear_error (&error);
  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets));
  vmd_clear_fd (&sockets[0]);
  g_assert_false (vmd_write_all (sockets[1], "x", 1, NULL, VMD_NO_DEADLINE, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_FAILED);
  vmd_clear_fd (&sockets[1]);
  g_assert_no_errno (sigpending (&pending));
  g_assert_false (sigismember (&pending, SIGPIPE));
}

static void
test_bad_descriptor (Pipe *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  int fd = self->ends[0];
  char byte;

  vmd_clear_fd (&self->ends[0]);
  g_assert_cmpint (self->ends[0], ==, -1);
  g_assert_cmpint (vmd_read_some (fd, &byte, 1, NULL, VMD_NO_DEADLINE, &error), ==, -1);
  g_assert_nonnull (error);
}

static void
test_clear_keeps_errno (void)
{
  int fd = -1;

  errno = EXDEV;
  vmd_clear_fd (&fd);
  g_assert_cmpint (errno, ==, EXDEV);
  fd = open ("/dev/full", O_WRONLY | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  errno = EXDEV;
  vmd_clear_fd (&fd);
  g_assert_cmpint (errno, ==, EXDEV);
  g_assert_cmpint (fd, ==, -1);
}

/* What a function was given to keep, its caller must not close too. */
static void
test_closed_twice (void)
{
  if (g_test_subprocess ())
    {
      int fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
      int same_fd = fd;

      vmd_clear_fd (&fd);
      vmd_clear_fd (&same_fd);
      return;
    }
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*descriptor * has been closed by somebody else*");
}

#define add_test(path, function) g_test_add (path, Pipe, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/poll/ready", test_ready);
  add_test ("/poll/deadline", test_deadline);
  add_test ("/poll/cancel", test_cancel);
  add_test ("/poll/cancel-counts-before-ready", test_cancel_counts_before_ready);
  add_test ("/poll/many", test_many);
  add_test ("/poll/hang-up", test_hang_up);
  add_test ("/poll/carry", test_carry);
  add_test ("/poll/write-to-nobody", test_write_to_nobody);
  add_test ("/poll/read-nothing", test_read_nothing);
  add_test ("/poll/no-sigpipe", test_no_sigpipe);
  add_test ("/poll/bad-descriptor", test_bad_descriptor);
  g_test_add_func ("/poll/clear-keeps-errno", test_clear_keeps_errno);
  g_test_add_func ("/poll/closed-twice", test_closed_twice);
  return g_test_run ();
}
