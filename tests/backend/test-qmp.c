/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* The QMP client against servers that say what a test wants, in the pieces that it wants. */

#include "backend-fixture.h"

#include "backend/vmd-qmp-private.h"
#include "base/vmd-poll-private.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\n"
#define READY GREETING "{\"return\": {}, \"id\": 1}\n"

/* A server that has said all it will before it is asked: the client does not mind. @is_open: it
 * then stays, and is silent. */
static int
say (const char *text, gsize length, gboolean is_open, int *server)
{
  int pair[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), ==,
                   0);
  g_assert_cmpint (write (pair[1], text, length), ==, (gssize) length);
  *server = pair[1];
  if (!is_open)
    shutdown (pair[1], SHUT_WR);

  return pair[0];
}

static void
assert_open_fails (const char *text, gsize length, gboolean is_open, VmdError code)
{
  vmd_autofd int server = -1;
  g_autoptr (GError) error = NULL;
  int fd = say (text, length, is_open, &server);

  g_assert_null (
      vmd_qmp_open (fd, NULL, vmd_deadline_in (is_open ? 50 : HANG_MILLISECONDS), &error));
  g_assert_error (error, VMD_ERROR, (int) code);
}

static void
test_execute (void)
{
  static const char text[] =
      READY "{\"event\": \"RESUME\", \"timestamp\": {}}\n"
            "{\"return\": {}, \"id\": 1}\n"
            "{\"return\": {\"status\": \"running\"}, \"id\": 2}\r\n"
            "{\"id\": 3, \"error\": {\"class\": \"GenericError\", \"desc\": \"no such thing\"}}\n"
            "{\"return\": \"text\", \"id\": 4}\n";
  vmd_autofd int server = -1;
  gint64 deadline = vmd_deadline_in (HANG_MILLISECONDS);
  g_autoptr (JsonObject) arguments = json_object_new ();
  g_autoptr (JsonNode) status = NULL;
  g_autoptr (JsonNode) answer = NULL;
  g_autoptr (VmdQmp) qmp = NULL;
  g_autoptr (GError) error = NULL;
  char sent[512] = "";

  qmp = vmd_qmp_open (say (text, strlen (text), TRUE, &server), NULL, deadline, &error);
  g_assert_no_error (error);
  status = vmd_qmp_execute (qmp, "query-status", NULL, NULL, deadline, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (json_object_get_string_member (json_node_get_object (status), "status"), ==,
                   "running");
  json_object_set_string_member (arguments, "name", "a \"b\"\n");
  g_assert_null (vmd_qmp_execute (qmp, "refused", arguments, NULL, deadline, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_BACKEND);
  g_assert_nonnull (strstr (error->message, "no such thing"));
  g_clear_error (&error);
  /* A refusal is no reason to give up. */
  answer = vmd_qmp_execute (qmp, "another", NULL, NULL, deadline, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (json_node_get_string (answer), ==, "text");
  g_assert_cmpint (read (server, sent, sizeof sent - 1), >, 0);
  g_assert_cmpstr (
      sent, ==,
      "{\"execute\":\"qmp_capabilities\",\"id\":1}\n"
      "{\"execute\":\"query-status\",\"id\":2}\n"
      "{\"execute\":\"refused\",\"arguments\":{\"name\":\"a \\\"b\\\"\\n\"},\"id\":3}\n"
      "{\"execute\":\"another\",\"id\":4}\n");
}

/* QEMU has been seen to do that: an event that came between two clients. */
static void
test_event_before_greeting (void)
{
  static const char text[] = "{\"event\": \"RESUME\", \"timestamp\": {}}\n" READY;
  vmd_autofd int server = -1;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdQmp) qmp = vmd_qmp_open (say (text, strlen (text), TRUE, &server), NULL,
                                         vmd_deadline_in (HANG_MILLISECONDS), &error);

  g_assert_no_error (error);
  g_assert_nonnull (qmp);
}

static gpointer
dribble_thread (gpointer data)
{
  const int fd = GPOINTER_TO_INT (data);
  const char text[] = READY;

  for (gsize i = 0; i < sizeof text - 1; i++)
    {
      g_assert_cmpint (write (fd, text + i, 1), ==, 1);
      g_thread_yield ();
    }

  return NULL;
}

/* Byte by byte is as good. */
static void
test_split_lines (void)
{
  vmd_autofd int server = -1;
  int fd = say ("", 0, TRUE, &server);
  GThread *thread = g_thread_new ("dribble", dribble_thread, GINT_TO_POINTER (server));
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdQmp) qmp = vmd_qmp_open (fd, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error);

  g_assert_no_error (error);
  g_assert_nonnull (qmp);
  g_thread_join (thread);
}

static void
test_garbage (void)
{
  static const char *const texts[] = { "hello\n",
                                       "[]\n",
                                       "\n",
                                       "{}\n",
                                       "{\"QMP\"\n",
                                       "\xff\xfe\n",
                                       "null\n",
                                       GREETING "{\"id\": 1}\n",
                                       GREETING "{\"id\": 1, \"error\": 5}\n",
                                       GREETING "{\"id\": 1, \"error\": {\"desc\": {}}}\n",
                                       GREETING "{{{{\n" };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    assert_open_fails (texts[i], strlen (texts[i]), FALSE, VMD_ERROR_PROTOCOL);
  assert_open_fails ("{\"QMP\": {}\0}\n", 13, FALSE, VMD_ERROR_PROTOCOL);
}

/* A parser that calls itself for each bracket would overflow its stack. */
static void
test_too_deep (void)
{
  g_autofree char *text = g_strnfill (100000, '[');

  text[99999] = '\n';
  assert_open_fails (text, 100000, FALSE, VMD_ERROR_PROTOCOL);
}

/* Nor may brackets hide in what the parser takes for something else than we do: it knows comments,
 * and strings in single quotes. */
static void
test_hidden_depth (void)
{
  static const char *const beginnings[] = { "{'\"'", "{/*\"*/\"a\"", "{//\"\r\"a\"" };

  for (gsize i = 0; i < G_N_ELEMENTS (beginnings); i++)
    {
      g_autofree char *open = g_strnfill (60, '[');
      g_autofree char *close = g_strnfill (60, ']');
      g_autofree char *text =
          g_strdup_printf ("%s: %s%s, \"QMP\": {}}\n", beginnings[i], open, close);

      assert_open_fails (text, strlen (text), FALSE, VMD_ERROR_PROTOCOL);
    }
}

static gpointer
flood_thread (gpointer data)
{
  const int fd = GPOINTER_TO_INT (data);
  g_autofree char *text = g_strnfill (65536, 'x');

  while (vmd_write_all (fd, text, 65536, NULL, vmd_deadline_in (HANG_MILLISECONDS), NULL))
    ;

  return NULL;
}

static void
test_too_long (void)
{
  vmd_autofd int server = -1;
  int fd = say ("", 0, TRUE, &server);
  GThread *thread = g_thread_new ("flood", flood_thread, GINT_TO_POINTER (server));
  g_autoptr (GError) error = NULL;

  g_assert_null (vmd_qmp_open (fd, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_PROTOCOL);
  g_thread_join (thread);
}

static gpointer
events_thread (gpointer data)
{
  const int fd = GPOINTER_TO_INT (data);
  const char *event = "{\"event\": \"STOP\"}\n";
  gint64 deadline = vmd_deadline_in (HANG_MILLISECONDS);

  g_assert_true (vmd_write_all (fd, GREETING, strlen (GREETING), NULL, deadline, NULL));
  while (vmd_write_all (fd, event, strlen (event), NULL, deadline, NULL))
    ;

  return NULL;
}

static void
test_endless_events (void)
{
  vmd_autofd int server = -1;
  int fd = say ("", 0, TRUE, &server);
  GThread *thread = g_thread_new ("events", events_thread, GINT_TO_POINTER (server));
  g_autoptr (GError) error = NULL;

  g_assert_null (vmd_qmp_open (fd, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_PROTOCOL);
  g_thread_join (thread);
}

static void
test_silence (void)
{
  assert_open_fails ("", 0, TRUE, VMD_ERROR_TIMED_OUT);
  assert_open_fails (GREETING, strlen (GREETING), TRUE, VMD_ERROR_TIMED_OUT);
  assert_open_fails ("{\"QMP", 5, TRUE, VMD_ERROR_TIMED_OUT);
  /* Hanging up is another thing. */
  assert_open_fails ("", 0, FALSE, VMD_ERROR_BACKEND);
  assert_open_fails (GREETING, strlen (GREETING), FALSE, VMD_ERROR_BACKEND);
}

static void
test_cancelled (void)
{
  vmd_autofd int server = -1;
  int fd = say (GREETING, strlen (GREETING), TRUE, &server);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_null (vmd_qmp_open (fd, cancellable, VMD_NO_DEADLINE, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
}

/* After a deadline nobody knows whose answer comes next. */
static void
test_given_up (void)
{
  vmd_autofd int server = -1;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdQmp) qmp = vmd_qmp_open (say (READY, strlen (READY), TRUE, &server), NULL,
                                         vmd_deadline_in (HANG_MILLISECONDS), &error);

  g_assert_no_error (error);
  g_assert_null (vmd_qmp_execute (qmp, "stop", NULL, NULL, vmd_deadline_in (20), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_null (vmd_qmp_execute (qmp, "cont", NULL, NULL, vmd_deadline_in (20), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_PROTOCOL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/qmp/execute", test_execute);
  g_test_add_func ("/qmp/event-before-greeting", test_event_before_greeting);
  g_test_add_func ("/qmp/split-lines", test_split_lines);
  g_test_add_func ("/qmp/garbage", test_garbage);
  g_test_add_func ("/qmp/too-deep", test_too_deep);
  g_test_add_func ("/qmp/hidden-depth", test_hidden_depth);
  g_test_add_func ("/qmp/too-long", test_too_long);
  g_test_add_func ("/qmp/endless-events", test_endless_events);
  g_test_add_func ("/qmp/silence", test_silence);
  g_test_add_func ("/qmp/cancelled", test_cancelled);
  g_test_add_func ("/qmp/given-up", test_given_up);

  return g_test_run ();
}
