/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-console-log-private.h"

#include "base/vmd-poll-private.h"
#include "base/vmd-state-dir-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The console's file, without a VM: it stays short, and neither those who append nor those who read
 * notice. What is at an offset tells which offset that is, and is never a NUL. */

#define CHUNK (64 * 1024)
#define MIB (1024 * 1024)

typedef struct
{
  char *directory; /* private: the VM's */
  char *path; /* in it */
  int writer; /* as a hypervisor opens it */
} Fixture;

static char
expect_at (off_t offset)
{
  return (char) (1 + (offset / 1000) % 251);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->directory = g_dir_make_tmp ("vmd-console-log-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->path = g_build_filename (fixture->directory, "console.log", NULL);
  fixture->writer = open (fixture->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  g_assert_cmpint (fixture->writer, >=, 0);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  close (fixture->writer);
  vmd_remove_tree (fixture->directory, &error);
  g_assert_no_error (error);
  g_free (fixture->path);
  g_free (fixture->directory);
}

/* As a hypervisor does, which does not ask where the end is. @offset: where it should be. */
static void
append (int writer, off_t offset, off_t length)
{
  char chunk[CHUNK];

  while (length > 0)
    {
      gsize n = (gsize) MIN (length, (off_t) sizeof chunk);
      g_autoptr (GError) error = NULL;

      for (gsize i = 0; i < n; i++)
        chunk[i] = expect_at (offset + (off_t) i);
      vmd_write_all (writer, chunk, n, NULL, VMD_NO_DEADLINE, &error);
      g_assert_no_error (error);
      offset += (off_t) n;
      length -= (off_t) n;
    }
}

/* What is from @offset to the end of the file is what was written from @written on. */
static void
assert_content (int fd, off_t offset, off_t written, off_t length)
{
  char chunk[CHUNK];

  while (length > 0)
    {
      gsize n = (gsize) MIN (length, (off_t) sizeof chunk);

      g_assert_cmpuint (vmd_console_log_read (fd, chunk, n, offset), ==, n);
      for (gsize i = 0; i < n; i++)
        if (chunk[i] != expect_at (written + (off_t) i))
          g_error ("at %" G_GINT64_FORMAT " is not what was written there",
                   (gint64) offset + (gint64) i);
      offset += (off_t) n;
      written += (off_t) n;
      length -= (off_t) n;
    }
}

static struct stat
look (Fixture *fixture)
{
  struct stat status;

  g_assert_cmpint (lstat (fixture->path, &status), ==, 0);
  return status;
}

/* Where readers are sent to begin. */
static off_t
find_beginning (Fixture *fixture)
{
  vmd_autofd int fd = vmd_console_log_open (fixture->directory);

  g_assert_cmpint (fd, >=, 0);
  return lseek (fd, 0, SEEK_CUR);
}

static void
give_back (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vmd_console_log_give_back (fixture->directory, &error));
  g_assert_no_error (error);
}

static void
test_give_back (Fixture *fixture, gconstpointer data)
{
  const off_t size = 20 * MIB + 123;
  vmd_autofd int reader = vmd_console_log_open (fixture->directory);
  struct stat before, after;
  off_t beginning;

  append (fixture->writer, 0, size);
  before = look (fixture);
  give_back (fixture);
  after = look (fixture);
  g_assert_cmpint (after.st_ino, ==, before.st_ino);
  g_assert_cmpint (after.st_size, ==, size);
  g_assert_cmpint (after.st_blocks, <, before.st_blocks);
  beginning = find_beginning (fixture);
  g_assert_cmpint (beginning, <=, size - VMD_CONSOLE_LOG_KEPT);
  g_assert_cmpint (beginning, >, size - VMD_CONSOLE_LOG_KEPT - MAX (before.st_blksize, 4096));
  assert_content (reader, beginning, beginning, size - beginning);

  append (fixture->writer, size, MIB);
  g_assert_cmpint (look (fixture).st_size, ==, size + MIB);
  assert_content (reader, beginning, beginning, size + MIB - beginning);
}

/* From 16 MiB on, and not before, also when there is a hole already. */
static void
test_limit (Fixture *fixture, gconstpointer data)
{
  off_t beginning, size;

  append (fixture->writer, 0, VMD_CONSOLE_LOG_MAX);
  give_back (fixture);
  g_assert_cmpint (find_beginning (fixture), ==, 0);
  append (fixture->writer, VMD_CONSOLE_LOG_MAX, 1);
  give_back (fixture);
  beginning = find_beginning (fixture);
  g_assert_cmpint (beginning, >, 0);

  size = beginning + VMD_CONSOLE_LOG_MAX;
  append (fixture->writer, VMD_CONSOLE_LOG_MAX + 1, size - VMD_CONSOLE_LOG_MAX - 1);
  give_back (fixture);
  g_assert_cmpint (find_beginning (fixture), ==, beginning);
  append (fixture->writer, size, 1);
  give_back (fixture);
  g_assert_cmpint (find_beginning (fixture), >, beginning);
}

/* Several processes do it, while the guest goes on. */
static gpointer
give_back_often (gpointer data)
{
  Fixture *fixture = data;
  vmd_autofd int fd = open (fixture->path, O_RDONLY | O_CLOEXEC);
  struct stat status;

  do
    {
      give_back (fixture);
      g_assert_cmpint (fstat (fd, &status), ==, 0);
    }
  while (status.st_size < 48 * MIB);
  return NULL;
}

static void
test_while_it_grows (Fixture *fixture, gconstpointer data)
{
  vmd_autofd int reader = vmd_console_log_open (fixture->directory);
  GThread *threads[2];
  off_t beginning;

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("give-back", give_back_often, fixture);
  append (fixture->writer, 0, 48 * MIB);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  give_back (fixture);
  beginning = find_beginning (fixture);
  g_assert_cmpint (beginning, >=, 48 * MIB - VMD_CONSOLE_LOG_MAX);
  g_assert_cmpint (look (fixture).st_size, ==, 48 * MIB);
  assert_content (reader, beginning, beginning, 48 * MIB - beginning);
}

static void
test_none (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (unlink (fixture->path), ==, 0);
  give_back (fixture);
  g_assert_true (vmd_console_log_trim (fixture->directory, &error));
  g_assert_no_error (error);
  g_assert_cmpint (vmd_console_log_open (fixture->directory), ==, -1);
  g_assert_cmpint (errno, ==, ENOENT);
}

/* What a link in its place leads to stays as it is. */
static void
test_link (Fixture *fixture, gconstpointer data)
{
  g_autofree char *elsewhere = g_build_filename (fixture->directory, "elsewhere", NULL);
  g_autoptr (GError) error = NULL;
  struct stat status;

  append (fixture->writer, 0, VMD_CONSOLE_LOG_MAX + 1);
  g_assert_cmpint (rename (fixture->path, elsewhere), ==, 0);
  g_assert_cmpint (symlink (elsewhere, fixture->path), ==, 0);
  give_back (fixture);
  g_assert_true (vmd_console_log_trim (fixture->directory, &error));
  g_assert_no_error (error);
  g_assert_cmpint (lstat (elsewhere, &status), ==, 0);
  g_assert_cmpint (status.st_size, ==, VMD_CONSOLE_LOG_MAX + 1);
  g_assert_cmpint (vmd_console_log_open (fixture->directory), ==, -1);
}

/* Where holes cannot be punched. */
static void
test_move_end (Fixture *fixture, gconstpointer data)
{
  const off_t size = 20 * MIB + 123;
  vmd_autofd int fd = open (fixture->path, O_RDWR | O_CLOEXEC);
  g_autoptr (GError) error = NULL;

  append (fixture->writer, 0, size);
  g_assert_true (vmd_console_log_move_end (fd, &error));
  g_assert_no_error (error);
  g_assert_cmpint (look (fixture).st_size, ==, VMD_CONSOLE_LOG_KEPT);
  append (fixture->writer, size, 1000);
  g_assert_cmpint (look (fixture).st_size, ==, VMD_CONSOLE_LOG_KEPT + 1000);
  assert_content (fd, 0, size - VMD_CONSOLE_LOG_KEPT, VMD_CONSOLE_LOG_KEPT + 1000);

  /* Another process that had found it long, and comes late. */
  g_assert_true (vmd_console_log_move_end (fd, &error));
  g_assert_no_error (error);
  g_assert_cmpint (look (fixture).st_size, ==, VMD_CONSOLE_LOG_KEPT + 1000);
}

/* While one moves the end, others leave the file alone. */
static void
test_move_end_at_once (Fixture *fixture, gconstpointer data)
{
  vmd_autofd int one = open (fixture->path, O_RDWR | O_CLOEXEC);
  vmd_autofd int other = open (fixture->path, O_RDWR | O_CLOEXEC);
  g_autoptr (GError) error = NULL;

  append (fixture->writer, 0, VMD_CONSOLE_LOG_MAX + 1);
  g_assert_cmpint (flock (one, LOCK_EX), ==, 0);
  g_assert_true (vmd_console_log_move_end (other, &error));
  g_assert_no_error (error);
  g_assert_true (vmd_console_log_trim (fixture->directory, &error));
  g_assert_no_error (error);
  g_assert_cmpint (look (fixture).st_size, ==, VMD_CONSOLE_LOG_MAX + 1);
}

/* Before a launch: the hole does not stay for ever. */
static void
test_trim (Fixture *fixture, gconstpointer data)
{
  const off_t size = 20 * MIB + 123;
  vmd_autofd int old = vmd_console_log_open (fixture->directory);
  vmd_autofd int new = -1;
  g_autoptr (GError) error = NULL;

  append (fixture->writer, 0, size);
  give_back (fixture);
  g_assert_true (vmd_console_log_trim (fixture->directory, &error));
  g_assert_no_error (error);
  g_assert_cmpint (look (fixture).st_size, ==, VMD_CONSOLE_LOG_KEPT);
  g_assert_cmpint (find_beginning (fixture), ==, 0);
  new = vmd_console_log_open (fixture->directory);
  assert_content (new, 0, size - VMD_CONSOLE_LOG_KEPT, VMD_CONSOLE_LOG_KEPT);
  assert_content (old, size - VMD_CONSOLE_LOG_KEPT, size - VMD_CONSOLE_LOG_KEPT,
                  VMD_CONSOLE_LOG_KEPT);
}

#define add_test(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/console-log/give-back", test_give_back);
  add_test ("/console-log/limit", test_limit);
  add_test ("/console-log/while-it-grows", test_while_it_grows);
  add_test ("/console-log/none", test_none);
  add_test ("/console-log/link", test_link);
  add_test ("/console-log/move-end", test_move_end);
  add_test ("/console-log/move-end-at-once", test_move_end_at_once);
  add_test ("/console-log/trim", test_trim);
  return g_test_run ();
}
