/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-stream-output-private.h"

#include <string.h>

const char vmd_stream_heartbeat[] = ": heartbeat\n\n";

/* The comment shows at once that the stream lives, also where there is no snapshot to send.
 * No-store, since a cache would answer for a device; no buffering, for what stands between. */
static const char header[] = "HTTP/1.1 200 OK\r\n"
                             "Content-Type: text/event-stream\r\n"
                             "Cache-Control: no-store\r\n"
                             "X-Accel-Buffering: no\r\n"
                             "Connection: close\r\n"
                             "\r\n"
                             ": heartbeat\n\n";

/* The reason is for people; programs go by the event. */
#define FAREWELL(event, reason) "event: " event "\ndata: {\"reason\":\"" reason "\"}\n\n"

static const char *const farewells[] = {
  [VMD_SUBSCRIPTION_SUPERSEDED] =
      FAREWELL ("superseded", "another client has connected as this device"),
  [VMD_SUBSCRIPTION_REVOKED] = FAREWELL ("revoked", "the token has been revoked or has expired"),
  [VMD_SUBSCRIPTION_DELETED] = FAREWELL ("deleted", "the device has been removed"),
  [VMD_SUBSCRIPTION_SHUT_DOWN] = FAREWELL ("shutdown", "the server is shutting down"),
};

/* What goes before the first event. */
const char *
vmd_stream_get_header (void)
{
  return header;
}

/* What the peer is told at the end; "": nothing, it has gone. */
const char *
vmd_stream_get_farewell (VmdSubscriptionEnd end)
{
  const char *farewell = (guint) end < G_N_ELEMENTS (farewells) ? farewells[end] : NULL;

  return farewell != NULL ? farewell : "";
}

static void
add_piece (struct iovec *pieces, guint *n, gsize *skip, const void *data, gsize length)
{
  gsize skipped = MIN (*skip, length);

  *skip -= skipped;
  if (length > skipped)
    pieces[(*n)++] = (struct iovec){ (char *) data + skipped, length - skipped };
}

/* What is left of it, in at most VMD_STREAM_PIECES; how many. @head is where one of them lies. */
guint
vmd_stream_output_get_pieces (const VmdStreamOutput *self, char head[VMD_STREAM_HEAD_SIZE],
                              struct iovec pieces[VMD_STREAM_PIECES])
{
  gsize skip = self->offset;
  gconstpointer payload;
  gsize length;
  guint n = 0;

  if (self->text != NULL)
    add_piece (pieces, &n, &skip, self->text, strlen (self->text));
  if (self->snapshot == NULL)
    return n;
  g_snprintf (head, VMD_STREAM_HEAD_SIZE,
              "event: snapshot\nid: %" G_GUINT64_FORMAT "\ndata: ", self->snapshot->version);
  add_piece (pieces, &n, &skip, head, strlen (head));
  payload = g_bytes_get_data (self->snapshot->payload, &length);
  add_piece (pieces, &n, &skip, payload, length);
  add_piece (pieces, &n, &skip, "\n\n", 2);
  return n;
}

void
vmd_stream_output_clear (VmdStreamOutput *self)
{
  g_clear_pointer (&self->snapshot, vmd_config_snapshot_unref);
  self->text = NULL;
  self->offset = 0;
}
