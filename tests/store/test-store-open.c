/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "store-support.h"

#include "store/vmd-sqlite-private.h"
#include "store/vmd-store-database-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534
#define EXIT_SKIPPED 77

/* -- What an open store is like -- */

static gboolean
check_pragmas (sqlite3 *db, gpointer data, GError **error)
{
  g_autoptr (VmdStatement) statement = vmd_sqlite_prepare (db, "PRAGMA journal_mode", error);

  g_assert_cmpint (sqlite3_step (statement), ==, SQLITE_ROW);
  g_assert_cmpstr ((const char *) sqlite3_column_text (statement, 0), ==, "wal");
  g_assert_cmpint (get_number (db, "PRAGMA synchronous"), ==, 2);
  g_assert_cmpint (get_number (db, "PRAGMA foreign_keys"), ==, 1);
  g_assert_cmpint (get_number (db, "PRAGMA busy_timeout"), ==, 10000);
  g_assert_cmpint (get_number (db, "PRAGMA user_version"), ==, 2);
  g_assert_cmpint (get_number (db, "PRAGMA application_id"), ==, VMD_STORE_APPLICATION_ID);
  return TRUE;
}

/* LESSONS 21: on every connection, the first one and the later ones. */
static void
test_lesson_21_pragmas (Fixture *fixture, gconstpointer data)
{
  VmdStore *stores[3];

  for (guint i = 0; i < G_N_ELEMENTS (stores); i++)
    stores[i] = open_store (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (stores); i++)
    {
      g_assert_true (vmd_store_transact (stores[i], check_pragmas, NULL, NULL, NULL));
      close_store (stores[i]);
    }
}

static void
assert_private (Fixture *fixture, const char *name)
{
  g_autofree char *path = g_build_filename (fixture->state_dir, name, NULL);
  struct stat status;

  g_assert_no_errno (stat (path, &status));
  g_assert_cmpuint (status.st_mode & 07777, ==, 0600);
}

static void
test_files_are_private (Fixture *fixture, gconstpointer data)
{
  static const char *const names[] = { "vmd.db", "vmd.db-wal", "vmd.db-shm", "changed" };
  VmdStore *store = open_store (fixture);

  g_assert_true (vmd_store_transact (store, put_kernel, (gpointer) "6.1", NULL, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    assert_private (fixture, names[i]);
  close_store (store);
  /* A copy that was put back with another mode. */
  g_assert_no_errno (chmod (fixture->database, 0644));
  close_store (open_store (fixture));
  assert_private (fixture, "vmd.db");
}

static guint
count_descriptors (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
test_reopen (Fixture *fixture, gconstpointer data)
{
  guint n_descriptors;

  close_store (open_store (fixture));
  n_descriptors = count_descriptors ();
  for (guint i = 0; i < 50; i++)
    {
      g_autofree char *version = g_strdup_printf ("%u", i);
      VmdStore *store = open_store (fixture);

      if (i > 0)
        {
          g_autofree char *last = g_strdup_printf ("%u", i - 1);

          g_assert_true (has_kernel (store, last));
        }
      g_assert_true (vmd_store_transact (store, put_kernel, version, NULL, NULL));
      close_store (store);
    }
  g_assert_cmpuint (count_descriptors (), ==, n_descriptors);
}

static gpointer
open_and_close (gpointer fixture)
{
  close_store (open_store (fixture));
  return NULL;
}

/* Of many that open a new directory at once, one makes the tables. */
static void
test_opened_by_many (Fixture *fixture, gconstpointer data)
{
  GSubprocess *processes[4];
  GThread *threads[8];

  for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
    processes[i] = run_self ("--open", fixture->state_dir, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("opener", open_and_close, fixture);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
    {
      g_assert_cmpint (get_exit_status (processes[i]), ==, 0);
      g_object_unref (processes[i]);
    }
}

/* -- What cannot be opened -- */

static void
assert_cannot_open (Fixture *fixture, VmdError code, const char *next_step)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vmd_store_open (fixture->state_dir, &error));
  g_assert_error (error, VMD_ERROR, (int) code);
  g_assert_nonnull (strstr (error->message, fixture->database));
  g_assert_nonnull (strstr (error->message, next_step));
}

static void
test_not_a_database (Fixture *fixture, gconstpointer data)
{
  g_autofree char *garbage = g_strnfill (8192, 'g');
  static const gssize lengths[] = { 5, 512, 8192 };

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autofree char *after = NULL;

      g_assert_true (g_file_set_contents (fixture->database, garbage, lengths[i], NULL));
      assert_cannot_open (fixture, VMD_ERROR_STORE_CORRUPT, "move it away");
      g_assert_true (g_file_get_contents (fixture->database, &after, NULL, NULL));
      g_assert_cmpuint (strlen (after), ==, lengths[i]);
    }
}

static gboolean
fill (sqlite3 *db, gpointer data, GError **error)
{
  for (guint i = 0; i < 500; i++)
    {
      g_autofree char *version = g_strdup_printf ("%u", i);

      if (!put_kernel (db, version, error))
        return FALSE;
    }
  return TRUE;
}

static void
overwrite (Fixture *fixture, gsize offset, gsize length)
{
  g_autofree char *garbage = g_strnfill (length, '\xa5');
  int fd = open (fixture->database, O_WRONLY | O_CLOEXEC);

  g_assert_no_errno (fd);
  g_assert_cmpint (pwrite (fd, garbage, length, offset), ==, length);
  close (fd);
}

/* The log may hold the same pages, whole. */
static void
remove_log (Fixture *fixture)
{
  g_autofree char *log = g_strconcat (fixture->database, "-wal", NULL);

  g_assert_true (unlink (log) == 0 || errno == ENOENT);
}

static void
test_damaged_pages (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = open_store (fixture);
  struct stat status;

  g_assert_true (vmd_store_transact (store, fill, NULL, NULL, NULL));
  close_store (store);
  remove_log (fixture);
  g_assert_no_errno (stat (fixture->database, &status));
  g_assert_cmpint (status.st_size, >, 65536);
  overwrite (fixture, 4096, status.st_size - 4096);
  assert_cannot_open (fixture, VMD_ERROR_STORE_CORRUPT, "move it away");
}

static void
test_truncated (Fixture *fixture, gconstpointer data)
{
  VmdStore *store = open_store (fixture);

  g_assert_true (vmd_store_transact (store, fill, NULL, NULL, NULL));
  close_store (store);
  remove_log (fixture);
  g_assert_no_errno (truncate (fixture->database, 8192));
  assert_cannot_open (fixture, VMD_ERROR_STORE_CORRUPT, "move it away");
  /* As the message says. */
  g_assert_no_errno (unlink (fixture->database));
  close_store (open_store (fixture));
}

static void
run_on_file (Fixture *fixture, const char *sql)
{
  sqlite3 *db = NULL;

  g_assert_cmpint (sqlite3_open (fixture->database, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_close (db), ==, SQLITE_OK);
}

static void
test_later_version (Fixture *fixture, gconstpointer data)
{
  close_store (open_store (fixture));
  run_on_file (fixture, "PRAGMA user_version = 4711");
  assert_cannot_open (fixture, VMD_ERROR_STORE_CORRUPT, "of version 4711");
  run_on_file (fixture, "PRAGMA user_version = 2");
  close_store (open_store (fixture));
}

/* Another program's database is told from ours, and left as it is. */
static void
test_foreign_database (Fixture *fixture, gconstpointer data)
{
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;
  gsize length_before, length_after;

  run_on_file (fixture, "CREATE TABLE vms (id)");
  g_assert_true (g_file_get_contents (fixture->database, &before, &length_before, NULL));
  assert_cannot_open (fixture, VMD_ERROR_STORE_CORRUPT, "not one of vmd");
  g_assert_true (g_file_get_contents (fixture->database, &after, &length_after, NULL));
  g_assert_cmpmem (before, length_before, after, length_after);
}

static void
test_not_a_file (Fixture *fixture, gconstpointer data)
{
  g_assert_no_errno (mkdir (fixture->database, 0700));
  assert_cannot_open (fixture, VMD_ERROR_STORE, "is no file");
}

/* -- As another user -- */

/* Prints what opening comes to. */
static int
open_unprivileged (const char *state_dir)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdStore) store = NULL;

  if (getuid () == 0 && (setresgid (NOBODY, NOBODY, NOBODY) < 0 ||
                         setresuid (NOBODY, NOBODY, NOBODY) < 0 || prctl (PR_SET_DUMPABLE, 1) < 0))
    return 2;
  store = vmd_store_open (state_dir, &error);
  if (store != NULL)
    {
      vmd_store_close (store);
      return 0;
    }
  printf ("%d %s\n", error->code, error->message);
  return 1;
}

static void
assert_read_only (Fixture *fixture)
{
  g_autoptr (GSubprocess) process = run_self ("--open-unprivileged", fixture->state_dir, NULL);
  g_autofree char *output = NULL;

  g_assert_true (g_subprocess_communicate_utf8 (process, NULL, NULL, &output, NULL, NULL));
  g_assert_cmpint (get_exit_status (process), ==, 1);
  g_assert_cmpint (strtol (output, NULL, 10), ==, VMD_ERROR_PERMISSION_DENIED);
  g_assert_nonnull (strstr (output, fixture->state_dir));
}

static void
test_read_only (Fixture *fixture, gconstpointer data)
{
  static const char *const names[] = { "vmd.db", "changed" };

  if (getuid () == 0)
    g_assert_no_errno (chown (fixture->state_dir, NOBODY, NOBODY));
  g_assert_no_errno (chmod (fixture->state_dir, 0500));
  assert_read_only (fixture);
  g_assert_no_errno (chmod (fixture->state_dir, 0700));
  if (getuid () != 0)
    close_store (open_store (fixture));
  else
    {
      g_autoptr (GSubprocess) process = run_self ("--open-unprivileged", fixture->state_dir, NULL);

      g_assert_cmpint (get_exit_status (process), ==, 0);
    }
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (fixture->state_dir, names[i], NULL);

      g_assert_no_errno (chmod (path, 0400));
    }
  g_assert_no_errno (chmod (fixture->state_dir, 0500));
  assert_read_only (fixture);
  g_assert_no_errno (chmod (fixture->state_dir, 0700));
}

/* -- A file system that is full -- */

static gboolean
write_file (const char *path, const char *text)
{
  int fd = open (path, O_WRONLY | O_CLOEXEC);
  gboolean written = fd >= 0 && write (fd, text, strlen (text)) == (gssize) strlen (text);

  if (fd >= 0)
    close (fd);
  return written;
}

/* A small tmpfs on @path that only this process sees. */
static gboolean
mount_small (const char *path, const char *options)
{
  g_autofree char *user = g_strdup_printf ("0 %u 1", (guint) getuid ());
  g_autofree char *group = g_strdup_printf ("0 %u 1", (guint) getgid ());
  gboolean is_root = getuid () == 0;

  if (unshare (CLONE_NEWNS | (is_root ? 0 : CLONE_NEWUSER)) < 0)
    return FALSE;
  if (!is_root &&
      (!write_file ("/proc/self/uid_map", user) || !write_file ("/proc/self/setgroups", "deny") ||
       !write_file ("/proc/self/gid_map", group)))
    return FALSE;
  return mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
         mount ("tmpfs", path, "tmpfs", 0, options) == 0;
}

/* Fills the file system to the last byte. */
static void
fill_up (const char *path)
{
  int fd = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  char block[4096] = { 0 };

  g_assert_no_errno (fd);
  while (write (fd, block, sizeof block) > 0)
    ;
  g_assert_cmpint (errno, ==, ENOSPC);
  close (fd);
}

static gboolean
put_large_kernel (sqlite3 *db, gpointer version, GError **error)
{
  g_autofree char *large = g_strnfill (256 * 1024, 'x');
  const VmdKernelRow row = { .version = version, .source = large };

  return vmd_kernel_row_put (db, &row, error);
}

static int
run_on_small_disk (const char *state_dir)
{
  g_autofree char *ballast = g_build_filename (state_dir, "ballast", NULL);
  g_autoptr (GError) at_open = NULL;
  g_autoptr (GError) at_write = NULL;
  VmdStore *store;

  if (!mount_small (state_dir, "size=1m,mode=0700"))
    return EXIT_SKIPPED;
  fill_up (ballast);
  g_assert_null (vmd_store_open (state_dir, &at_open));
  g_assert_error (at_open, VMD_ERROR, VMD_ERROR_NO_SPACE);
  g_assert_nonnull (strstr (at_open->message, state_dir));
  g_assert_no_errno (unlink (ballast));
  /* What is left of that attempt is in nobody's way. */
  store = vmd_store_open (state_dir, NULL);
  g_assert_nonnull (store);
  g_assert_true (vmd_store_transact (store, put_kernel, (gpointer) "before", NULL, NULL));
  fill_up (ballast);
  g_assert_false (vmd_store_transact (store, put_large_kernel, (gpointer) "1", NULL, &at_write));
  g_assert_error (at_write, VMD_ERROR, VMD_ERROR_NO_SPACE);
  g_assert_true (has_kernel (store, "before"));
  g_assert_false (has_kernel (store, "1"));
  g_assert_no_errno (unlink (ballast));
  g_assert_true (vmd_store_transact (store, put_large_kernel, (gpointer) "1", NULL, NULL));
  close_store (store);
  return 0;
}

/* Small changes go on when there is no room for anything new: there is some reserved for the log,
 * which is never more than that. */
static int
run_on_full_disk (const char *state_dir)
{
  g_autofree char *ballast = g_build_filename (state_dir, "ballast", NULL);
  VmdStore *store;

  if (!mount_small (state_dir, "size=3m,mode=0700"))
    return EXIT_SKIPPED;
  store = vmd_store_open (state_dir, NULL);
  g_assert_nonnull (store);
  g_assert_true (vmd_store_transact (store, put_kernel, (gpointer) "before", NULL, NULL));
  /* What is in the log only has no room in the database yet. */
  close_store (store);
  store = vmd_store_open (state_dir, NULL);
  g_assert_nonnull (store);
  fill_up (ballast);
  for (guint i = 0; i < 1000; i++)
    {
      g_autoptr (GError) error = NULL;

      vmd_store_transact (store, put_kernel, (gpointer) "before", NULL, &error);
      g_assert_no_error (error);
    }
  close_store (store);
  return 0;
}

static void
test_full_disk_is_changed (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GSubprocess) process = run_self ("--full-disk", fixture->state_dir, NULL);
  int status = get_exit_status (process);

  if (status == EXIT_SKIPPED)
    g_test_skip ("no file system can be mounted here");
  else
    g_assert_cmpint (status, ==, 0);
}

/* Where a tmpfs can be mounted; /store-failures/full-disk does the same wherever it runs. */
static void
test_full_file_system (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GSubprocess) process = run_self ("--small-disk", fixture->state_dir, NULL);
  int status = get_exit_status (process);

  if (status == EXIT_SKIPPED)
    g_test_skip ("no file system can be mounted here");
  else
    g_assert_cmpint (status, ==, 0);
}

static int
run_open (const char *state_dir)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdStore) store = vmd_store_open (state_dir, &error);

  g_assert_no_error (error);
  vmd_store_close (store);
  return 0;
}

#define ADD(name, func) g_test_add (name, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  if (argc == 3 && g_str_equal (argv[1], "--open"))
    return run_open (argv[2]);
  if (argc == 3 && g_str_equal (argv[1], "--open-unprivileged"))
    return open_unprivileged (argv[2]);
  if (argc == 3 && g_str_equal (argv[1], "--small-disk"))
    return run_on_small_disk (argv[2]);
  if (argc == 3 && g_str_equal (argv[1], "--full-disk"))
    return run_on_full_disk (argv[2]);
  g_test_init (&argc, &argv, NULL);
  ADD ("/store-open/lesson-21-pragmas", test_lesson_21_pragmas);
  ADD ("/store-open/files-are-private", test_files_are_private);
  ADD ("/store-open/reopen", test_reopen);
  ADD ("/store-open/opened-by-many", test_opened_by_many);
  ADD ("/store-open/not-a-database", test_not_a_database);
  ADD ("/store-open/damaged-pages", test_damaged_pages);
  ADD ("/store-open/truncated", test_truncated);
  ADD ("/store-open/later-version", test_later_version);
  ADD ("/store-open/foreign-database", test_foreign_database);
  ADD ("/store-open/not-a-file", test_not_a_file);
  ADD ("/store-open/read-only", test_read_only);
  ADD ("/store-open/full-file-system", test_full_file_system);
  ADD ("/store-open/full-disk-is-changed", test_full_disk_is_changed);
  return g_test_run ();
}
