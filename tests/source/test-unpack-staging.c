/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* vmd-guest unpack: how a tree gets into its place, and what is there when it does not. */

#include "git-fixture.h"
#include "tar-builder.h"
#include "unpack-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void
test_in_the_way (Guest *self, gconstpointer data)
{
  g_autoptr (GByteArray) tar = make_small_tar ("new");
  g_autofree char *old = g_build_filename (self->target, "old", NULL);
  g_autofree char *said = NULL;

  /* An empty directory is not in the way. */
  g_assert_cmpint (g_mkdir_with_parents (self->target, 0700), ==, 0);
  g_assert_cmpint (unpack (self, tar, FALSE, NULL), ==, UNPACK_OK);
  g_assert_cmpuint (count_entries (self, "work"), ==, 1);

  remove_tree (self->target);
  g_assert_cmpint (g_mkdir_with_parents (self->target, 0700), ==, 0);
  g_assert_true (g_file_set_contents (old, "old", -1, NULL));
  g_assert_cmpint (unpack (self, tar, FALSE, &said), ==, UNPACK_EXISTS);
  g_assert_nonnull (strstr (said, "/work/tree"));
  assert_content (self, "old", "old");
  g_assert_cmpint (unpack (self, tar, TRUE, NULL), ==, UNPACK_OK);
  g_assert_false (g_file_test (old, G_FILE_TEST_EXISTS));
  g_assert_cmpuint (count_entries (self, "work"), ==, 1);

  /* What is no directory is never replaced. */
  remove_tree (self->target);
  g_assert_true (g_file_set_contents (self->target, "file", -1, NULL));
  g_assert_cmpint (unpack (self, tar, TRUE, NULL), ==, UNPACK_EXISTS);
  remove_tree (self->target);
  g_assert_cmpint (symlink ("/tmp", self->target), ==, 0);
  g_assert_cmpint (unpack (self, tar, TRUE, NULL), ==, UNPACK_EXISTS);
  g_assert_cmpuint (count_entries (self, "var/lib/vmd/staging"), ==, 0);
}

/* LESSONS 31: a link on the way to the target would lead root elsewhere. */
static void
test_linked_parent (Guest *self, gconstpointer data)
{
  g_autoptr (GByteArray) tar = make_small_tar ("new");
  g_autofree char *elsewhere = g_build_filename (self->root, "elsewhere", NULL);
  g_autofree char *link = g_build_filename (self->root, "work", NULL);

  g_assert_cmpint (g_mkdir (elsewhere, 0755), ==, 0);
  g_assert_cmpint (symlink ("elsewhere", link), ==, 0);
  g_assert_cmpint (unpack (self, tar, FALSE, NULL), ==, UNPACK_FAILED);
  g_assert_cmpuint (count_entries (self, "elsewhere"), ==, 0);
}

/* Who may write beside the target moves the half-made tree away and puts a link there: nothing is
 * done to what the link leads to. */
static void
test_exchanged (Guest *self, gconstpointer data)
{
  const char *const options[] = { "--target", "/work/tree", "--staging-name", "0123abcd", NULL };
  g_autofree char *staged = g_build_filename (self->root, "work/.vmd-staging-0123abcd", NULL);
  g_autofree char *away = g_build_filename (self->root, "work/away", NULL);
  g_autofree char *secret = g_build_filename (self->root, "secret", NULL);
  g_autoptr (GByteArray) tar = make_small_tar ("new");
  struct stat status;
  int output;
  int fds[2];
  pid_t pid;

  g_assert_cmpint (g_mkdir (secret, 0700), ==, 0);
  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  pid = unpack_start (self, fds[0], options, &output);
  while (g_access (staged, F_OK) < 0)
    g_thread_yield ();
  g_assert_cmpint (g_rename (staged, away), ==, 0);
  g_assert_cmpint (symlink ("../secret", staged), ==, 0);
  /* It may have noticed already, and be gone. */
  if (write (fds[1], tar->data, tar->len) < 0)
    g_assert_cmpint (errno, ==, EPIPE);
  close (fds[1]);
  g_assert_cmpint (unpack_finish (pid, output, NULL), ==, W_EXITCODE (UNPACK_FAILED, 0));
  g_assert_cmpint (stat (secret, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 07777, ==, 0700);
  g_assert_cmpuint (count_entries (self, "secret"), ==, 0);
  g_assert_false (g_file_test (self->target, G_FILE_TEST_EXISTS));
}

static int
unpack_with (Guest *self, const char *const *options)
{
  int output;
  pid_t pid = unpack_start (self, memory_file ("", 0), options, &output);
  int status = unpack_finish (pid, output, NULL);

  return WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}

static void
test_bad_options (Guest *self, gconstpointer data)
{
  static const char *const targets[] = { "",       "/",     "relative", "/a/../b",
                                         "/a/./b", "/a//b", "/a/",      "//a" };
  static const char *const none[] = { NULL };
  static const char *const unknown[] = { "--target", "/a", "--force", NULL };
  static const char *const lacking[] = { "--target", NULL };
  static const char *const name[] = { "--target", "/a", "--staging-name", "../x", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (targets); i++)
    {
      const char *const options[] = { "--target", targets[i], NULL };

      g_assert_cmpint (unpack_with (self, options), ==, UNPACK_USAGE);
    }
  g_assert_cmpint (unpack_with (self, none), ==, UNPACK_USAGE);
  g_assert_cmpint (unpack_with (self, unknown), ==, UNPACK_USAGE);
  g_assert_cmpint (unpack_with (self, lacking), ==, UNPACK_USAGE);
  g_assert_cmpint (unpack_with (self, name), ==, UNPACK_USAGE);
  g_assert_cmpuint (count_entries (self, ""), ==, 0);
}

/* Starts it on a pipe, and returns when it has read more than a megabyte of a file that has no
 * end yet. */
static pid_t
start_halfway (Guest *self, int *input, int *output)
{
  const char *const options[] = { "--target", "/work/tree", "--staging-name", "0123abcd", NULL };
  g_autoptr (GByteArray) tar = g_byte_array_new ();
  g_autofree char *data = g_malloc0 (5 * 1024 * 1024);
  int fds[2];
  pid_t pid;

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  pid = unpack_start (self, fds[0], options, output);
  tar_add (tar, '0', "file", NULL, 0644, data, 5 * 1024 * 1024);
  /* A pipe holds at most one, so that when this is written, more than one is read. */
  for (gsize done = 0; done < 3 * 1024 * 1024;)
    {
      gssize n = write (fds[1], tar->data + done, 3 * 1024 * 1024 - done);

      g_assert_cmpint (n, >, 0);
      done += n;
    }
  *input = fds[1];
  return pid;
}

static void
test_signals (Guest *self, gconstpointer data)
{
  static const int numbers[] = { SIGTERM, SIGHUP, SIGINT };

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      int input, output, status;
      pid_t pid = start_halfway (self, &input, &output);

      kill (pid, numbers[i]);
      status = unpack_finish (pid, output, NULL);
      close (input);
      g_assert_true (WIFEXITED (status));
      g_assert_cmpint (WEXITSTATUS (status), ==, UNPACK_INTERRUPTED);
      assert_nothing (self);
    }
}

/* What even SIGKILL, and a power failure, leave: a record by which the next boot removes the
 * rest. */
static void
test_killed (Guest *self, gconstpointer data)
{
  int input, output;
  pid_t pid = start_halfway (self, &input, &output);
  g_autofree char *record = g_build_filename (self->root, "var/lib/vmd/staging/0123abcd", NULL);
  g_autofree char *content = NULL;
  g_autofree char *staging = NULL;
  struct stat status;

  kill (pid, SIGKILL);
  unpack_finish (pid, output, NULL);
  close (input);
  g_assert_true (g_file_get_contents (record, &content, NULL, NULL));
  g_assert_cmpstr (content, ==, "/work/.vmd-staging-0123abcd\n");
  g_strchomp (content);
  staging = g_build_filename (self->root, content, NULL);
  g_assert_cmpint (stat (staging, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 07777, ==, 0700);
  g_assert_false (g_file_test (self->target, G_FILE_TEST_EXISTS));
}

/* LESSONS 34: a file system that is full. A size limit stands in for it where a small one cannot
 * be mounted. */
static void
test_full_disk (Guest *self, gconstpointer data)
{
  const char *const mount[] = {
    "mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", self->root, NULL
  };
  const char *const unmount[] = { "umount", self->root, NULL };
  g_autofree char *large = g_malloc0 (1024 * 1024);
  g_autoptr (GByteArray) tar = g_byte_array_new ();
  g_autofree char *said = NULL;

  if (getuid () != 0)
    {
      g_test_skip ("only root can mount a small file system");
      return;
    }
  g_free (run_program ("/", mount));
  tar_add (tar, '0', "small", NULL, 0644, "x", 1);
  tar_add (tar, '0', "large", NULL, 0644, large, 1024 * 1024);
  tar_end (tar);
  g_assert_cmpint (unpack (self, tar, FALSE, &said), ==, UNPACK_NO_SPACE);
  g_assert_nonnull (strstr (said, "large"));
  assert_nothing (self);
  g_free (run_program ("/", unmount));
}

/* Starts it with --hold on a pipe, and returns when the tree is in place. */
static pid_t
start_held (Guest *self, const GByteArray *tar, gboolean replace, int *input, int *output)
{
  const char *const options[] = { "--target", "/work/tree",
                                  "--hold",   "--staging-name",
                                  "0123abcd", replace ? "--replace" : NULL,
                                  NULL };
  static const char ok[] = "ok files=3 bytes=5\n";
  char line[sizeof ok] = "";
  int fds[2];
  pid_t pid;

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  pid = unpack_start (self, fds[0], options, output);
  g_assert_cmpint (write (fds[1], tar->data, tar->len), ==, tar->len);
  for (gsize have = 0; have < sizeof ok - 1;)
    {
      gssize n = read (*output, line + have, sizeof ok - 1 - have);

      g_assert_cmpint (n, >, 0);
      have += (gsize) n;
    }
  g_assert_cmpstr (line, ==, ok);
  *input = fds[1];
  return pid;
}

/* Sends @last, ends the input, and returns the exit status. */
static int
end_held (pid_t pid, int input, int output, const char *last)
{
  int status;

  g_assert_cmpint (write (input, last, strlen (last)), ==, (gssize) strlen (last));
  close (input);
  status = unpack_finish (pid, output, NULL);
  return WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}

static void
test_hold_kept (Guest *self, gconstpointer data)
{
  g_autoptr (GByteArray) old = make_small_tar ("old");
  g_autoptr (GByteArray) tar = make_small_tar ("new");
  int input, output;
  pid_t pid = start_held (self, old, FALSE, &input, &output);

  assert_content (self, "directory/file", "old");
  g_assert_cmpint (end_held (pid, input, output, "keep\n"), ==, UNPACK_OK);
  assert_content (self, "directory/file", "old");

  pid = start_held (self, tar, TRUE, &input, &output);
  assert_content (self, "directory/file", "new");
  /* The old one waits beside it. */
  g_assert_cmpuint (count_entries (self, "work"), ==, 2);
  g_assert_cmpint (end_held (pid, input, output, "keep\n"), ==, UNPACK_OK);
  assert_content (self, "directory/file", "new");
  g_assert_cmpuint (count_entries (self, "work"), ==, 1);
  g_assert_cmpuint (count_entries (self, "var/lib/vmd/staging"), ==, 0);
}

/* Whatever does not say "keep" takes the tree back. */
static void
test_hold_taken_back (Guest *self, gconstpointer data)
{
  static const struct
  {
    const char *last;
    int status;
  } ends[] = {
    { "", UNPACK_INTERRUPTED },       { "kee", UNPACK_INTERRUPTED },
    { "keep", UNPACK_INTERRUPTED },   { "\n", UNPACK_BAD_ARCHIVE },
    { "keel\n", UNPACK_BAD_ARCHIVE }, { "drop\n", UNPACK_BAD_ARCHIVE },
  };
  g_autoptr (GByteArray) old = make_small_tar ("old");
  g_autoptr (GByteArray) tar = make_small_tar ("new");
  int input, output;
  pid_t pid;

  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      pid = start_held (self, tar, FALSE, &input, &output);
      g_assert_cmpint (end_held (pid, input, output, ends[i].last), ==, ends[i].status);
      assert_nothing (self);
    }

  g_assert_cmpint (unpack (self, old, FALSE, NULL), ==, UNPACK_OK);
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      pid = start_held (self, tar, TRUE, &input, &output);
      g_assert_cmpint (end_held (pid, input, output, ends[i].last), ==, ends[i].status);
      assert_content (self, "directory/file", "old");
      g_assert_cmpuint (count_entries (self, "work"), ==, 1);
      g_assert_cmpuint (count_entries (self, "var/lib/vmd/staging"), ==, 0);
    }
}

/* A guest that is stopped between the step and "keep". */
static void
test_hold_signalled (Guest *self, gconstpointer data)
{
  g_autoptr (GByteArray) tar = make_small_tar ("new");
  int input, output;
  pid_t pid = start_held (self, tar, FALSE, &input, &output);

  kill (pid, SIGTERM);
  g_assert_cmpint (unpack_finish (pid, output, NULL), ==, W_EXITCODE (UNPACK_INTERRUPTED, 0));
  close (input);
  assert_nothing (self);
}

/* Somebody moved the new tree away meanwhile: the old one comes back. */
static void
test_hold_moved (Guest *self, gconstpointer data)
{
  g_autofree char *moved = g_build_filename (self->root, "work", "moved", NULL);
  g_autoptr (GByteArray) old = make_small_tar ("old");
  g_autoptr (GByteArray) tar = make_small_tar ("new");
  int input, output;
  pid_t pid;

  g_assert_cmpint (unpack (self, old, FALSE, NULL), ==, UNPACK_OK);
  pid = start_held (self, tar, TRUE, &input, &output);
  g_assert_cmpint (g_rename (self->target, moved), ==, 0);
  g_assert_cmpint (end_held (pid, input, output, ""), ==, UNPACK_INTERRUPTED);
  assert_content (self, "directory/file", "old");
  g_assert_cmpuint (count_entries (self, "work"), ==, 2);
}

/* Who cannot be told that the tree is in place has not got it. */
static void
test_no_listener (Guest *self, gconstpointer data)
{
  const char *const options[] = { "--target", "/work/tree", NULL };
  g_autoptr (GByteArray) tar = make_small_tar ("new");
  int output, status;
  int fds[2];
  pid_t pid;

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  pid = unpack_start (self, fds[0], options, &output);
  close (output);
  g_assert_cmpint (write (fds[1], tar->data, tar->len), ==, tar->len);
  close (fds[1]);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, W_EXITCODE (UNPACK_FAILED, 0));
  assert_nothing (self);
}

static void
add (const char *name, void (*test) (Guest *, gconstpointer))
{
  g_test_add (name, Guest, NULL, guest_set_up, test, guest_tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* Nobody's reader may be gone. */
  signal (SIGPIPE, SIG_IGN);
  add ("/unpack-staging/in-the-way", test_in_the_way);
  add ("/unpack-staging/lesson-31-linked-parent", test_linked_parent);
  add ("/unpack-staging/exchanged", test_exchanged);
  add ("/unpack-staging/bad-options", test_bad_options);
  add ("/unpack-staging/signals", test_signals);
  add ("/unpack-staging/killed", test_killed);
  add ("/unpack-staging/lesson-34-full-disk", test_full_disk);
  add ("/unpack-staging/hold/kept", test_hold_kept);
  add ("/unpack-staging/hold/taken-back", test_hold_taken_back);
  add ("/unpack-staging/hold/signalled", test_hold_signalled);
  add ("/unpack-staging/hold/moved", test_hold_moved);
  add ("/unpack-staging/no-listener", test_no_listener);
  return g_test_run ();
}
