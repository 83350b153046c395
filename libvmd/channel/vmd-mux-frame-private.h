/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Several streams of bytes over one port of a guest: how that looks in bytes. Numbers are
 * big-endian.
 *
 *   hello = MARK nonce(8)                   begins anew: what was before is void
 *   frame = connection(4) kind(1) length(4) payload
 *
 *   OPEN   (guest to host, empty)  a new connection; its number is above all before it
 *   DATA   (1 to 16384 bytes)      counts against the credit of who sends it
 *   CREDIT (4 bytes)               so many bytes more are welcome
 *   CLOSE  (empty)                 the connection is over, in both directions
 *
 * A guest that opens its port sends a hello of nonce 0, which asks for another. The host sends
 * hellos of a nonce drawn at random, and takes nothing before the guest has answered with the same:
 * what had been on the way from a session before is told apart by that. */

#include <glib.h>

G_BEGIN_DECLS

#define VMD_MUX_MARK_SIZE 16
#define VMD_MUX_HELLO_SIZE (VMD_MUX_MARK_SIZE + 8)
#define VMD_MUX_HEADER_SIZE 9
#define VMD_MUX_MAX_PAYLOAD 16384
/* The credit that each direction of a connection begins with, and what it may never exceed. */
#define VMD_MUX_WINDOW 65536
#define VMD_MUX_MAX_CREDIT (1024 * 1024)
#define VMD_MUX_MAX_CONNECTIONS 8

typedef enum
{
  VMD_MUX_OPEN = 1,
  VMD_MUX_DATA,
  VMD_MUX_CREDIT,
  VMD_MUX_CLOSE,
} VmdMuxKind;

typedef struct
{
  guint32 connection;
  VmdMuxKind kind;
  guint32 length; /* as the kind allows */
  const guint8 *payload; /* (nullable) */
} VmdMuxFrame;

typedef enum
{
  VMD_MUX_FOUND_NOTHING, /* all was taken, and there is no more */
  VMD_MUX_FOUND_FRAME,
  VMD_MUX_FOUND_HELLO,
  VMD_MUX_FOUND_GARBAGE, /* what cannot be a frame, and is no part of a hello */
} VmdMuxFound;

typedef struct
{
  gboolean in_session; /* else all but hellos is skipped */
  gboolean is_suspect; /* no frame: garbage, unless it turns out to be a hello */
  gboolean is_delivered; /* the frame below was found by the last call */
  guint n_matched; /* bytes of MARK that the last ones were */
  guint n_nonce; /* bytes of a nonce still to come */
  guint64 nonce;
  guint n_header;
  guint8 header[VMD_MUX_HEADER_SIZE];
  VmdMuxFrame frame;
  guint8 *payload; /* (nullable) */
  guint n_payload;
} VmdMuxDecoder;

/* All zero is a decoder at its beginning. Forgets half a frame; from now on frames are looked for,
 * or not. */
void vmd_mux_decoder_set_session (VmdMuxDecoder *self, gboolean in_session);
void vmd_mux_decoder_clear (VmdMuxDecoder *self);
/* Takes of @bytes up to the next thing, which is then in `frame`, good until the next call, or in
 * `nonce`. After garbage or a hello, say what is next. Never keeps more than one frame. */
VmdMuxFound vmd_mux_decoder_next (VmdMuxDecoder *self, const guint8 **bytes, gsize *length);

void vmd_mux_put_hello (GByteArray *output, guint64 nonce);
void vmd_mux_put_frame (GByteArray *output, guint32 connection, VmdMuxKind kind,
                        gconstpointer payload, gsize length);
void vmd_mux_put_credit (GByteArray *output, guint32 connection, guint32 credit);
guint32 vmd_mux_frame_get_credit (const VmdMuxFrame *frame);

G_END_DECLS
