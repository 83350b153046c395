/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load.h"

#include <string.h>
#include <unistd.h>

/* vmd's bus interface, peer to peer, for errands only: calls of ChangeConfig() on one
 * connection, many under way on it. Written by hand, since a client library would be measured
 * with it. Everything is little-endian, which is checked of what comes. */

#define DEVICES "/org/vmd/Vmd1/devices/"
#define GROUPS "/org/vmd/Vmd1/groups/"
#define METHOD_CALL 1
#define METHOD_RETURN 2
#define METHOD_ERROR 3
#define FIELD_PATH 1
#define FIELD_INTERFACE 2
#define FIELD_MEMBER 3
#define FIELD_SIGNATURE 8
#define HEAD_SIZE 16

static void
append_byte (GByteArray *out, guint8 byte)
{
  g_byte_array_append (out, &byte, 1);
}

/* @start: of the message, from which is counted. */
static void
align (GByteArray *out, gsize start, gsize boundary)
{
  while ((out->len - start) % boundary != 0)
    append_byte (out, 0);
}

static void
append_number (GByteArray *out, gsize start, guint32 number)
{
  guint32 little = GUINT32_TO_LE (number);

  align (out, start, sizeof little);
  g_byte_array_append (out, (const guint8 *) &little, sizeof little);
}

static void
append_text (GByteArray *out, gsize start, const char *text)
{
  append_number (out, start, strlen (text));
  g_byte_array_append (out, (const guint8 *) text, strlen (text) + 1);
}

static void
append_field (GByteArray *out, gsize start, guint8 code, char type, const char *text)
{
  align (out, start, 8);
  append_byte (out, code);
  append_byte (out, 1);
  append_byte (out, type);
  append_byte (out, 0);
  if (type != 'g')
    {
      append_text (out, start, text);
      return;
    }
  append_byte (out, strlen (text));
  g_byte_array_append (out, (const guint8 *) text, strlen (text) + 1);
}

static void
put_number (GByteArray *out, gsize at, guint32 number)
{
  guint32 little = GUINT32_TO_LE (number);

  memcpy (out->data + at, &little, sizeof little);
}

static void
append_change (GByteArray *out, const char *path, const char *interface, const char *json)
{
  static const guint8 head[] = { 'l', METHOD_CALL, 0, 1 };
  static guint32 serial;
  gsize start = out->len;
  gsize body;

  g_byte_array_append (out, head, sizeof head);
  append_number (out, start, 0);
  append_number (out, start, ++serial);
  append_number (out, start, 0);
  append_field (out, start, FIELD_PATH, 'o', path);
  append_field (out, start, FIELD_INTERFACE, 's', interface);
  append_field (out, start, FIELD_MEMBER, 's', "ChangeConfig");
  append_field (out, start, FIELD_SIGNATURE, 'g', "ssa{sv}");
  put_number (out, start + 12, out->len - start - HEAD_SIZE);
  align (out, start, 8);
  body = out->len;
  append_text (out, start, "patch");
  append_text (out, start, json);
  append_number (out, start, 0);
  align (out, start, 8);
  put_number (out, start + 4, out->len - body);
}

static void
greet (Load *load, Link *link, GByteArray *out)
{
}

/* Who we are is known to the kernel; the server's answer need not be waited for. */
static void
greet_errands (Load *load, GByteArray *out)
{
  g_autofree char *uid = g_strdup_printf ("%u", (guint) getuid ());

  append_byte (out, 0);
  g_byte_array_append (out, (const guint8 *) "AUTH EXTERNAL ", strlen ("AUTH EXTERNAL "));
  for (const char *digit = uid; *digit != '\0'; digit++)
    {
      char hexadecimal[3];

      g_snprintf (hexadecimal, sizeof hexadecimal, "%02x", (guint) *digit);
      g_byte_array_append (out, (const guint8 *) hexadecimal, 2);
    }
  g_byte_array_append (out, (const guint8 *) "\r\nBEGIN\r\n", strlen ("\r\nBEGIN\r\n"));
}

static gboolean
ask (Load *load, const Errand *errand, GByteArray *out)
{
  char path[64];
  char json[64];

  if (errand->kind == ERRAND_SET)
    {
      g_snprintf (path, sizeof path, DEVICES "device_2d%05u", errand->device);
      g_snprintf (json, sizeof json, "{\"number\":%" G_GUINT64_FORMAT "}", errand->number);
      append_change (out, path, "org.vmd.Vmd1.Device", json);
      return TRUE;
    }
  if (errand->kind == ERRAND_SET_GROUP)
    {
      g_snprintf (json, sizeof json, "{\"number-of-all\":%" G_GUINT64_FORMAT "}", errand->number);
      append_change (out, GROUPS "everybody", "org.vmd.Vmd1.DeviceGroup", json);
      return TRUE;
    }
  return FALSE;
}

static guint32
get_number (const char *data, gsize at)
{
  guint32 little;

  memcpy (&little, data + at, sizeof little);
  return GUINT32_FROM_LE (little);
}

/* Returns: the length of the line, with its end, or 0 */
static gsize
take_greeting (Link *link, const char *data, gsize length)
{
  const char *end = memmem (data, length, "\r\n", 2);

  if (end == NULL)
    return 0;
  if (memcmp (data, "OK ", 3) != 0)
    g_error ("the server does not know us: %.*s", (int) (end - data), data);
  link->has_header = TRUE;
  return end + 2 - data;
}

static gsize
take (Load *load, Link *link, const char *data, gsize length)
{
  gsize taken = link->has_header ? 0 : take_greeting (link, data, length);

  while (link->has_header && length - taken >= HEAD_SIZE)
    {
      const char *message = data + taken;
      gsize head = (HEAD_SIZE + (gsize) get_number (message, 12) + 7) / 8 * 8;
      gsize body = get_number (message, 4);
      guint64 version = 0;

      if (message[0] != 'l')
        g_error ("the server is of another byte order");
      if (head + body > length - taken)
        break;
      taken += head + body;
      if (message[1] == METHOD_RETURN && body >= sizeof version)
        memcpy (&version, message + head, sizeof version);
      if (message[1] == METHOD_RETURN || message[1] == METHOD_ERROR)
        link_answered (link, version, message[1] == METHOD_RETURN);
    }
  return taken;
}

const Protocol protocol_bus = { "bus", greet, ask, greet_errands, NULL, take, 1, TRUE };
