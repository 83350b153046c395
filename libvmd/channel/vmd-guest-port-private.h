/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What vmd-guest-link-loop.c, vmd-guest-link.c and vmd-guest-connection.c share. All of it is the
 * loop's thread's. */

#include "vmd-guest-lease-private.h"
#include "vmd-guest-link-private.h"
#include "vmd-mux-frame-private.h"

G_BEGIN_DECLS

#define VMD_GUEST_READ_SIZE (32 * 1024)

typedef struct _VmdGuestLink VmdGuestLink;
typedef struct _VmdGuestConnection VmdGuestConnection;

/* A descriptor in the loop's epoll set. An event may name one that an event before it in the same
 * batch has closed, so it is freed only after the batch. */
typedef struct
{
  VmdGuestLink *link;
  VmdGuestConnection *connection; /* (nullable) the link's own descriptor */
  int fd; /* -1: over */
  guint32 events; /* what is waited for; 0: it is not in the set */
} VmdGuestWatch;

/* What a link needs of its loop. */
typedef struct
{
  int epoll_fd;
  VmdGuestLinkRules rules;
  GPtrArray *connections_over; /* of VmdGuestConnection, owned, to be freed after the batch */
  GPtrArray *links_over; /* likewise of VmdGuestLink */
  guint8 buffer[VMD_GUEST_READ_SIZE];
} VmdGuestLinkHost;

struct _VmdGuestConnection
{
  VmdGuestWatch watch;
  guint32 id;
  guint32 window; /* what the guest may send still */
  guint32 owed; /* what the server took and the guest was not told of yet */
  guint32 credit; /* what the guest takes still */
  guint32 unacknowledged; /* what it was sent and gave no credit for since */
  gint64 acknowledged; /* monotonic: when it last gave some, or had nothing to give it for */
  GByteArray *pending; /* what the server has not taken; at most VMD_MUX_WINDOW */
  gboolean is_deaf; /* the server takes nothing any more; it may have said something */
  gboolean has_left; /* the guest has; what is pending is delivered all the same */
};

struct _VmdGuestLink
{
  VmdGuestWatch watch;
  VmdGuestLinkHost *host;
  char *vm_id;
  char *path;
  VmdMuxDecoder decoder;
  GByteArray *output; /* bounded: the guest is not read while there is too much */
  guint64 nonce; /* of the hello that is to be answered */
  gboolean is_connected;
  gboolean in_session;
  gboolean acknowledges; /* the guest gives credit at once for whatever it took */
  guint32 last_id;
  VmdGuestConnection *connections[VMD_MUX_MAX_CONNECTIONS]; /* (nullable) each */
  guint n_failures; /* in a row */
  gint64 retry_at; /* monotonic; 0: is connected */
  VmdGuestLease lease;
  gint64 look_at; /* monotonic: when to look at it; 0: it cannot run out */
};

void vmd_guest_watch_set (VmdGuestWatch *watch, guint32 events);
void vmd_guest_watch_close (VmdGuestWatch *watch);

VmdGuestConnection *vmd_guest_connection_new (VmdGuestLink *link, guint32 id, int fd);
void vmd_guest_connection_free (VmdGuestConnection *self);
gboolean vmd_guest_connection_take_credit (VmdGuestConnection *self, guint32 more);
gboolean vmd_guest_connection_deliver (VmdGuestConnection *self, const VmdMuxFrame *frame);
void vmd_guest_connection_leave (VmdGuestConnection *self, gboolean has_said);
gboolean vmd_guest_connection_serve (VmdGuestConnection *self, guint32 events);
/* What it waits for, while its link takes more or not. */
void vmd_guest_connection_wait (VmdGuestConnection *self, gboolean has_room);

VmdGuestLink *vmd_guest_link_new (VmdGuestLinkHost *host, const char *vm_id, const char *path);
void vmd_guest_link_free (VmdGuestLink *self);
gint64 vmd_guest_link_get_time (VmdGuestLink *self);
void vmd_guest_link_connect (VmdGuestLink *self);
/* What is due is: the next try to connect, or a look at the lease. */
void vmd_guest_link_serve_time (VmdGuestLink *self);
void vmd_guest_link_serve (VmdGuestLink *self, VmdGuestConnection *connection, guint32 events);
/* It is over; freed after the batch. */
void vmd_guest_link_end (VmdGuestLink *self);

G_END_DECLS
