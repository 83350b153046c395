/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "guest-mux.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HANG_LIMIT 60 /* seconds; nothing here takes so long */

static void
opened_cb (const char *vm_id, int fd, gpointer data)
{
  GuestFixture *fixture = data;

  g_assert_true (g_str_has_prefix (vm_id, "vm"));
  g_async_queue_push (fixture->opened, GINT_TO_POINTER (fd));
}

static void
silent_cb (const char *vm_id, gpointer data)
{
  GuestFixture *fixture = data;

  g_assert_cmpstr (vm_id, ==, "vm");
  g_atomic_int_inc (&fixture->n_silent);
}

int
guest_fixture_listen (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (fd, 16), ==, 0);
  return fd;
}

/* The host's side begins, or begins again. */
void
guest_fixture_start_loop (GuestFixture *fixture)
{
  g_autoptr (VmdClock) system = vmd_system_clock_new ();
  const VmdGuestLinkRules rules = { fixture->clock != NULL ? VMD_CLOCK (fixture->clock) : system,
                                    GUEST_LEASE, opened_cb, silent_cb, fixture };
  g_autoptr (GError) error = NULL;

  fixture->loop = vmd_guest_link_loop_new (&rules, &error);
  g_assert_no_error (error);
}

void
guest_fixture_set_up (GuestFixture *fixture, gconstpointer data)
{
  fixture->directory = g_dir_make_tmp ("vmd-link-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->directory, "channel", NULL);
  fixture->listen_fd = guest_fixture_listen (fixture->path);
  fixture->opened = g_async_queue_new ();
  fixture->clock = data != NULL ? vmd_fake_clock_new () : NULL;
  guest_fixture_start_loop (fixture);
}

void
guest_fixture_tear_down (GuestFixture *fixture, gconstpointer data)
{
  gpointer left;

  g_clear_pointer (&fixture->loop, vmd_guest_link_loop_free);
  while ((left = g_async_queue_try_pop (fixture->opened)) != NULL)
    close (GPOINTER_TO_INT (left));
  g_async_queue_unref (fixture->opened);
  g_clear_object (&fixture->clock);
  vmd_clear_fd (&fixture->listen_fd);
  g_unlink (fixture->path);
  g_rmdir (fixture->directory);
  g_free (fixture->path);
  g_free (fixture->directory);
}

static void
limit (int fd)
{
  const struct timeval hang = { .tv_sec = HANG_LIMIT };

  g_assert_cmpint (setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &hang, sizeof hang), ==, 0);
  g_assert_cmpint (setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &hang, sizeof hang), ==, 0);
}

/* The server's end of the connection that was opened next. */
int
guest_fixture_take_opened (GuestFixture *fixture)
{
  gpointer fd = g_async_queue_timeout_pop (fixture->opened, HANG_LIMIT * G_USEC_PER_SEC);

  g_assert_nonnull (fd);
  g_assert_true (g_unix_set_fd_nonblocking (GPOINTER_TO_INT (fd), FALSE, NULL));
  limit (GPOINTER_TO_INT (fd));
  return GPOINTER_TO_INT (fd);
}

/* -- A guest -- */

void
guest_free (Guest *guest)
{
  vmd_clear_fd (&guest->fd);
  vmd_mux_decoder_clear (&guest->decoder);
  g_free (guest);
}

/* The host has connected. */
Guest *
guest_accept (GuestFixture *fixture)
{
  Guest *guest = g_new0 (Guest, 1);

  limit (fixture->listen_fd);
  guest->fd = accept4 (fixture->listen_fd, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (guest->fd, >=, 0);
  limit (guest->fd);
  return guest;
}

void
send_all (int fd, gconstpointer bytes, gsize length)
{
  const guint8 *next = bytes;

  while (length > 0)
    {
      gssize n = send (fd, next, length, MSG_NOSIGNAL);

      g_assert_cmpint (n, >, 0);
      next += n;
      length -= n;
    }
}

static void
guest_send (Guest *guest, GByteArray *bytes)
{
  send_all (guest->fd, bytes->data, bytes->len);
  g_byte_array_unref (bytes);
}

void
guest_send_hello (Guest *guest, guint64 nonce)
{
  GByteArray *bytes = g_byte_array_new ();

  vmd_mux_put_hello (bytes, nonce);
  guest_send (guest, bytes);
}

void
guest_send_frame (Guest *guest, guint32 id, guint kind, gconstpointer payload, gsize length)
{
  GByteArray *bytes = g_byte_array_new ();

  vmd_mux_put_frame (bytes, id, kind, payload, length);
  guest_send (guest, bytes);
}

void
guest_send_text (Guest *guest, guint32 id, const char *text)
{
  guest_send_frame (guest, id, VMD_MUX_DATA, text, strlen (text));
}

void
guest_send_credit (Guest *guest, guint32 id, guint32 credit)
{
  GByteArray *bytes = g_byte_array_new ();

  vmd_mux_put_credit (bytes, id, credit);
  guest_send (guest, bytes);
}

/* FALSE: the host has closed the port. */
gboolean
guest_next (Guest *guest, VmdMuxFound *found)
{
  for (;;)
    {
      gssize n;

      *found = vmd_mux_decoder_next (&guest->decoder, &guest->bytes, &guest->length);
      if (*found != VMD_MUX_FOUND_NOTHING)
        return TRUE;
      n = recv (guest->fd, guest->buffer, sizeof guest->buffer, 0);
      if (n == 0 || (n < 0 && errno == ECONNRESET))
        return FALSE;
      g_assert_cmpint (n, >, 0);
      guest->bytes = guest->buffer;
      guest->length = n;
    }
}

void
guest_expect_closed (Guest *guest)
{
  VmdMuxFound found;

  while (guest_next (guest, &found))
    continue;
}

/* Credit comes whenever the host has taken something, and so between any two others. */
const VmdMuxFrame *
guest_expect (Guest *guest, guint32 id, guint kind)
{
  VmdMuxFound found;

  do
    {
      g_assert_true (guest_next (guest, &found));
      g_assert_cmpint (found, ==, VMD_MUX_FOUND_FRAME);
    }
  while (guest->decoder.frame.kind == VMD_MUX_CREDIT && kind != VMD_MUX_CREDIT);
  g_assert_cmpuint (guest->decoder.frame.connection, ==, id);
  g_assert_cmpuint (guest->decoder.frame.kind, ==, kind);
  return &guest->decoder.frame;
}

void
guest_expect_text (Guest *guest, guint32 id, const char *text)
{
  const VmdMuxFrame *frame = guest_expect (guest, id, VMD_MUX_DATA);

  g_assert_cmpmem (frame->payload, frame->length, text, strlen (text));
}

/* Whatever comes before is of a session before. */
guint64
guest_await_hello (Guest *guest)
{
  VmdMuxFound found;

  do
    g_assert_true (guest_next (guest, &found));
  while (found != VMD_MUX_FOUND_HELLO);
  g_assert_cmpuint (guest->decoder.nonce, !=, 0);
  return guest->decoder.nonce;
}

void
guest_begin (Guest *guest)
{
  guest_send_hello (guest, guest_await_hello (guest));
  vmd_mux_decoder_set_session (&guest->decoder, TRUE);
}

/* A guest in a session. */
Guest *
guest_start (GuestFixture *fixture)
{
  Guest *guest;

  vmd_guest_link_loop_add (fixture->loop, "vm", fixture->path);
  guest = guest_accept (fixture);
  guest_begin (guest);
  return guest;
}

int
guest_open (GuestFixture *fixture, Guest *guest, guint32 id)
{
  guest_send_frame (guest, id, VMD_MUX_OPEN, NULL, 0);
  return guest_fixture_take_opened (fixture);
}

/* -- A server -- */

void
server_expect_text (int fd, const char *text)
{
  g_autofree char *read = g_malloc (strlen (text));
  gssize n = recv (fd, read, strlen (text), MSG_WAITALL);

  g_assert_cmpmem (read, n, text, strlen (text));
}

void
server_expect_end (int fd)
{
  char byte;

  g_assert_cmpint (recv (fd, &byte, 1, 0), ==, 0);
}
