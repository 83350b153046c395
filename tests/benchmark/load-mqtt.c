/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load.h"

#include <stdlib.h>
#include <string.h>

/* The peer's side: MQTT 3.1.1, a client id for each device, its values as a retained message. The
 * number that is set stands first in a message, so that who gets it knows which it is. */

#define CONNECT 0x10
#define CONNACK 0x20
#define PUBLISH 0x30
#define PUBACK 0x40
#define SUBSCRIBE 0x82
#define PINGREQ 0xc0
#define RETAIN 0x01
#define AT_LEAST_ONCE 0x02
#define CLEAN_SESSION 0x02

static void
append_byte (GByteArray *out, guint8 byte)
{
  g_byte_array_append (out, &byte, 1);
}

static void
append_number (GByteArray *out, guint16 number)
{
  append_byte (out, number >> 8);
  append_byte (out, number & 0xff);
}

static void
append_text (GByteArray *out, const char *text)
{
  append_number (out, strlen (text));
  g_byte_array_append (out, (const guint8 *) text, strlen (text));
}

/* @kind, and how much follows. */
static void
append_head (GByteArray *out, guint8 kind, gsize length)
{
  append_byte (out, kind);
  do
    {
      guint8 byte = length % 128;

      length /= 128;
      append_byte (out, length > 0 ? byte | 128 : byte);
    }
  while (length > 0);
}

static void
append_connect (GByteArray *out, const char *id, guint keep_alive)
{
  append_head (out, CONNECT, 10 + 2 + strlen (id));
  append_text (out, "MQTT");
  append_byte (out, 4);
  append_byte (out, CLEAN_SESSION);
  append_number (out, keep_alive);
  append_text (out, id);
}

static void
greet (Load *load, Link *link, GByteArray *out)
{
  char id[32];
  char topic[32];

  g_snprintf (id, sizeof id, "device-%05u", link->device);
  g_snprintf (topic, sizeof topic, "config/%05u", link->device);
  append_connect (out, id, load->keep_alive);
  append_head (out, SUBSCRIBE, 2 + 2 + strlen (topic) + 1 + 2 + strlen ("everybody") + 1);
  append_number (out, 1);
  append_text (out, topic);
  append_byte (out, 0);
  append_text (out, "everybody");
  append_byte (out, 0);
}

static void
greet_errands (Load *load, GByteArray *out)
{
  char id[32];

  g_snprintf (id, sizeof id, "errands-%08x", g_random_int ());
  append_connect (out, id, 0);
}

static void
ping (GByteArray *out)
{
  append_head (out, PINGREQ, 0);
}

static void
append_publish (GByteArray *out, const char *topic, const Errand *errand, guint8 flags)
{
  gsize offset;

  append_head (out, PUBLISH | AT_LEAST_ONCE | flags, 2 + strlen (topic) + 2 + errand->size);
  append_text (out, topic);
  append_number (out, 1);
  offset = out->len;
  g_byte_array_set_size (out, offset + errand->size);
  memset (out->data + offset, 'x', errand->size);
  g_snprintf ((char *) out->data + offset, errand->size, "%020" G_GUINT64_FORMAT, errand->number);
  out->data[offset + 20] = ' ';
}

/* A message is all the values, so it is as long whatever is changed of them. */
static gboolean
ask (Load *load, const Errand *errand, GByteArray *out)
{
  Errand message = *errand;
  char topic[32];

  if (errand->kind < ERRAND_FILL)
    return FALSE;
  if (errand->kind != ERRAND_FILL)
    message.size = load->filled;
  message.size = MAX (message.size, 32);
  g_snprintf (topic, sizeof topic, "config/%05u", errand->device);
  if (errand->kind == ERRAND_SET_GROUP)
    append_publish (out, "everybody", &message, 0);
  else
    append_publish (out, topic, &message, RETAIN);
  return TRUE;
}

/* How long the packet is, its head too; 0: not known yet. */
static gsize
get_length (const guint8 *data, gsize available, gsize *head)
{
  gsize length = 0;

  for (guint i = 1; i < 5 && i < available; i++)
    {
      length |= (gsize) (data[i] & 127) << (7 * (i - 1));
      if (data[i] < 128)
        {
          *head = i + 1;
          return *head + length;
        }
    }
  return 0;
}

static void
take_message (Link *link, const guint8 *packet, gsize length)
{
  gsize topic = packet[0] << 8 | packet[1];

  if (length >= 2 + topic + 20)
    link_received (link, g_ascii_strtoull ((const char *) packet + 2 + topic, NULL, 10));
}

static void
take_packet (Link *link, guint8 kind, const guint8 *packet, gsize length)
{
  switch (kind & 0xf0)
    {
    case CONNACK:
      if (length < 2 || packet[1] != 0)
        link_ended (link);
      break;
    case PUBLISH:
      take_message (link, packet, length);
      break;
    case PUBACK:
      link_answered (link, 0, TRUE);
      break;
    default:
      break;
    }
}

static gsize
take (Load *load, Link *link, const char *data, gsize length)
{
  const guint8 *bytes = (const guint8 *) data;
  gsize taken = 0;
  gsize head;

  while (link->fd >= 0)
    {
      gsize whole = get_length (bytes + taken, length - taken, &head);

      if (whole == 0 || whole > length - taken)
        break;
      take_packet (link, bytes[taken], bytes + taken + head, whole - head);
      taken += whole;
    }
  return taken;
}

const Protocol protocol_mqtt = { "mqtt", greet, ask, greet_errands, ping, take, 512, FALSE };
