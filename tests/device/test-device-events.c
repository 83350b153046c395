/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-events.h"

#include <string.h>
#include <vmd-error.h>

/* What came out, one event after the other: "name/id/data|". */
static gboolean
note_event (const VmdDeviceEvent *event, gpointer data, GError **error)
{
  GString *notes = data;

  g_assert_cmpuint (event->length, ==, strlen (event->data));
  g_string_append_printf (notes, "%s/%s/%s|", event->name, event->id != NULL ? event->id : "-",
                          event->data);
  if (!g_str_equal (event->name, "stop"))
    return TRUE;
  g_set_error (error, VMD_ERROR, VMD_ERROR_CANCELLED, "stopped");
  return FALSE;
}

/* In pieces of @size bytes. (transfer full) */
static char *
read_in_pieces (const char *text, gsize size)
{
  g_autoptr (GString) notes = g_string_new (NULL);
  g_autoptr (VmdDeviceEvents) events = vmd_device_events_new (note_event, notes);
  gsize length = strlen (text);

  for (gsize i = 0; i < length; i += size)
    {
      g_autoptr (GError) error = NULL;

      g_assert_true (vmd_device_events_feed (events, text + i, MIN (size, length - i), &error));
      g_assert_no_error (error);
    }
  return g_string_free (g_steal_pointer (&notes), FALSE);
}

static void
test_grammar (void)
{
  static const struct
  {
    const char *stream;
    const char *events;
  } cases[] = {
    { "", "" },
    { "event: snapshot\nid: 7\ndata: {}\n\n", "snapshot/7/{}|" },
    { "event: snapshot\r\nid: 7\r\ndata: {}\r\n\r\n", "snapshot/7/{}|" },
    { "event: snapshot\rid: 7\rdata: {}\r\r", "snapshot/7/{}|" },
    { "data: a\n\rdata: b\n\r", "message/-/a|message/-/b|" },
    { ": heartbeat\n\n", "" },
    { ":\n:\n\n\n\ndata: a\n\n", "message/-/a|" },
    /* One blank after the colon belongs to it, a second does not. */
    { "data:a\n\ndata: a\n\ndata:  a\n\n", "message/-/a|message/-/a|message/-/ a|" },
    { "data: a\ndata: b\n\n", "message/-/a\nb|" },
    { "data\n\n", "message/-/|" },
    { "data\ndata\n\n", "message/-/\n|" },
    { "data: a: b\n\n", "message/-/a: b|" },
    /* Nothing of one event is in the next. */
    { "event: x\nid: 1\ndata: a\n\ndata: b\n\n", "x/1/a|message/-/b|" },
    { "event: x\nid: 1\n\ndata: b\n\n", "message/-/b|" },
    { "id\ndata: a\n\n", "message//a|" },
    { "retry: 1\nfuture: 2\nDATA: c\ndata: a\n\n", "message/-/a|" },
    { " data: a\n\n", "" },
    { "\xef\xbb\xbf"
      "data: a\n\n",
      "message/-/a|" },
    { "data: a\n\n\xef\xbb\xbf"
      "data: b\n\n",
      "message/-/a|" },
    /* Not whole, so not there. */
    { "data: a\n", "" },
    { "data: a\n\ndata: b\n", "message/-/a|" },
    { "data: a", "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    for (gsize size = 1; size <= strlen (cases[i].stream) + 1; size++)
      {
        g_autofree char *events = read_in_pieces (cases[i].stream, size);

        g_assert_cmpstr (events, ==, cases[i].events);
      }
}

static void
assert_refused (const char *bytes, gsize length, const char *before)
{
  g_autoptr (GString) notes = g_string_new (NULL);
  g_autoptr (VmdDeviceEvents) events = vmd_device_events_new (note_event, notes);
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_device_events_feed (events, bytes, length, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_PROTOCOL);
  g_assert_cmpstr (notes->str, ==, before);
}

static void
test_nul (void)
{
  assert_refused ("data: a\n\ndata: b\0c\n\n", 19, "message/-/a|");
  assert_refused ("\0\n", 2, "");
  assert_refused (": a\0\n", 5, "");
}

/* The largest that is allowed, and one byte more. */
static void
test_long_line (void)
{
  g_autoptr (GString) notes = g_string_new (NULL);
  g_autoptr (VmdDeviceEvents) events = vmd_device_events_new (note_event, notes);
  g_autofree char *line = g_strnfill (VMD_DEVICE_EVENTS_MAX + 1, 'x');
  g_autoptr (GError) error = NULL;

  memcpy (line, "data: ", 6);
  g_assert_true (vmd_device_events_feed (events, line, VMD_DEVICE_EVENTS_MAX, &error));
  g_assert_true (vmd_device_events_feed (events, "\n\n", 2, &error));
  g_assert_cmpuint (notes->len, ==, strlen ("message/-/|") + VMD_DEVICE_EVENTS_MAX - 6);
  assert_refused (line, VMD_DEVICE_EVENTS_MAX + 1, "");
}

/* A line that never ends is refused when it is too long, not when memory is out. */
static void
test_endless_line (void)
{
  g_autoptr (GString) notes = g_string_new (NULL);
  g_autoptr (VmdDeviceEvents) events = vmd_device_events_new (note_event, notes);
  g_autoptr (GError) error = NULL;
  gsize fed = 0;

  while (vmd_device_events_feed (events, ":comment", 8, &error))
    {
      fed += 8;
      g_assert_cmpuint (fed, <=, VMD_DEVICE_EVENTS_MAX);
    }
  g_assert_error (error, VMD_ERROR, VMD_ERROR_PROTOCOL);
}

/* Many short lines make a large event too, empty ones as well. */
static void
test_endless_event (void)
{
  static const char *const lines[] = { "data\n", "data: 0123456789\n" };

  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_autoptr (GString) notes = g_string_new (NULL);
      g_autoptr (VmdDeviceEvents) events = vmd_device_events_new (note_event, notes);
      g_autoptr (GError) error = NULL;
      guint n_lines = 0;

      while (vmd_device_events_feed (events, lines[i], strlen (lines[i]), &error))
        g_assert_cmpuint (++n_lines, <=, VMD_DEVICE_EVENTS_MAX + 1);
      g_assert_error (error, VMD_ERROR, VMD_ERROR_PROTOCOL);
      g_assert_cmpstr (notes->str, ==, "");
    }
}

/* Whoever got an event may have had enough. */
static void
test_stop (void)
{
  static const char stream[] = "data: a\n\nevent: stop\ndata: b\n\ndata: c\n\n";
  g_autoptr (GString) notes = g_string_new (NULL);
  g_autoptr (VmdDeviceEvents) events = vmd_device_events_new (note_event, notes);
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_device_events_feed (events, stream, strlen (stream), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
  g_assert_cmpstr (notes->str, ==, "message/-/a|stop/-/b|");
}

static gboolean
count_event (const VmdDeviceEvent *event, gpointer data, GError **error)
{
  g_assert_cmpuint (event->length, ==, strlen (event->data));
  g_assert_cmpuint (event->length, <=, VMD_DEVICE_EVENTS_MAX);
  ++*(guint *) data;
  return TRUE;
}

/* Bytes that nobody meant, above all of those that mean something, cut anywhere: events are bounded
 * and whole all the same. */
static void
test_random (void)
{
  static const char *const words[] = { "data", "event", "id", ":", " ",    "\n",       "\r",
                                       "\r\n", "\n\n",  "x",  "",  "\xef", "\xbb\xbf", "\xff" };
  guint n_events = 0;

  for (guint round = 0; round < 2000; round++)
    {
      g_autoptr (VmdDeviceEvents) events = vmd_device_events_new (count_event, &n_events);

      for (guint i = 0; i < 200; i++)
        {
          const char *word = words[g_test_rand_int_range (0, (gint32) G_N_ELEMENTS (words))];

          g_assert_true (vmd_device_events_feed (events, word, strlen (word), NULL));
        }
    }
  g_assert_cmpuint (n_events, >, 1000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/device-events/grammar", test_grammar);
  g_test_add_func ("/device-events/nul", test_nul);
  g_test_add_func ("/device-events/long-line", test_long_line);
  g_test_add_func ("/device-events/endless-line", test_endless_line);
  g_test_add_func ("/device-events/endless-event", test_endless_event);
  g_test_add_func ("/device-events/stop", test_stop);
  g_test_add_func ("/device-events/random", test_random);
  return g_test_run ();
}
