/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* The readers of vmd-guest's client of the configuration channel, and the files that it makes:
 * built from its sources, with this build's sanitizers. */

#include "config-files.h"
#include "config-retry.h"
#include "config-snapshot.h"
#include "http.h"
#include "json.h"
#include "sse.h"
#include "utf8.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

static void
test_utf8 (void)
{
  static const struct
  {
    const char *text;
    gsize valid;
  } cases[] = {
    { "", 0 },
    { "abc", 3 },
    { "\xc3\xbc", 2 },
    { "\xe2\x82\xac", 3 },
    { "\xf0\x9f\x98\x80", 4 },
    { "\xf4\x8f\xbf\xbf", 4 },
    { "a\xc3", 1 },
    { "\xc3\xbc\xe2\x82", 2 },
    { "\x80", 0 },
    { "\xc0\x80", 0 },
    { "\xe0\x9f\xbf", 0 },
    { "\xed\xa0\x80", 0 },
    { "\xf0\x8f\xbf\xbf", 0 },
    { "\xf4\x90\x80\x80", 0 },
    { "\xf5\xff", 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpuint (utf8_valid_length (cases[i].text, strlen (cases[i].text)), ==,
                      cases[i].valid);
}

/* It says what GLib says of whatever bytes. */
static void
test_utf8_random (void)
{
  for (guint i = 0; i < 100000; i++)
    {
      char bytes[6];
      const char *end;
      gsize length = (gsize) g_test_rand_int_range (0, 7);

      for (gsize j = 0; j < length; j++)
        bytes[j] = (char) g_test_rand_int_range (1, 256);
      g_utf8_validate_len (bytes, length, &end);
      g_assert_cmpuint (utf8_valid_length (bytes, length), ==, (gsize) (end - bytes));
    }
}

static void
test_snapshot (void)
{
  static const char text[] =
      " {\"new\":[{\"a\":null}],\"version\":18446744073709551615,\"values\":{\"s\":\"a\\u00fc\\n\\"
      "ud83d\\ude00\\/\",\"n\" : -0.10e+1 ,\"l\": [1, \"x\"],\"z\":\"\\u0000\",\"A_.-9\":true}} ";
  static const char *const contents[] = { "a\xc3\xbc\n\xf0\x9f\x98\x80/", "-0.10e+1", "[1, \"x\"]",
                                          "\0", "true" };
  static const gsize lengths[] = { 9, 8, 8, 1, 4 };
  static const char *const keys[] = { "s", "n", "l", "z", "A_.-9" };
  struct config_snapshot *snapshot = config_snapshot_parse (text, strlen (text));

  g_assert_nonnull (snapshot);
  g_assert_cmpuint (snapshot->version, ==, G_MAXUINT64);
  g_assert_cmpmem (snapshot->payload, snapshot->payload_length, text, strlen (text));
  g_assert_cmpuint (snapshot->n_entries, ==, G_N_ELEMENTS (keys));
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_assert_cmpstr (snapshot->entries[i].key, ==, keys[i]);
      g_assert_cmpmem (snapshot->entries[i].content, snapshot->entries[i].length, contents[i],
                       lengths[i]);
    }
  config_snapshot_free (snapshot);
}

static void
test_snapshots_that_are_none (void)
{
  static const char *const cases[] = {
    "",
    "{}",
    "[]",
    "{\"version\":1}",
    "{\"values\":{}}",
    "{\"version\":0,\"values\":{}}",
    "{\"version\":01,\"values\":{}}",
    "{\"version\":-1,\"values\":{}}",
    "{\"version\":1.0,\"values\":{}}",
    "{\"version\":1e0,\"values\":{}}",
    "{\"version\":\"1\",\"values\":{}}",
    "{\"version\":18446744073709551616,\"values\":{}}",
    "{\"version\":1,\"version\":1,\"values\":{}}",
    "{\"version\":1,\"values\":{},\"values\":{}}",
    "{\"version\":1,\"values\":[]}",
    "{\"version\":1,\"values\":{}}x",
    "{\"version\":1,\"values\":{},}",
    "{\"version\":1,\"values\":{\"a\"}}",
    "{\"version\":1,\"values\":{\"a\":}}",
    "{\"version\":1,\"values\":{\"a\":1,}}",
    "{\"version\":1,\"values\":{\"a\":1,\"a\":2}}",
    "{\"version\":1,\"values\":{\"\":1}}",
    "{\"version\":1,\"values\":{\"a/b\":1}}",
    "{\"version\":1,\"values\":{\"..\":1}}",
    "{\"version\":1,\"values\":{\".a\":1}}",
    "{\"version\":1,\"values\":{\"-a\":1}}",
    "{\"version\":1,\"values\":{\"a\\u0000\":1}}",
    "{\"version\":1,\"values\":{\"\xc3\xbc\":1}}",
    "{\"version\":1,\"values\":{\"a\":\"\xff\"}}",
    "{\"version\":1,\"values\":{\"a\":\"\n\"}}",
    "{\"version\":1,\"values\":{\"a\":\"\\x\"}}",
    "{\"version\":1,\"values\":{\"a\":\"\\u12g4\"}}",
    "{\"version\":1,\"values\":{\"a\":\"\\ud83d\"}}",
    "{\"version\":1,\"values\":{\"a\":\"\\ud83dx\\ude00\"}}",
    "{\"version\":1,\"values\":{\"a\":\"\\ude00\"}}",
    "{\"version\":1,\"values\":{\"a\":1.}}",
    "{\"version\":1,\"values\":{\"a\":+1}}",
    "{\"version\":1,\"values\":{\"a\":00}}",
    "{\"version\":1,\"values\":{\"a\":1e}}",
    "{\"version\":1,\"values\":{\"a\":nul}}",
    "{\"version\":1,\"values\":{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}}",
    ("{\"version\":1,\"values\":{"
     "\"a1234567890123456789012345678901234567890123456789012345678901234"
     "\":1}}"),
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      errno = 0;
      g_assert_null (config_snapshot_parse (cases[i], strlen (cases[i])));
      g_assert_cmpint (errno, ==, EBADMSG);
    }
}

/* What is good in all of its bytes is good in none of its parts. */
static void
test_snapshot_cut (void)
{
  static const char text[] = "{\"version\":1,\"values\":{\"a\":\"\\ud83d\\ude00\",\"b\":[1,{}]}}";

  for (gsize length = 1; length < strlen (text); length++)
    {
      g_autofree char *part = g_memdup2 (text, length);

      g_assert_null (config_snapshot_parse (part, length));
    }
}

/* A good one in which some bytes were replaced: whatever comes out is within bounds. */
static void
test_snapshot_random (void)
{
  static const char text[] =
      "{\"version\":1,\"values\":{\"a\":\"\\ud83d\\ude00\",\"b\":[1,{\"c\":null}],\"d\":-1.5e9}}";
  static const char bytes[] = "\"\\{}[],:u0d8e.-\xff\x80\xf0 \n";

  for (guint i = 0; i < 200000; i++)
    {
      g_autofree char *changed = g_memdup2 (text, strlen (text));
      struct config_snapshot *snapshot;
      int n = g_test_rand_int_range (1, 6);

      for (int j = 0; j < n; j++)
        changed[g_test_rand_int_range (0, strlen (text))] =
            bytes[g_test_rand_int_range (0, sizeof bytes)];
      snapshot = config_snapshot_parse (changed, strlen (text));
      for (gsize j = 0; snapshot != NULL && j < snapshot->n_entries; j++)
        {
          g_assert_cmpuint (strlen (snapshot->entries[j].key), <=, CONFIG_SNAPSHOT_MAX_KEY);
          g_free (g_memdup2 (snapshot->entries[j].content, snapshot->entries[j].length));
        }
      config_snapshot_free (snapshot);
    }
}

/* What came out, one event after the other: "name/data|". */
static bool
note_event (const char *event, const char *data, size_t length, void *user)
{
  g_assert_cmpuint (length, ==, strlen (data));
  g_string_append_printf (user, "%s/%s|", event, data);
  return !g_str_equal (event, "stop");
}

static void
test_events (void)
{
  static const struct
  {
    const char *stream;
    const char *events;
  } cases[] = {
    { "", "" },
    { "event: snapshot\nid: 7\ndata: {}\n\n", "snapshot/{}|" },
    { "event: snapshot\r\nid: 7\r\ndata: {}\r\n\r\n", "snapshot/{}|" },
    { "event: snapshot\rid: 7\rdata: {}\r\r", "snapshot/{}|" },
    { "data: a\n\rdata: b\n\r", "/a|/b|" },
    { ": heartbeat\n\n", "" },
    { ":\n:\n\n\n\ndata: a\n\n", "/a|" },
    { "data:a\n\ndata: a\n\ndata:  a\n\n", "/a|/a|/ a|" },
    { "data: a\ndata: b\n\n", "/a\nb|" },
    { "data\n\n", "/|" },
    { "data\ndata\n\n", "/\n|" },
    { "data: a: b\n\n", "/a: b|" },
    { "event: x\ndata: a\n\ndata: b\n\n", "x/a|/b|" },
    { "event: x\n\ndata: b\n\n", "/b|" },
    { "event: x\nevent: y\ndata: b\n\n", "y/b|" },
    { "event: a23456789012345678901234567890123\ndata: b\n\n", "/b|" },
    { "retry: 1\nfuture: 2\nDATA: c\ndata: a\n\n", "/a|" },
    { " data: a\n\n", "" },
    { "\xef\xbb\xbf"
      "data: a\n\n\xef\xbb\xbf"
      "data: b\n\n",
      "/a|" },
    { "data: a\n", "" },
    { "data: a\n\ndata: b\n", "/a|" },
    { "data: a", "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    for (gsize size = 1; size <= strlen (cases[i].stream) + 1; size++)
      {
        g_autoptr (GString) notes = g_string_new (NULL);
        const char *text = cases[i].stream;
        gsize length = strlen (text);
        struct sse sse;

        sse_begin (&sse);
        for (gsize at = 0; at < length; at += size)
          g_assert_true (sse_feed (&sse, text + at, MIN (size, length - at), note_event, notes));
        g_assert_cmpstr (notes->str, ==, cases[i].events);
        sse_end (&sse);
      }
}

/* @text is not read to its end. */
static void
assert_no_events (const char *text, gsize length, gboolean has_problem, const char *events)
{
  g_autoptr (GString) notes = g_string_new (NULL);
  struct sse sse;

  sse_begin (&sse);
  g_assert_false (sse_feed (&sse, text, length, note_event, notes));
  g_assert_cmpint (sse.problem != NULL, ==, has_problem);
  g_assert_cmpstr (notes->str, ==, events);
  sse_end (&sse);
}

static void
test_events_that_end (void)
{
  g_autofree char *line = g_strnfill (SSE_MAX + 1, 'x');
  g_autoptr (GString) lines = g_string_new (NULL);

  assert_no_events ("data: a\n\ndata: b\0c\n\n", 19, TRUE, "/a|");
  assert_no_events ("event: stop\ndata: a\n\ndata: b\n\n", 29, FALSE, "stop/a|");
  assert_no_events (line, SSE_MAX + 1, TRUE, "");
  for (guint i = 0; i < SSE_MAX / 64 + 1; i++)
    g_string_append_printf (lines, "data: %.64s\n", line);
  assert_no_events (lines->str, lines->len, TRUE, "");
}

static bool
note_body (const char *bytes, size_t length, void *user)
{
  g_string_append_len (user, bytes, (gssize) length);
  return true;
}

/* "status type retry body state", where the answer is good; else "-". (transfer full) */
static char *
read_answer (const char *text, gsize length, gsize size)
{
  g_autofree struct http_answer *answer = g_new (struct http_answer, 1);
  g_autoptr (GString) body = g_string_new (NULL);

  http_answer_begin (answer);
  for (gsize at = 0; at < length; at += size)
    {
      /* A copy, so that reading beyond it is seen. */
      g_autofree char *piece = g_memdup2 (text + at, MIN (size, length - at));

      if (!http_answer_feed (answer, piece, MIN (size, length - at), note_body, body))
        {
          g_assert_nonnull (answer->problem);
          return g_strdup ("-");
        }
    }

  return g_strdup_printf ("%u %d %" G_GINT64_FORMAT " %s %s", answer->status,
                          answer->is_event_stream, answer->retry_after, body->str,
                          http_answer_end (answer) ? "done" : "cut");
}

#define OK "HTTP/1.1 200 OK\r\n"

static void
test_answers (void)
{
  static const struct
  {
    const char *text;
    const char *result;
  } cases[] = {
    { OK "Content-Type: text/event-stream\r\n\r\nabc", "200 1 -1 abc done" },
    { OK "content-type:TEXT/event-stream;charset=utf-8 \r\n\r\n", "200 1 -1  done" },
    { OK "Content-Type: text/event-streams\r\n\r\n", "200 0 -1  done" },
    { "HTTP/1.1 204 \r\n\r\n", "204 0 -1  done" },
    { "HTTP/1.1 204\r\nContent-Length: 5\r\n\r\n", "204 0 -1  done" },
    { "HTTP/1.0 409 No\r\nRetry-After: 40\r\nContent-Length: 3\r\n\r\nabcdef",
      "409 0 40 abc done" },
    { "HTTP/1.1 503 No\r\nRetry-After: Fri, 31 Dec 1999\r\nContent-Length: 0\r\n\r\n",
      "503 0 -1  done" },
    { OK "Content-Length: 3\r\nContent-Length: 3\r\n\r\nab", "200 0 -1 ab cut" },
    { OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
      "200 0 -1 abc0123456789 done" },
    { OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", "200 0 -1 abc cut" },
    { "HTTP/1.1 100 Continue\r\nRetry-After: 1\r\n\r\n" OK "\r\nx", "200 0 -1 x done" },
    { OK, "200 0 -1  cut" },
    { "", "0 0 -1  cut" },
    { OK "\n", "-" },
    { OK "\r\r\n", "-" },
    { "HTTP/1.1 200 OK\n\r\n", "-" },
    { "HTTP/2 200\r\n\r\n", "-" },
    { "HTTP/1.1 2000\r\n\r\n", "-" },
    { "HTTP/1.1 600 \r\n\r\n", "-" },
    { "HTTP/1.1 20\r\n\r\n", "-" },
    { "HTTP/1.1\r\n\r\n", "-" },
    { "\r\n", "-" },
    { OK "no header\r\n\r\n", "-" },
    { OK ": x\r\n\r\n", "-" },
    { OK "a : x\r\n\r\n", "-" },
    { OK "a: x\r\n folded\r\n\r\n", "-" },
    { OK "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", "-" },
    { OK "Content-Length: -1\r\n\r\n", "-" },
    { OK "Content-Length: 0x1\r\n\r\n", "-" },
    { OK "Content-Length:\r\n\r\n", "-" },
    { OK "Content-Length: 9223372036854775808\r\n\r\n", "-" },
    { OK "Transfer-Encoding: gzip, chunked\r\n\r\n", "-" },
    { OK "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", "-" },
    { OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "-" },
    { OK "Transfer-Encoding: chunked\r\n\r\n\r\n", "-" },
    { OK "Transfer-Encoding: chunked\r\n\r\nx\r\n", "-" },
    { OK "Transfer-Encoding: chunked\r\n\r\n\x10\r\n", "-" },
    { OK "Transfer-Encoding: chunked\r\n\r\n123456789\r\n", "-" },
    { OK "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", "-" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    for (gsize size = 1; size <= strlen (cases[i].text) + 1; size++)
      {
        g_autofree char *result = read_answer (cases[i].text, strlen (cases[i].text), size);

        g_assert_cmpstr (result, ==, cases[i].result);
      }
}

static void
test_long_answers (void)
{
  g_autoptr (GString) line = g_string_new (OK "a: ");
  g_autoptr (GString) lines = g_string_new (OK);
  g_autoptr (GString) heads = g_string_new (NULL);
  g_autofree char *nul = read_answer (OK "a: \0\r\n\r\n", strlen (OK) + 8, 100);
  const GString *texts[] = { line, lines, heads };

  while (line->len < strlen (OK) + HTTP_MAX_LINE)
    g_string_append_c (line, 'x');
  g_string_append (line, "\r\n\r\n");
  while (lines->len < HTTP_MAX_HEAD)
    g_string_append (lines, "a: x\r\n");
  g_string_append (lines, "\r\n");
  while (heads->len < HTTP_MAX_HEAD)
    g_string_append (heads, "HTTP/1.1 102 Wait\r\n\r\n");
  g_assert_cmpstr (nul, ==, "-");
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autofree char *result = read_answer (texts[i]->str, texts[i]->len, 1000);

      g_assert_cmpstr (result, ==, "-");
    }
}

static void
test_answer_random (void)
{
  static const char text[] =
      OK "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
         "3\r\nabc\r\n0010\r\n0123456789abcdef\r\n0\r\n\r\n";
  static const char bytes[] = "\r\n\r\n: ;0fFx\xff";

  for (guint i = 0; i < 100000; i++)
    {
      g_autofree char *changed = g_strdup (text);
      g_autofree char *result = NULL;
      int n = g_test_rand_int_range (1, 6);

      for (int j = 0; j < n; j++)
        changed[g_test_rand_int_range (0, strlen (text))] =
            bytes[g_test_rand_int_range (0, sizeof bytes)];
      result = read_answer (changed, strlen (text), (gsize) g_test_rand_int_range (1, 64));
      g_assert_nonnull (result);
    }
}

static void
test_tokens (void)
{
  g_assert_true (http_is_token ("0123456789abcdef.0123456789abcdef"));
  g_assert_true (http_is_token ("-._~+/="));
  g_assert_false (http_is_token (""));
  g_assert_false (http_is_token ("a b"));
  g_assert_false (http_is_token ("a\r\nb: c"));
  g_assert_false (http_is_token ("\xc3\xbc"));
}

static void
assert_between (gint64 number, gint64 least, gint64 most)
{
  g_assert_cmpint (number, >=, least);
  g_assert_cmpint (number, <=, most);
}

static void
test_retry (void)
{
  static const guint32 chances[] = { 0, 1, 0x80000000, G_MAXUINT32 };

  for (guint i = 0; i < G_N_ELEMENTS (chances); i++)
    {
      guint32 chance = chances[i];

      for (guint n = 0; n < 100; n++)
        {
          gint64 most = n < 6 ? 1000 << n : 60000;

          assert_between (config_retry_after_failures (n, chance), most / 2, most);
        }
      assert_between (config_retry_after_failures (G_MAXUINT, chance), 30000, 60000);
      assert_between (config_retry_when_superseded (chance), 300000, 360000);
      assert_between (config_retry_when_answered (0, -1, 0, chance), 500, 1000);
      assert_between (config_retry_when_answered (500, 40, 0, chance), 500, 1000);
      assert_between (config_retry_when_answered (401, -1, 0, chance), 30000, 60000);
      assert_between (config_retry_when_answered (408, -1, 1, chance), 1000, 2000);
      assert_between (config_retry_when_answered (409, 40, 0, chance), 40000, 50000);
      assert_between (config_retry_when_answered (429, 0, 3, chance), 4000, 8000);
      assert_between (config_retry_when_answered (503, G_MAXINT64, 0, chance), 3600000, 4500000);
    }
  g_assert_cmpint (config_retry_after_failures (3, 0), ==, 4000);
  g_assert_cmpint (config_retry_after_failures (3, G_MAXUINT32), ==, 7999);
}

static struct config_snapshot *
parse (const char *json)
{
  struct config_snapshot *snapshot = config_snapshot_parse (json, strlen (json));

  g_assert_nonnull (snapshot);
  return snapshot;
}

static void
assert_content (const char *directory, const char *name, const char *content)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  g_autofree char *found = NULL;
  gsize length;

  if (content == NULL)
    {
      g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
      return;
    }
  g_assert_true (g_file_get_contents (path, &found, &length, NULL));
  g_assert_cmpstr (found, ==, content);
  g_assert_cmpuint (length, ==, strlen (content));
}

static void
test_files (void)
{
  g_autofree char *top = g_dir_make_tmp ("vmd-config-XXXXXX", NULL);
  g_autofree char *directory = g_build_filename (top, "config", NULL);
  g_autofree char *output = g_build_filename (top, "config.json", NULL);
  struct config_snapshot *first = parse ("{\"version\":1,\"values\":{\"a\":\"x\",\"b\":\"\"}}");
  struct config_snapshot *second = parse ("{\"version\":2,\"values\":{\"a\":[true]}}");
  struct config_snapshot *empty = parse ("{\"version\":3,\"values\":{}}");

  g_assert_true (config_files_write_directory (directory, first));
  assert_content (directory, "a", "x");
  assert_content (directory, "b", "");
  g_assert_true (config_files_write_output (output, first));
  assert_content (top, "config.json", "{\"version\":1,\"values\":{\"a\":\"x\",\"b\":\"\"}}\n");
  g_assert_true (config_files_write_directory (directory, second));
  assert_content (directory, "a", "[true]");
  assert_content (directory, "b", NULL);
  assert_content (top, ".config.next", NULL);
  g_assert_true (config_files_write_output (output, second));
  assert_content (top, ".config.json.next", NULL);
  g_assert_true (config_files_write_directory (directory, empty));
  g_assert_cmpint (g_rmdir (directory), ==, 0);

  config_snapshot_free (first);
  config_snapshot_free (second);
  config_snapshot_free (empty);
  g_assert_cmpint (g_unlink (output), ==, 0);
  g_assert_cmpint (g_rmdir (top), ==, 0);
}

/* What cannot be replaced stays, and is told of. */
static void
test_files_in_the_way (void)
{
  g_autofree char *top = g_dir_make_tmp ("vmd-config-XXXXXX", NULL);
  g_autofree char *output = g_build_filename (top, "config.json", NULL);
  g_autofree char *fresh = g_build_filename (top, ".config.next", NULL);
  g_autofree char *inner = g_build_filename (fresh, "inner", NULL);
  g_autofree char *directory = g_build_filename (top, "config", NULL);
  g_autofree char *half = g_build_filename (top, ".config.json.next", NULL);
  g_autofree char *nowhere = g_build_filename (top, "nowhere", "config", NULL);
  struct config_snapshot *snapshot = parse ("{\"version\":1,\"values\":{\"a\":1}}");

  g_assert_cmpint (g_mkdir (output, 0700), ==, 0);
  g_assert_false (config_files_write_output (output, snapshot));
  g_assert_cmpint (errno, ==, EISDIR);
  g_assert_false (config_files_write_directory (nowhere, snapshot));
  g_assert_cmpint (errno, ==, ENOENT);
  g_assert_cmpint (g_mkdir_with_parents (inner, 0700), ==, 0);
  g_assert_false (config_files_write_directory (directory, snapshot));
  g_assert_true (g_file_test (inner, G_FILE_TEST_IS_DIR));
  g_assert_false (g_file_test (directory, G_FILE_TEST_EXISTS));

  config_snapshot_free (snapshot);
  g_assert_cmpint (g_rmdir (inner) | g_rmdir (fresh) | g_rmdir (output), ==, 0);
  g_assert_cmpint (g_unlink (half), ==, 0);
  g_assert_cmpint (g_rmdir (top), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/guest-config/utf8", test_utf8);
  g_test_add_func ("/guest-config/utf8/random", test_utf8_random);
  g_test_add_func ("/guest-config/snapshot", test_snapshot);
  g_test_add_func ("/guest-config/snapshot/none", test_snapshots_that_are_none);
  g_test_add_func ("/guest-config/snapshot/cut", test_snapshot_cut);
  g_test_add_func ("/guest-config/snapshot/random", test_snapshot_random);
  g_test_add_func ("/guest-config/events", test_events);
  g_test_add_func ("/guest-config/events/end", test_events_that_end);
  g_test_add_func ("/guest-config/answers", test_answers);
  g_test_add_func ("/guest-config/answers/long", test_long_answers);
  g_test_add_func ("/guest-config/answers/random", test_answer_random);
  g_test_add_func ("/guest-config/tokens", test_tokens);
  g_test_add_func ("/guest-config/retry", test_retry);
  g_test_add_func ("/guest-config/files", test_files);
  g_test_add_func ("/guest-config/files/in-the-way", test_files_in_the_way);
  return g_test_run ();
}
