/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* What vmd-guest standby is sent, whole and in pieces, well made and not; and the program itself,
 * as a guest's server starts it. */

#include "libvmd/base/vmd-program-private.h"

#include "standby-environment.h"
#include "standby-request.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define FUZZ_ROUNDS 100000

/* The body of a request: strings with their zero bytes. */
static GByteArray *
make_body (const char *directory, const char *line, const char *const *environment,
           const char *const *arguments)
{
  GByteArray *body = g_byte_array_new ();
#define APPEND(string) g_byte_array_append (body, (const guint8 *) (string), strlen (string) + 1)

  APPEND (directory);
  APPEND (line);
  for (gsize i = 0; environment[i] != NULL; i++)
    APPEND (environment[i]);
  APPEND ("");
  for (gsize i = 0; arguments[i] != NULL; i++)
    APPEND (arguments[i]);
#undef APPEND
  return body;
}

static GByteArray *
make_request (GByteArray *body)
{
  guint32 length = GUINT32_TO_BE (body->len);

  return g_byte_array_prepend (body, (const guint8 *) &length, sizeof length);
}

static GByteArray *
make_sample (void)
{
  return make_body ("/work", "cd /work && exec a ''", (const char *const[]){ "A=1", "B=", NULL },
                    (const char *const[]){ "a", "", "c d", NULL });
}

static gboolean
parse (struct standby_request *request, const guint8 *bytes, gsize length)
{
  /* As large as it is, so that a look beyond its end is seen. */
  char *copy = malloc (length);

  memcpy (copy, bytes, length);
  return standby_request_parse (request, copy, length);
}

static void
test_request (void)
{
  g_autoptr (GByteArray) body = make_sample ();
  struct standby_request request;

  g_assert_true (parse (&request, body->data, body->len));
  g_assert_cmpstr (request.directory, ==, "/work");
  g_assert_cmpstr (request.line, ==, "cd /work && exec a ''");
  g_assert_cmpuint (request.n_environment, ==, 2);
  g_assert_cmpstrv (request.environment, ((const char *const[]){ "A=1", "B=", NULL }));
  g_assert_cmpstrv (request.arguments, ((const char *const[]){ "a", "", "c d", NULL }));
  standby_request_clear (&request);
}

static void
test_request_least (void)
{
  g_autoptr (GByteArray) body =
      make_body ("", "", (const char *const[]){ NULL }, (const char *const[]){ "", NULL });
  struct standby_request request;

  g_assert_true (parse (&request, body->data, body->len));
  g_assert_null (request.directory);
  g_assert_cmpuint (request.n_environment, ==, 0);
  g_assert_cmpstrv (request.environment, ((const char *const[]){ NULL }));
  g_assert_cmpstrv (request.arguments, ((const char *const[]){ "", NULL }));
  standby_request_clear (&request);
}

/* Cut anywhere, it is refused, unless what is left is a whole request with fewer arguments. */
static void
test_request_cut (void)
{
  g_autoptr (GByteArray) body = make_sample ();
  guint n_good = 0;

  for (gsize length = 1; length < body->len; length++)
    {
      struct standby_request request;

      if (!parse (&request, body->data, length))
        continue;
      g_assert_cmpint (body->data[length - 1], ==, 0);
      n_good++;
      standby_request_clear (&request);
    }
  g_assert_cmpuint (n_good, ==, 2);
}

/* What is accepted is whole: every string ends within the bytes, and both lists have their end. */
static void
check_whole (const struct standby_request *request, gsize length)
{
  gsize total = (request->directory != NULL ? strlen (request->directory) : 0) + 1;

  total += strlen (request->line) + 1;
  g_assert_cmpuint (g_strv_length (request->environment), ==, request->n_environment);
  for (gsize i = 0; request->environment[i] != NULL; i++)
    total += strlen (request->environment[i]) + 1;
  total++;
  g_assert_nonnull (request->arguments[0]);
  for (gsize i = 0; request->arguments[i] != NULL; i++)
    total += strlen (request->arguments[i]) + 1;
  g_assert_cmpuint (total, ==, length);
}

static void
test_request_fuzz (void)
{
  guint n_good = 0;

  for (guint round = 0; round < FUZZ_ROUNDS; round++)
    {
      g_autoptr (GByteArray) body = make_sample ();
      struct standby_request request;

      for (gint n = g_test_rand_int_range (1, 6); n > 0; n--)
        body->data[g_test_rand_int_range (0, body->len)] =
            g_test_rand_int_range (0, 3) == 0 ? 0 : g_test_rand_int_range (0, 256);
      g_byte_array_set_size (body, g_test_rand_int_range (1, body->len + 1));
      if (!parse (&request, body->data, body->len))
        continue;
      check_whole (&request, body->len);
      standby_request_clear (&request);
      n_good++;
    }
  g_assert_cmpuint (n_good, >, 0);
  g_assert_cmpuint (n_good, <, FUZZ_ROUNDS);
}

typedef struct
{
  int fd;
  GByteArray *bytes;
  gsize piece;
} Feed;

static gpointer
feed_thread (gpointer data)
{
  Feed *feed = data;

  for (gsize done = 0; done < feed->bytes->len; done += feed->piece)
    g_assert_cmpint (
        write (feed->fd, feed->bytes->data + done, MIN (feed->piece, feed->bytes->len - done)), >,
        0);
  close (feed->fd);
  return NULL;
}

/* Reads it from a pipe; *@rest: what the pipe has after it. */
static enum standby_input
read_pieces (GByteArray *bytes, gsize piece, struct standby_request *request, char *rest,
             gsize size)
{
  enum standby_input result;
  GThread *thread;
  Feed feed = { .bytes = bytes, .piece = piece };
  int ends[2];
  gssize n;

  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  feed.fd = ends[1];
  thread = g_thread_new ("feed", feed_thread, &feed);
  result = standby_request_read (request, ends[0]);
  n = read (ends[0], rest, size - 1);
  rest[MAX (n, 0)] = '\0';
  g_thread_join (thread);
  close (ends[0]);
  return result;
}

/* In whatever pieces it comes; and what follows is left alone. */
static void
test_read (void)
{
  for (gsize piece = 1; piece < 80; piece += 13)
    {
      g_autoptr (GByteArray) bytes = make_request (make_sample ());
      struct standby_request request;
      char rest[16];

      g_byte_array_append (bytes, (const guint8 *) "x", 1);
      g_assert_cmpint (read_pieces (bytes, piece, &request, rest, sizeof rest), ==,
                       STANDBY_INPUT_REQUEST);
      g_assert_cmpstr (request.line, ==, "cd /work && exec a ''");
      g_assert_cmpstr (rest, ==, "x");
      standby_request_clear (&request);
    }
}

static void
test_read_cut (void)
{
  g_autoptr (GByteArray) whole = make_request (make_sample ());

  for (gsize length = 0; length < whole->len; length++)
    {
      g_autoptr (GByteArray) bytes = g_byte_array_new ();
      struct standby_request request;
      char rest[16];

      g_byte_array_append (bytes, whole->data, length);
      g_assert_cmpint (read_pieces (bytes, 1000, &request, rest, sizeof rest), ==,
                       length == 0 ? STANDBY_INPUT_ENDED : STANDBY_INPUT_BAD);
    }
}

/* A length that nobody would send is refused before anything is allocated for it, or read. */
static void
test_read_lengths (void)
{
  static const guint32 lengths[] = { 0, STANDBY_REQUEST_MAX + 1, 0x7fffffff, 0x80000000,
                                     0xffffffff };

  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autoptr (GByteArray) bytes = g_byte_array_new ();
      guint32 length = GUINT32_TO_BE (lengths[i]);
      struct standby_request request;
      char rest[16];

      g_byte_array_append (bytes, (const guint8 *) &length, sizeof length);
      g_byte_array_append (bytes, (const guint8 *) "rest", 4);
      g_assert_cmpint (read_pieces (bytes, 1000, &request, rest, sizeof rest), ==,
                       STANDBY_INPUT_BAD);
      g_assert_cmpstr (rest, ==, "rest");
    }
}

static void
test_environment (void)
{
  char *base[] = { (char *) "AB=1", (char *) "A=2", (char *) "C", NULL };
  struct standby_environment environment;

  g_assert_true (standby_environment_copy (&environment, base, 2));
  standby_environment_set (&environment, (char *) "A=3");
  standby_environment_set (&environment, (char *) "D=");
  standby_environment_set (&environment, (char *) "C=4");
  g_assert_cmpstrv (environment.entries,
                    ((const char *const[]){ "AB=1", "A=3", "C", "D=", "C=4", NULL }));
  g_assert_cmpstr (standby_environment_get (&environment, "AB"), ==, "1");
  g_assert_cmpstr (standby_environment_get (&environment, "D"), ==, "");
  g_assert_null (standby_environment_get (&environment, "B"));
  g_assert_cmpstr (base[1], ==, "A=2");
  free (environment.entries);
}

/* -- the program -- */

typedef struct
{
  char *directory;
  GSubprocess *process;
  gboolean is_ready; /* and said so */
} Program;

static void
set_up (Program *self, gconstpointer data)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                 G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_autoptr (GError) error = NULL;
  g_autofree char *program = vmd_helper_find ("vmd-guest", &error);

  g_assert_no_error (error);
  self->directory = g_dir_make_tmp ("vmd-standby-XXXXXX", NULL);
  g_subprocess_launcher_set_cwd (launcher, self->directory);
  g_subprocess_launcher_setenv (launcher, "SHELL", "/bin/sh", TRUE);
  self->process = g_subprocess_launcher_spawn (launcher, &error, program, "standby", NULL);
  g_assert_no_error (error);
}

static void
tear_down (Program *self, gconstpointer data)
{
  g_subprocess_force_exit (self->process);
  g_object_unref (self->process);
  g_rmdir (self->directory);
  g_free (self->directory);
}

/* Sends @request and then @input; all that it says after "begun", and how it ends. */
static char *
communicate (Program *self, GByteArray *request, const char *input, int *status)
{
  g_autoptr (GByteArray) all = request;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GBytes) output = NULL;
  g_autoptr (GBytes) errors = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  const char *begin = self->is_ready ? STANDBY_BEGUN : STANDBY_READY STANDBY_BEGUN;

  g_byte_array_append (all, (const guint8 *) input, strlen (input));
  bytes = g_bytes_new (all->data, all->len);
  g_subprocess_communicate (self->process, bytes, NULL, &output, &errors, &error);
  g_assert_no_error (error);
  *status = g_subprocess_get_if_exited (self->process)
                ? g_subprocess_get_exit_status (self->process)
                : -1;
  text = g_strndup (g_bytes_get_data (output, NULL), g_bytes_get_size (output));
  return g_str_has_prefix (text, begin) ? g_strdup (text + strlen (begin)) : NULL;
}

static void
test_runs (Program *self, gconstpointer data)
{
  int status;
  g_autofree char *output =
      communicate (self,
                   make_request (make_body (
                       "/usr", "exit 99", (const char *const[]){ "A=1 2", NULL },
                       (const char *const[]){ "sh", "-c", "pwd; echo $A; cat; exit 5", NULL })),
                   "the input", &status);

  g_assert_cmpstr (output, ==, "/usr\n1 2\nthe input");
  g_assert_cmpint (status, ==, 5);
}

/* Also into the directory that it was started in, by then another one of that name. */
static void
test_replaced_directory (Program *self, gconstpointer data)
{
  g_autofree char *away = g_strconcat (self->directory, ".away", NULL);
  g_autofree char *path = g_build_filename (self->directory, "file", NULL);
  g_autofree char *output = NULL;
  char ready[sizeof STANDBY_READY - 1];
  int status;

  self->is_ready = g_input_stream_read_all (g_subprocess_get_stdout_pipe (self->process), ready,
                                            sizeof ready, NULL, NULL, NULL);
  g_assert_true (self->is_ready);
  g_assert_cmpint (g_rename (self->directory, away), ==, 0);
  g_assert_cmpint (g_mkdir (self->directory, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, "here\n", -1, NULL));
  output = communicate (self,
                        make_request (make_body ("", "exit 99", (const char *const[]){ NULL },
                                                 (const char *const[]){ "cat", "file", NULL })),
                        "", &status);
  g_assert_cmpstr (output, ==, "here\n");
  g_assert_cmpint (status, ==, 0);
  g_unlink (path);
  g_rmdir (away);
}

/* What only a shell can do is left to one, in the surroundings that it would have had. */
static void
test_by_shell (Program *self, gconstpointer data)
{
  int status;
  g_autofree char *output =
      communicate (self,
                   make_request (make_body ("/usr", "pwd; echo \"<$A>\"; cat; exit 6",
                                            (const char *const[]){ "A=1", NULL },
                                            (const char *const[]){ "/no/such/program", NULL })),
                   "the input", &status);
  g_autofree char *expected = g_strdup_printf ("%s\n<>\nthe input", self->directory);

  g_assert_cmpstr (output, ==, expected);
  g_assert_cmpint (status, ==, 6);
}

static void
test_ends (Program *self, gconstpointer data)
{
  int status;

  g_assert_null (communicate (self, g_byte_array_new (), "", &status));
  g_assert_cmpint (status, ==, 0);
}

static void
test_declines (Program *self, gconstpointer data)
{
  int status;

  g_assert_null (communicate (self, g_byte_array_new (), "no request", &status));
  g_assert_cmpint (status, ==, 125);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/standby/request/good", test_request);
  g_test_add_func ("/standby/request/least", test_request_least);
  g_test_add_func ("/standby/request/cut", test_request_cut);
  g_test_add_func ("/standby/request/fuzz", test_request_fuzz);
  g_test_add_func ("/standby/read/pieces", test_read);
  g_test_add_func ("/standby/read/cut", test_read_cut);
  g_test_add_func ("/standby/read/lengths", test_read_lengths);
  g_test_add_func ("/standby/environment", test_environment);
#define ADD(path, function) g_test_add (path, Program, NULL, set_up, function, tear_down)
  ADD ("/standby/program/runs", test_runs);
  ADD ("/standby/program/replaced-directory", test_replaced_directory);
  ADD ("/standby/program/by-shell", test_by_shell);
  ADD ("/standby/program/ends", test_ends);
  ADD ("/standby/program/declines", test_declines);
#undef ADD
  return g_test_run ();
}
