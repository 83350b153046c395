/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* What a guest may send out, and the program that sees to it. */

#include "backend-fixture.h"

#include "backend/vmd-frame-filter-private.h"
#include "base/vmd-program-private.h"
#include "base/vmd-poll-private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRAME_SIZE 60

/* An Ethernet frame of @type with an IPv4 packet in it. */
static void
make_frame (guint8 *frame, guint type, const char *source, const char *target)
{
  memset (frame, 0, FRAME_SIZE);
  frame[12] = (guint8) (type >> 8);
  frame[13] = (guint8) type;
  frame[14] = 0x45;
  g_assert_cmpint (inet_pton (AF_INET, source, frame + 26), ==, 1);
  g_assert_cmpint (inet_pton (AF_INET, target, frame + 30), ==, 1);
}

static const struct
{
  guint type;
  const char *source;
  const char *target;
  gboolean passes;
} frames[] = {
  { 0x0800, "10.0.3.15", "1.1.1.1", TRUE },
  { 0x0800, "10.0.3.15", "10.0.3.2", TRUE },
  { 0x0800, "10.0.3.15", "10.0.3.3", TRUE },
  { 0x0800, "10.0.3.15", "192.168.1.1", TRUE },
  { 0x0800, "10.0.3.15", "223.255.255.255", TRUE },
  { 0x0800, "10.0.3.15", "126.255.255.255", TRUE },
  { 0x0800, "10.0.3.15", "128.0.0.0", TRUE },
  { 0x0800, "10.0.3.15", "169.253.1.1", TRUE },
  { 0x0806, "10.0.3.15", "10.0.3.2", TRUE },
  { 0x0800, "10.0.3.15", "127.0.0.1", FALSE },
  { 0x0800, "10.0.3.15", "127.255.255.255", FALSE },
  { 0x0800, "10.0.3.15", "0.0.0.0", FALSE },
  { 0x0800, "10.0.3.15", "0.255.0.1", FALSE },
  { 0x0800, "10.0.3.15", "169.254.169.254", FALSE },
  { 0x0800, "10.0.3.15", "224.0.0.251", FALSE },
  { 0x0800, "10.0.3.15", "255.255.255.255", FALSE },
  { 0x0800, "127.0.0.1", "1.1.1.1", FALSE },
  { 0x0800, "10.0.3.16", "1.1.1.1", FALSE },
  { 0x0800, "0.0.0.0", "255.255.255.255", FALSE },
  { 0x86dd, "10.0.3.15", "1.1.1.1", FALSE },
  { 0x8100, "10.0.3.15", "1.1.1.1", FALSE },
  { 0x0000, "10.0.3.15", "1.1.1.1", FALSE },
};

static void
test_filter (void)
{
  guint8 frame[FRAME_SIZE];

  for (gsize i = 0; i < G_N_ELEMENTS (frames); i++)
    {
      g_test_message ("%04x %s -> %s", frames[i].type, frames[i].source, frames[i].target);
      make_frame (frame, frames[i].type, frames[i].source, frames[i].target);
      g_assert_cmpint (vmd_frame_filter_passes (frame, FRAME_SIZE), ==, frames[i].passes);
    }
  make_frame (frame, 0x0800, "10.0.3.15", "1.1.1.1");
  for (gsize length = 0; length < 34; length++)
    g_assert_false (vmd_frame_filter_passes (frame, length));
  frame[14] = 0x65;
  g_assert_false (vmd_frame_filter_passes (frame, FRAME_SIZE));
}

/* Appends a frame with its length before it. */
static void
append (GByteArray *stream, const char *target, guint size)
{
  guint32 length = htonl (size);
  g_autofree guint8 *frame = g_malloc0 (size);

  make_frame (frame, 0x0800, "10.0.3.15", target);
  g_byte_array_append (stream, (guint8 *) &length, sizeof length);
  g_byte_array_append (stream, frame, size);
}

/* Cut anywhere, the stream has the same frames in it. */
static void
test_stream (void)
{
  g_autoptr (GByteArray) stream = g_byte_array_new ();
  g_autoptr (GByteArray) wanted = g_byte_array_new ();

  append (stream, "127.0.0.1", 60);
  append (stream, "1.1.1.1", 61);
  append (stream, "127.0.0.2", 64);
  append (stream, "1.1.1.2", 60);
  append (wanted, "1.1.1.1", 61);
  append (wanted, "1.1.1.2", 60);
  for (gsize cut = 0; cut <= stream->len; cut++)
    {
      guint8 output[1024];
      gsize output_length = 0;
      gssize used = vmd_frame_filter_stream (stream->data, cut, output, &output_length);

      g_assert_cmpint (used, >=, 0);
      g_assert_cmpint (used, <=, (gssize) cut);
      used += vmd_frame_filter_stream (stream->data + used, stream->len - (gsize) used, output,
                                       &output_length);
      g_assert_cmpint (used, ==, (gssize) stream->len);
      g_assert_cmpmem (output, output_length, wanted->data, wanted->len);
    }
}

static void
test_stream_too_long (void)
{
  const guint8 stream[] = { 0, 1, 0, 14, 0 };
  guint8 output[8];
  gsize output_length = 0;

  g_assert_cmpint (vmd_frame_filter_stream (stream, 5, output, &output_length), ==, -1);
}

/* vmd-network-guard as a child; @guest and @outside are the ends of ours. */
static pid_t
start_guard (int *guest, int *outside)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *program = vmd_helper_find ("vmd-network-guard", &error);
  int inner[2], outer[2];
  pid_t pid;

  g_assert_no_error (error);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, inner), ==, 0);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, outer), ==, 0);
  pid = fork ();
  if (pid == 0)
    {
      int moved = fcntl (inner[1], F_DUPFD, 50);

      dup2 (outer[1], 4);
      dup2 (moved, 3);
      execl (program, program, NULL);
      _exit (126);
    }
  close (inner[1]);
  close (outer[1]);
  *guest = inner[0];
  *outside = outer[0];
  fcntl (*guest, F_SETFL, O_NONBLOCK);
  fcntl (*outside, F_SETFL, O_NONBLOCK);

  return pid;
}

static void
assert_reads (int fd, const guint8 *wanted, gsize length)
{
  g_autofree guint8 *data = g_malloc (length);
  g_autoptr (GError) error = NULL;

  for (gsize n = 0; n < length;)
    {
      gssize some = vmd_read_some (fd, data + n, length - n, NULL,
                                   vmd_deadline_in (HANG_MILLISECONDS), &error);

      g_assert_no_error (error);
      g_assert_cmpint (some, >, 0);
      n += (gsize) some;
    }
  g_assert_cmpmem (data, length, wanted, length);
}

static int
wait_for_guard (pid_t pid)
{
  int status = -1;

  while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
    ;

  return status;
}

static void
test_guard (void)
{
  g_autoptr (GByteArray) bad = g_byte_array_new ();
  g_autoptr (GByteArray) good = g_byte_array_new ();
  gint64 deadline = vmd_deadline_in (HANG_MILLISECONDS);
  g_autoptr (GError) error = NULL;
  vmd_autofd int guest = -1;
  vmd_autofd int outside = -1;
  pid_t pid = start_guard (&guest, &outside);

  append (bad, "127.0.0.1", 60);
  append (good, "1.1.1.1", VMD_FRAME_MAX);
  for (gsize i = 0; i < bad->len; i++)
    vmd_write_all (guest, bad->data + i, 1, NULL, deadline, &error);
  vmd_write_all (guest, good->data, good->len, NULL, deadline, &error);
  g_assert_no_error (error);
  assert_reads (outside, good->data, good->len);
  /* What comes in is not looked at. */
  vmd_write_all (outside, bad->data, bad->len, NULL, deadline, &error);
  g_assert_no_error (error);
  assert_reads (guest, bad->data, bad->len);
  vmd_clear_fd (&guest);
  g_assert_cmpint (wait_for_guard (pid), ==, 0);
}

typedef struct
{
  int fd;
  GByteArray *frame;
  guint n;
} Writer;

static gpointer
write_thread (gpointer data)
{
  const Writer *writer = data;
  gint64 deadline = vmd_deadline_in (HANG_MILLISECONDS);

  for (guint i = 0; i < writer->n; i++)
    g_assert_true (
        vmd_write_all (writer->fd, writer->frame->data, writer->frame->len, NULL, deadline, NULL));

  return NULL;
}

/* Both directions at once, each much more than sockets and buffers hold, and none read before it is
 * written: nothing is lost and nothing gets stuck. */
static void
test_guard_full (void)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();
  vmd_autofd int guest = -1;
  vmd_autofd int outside = -1;
  pid_t pid = start_guard (&guest, &outside);
  Writer out = { guest, frame, 1000 };
  Writer in = { outside, frame, 1000 };
  GThread *out_thread, *in_thread;

  append (frame, "1.1.1.1", 9000);
  out_thread = g_thread_new ("out", write_thread, &out);
  in_thread = g_thread_new ("in", write_thread, &in);
  for (guint i = 0; i < 1000; i++)
    assert_reads (outside, frame->data, frame->len);
  for (guint i = 0; i < 1000; i++)
    assert_reads (guest, frame->data, frame->len);
  g_thread_join (out_thread);
  g_thread_join (in_thread);
  vmd_clear_fd (&outside);
  g_assert_cmpint (wait_for_guard (pid), ==, 0);
}

static void
test_guard_no_frames (void)
{
  vmd_autofd int guest = -1;
  vmd_autofd int outside = -1;
  pid_t pid = start_guard (&guest, &outside);
  int status;

  g_assert_cmpint (write (guest, "\xff\xff\xff\xff", 4), ==, 4);
  status = wait_for_guard (pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/network-guard/filter", test_filter);
  g_test_add_func ("/network-guard/stream", test_stream);
  g_test_add_func ("/network-guard/stream-too-long", test_stream_too_long);
  g_test_add_func ("/network-guard/guard", test_guard);
  g_test_add_func ("/network-guard/guard-full", test_guard_full);
  g_test_add_func ("/network-guard/guard-no-frames", test_guard_no_frames);

  return g_test_run ();
}
