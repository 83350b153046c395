/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-mux-frame-private.h"

#include <string.h>

/* Who wrote may have died in the middle of a frame, and whoever comes after it begins with a hello:
 * so a hello may be anywhere, and all that comes in is looked at for one, payloads too. What the
 * payloads are meant to be is UTF-8, in which MARK cannot be.
 *
 * Its first byte is in it only once, so that after a mismatch nothing has to be looked at again.
 *
 * A frame whose last bytes may be the beginning of MARK is delivered all the same: a grant of 245
 * bytes ends like that, and whoever waits for it sends nothing more. Where that was half a frame,
 * filled up from a hello, the hello is next and ends its connection. A header that is none is
 * garbage only once it is known not to be the beginning of a hello. */

static const guint8 mark[VMD_MUX_MARK_SIZE] = { 0xf5, 0xff, 'v', 'm', 'd', '-',  'c',  'h',
                                                'a',  'n',  'n', 'e', 'l', 0xff, 0xfe, 0xfd };

static guint32
get_number (const guint8 *bytes)
{
  guint32 number;

  memcpy (&number, bytes, sizeof number);
  return GUINT32_FROM_BE (number);
}

static void
forget_frame (VmdMuxDecoder *self)
{
  g_clear_pointer (&self->payload, g_free);
  self->n_header = self->n_payload = 0;
  self->is_delivered = self->is_suspect = FALSE;
}

void
vmd_mux_decoder_set_session (VmdMuxDecoder *self, gboolean in_session)
{
  forget_frame (self);
  self->in_session = in_session;
}

void
vmd_mux_decoder_clear (VmdMuxDecoder *self)
{
  forget_frame (self);
  *self = (VmdMuxDecoder){ 0 };
}

static gboolean
is_length_right (guint kind, guint32 length)
{
  switch (kind)
    {
    case VMD_MUX_OPEN:
    case VMD_MUX_CLOSE:
      return length == 0;
    case VMD_MUX_DATA:
      return length >= 1 && length <= VMD_MUX_MAX_PAYLOAD;
    case VMD_MUX_CREDIT:
      return length == sizeof (guint32);
    default:
      return FALSE;
    }
}

/* Nothing is made room for before the header is known to be right. */
static VmdMuxFound
take_header (VmdMuxDecoder *self, const guint8 *bytes, gsize length, gsize *taken)
{
  *taken = MIN (length, VMD_MUX_HEADER_SIZE - self->n_header);
  memcpy (self->header + self->n_header, bytes, *taken);
  self->n_header += *taken;
  if (self->n_header < VMD_MUX_HEADER_SIZE)
    return VMD_MUX_FOUND_NOTHING;
  self->frame = (VmdMuxFrame){ .connection = get_number (self->header),
                               .kind = self->header[4],
                               .length = get_number (self->header + 5) };
  if (!is_length_right (self->frame.kind, self->frame.length))
    return VMD_MUX_FOUND_GARBAGE;
  if (self->frame.length == 0)
    return VMD_MUX_FOUND_FRAME;
  self->payload = g_malloc (self->frame.length);
  return VMD_MUX_FOUND_NOTHING;
}

static VmdMuxFound
take_payload (VmdMuxDecoder *self, const guint8 *bytes, gsize length, gsize *taken)
{
  *taken = MIN (length, self->frame.length - self->n_payload);
  memcpy (self->payload + self->n_payload, bytes, *taken);
  self->n_payload += *taken;
  self->frame.payload = self->payload;
  return self->n_payload == self->frame.length ? VMD_MUX_FOUND_FRAME : VMD_MUX_FOUND_NOTHING;
}

static VmdMuxFound
take_for_frame (VmdMuxDecoder *self, const guint8 *bytes, gsize length, gsize *taken)
{
  VmdMuxFound found;

  *taken = length;
  if (!self->in_session || self->is_suspect)
    return VMD_MUX_FOUND_NOTHING;
  found = self->n_header < VMD_MUX_HEADER_SIZE ? take_header (self, bytes, length, taken)
                                               : take_payload (self, bytes, length, taken);
  self->is_delivered = found == VMD_MUX_FOUND_FRAME;
  self->is_suspect = found == VMD_MUX_FOUND_GARBAGE;
  return self->is_suspect && self->n_matched > 0 ? VMD_MUX_FOUND_NOTHING : found;
}

/* One byte that may be a part of a hello. */
static VmdMuxFound
take_byte (VmdMuxDecoder *self, guint8 byte)
{
  gboolean goes_on = byte == mark[self->n_matched];
  gsize taken;

  /* A hello that was cut short is followed by another: so MARK is looked for in nonces too. */
  self->n_matched = goes_on ? self->n_matched + 1 : byte == mark[0];
  if (self->n_nonce > 0)
    {
      self->nonce = self->nonce << 8 | byte;
      return --self->n_nonce == 0 ? VMD_MUX_FOUND_HELLO : VMD_MUX_FOUND_NOTHING;
    }
  if (self->n_matched == VMD_MUX_MARK_SIZE)
    {
      forget_frame (self);
      self->n_matched = 0;
      self->n_nonce = sizeof self->nonce;
      return VMD_MUX_FOUND_NOTHING;
    }
  if (self->is_suspect && !goes_on)
    return VMD_MUX_FOUND_GARBAGE;
  return take_for_frame (self, &byte, 1, &taken);
}

VmdMuxFound
vmd_mux_decoder_next (VmdMuxDecoder *self, const guint8 **bytes, gsize *length)
{
  VmdMuxFound found = VMD_MUX_FOUND_NOTHING;

  if (self->is_delivered)
    forget_frame (self);
  while (*length > 0 && found == VMD_MUX_FOUND_NOTHING)
    {
      const guint8 *next = memchr (*bytes, mark[0], *length);
      gsize run = next != NULL ? (gsize) (next - *bytes) : *length;
      gsize taken = 1;

      if (self->n_matched > 0 || self->n_nonce > 0 || run == 0)
        found = take_byte (self, **bytes);
      else
        found = take_for_frame (self, *bytes, run, &taken);
      *bytes += taken;
      *length -= taken;
    }
  return found;
}

static void
put_number (GByteArray *output, guint32 number)
{
  guint32 wire = GUINT32_TO_BE (number);

  g_byte_array_append (output, (const guint8 *) &wire, sizeof wire);
}

void
vmd_mux_put_hello (GByteArray *output, guint64 nonce)
{
  g_byte_array_append (output, mark, sizeof mark);
  put_number (output, nonce >> 32);
  put_number (output, nonce & G_MAXUINT32);
}

void
vmd_mux_put_frame (GByteArray *output, guint32 connection, VmdMuxKind kind, gconstpointer payload,
                   gsize length)
{
  guint8 byte = kind;

  put_number (output, connection);
  g_byte_array_append (output, &byte, sizeof byte);
  put_number (output, length);
  if (length > 0)
    g_byte_array_append (output, payload, length);
}

void
vmd_mux_put_credit (GByteArray *output, guint32 connection, guint32 credit)
{
  guint32 wire = GUINT32_TO_BE (credit);

  vmd_mux_put_frame (output, connection, VMD_MUX_CREDIT, &wire, sizeof wire);
}

guint32
vmd_mux_frame_get_credit (const VmdMuxFrame *frame)
{
  return get_number (frame->payload);
}
