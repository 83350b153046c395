/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-frame-filter-private.h"

#include <string.h>

/* What a guest may send out. passt makes a connection of the host's from each that a guest begins,
 * to whatever address its packets bear. A guest's own kernel sends nothing for 127.0.0.1 out of a
 * card, but its root can put together any frame; then passt (2023-03-09, as in Debian 12, with
 * --no-map-gw and all) connects to the host's loopback. So frames are looked at before passt gets
 * them, and all pass but those that are
 *
 *   - neither ARP nor IPv4: passt is told to speak nothing else, and a tag would hide an address
 *   - for this host, loopback or nothing: 127.0.0.0/8, 0.0.0.0/8
 *   - for the host's link: 169.254.0.0/16, where clouds hand out their machines' credentials, and
 *     224.0.0.0/4 and above
 *   - from another address than the guest's */

#define ETHERNET_SIZE 14
#define IPV4_SIZE 20

#define TYPE_IPV4 0x0800
#define TYPE_ARP 0x0806

/* As in guest/vmd-seed.c. */
#define GUEST_ADDRESS 0x0a00030f

static guint32
get_32 (const guint8 *data)
{
  return (guint32) data[0] << 24 | (guint32) data[1] << 16 | (guint32) data[2] << 8 | data[3];
}

static gboolean
may_be_sent_to (guint32 address)
{
  guint8 first = (guint8) (address >> 24);

  return first != 0 && first != 127 && first < 224 && address >> 16 != 0xa9fe;
}

/* TRUE if the guest may send this. DHCP's broadcast may not pass: addresses are static. */
gboolean
vmd_frame_filter_passes (const guint8 *frame, gsize length)
{
  const guint8 *packet = frame + ETHERNET_SIZE;
  guint type;

  if (length < ETHERNET_SIZE)
    return FALSE;
  type = (guint) frame[12] << 8 | frame[13];
  if (type == TYPE_ARP)
    return TRUE;
  if (type != TYPE_IPV4 || length < ETHERNET_SIZE + IPV4_SIZE || packet[0] >> 4 != 4)
    return FALSE;

  return get_32 (packet + 12) == GUEST_ADDRESS && may_be_sent_to (get_32 (packet + 16));
}

/* Copies those of the frames in @input that pass to @output, which has room for @length bytes;
 * their length is added up in *@output_length. Returns how much of @input was used: what is left
 * is the beginning of a frame. -1 when @input is no stream of frames. */
gssize
vmd_frame_filter_stream (const guint8 *input, gsize length, guint8 *output, gsize *output_length)
{
  gsize used = 0;

  while (length - used >= VMD_FRAME_LENGTH_SIZE)
    {
      gsize size = get_32 (input + used);

      if (size > VMD_FRAME_MAX)
        return -1;
      if (length - used - VMD_FRAME_LENGTH_SIZE < size)
        break;
      if (vmd_frame_filter_passes (input + used + VMD_FRAME_LENGTH_SIZE, size))
        {
          memcpy (output + *output_length, input + used, VMD_FRAME_LENGTH_SIZE + size);
          *output_length += VMD_FRAME_LENGTH_SIZE + size;
        }
      used += VMD_FRAME_LENGTH_SIZE + size;
    }

  return (gssize) used;
}
