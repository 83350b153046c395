/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The two ends of an import's socket, each against a hostile other one. */

#include "git-fixture.h"

#include "libvmd/base/vmd-poll-private.h"
#include "libvmd/source/vmd-source-protocol-private.h"
#include "vmd-error.h"
#include "vmd-source.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Long enough for a loaded machine; a test that gets there has failed. */
#define HANG 60000

typedef struct
{
  GitFixture git;
  int ours;
  int theirs;
} Pair;

static void
pair_set_up (Pair *self, gconstpointer data)
{
  int fds[2];

  git_fixture_set_up (&self->git, NULL);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  self->ours = fds[0];
  self->theirs = fds[1];
}

static void
pair_tear_down (Pair *self, gconstpointer data)
{
  vmd_clear_fd (&self->ours);
  vmd_clear_fd (&self->theirs);
  git_fixture_tear_down (&self->git, NULL);
}

static void
send_bytes (int fd, const void *bytes, gsize length)
{
  g_assert_cmpint (send (fd, bytes, length, MSG_NOSIGNAL), ==, (gssize) length);
}

/* A frame as its other side would see it, whatever it is. */
static void
send_frame (int fd, char type, const char *payload)
{
  guint32 size = htonl (strlen (payload));

  send_bytes (fd, &size, 4);
  send_bytes (fd, &type, 1);
  send_bytes (fd, payload, strlen (payload));
}

static void
test_round_trip (Pair *self, gconstpointer data)
{
  g_autoptr (GByteArray) payload = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  VmdFrameType type;

  g_assert_true (vmd_frame_write (self->ours, VMD_FRAME_DATA, "bytes", 5, NULL,
                                  vmd_deadline_in (HANG), &error));
  g_assert_true (
      vmd_frame_write (self->ours, VMD_FRAME_BYE, NULL, 0, NULL, vmd_deadline_in (HANG), &error));
  g_assert_true (
      vmd_frame_read (self->theirs, &type, payload, NULL, vmd_deadline_in (HANG), &error));
  g_assert_cmpint (type, ==, VMD_FRAME_DATA);
  g_assert_cmpmem (payload->data, payload->len, "bytes", 5);
  g_assert_true (
      vmd_frame_read (self->theirs, &type, payload, NULL, vmd_deadline_in (HANG), &error));
  g_assert_cmpint (type, ==, VMD_FRAME_BYE);
  g_assert_cmpuint (payload->len, ==, 0);
}

static void
assert_bad_frame (Pair *self, const char *bytes, gsize length)
{
  g_autoptr (GByteArray) payload = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  VmdFrameType type;

  send_bytes (self->theirs, bytes, length);
  shutdown (self->theirs, SHUT_WR);
  g_assert_false (
      vmd_frame_read (self->ours, &type, payload, NULL, vmd_deadline_in (HANG), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_PROTOCOL);
  /* What a frame announces is not allocated before it is found to be allowed. */
  g_assert_cmpuint (payload->len, <=, VMD_SOURCE_FRAME_MAX);
}

static void
test_bad_frames (Pair *self, gconstpointer data)
{
  static const struct
  {
    const char *bytes;
    gsize length;
  } frames[] = {
    { "", 0 }, /* hung up */
    { "\0\0\0", 3 }, /* cut in the header */
    { "\0\0\0\5Dabc", 8 }, /* cut in the payload */
    { "\0\x10\0\1D", 5 }, /* a byte too large */
    { "\xff\xff\xff\xff"
      "D",
      5 }, /* huge */
    { "\0\0\0\0Z", 5 }, /* of no known type */
    { "\0\0\0\0\0", 5 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (frames); i++)
    {
      int fds[2];
      Pair pair = { 0 };

      g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
      pair.ours = fds[0];
      pair.theirs = fds[1];
      assert_bad_frame (&pair, frames[i].bytes, frames[i].length);
      close (pair.ours);
      close (pair.theirs);
    }
}

static void
test_waits_end (Pair *self, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GByteArray) payload = g_byte_array_new ();
  g_autoptr (GByteArray) large = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  VmdFrameType type;

  g_assert_false (vmd_frame_read (self->ours, &type, payload, NULL, vmd_deadline_in (1), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
  g_clear_error (&error);

  /* Nobody reads: the socket fills up. */
  g_byte_array_set_size (large, VMD_SOURCE_FRAME_MAX);
  memset (large->data, 0, large->len);
  g_assert_false (vmd_frame_write (self->ours, VMD_FRAME_DATA, large->data, large->len, NULL,
                                   vmd_deadline_in (1), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
  g_clear_error (&error);

  g_cancellable_cancel (cancellable);
  g_assert_false (
      vmd_frame_read (self->ours, &type, payload, cancellable, vmd_deadline_in (HANG), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
  g_clear_error (&error);

  /* A reader that is gone: an error, and no SIGPIPE. */
  vmd_clear_fd (&self->theirs);
  g_assert_false (
      vmd_frame_write (self->ours, VMD_FRAME_BYE, NULL, 0, NULL, vmd_deadline_in (HANG), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_PROTOCOL);
}

/* The source answers HELLO with @answer. */
static void
assert_bad_hello (const char *answer, int code)
{
  g_autoptr (VmdSourceDescription) description = NULL;
  g_autoptr (GError) error = NULL;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  send_frame (fds[1], code == VMD_ERROR_PROTOCOL ? 'H' : 'X', answer);
  description = vmd_source_client_hello (fds[0], NULL, vmd_deadline_in (HANG), &error);
  g_assert_error (error, VMD_ERROR, code);
  g_assert_null (description);
  close (fds[0]);
  close (fds[1]);
}

static void
test_hostile_source (Pair *self, gconstpointer data)
{
  static const char *const answers[] = {
    "",
    "nothing",
    "[]",
    "null",
    "{",
    "{}",
    "{\"version\":2,\"repository\":\"r\",\"head\":\"\",\"files\":1,\"bytes\":1}",
    "{\"version\":1,\"repository\":1,\"head\":\"\",\"files\":1,\"bytes\":1}",
    "{\"version\":1,\"repository\":\"r\",\"head\":\"HEAD\",\"files\":1,\"bytes\":1}",
    "{\"version\":1,\"repository\":\"r\",\"head\":\"\",\"files\":-1,\"bytes\":1}",
    "{\"version\":1,\"repository\":\"r\",\"head\":\"\",\"files\":1.5,\"bytes\":1}",
    "{\"version\":1,\"repository\":\"a\\nb\",\"head\":\"\",\"files\":1,\"bytes\":1}",
    "{\"version\":1,\"repository\":\"\xff\",\"head\":\"\",\"files\":1,\"bytes\":1}",
    "{\"version\":1,\"repository\":\"r\",\"head\":\"\",\"branch\":[],\"files\":1,\"bytes\":1}",
    /* Good but for brackets that are hidden from whoever counts them. */
    "{'\"':[[[[[]]]]],\"version\":1,\"repository\":\"r\",\"head\":\"\",\"files\":1,\"bytes\":1}",
    ("{/*\"*/\"a\":[[[[[]]]]],\"version\":1,\"repository\":\"r\",\"head\":\"\",\"files\":1,"
     "\"bytes\":1}"),
  };
  g_autofree char *nested = g_strnfill (60000, '[');
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (answers); i++)
    assert_bad_hello (answers[i], VMD_ERROR_PROTOCOL);
  /* A parser that calls itself would run out of stack. */
  assert_bad_hello (nested, VMD_ERROR_PROTOCOL);
  for (guint i = 0; i < 10000; i++)
    g_string_append (text, "{\"\":");
  assert_bad_hello (text->str, VMD_ERROR_PROTOCOL);

  assert_bad_hello ("{\"code\":\"org.vmd.Vmd1.Error.NoSpace\",\"message\":\"m\"}",
                    VMD_ERROR_NO_SPACE);
  assert_bad_hello ("{\"code\":\"org.example.Other\",\"message\":\"m\"}", VMD_ERROR_FAILED);
}

/* The source answers STREAM with @frames, which are types and payloads; the last one is the bad
 * one. */
static void
assert_bad_stream (const char *const *frames, int code)
{
  g_autoptr (VmdSourceDescription) description = g_new0 (VmdSourceDescription, 1);
  g_autoptr (GByteArray) buffer = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  gboolean ended = FALSE;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  g_assert_true (
      vmd_source_client_begin_stream (fds[0], "full-copy", NULL, vmd_deadline_in (HANG), &error));
  for (guint i = 0; frames[i] != NULL; i += 2)
    send_frame (fds[1], frames[i][0], frames[i + 1]);
  shutdown (fds[1], SHUT_WR);
  while (vmd_source_client_next (fds[0], buffer, &ended, description, NULL, vmd_deadline_in (HANG),
                                 &error))
    g_assert_false (ended);
  g_assert_error (error, VMD_ERROR, code);
  close (fds[0]);
  close (fds[1]);
}

static void
test_hostile_stream (Pair *self, gconstpointer data)
{
  static const char *const cut[] = { "D", "data", NULL };
  static const char *const empty[] = { "D", "data", "D", "", NULL };
  static const char *const wrong[] = { "D", "data", "H", "{}", NULL };
  static const char *const bad_end[] = { "D", "data", "E", "{\"files\":1,\"bytes\":1}", NULL };
  static const char *const bad_manifest[] = { "E",
                                              "{\"files\":1,\"bytes\":1,\"manifest\":\"../x\"}",
                                              NULL };
  static const char *const failure[] = {
    "D", "data", "X",
    "{\"code\":\"org.vmd.Vmd1.Error.PermissionDenied\",\"message\":\"cannot read 'x'\"}", NULL
  };

  assert_bad_stream (cut, VMD_ERROR_PROTOCOL);
  assert_bad_stream (empty, VMD_ERROR_PROTOCOL);
  assert_bad_stream (wrong, VMD_ERROR_PROTOCOL);
  assert_bad_stream (bad_end, VMD_ERROR_PROTOCOL);
  assert_bad_stream (bad_manifest, VMD_ERROR_PROTOCOL);
  assert_bad_stream (failure, VMD_ERROR_PERMISSION_DENIED);
}

static VmdSource *
open_source (Pair *self)
{
  g_autoptr (GError) error = NULL;
  VmdSource *source = vmd_source_open (self->git.repository, FALSE, NULL, &error);

  g_assert_no_error (error);
  return source;
}

static void
keep_result_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

static gboolean
finish_serving (VmdSource *source, GAsyncResult **result, GError **error)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return vmd_source_serve_finish (source, *result, error);
}

/* What the library asks of a good source. */
static void
test_good_source (Pair *self, gconstpointer data)
{
  g_autoptr (VmdSourceDescription) description = NULL;
  g_autoptr (GByteArray) buffer = g_byte_array_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (VmdSource) source = NULL;
  g_autoptr (GError) error = NULL;
  gboolean ended = FALSE;
  gsize total = 0;

  git_write (&self->git, "file", "content");
  git_run (&self->git, "add", "-A", NULL);
  source = open_source (self);
  vmd_source_serve_async (source, vmd_steal_fd (&self->theirs), NULL, keep_result_cb, &result);

  description = vmd_source_client_hello (self->ours, NULL, vmd_deadline_in (HANG), &error);
  g_assert_no_error (error);
  g_assert_cmpstr (description->repository, ==, self->git.repository);
  g_assert_cmpstr (description->branch, ==, "main");
  g_assert_cmpuint (description->files, ==, 1);
  g_assert_cmpuint (description->bytes, ==, 7);
  g_assert_null (description->manifest);

  /* A stream is a question like another, and may be asked again. */
  for (guint i = 0; i < 2; i++)
    {
      g_assert_true (vmd_source_client_begin_stream (self->ours, "full-copy", NULL,
                                                     vmd_deadline_in (HANG), &error));
      for (ended = FALSE; !ended; total += buffer->len)
        g_assert_true (vmd_source_client_next (self->ours, buffer, &ended, description, NULL,
                                               vmd_deadline_in (HANG), &error));
      g_assert_cmpuint (strlen (description->manifest), ==, 64);
    }
  /* Twice: header, content, two blocks of zeros. */
  g_assert_cmpuint (total, ==, 2 * 4 * 512);

  vmd_source_client_bye (self->ours);
  g_assert_true (finish_serving (source, &result, &error));
  g_assert_no_error (error);
}

/* @type and @payload are asked of a good source, which reports @code and ends. */
static void
assert_bad_question (Pair *self, char type, const char *payload, int code)
{
  g_autoptr (GByteArray) answer = g_byte_array_new ();
  g_autoptr (VmdSource) source = open_source (self);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  VmdFrameType answer_type;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  send_frame (fds[0], type, payload);
  vmd_source_serve_async (source, fds[1], NULL, keep_result_cb, &result);
  g_assert_true (
      vmd_frame_read (fds[0], &answer_type, answer, NULL, vmd_deadline_in (HANG), &error));
  g_assert_cmpint (answer_type, ==, VMD_FRAME_ERROR);
  g_byte_array_append (answer, (const guint8 *) "", 1);
  g_assert_nonnull (strstr ((const char *) answer->data, vmd_error_get_bus_name (code)));
  g_assert_false (finish_serving (source, &result, &error));
  g_assert_error (error, VMD_ERROR, code);
  close (fds[0]);
}

static void
test_hostile_library (Pair *self, gconstpointer data)
{
  assert_bad_question (self, 'Q', "", VMD_ERROR_PROTOCOL);
  assert_bad_question (self, 'D', "data", VMD_ERROR_PROTOCOL);
  assert_bad_question (self, 'S', "", VMD_ERROR_PROTOCOL);
  assert_bad_question (self, 'S', "{\"mode\":7}", VMD_ERROR_PROTOCOL);
  assert_bad_question (self, 'S', "{\"mode\":\"shallow-overlay\"}", VMD_ERROR_UNSUPPORTED);
}

/* Hanging up between two questions is an end like another; a cancelled source ends while it
 * waits. */
static void
test_ends (Pair *self, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (VmdSource) source = open_source (self);
  g_autoptr (GAsyncResult) first = NULL;
  g_autoptr (GAsyncResult) second = NULL;
  g_autoptr (GError) error = NULL;
  int fds[2];

  vmd_source_serve_async (source, vmd_steal_fd (&self->theirs), NULL, keep_result_cb, &first);
  vmd_clear_fd (&self->ours);
  g_assert_true (finish_serving (source, &first, &error));
  g_assert_no_error (error);

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  vmd_source_serve_async (source, fds[1], cancellable, keep_result_cb, &second);
  g_cancellable_cancel (cancellable);
  g_assert_false (finish_serving (source, &second, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
  close (fds[0]);
}

static void
append_frame (GByteArray *bytes, char type, const char *payload)
{
  guint32 size = GUINT32_TO_BE ((guint32) strlen (payload));

  g_byte_array_append (bytes, (const guint8 *) &size, sizeof size);
  g_byte_array_append (bytes, (const guint8 *) &type, 1);
  g_byte_array_append (bytes, (const guint8 *) payload, (guint) strlen (payload));
}

/* What a good peer sends, with some bytes changed, or cut. */
static GByteArray *
make_noise (const GByteArray *good)
{
  GByteArray *noise = g_byte_array_new ();
  gint length = (gint) good->len;

  g_byte_array_append (noise, good->data, good->len);
  for (guint i = (guint) g_test_rand_int_range (0, 8); i > 0; i--)
    noise->data[g_test_rand_int_range (0, length)] = (guint8) g_test_rand_int_range (0, 256);
  if (g_test_rand_bit ())
    g_byte_array_set_size (noise, (guint) g_test_rand_int_range (0, length));
  return noise;
}

/* Gives @bytes to the library's end, and nothing after it. */
static gboolean
hear (const GByteArray *bytes, GError **error)
{
  g_autoptr (VmdSourceDescription) description = NULL;
  g_autoptr (GByteArray) piece = g_byte_array_new ();
  gboolean good, ended = FALSE;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  send_bytes (fds[1], bytes->data, bytes->len);
  shutdown (fds[1], SHUT_WR);
  description = vmd_source_client_hello (fds[0], NULL, vmd_deadline_in (HANG), error);
  for (good = description != NULL; good && !ended;)
    good = vmd_source_client_next (fds[0], piece, &ended, description, NULL, vmd_deadline_in (HANG),
                                   error);
  close (fds[0]);
  close (fds[1]);
  return good;
}

/* Whatever a source says, the library's end comes to an end of its own, and says why. */
static void
test_random_source (Pair *self, gconstpointer data)
{
  g_autoptr (GByteArray) good = g_byte_array_new ();
  g_autoptr (GError) no_error = NULL;

  append_frame (good, 'H',
                "{\"version\":1,\"repository\":\"/r\",\"head\":\"ab\",\"branch\":\"main\","
                "\"files\":1,\"bytes\":10}");
  append_frame (good, 'D', "bytes");
  append_frame (good, 'E',
                "{\"files\":1,\"bytes\":5,\"manifest\":"
                "\"0123456789012345678901234567890123456789012345678901234567890123\"}");
  g_assert_true (hear (good, &no_error));
  for (guint i = 0; i < (g_test_thorough () ? 100000 : 3000); i++)
    {
      g_autoptr (GByteArray) noise = make_noise (good);
      g_autoptr (GError) error = NULL;

      if (hear (noise, &error))
        continue;
      g_assert_nonnull (error);
      g_assert_true (error->domain == VMD_ERROR);
      g_assert_false (g_error_matches (error, VMD_ERROR, VMD_ERROR_TIMED_OUT));
    }
}

/* Asks @bytes of a source, and nothing after it. */
static gboolean
serve (VmdSource *source, const GByteArray *bytes, GError **error)
{
  gboolean good;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  send_bytes (fds[0], bytes->data, bytes->len);
  shutdown (fds[0], SHUT_WR);
  good = vmd_source_serve (source, fds[1], NULL, error);
  close (fds[0]);
  return good;
}

static void
test_random_library (Pair *self, gconstpointer data)
{
  g_autoptr (GByteArray) good = g_byte_array_new ();
  g_autoptr (VmdSource) source = NULL;
  g_autoptr (GError) no_error = NULL;

  git_write (&self->git, "file", "content");
  git_run (&self->git, "add", "-A", NULL);
  source = open_source (self);
  append_frame (good, 'H', "{\"version\":1}");
  append_frame (good, 'S', "{\"mode\":\"full-copy\"}");
  append_frame (good, 'B', "");
  g_assert_true (serve (source, good, &no_error));
  for (guint i = 0; i < (g_test_thorough () ? 100000 : 3000); i++)
    {
      g_autoptr (GByteArray) noise = make_noise (good);
      g_autoptr (GError) error = NULL;

      if (serve (source, noise, &error))
        continue;
      g_assert_nonnull (error);
      g_assert_true (error->domain == VMD_ERROR);
    }
}

static void
add (const char *name, void (*test) (Pair *, gconstpointer))
{
  g_test_add (name, Pair, NULL, pair_set_up, test, pair_tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("/protocol/round-trip", test_round_trip);
  add ("/protocol/bad-frames", test_bad_frames);
  add ("/protocol/waits-end", test_waits_end);
  add ("/protocol/hostile-source", test_hostile_source);
  add ("/protocol/hostile-stream", test_hostile_stream);
  add ("/protocol/good-source", test_good_source);
  add ("/protocol/hostile-library", test_hostile_library);
  add ("/protocol/ends", test_ends);
  add ("/protocol/random-source", test_random_source);
  add ("/protocol/random-library", test_random_library);
  return g_test_run ();
}
