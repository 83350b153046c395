/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For tests of guests' ports: guests in C, and the host's side that is tested. The server is the
 * test: it has the other end of each connection. Everything waits, and fails rather than hangs. */

#include "channel/vmd-guest-link-private.h"
#include "channel/vmd-mux-frame-private.h"

#include "base/vmd-poll-private.h"

G_BEGIN_DECLS

#define GUEST_BLOCK 16384

typedef struct
{
  char *directory;
  char *path;
  int listen_fd;
  VmdGuestLinkLoop *loop;
  GAsyncQueue *opened; /* of descriptors */
  VmdFakeClock *clock; /* stands still; NULL: the system's */
  gint n_silent; /* atomic: guests whose lease has run out */
} GuestFixture;

/* Microseconds, by that clock. */
#define GUEST_LEASE (25 * G_TIME_SPAN_SECOND)

typedef struct
{
  int fd;
  VmdMuxDecoder decoder;
  guint8 buffer[GUEST_BLOCK];
  const guint8 *bytes;
  gsize length;
} Guest;

int guest_fixture_listen (const char *path);
void guest_fixture_start_loop (GuestFixture *fixture);
/* @data: not NULL: with a fake clock. */
void guest_fixture_set_up (GuestFixture *fixture, gconstpointer data);
void guest_fixture_tear_down (GuestFixture *fixture, gconstpointer data);
int guest_fixture_take_opened (GuestFixture *fixture);
void guest_free (Guest *guest);
Guest *guest_accept (GuestFixture *fixture);
void send_all (int fd, gconstpointer bytes, gsize length);
void guest_send_hello (Guest *guest, guint64 nonce);
void guest_send_frame (Guest *guest, guint32 id, guint kind, gconstpointer payload, gsize length);
void guest_send_text (Guest *guest, guint32 id, const char *text);
void guest_send_credit (Guest *guest, guint32 id, guint32 credit);
gboolean guest_next (Guest *guest, VmdMuxFound *found);
void guest_expect_closed (Guest *guest);
const VmdMuxFrame *guest_expect (Guest *guest, guint32 id, guint kind);
void guest_expect_text (Guest *guest, guint32 id, const char *text);
guint64 guest_await_hello (Guest *guest);
void guest_begin (Guest *guest);
Guest *guest_start (GuestFixture *fixture);
int guest_open (GuestFixture *fixture, Guest *guest, guint32 id);
void server_expect_text (int fd, const char *text);
void server_expect_end (int fd);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Guest, guest_free)

G_END_DECLS
