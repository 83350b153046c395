/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-events.h"

#include <string.h>
#include <vmd-error.h>

/* The event stream of the HTML standard, read as the standard says, with two differences, since
 * whoever sends may be hostile: a line and an event have a size that they may not exceed, and NUL
 * ends the stream. What is kept between two calls is one line that is not whole yet and the fields
 * of one event, so a stream of whatever length takes bounded memory. A stream that is cut in an
 * event has not sent that event: nothing is dispatched before its blank line. */
struct _VmdDeviceEvents
{
  VmdDeviceEventFunc func;
  gpointer data; /* of func; not owned */

  GString *line; /* of the line that is being read */
  gboolean after_return; /* a line ended with CR; a LF next belongs to it */
  gboolean after_first_line; /* a byte order mark counts no more */

  /* Of the event that is being read. */
  GString *name;
  GString *text;
  GString *id;
  gboolean has_text;
  gboolean has_id;
};

VmdDeviceEvents *
vmd_device_events_new (VmdDeviceEventFunc func, gpointer data)
{
  VmdDeviceEvents *self = g_new0 (VmdDeviceEvents, 1);

  self->func = func;
  self->data = data;
  self->line = g_string_new (NULL);
  self->name = g_string_new (NULL);
  self->text = g_string_new (NULL);
  self->id = g_string_new (NULL);
  return self;
}

void
vmd_device_events_free (VmdDeviceEvents *self)
{
  g_string_free (self->line, TRUE);
  g_string_free (self->name, TRUE);
  g_string_free (self->text, TRUE);
  g_string_free (self->id, TRUE);
  g_free (self);
}

static gboolean
fail (GError **error, const char *what)
{
  g_set_error (error, VMD_ERROR, VMD_ERROR_PROTOCOL, "The server sent %s", what);
  return FALSE;
}

/* What was kept of it is small again: a large event leaves no large buffers behind. */
static void
forget_event (VmdDeviceEvents *self)
{
  g_string_free (self->text, TRUE);
  self->text = g_string_new (NULL);
  g_string_truncate (self->name, 0);
  g_string_truncate (self->id, 0);
  self->has_text = FALSE;
  self->has_id = FALSE;
}

/* At a blank line. Without a line of data there was no event. */
static gboolean
dispatch (VmdDeviceEvents *self, GError **error)
{
  VmdDeviceEvent event = {
    .name = self->name->len > 0 ? self->name->str : "message",
    .id = self->has_id ? self->id->str : NULL,
    .data = self->text->str,
    .length = self->text->len,
  };
  gboolean good = !self->has_text || self->func (&event, self->data, error);

  forget_event (self);
  return good;
}

static gboolean
add_text (VmdDeviceEvents *self, const char *value, GError **error)
{
  if (self->text->len + strlen (value) + 1 > VMD_DEVICE_EVENTS_MAX)
    return fail (error, "an event that is too large");
  if (self->has_text)
    g_string_append_c (self->text, '\n');
  g_string_append (self->text, value);
  self->has_text = TRUE;
  return TRUE;
}

/* Fields that are not known are for clients of another day. */
static gboolean
take_field (VmdDeviceEvents *self, const char *name, const char *value, GError **error)
{
  if (g_str_equal (name, "data"))
    return add_text (self, value, error);
  if (g_str_equal (name, "event"))
    g_string_assign (self->name, value);
  else if (g_str_equal (name, "id"))
    {
      g_string_assign (self->id, value);
      self->has_id = TRUE;
    }
  return TRUE;
}

static gboolean
take_line (VmdDeviceEvents *self, GError **error)
{
  static const char byte_order_mark[] = "\xef\xbb\xbf";
  char *line = self->line->str;
  char *value;

  if (strlen (line) != self->line->len)
    return fail (error, "a NUL byte");
  if (!self->after_first_line && g_str_has_prefix (line, byte_order_mark))
    line += strlen (byte_order_mark);
  self->after_first_line = TRUE;
  if (*line == '\0')
    return dispatch (self, error);
  if (*line == ':')
    return TRUE;
  value = strchr (line, ':');
  if (value == NULL)
    return take_field (self, line, "", error);
  *value++ = '\0';
  if (*value == ' ')
    value++;
  return take_field (self, line, value, error);
}

/* FALSE: the stream is not to be read any further. PROTOCOL, or what the function said. */
gboolean
vmd_device_events_feed (VmdDeviceEvents *self, const char *bytes, gsize length, GError **error)
{
  const char *end = bytes + length;

  while (bytes < end)
    {
      const char *stop = bytes;

      if (self->after_return && *bytes == '\n')
        stop = ++bytes;
      self->after_return = FALSE;
      while (stop < end && *stop != '\n' && *stop != '\r')
        stop++;
      if (self->line->len + (gsize) (stop - bytes) > VMD_DEVICE_EVENTS_MAX)
        return fail (error, "a line that is too long");
      g_string_append_len (self->line, bytes, stop - bytes);
      if (stop == end)
        return TRUE;
      self->after_return = *stop == '\r';
      if (!take_line (self, error))
        return FALSE;
      g_string_truncate (self->line, 0);
      bytes = stop + 1;
    }
  return TRUE;
}
