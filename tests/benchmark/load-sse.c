/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load.h"

#include <stdlib.h>
#include <string.h>

/* vmd's side: HTTP/1.1 and Server-Sent Events, as far as our own server needs it. */

#define GROUP "everybody"

static void
append_request (Load *load, GByteArray *out, const char *method, const char *path, const char *body)
{
  g_autofree char *text = g_strdup_printf ("%s %s HTTP/1.1\r\nHost: vmd\r\n"
                                           "Authorization: Bearer %s\r\n"
                                           "Content-Length: %zu\r\n\r\n%s",
                                           method, path, load->administrator, strlen (body), body);

  g_byte_array_append (out, (const guint8 *) text, strlen (text));
}

static void
greet (Load *load, Link *link, GByteArray *out)
{
  char text[512];
  int length = g_snprintf (text, sizeof text,
                           "GET /v1/devices/device-%05u/config/stream HTTP/1.1\r\n"
                           "Host: vmd\r\n"
                           "Authorization: Bearer %s\r\n"
                           "Vmd-Instance: instance-%05u\r\n"
                           "Accept: text/event-stream\r\n\r\n",
                           link->device, load->tokens[link->device], link->device);

  g_byte_array_append (out, (const guint8 *) text, length);
}

static void
greet_errands (Load *load, GByteArray *out)
{
}

static char *
make_body (const Errand *errand)
{
  g_autofree char *filling = NULL;

  switch (errand->kind)
    {
    case ERRAND_ADD_GROUP:
      return g_strdup ("{\"name\":\"" GROUP "\"}");
    case ERRAND_ADD_DEVICE:
      return g_strdup_printf ("{\"id\":\"device-%05u\"}", errand->device);
    case ERRAND_ADD_TOKEN:
      return g_strdup ("{\"label\":\"load\"}");
    case ERRAND_FILL:
      filling = g_strnfill (errand->size, 'x');
      return g_strdup_printf (
          "{\"device\":\"%05u\",\"filling\":\"%s\",\"number\":%" G_GUINT64_FORMAT "}",
          errand->device, filling, errand->number);
    case ERRAND_SET:
    case ERRAND_SET_GROUP:
      return g_strdup_printf ("{\"number%s\":%" G_GUINT64_FORMAT "}",
                              errand->kind == ERRAND_SET ? "" : "-of-all", errand->number);
    case ERRAND_JOIN_GROUP:
    default:
      return g_strdup ("");
    }
}

static gboolean
ask (Load *load, const Errand *errand, GByteArray *out)
{
  static const struct
  {
    const char *method;
    const char *path;
  } requests[] = {
    [ERRAND_ADD_GROUP] = { "POST", "/v1/groups" },
    [ERRAND_ADD_DEVICE] = { "POST", "/v1/devices" },
    [ERRAND_ADD_TOKEN] = { "POST", "/v1/devices/device-%05u/tokens" },
    [ERRAND_JOIN_GROUP] = { "PUT", "/v1/groups/" GROUP "/members/device-%05u" },
    [ERRAND_FILL] = { "PUT", "/v1/devices/device-%05u/config" },
    [ERRAND_SET] = { "PATCH", "/v1/devices/device-%05u/config" },
    [ERRAND_SET_GROUP] = { "PATCH", "/v1/groups/" GROUP "/config" },
  };
  g_autofree char *body = make_body (errand);
  const char *percent = strchr (requests[errand->kind].path, '%');
  g_autoptr (GString) path = g_string_new (requests[errand->kind].path);

  if (percent != NULL)
    {
      g_string_truncate (path, percent - requests[errand->kind].path);
      g_string_append_printf (path, "%05u", errand->device);
      g_string_append (path, percent + strlen ("%05u"));
    }
  append_request (load, out, requests[errand->kind].method, path->str, body);
  return TRUE;
}

/* How long the header is, with its end; 0: it is not there yet. */
static gsize
get_header_length (const char *data, gsize length)
{
  const char *end = memmem (data, length, "\r\n\r\n", 4);

  return end != NULL ? (gsize) (end - data) + 4 : 0;
}

/* After @name and before the end of the line, or 0. */
static guint64
get_number (const char *data, gsize length, const char *name)
{
  const char *found = memmem (data, length, name, strlen (name));

  return found != NULL ? strtoull (found + strlen (name), NULL, 10) : 0;
}

static guint
get_status (const char *data, gsize length)
{
  return length > strlen ("HTTP/1.1 200") ? atoi (data + strlen ("HTTP/1.1 ")) : 0;
}

static void
take_event (Link *link, const char *event, gsize length)
{
  static const char snapshot[] = "event: snapshot\nid: ";
  static const char superseded[] = "event: superseded\n";

  if (length > strlen (snapshot) && memcmp (event, snapshot, strlen (snapshot)) == 0)
    link_received (link, strtoull (event + strlen (snapshot), NULL, 10));
  else if (length > strlen (superseded) && memcmp (event, superseded, strlen (superseded)) == 0)
    link->was_superseded = TRUE;
}

static gsize
take_events (Link *link, const char *data, gsize length)
{
  const char *at = data;
  const char *end;

  while (link->fd >= 0 && (end = memmem (at, data + length - at, "\n\n", 2)) != NULL)
    {
      take_event (link, at, end + 2 - at);
      at = end + 2;
    }
  return at - data;
}

static gsize
take_stream (Link *link, const char *data, gsize length)
{
  gsize header = 0;

  if (!link->has_header)
    {
      header = get_header_length (data, length);
      if (header == 0)
        return 0;
      if (get_status (data, header) != 200)
        {
          g_printerr ("%.*s\n", (int) length, data);
          link_ended (link);
          return length;
        }
      link->has_header = TRUE;
    }
  return header + take_events (link, data + header, length - header);
}

/* A token is what is answered by it alone. */
static void
keep_token (Load *load, Link *link, const char *body, gsize length)
{
  static const char name[] = "{\"token\":\"";
  const char *end;

  if (length < strlen (name) || memcmp (body, name, strlen (name)) != 0)
    return;
  body += strlen (name);
  end = memchr (body, '"', length - strlen (name));
  if (end == NULL)
    return;
  g_free (load->tokens[link->device]);
  load->tokens[link->device] = g_strndup (body, end - body);
}

static gsize
take_answers (Load *load, Link *link, const char *data, gsize length)
{
  gsize taken = 0;
  gsize header;

  while ((header = get_header_length (data + taken, length - taken)) > 0)
    {
      const char *answer = data + taken;
      guint status = get_status (answer, header);
      gsize body = get_number (answer, header, "\r\nContent-Length: ");

      if (header + body > length - taken)
        return taken;
      taken += header + body;
      if (status >= 300)
        g_printerr ("%.*s\n", (int) (header + body), answer);
      keep_token (load, link, answer + header, body);
      link_answered (link, get_number (answer + header, body, "{\"version\":"), status < 300);
    }
  return taken;
}

static gsize
take (Load *load, Link *link, const char *data, gsize length)
{
  return link->is_errand ? take_answers (load, link, data, length)
                         : take_stream (link, data, length);
}

const Protocol protocol_sse = { "sse", greet, ask, greet_errands, NULL, take, 512, FALSE };
