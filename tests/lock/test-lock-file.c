/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-poll-private.h"
#include "lock/vmd-lock-file-private.h"
#include "vmd-error.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The file's bytes, as another program would see them. */
typedef struct
{
  char *directory;
  char *path;
  int directory_fd;
  VmdLockFile *file;
  int probe_fd; /* an open file description of its own */
} FileFixture;

static void
set_up (FileFixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  self->directory = g_dir_make_tmp ("vmd-lock-XXXXXX", &error);
  g_assert_no_error (error);
  self->path = g_build_filename (self->directory, "locks", NULL);
  self->directory_fd = open (self->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint (self->directory_fd, >=, 0);
  self->file = vmd_lock_file_open (self->directory_fd, self->directory, &error);
  g_assert_no_error (error);
  self->probe_fd = open (self->path, O_RDWR | O_CLOEXEC);
  g_assert_cmpint (self->probe_fd, >=, 0);
}

/* That nothing is left locked, and that the file is there: it is never unlinked. */
static void
tear_down (FileFixture *self, gconstpointer data)
{
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

  g_assert_no_errno (fcntl (self->probe_fd, F_OFD_GETLK, &lock));
  g_assert_cmpint (lock.l_type, ==, F_UNLCK);
  vmd_lock_file_free (self->file);
  close (self->probe_fd);
  close (self->directory_fd);
  g_assert_no_errno (g_unlink (self->path));
  g_assert_no_errno (g_rmdir (self->directory));
  g_free (self->path);
  g_free (self->directory);
}

static VmdLockSet *
parse (const char *resources)
{
  VmdLockSet *set = vmd_lock_set_parse (resources);

  g_assert_nonnull (set);
  return set;
}

static VmdLockGrip *
new_grip (FileFixture *self, const VmdLockSet *set)
{
  g_autoptr (GError) error = NULL;
  VmdLockGrip *grip = vmd_lock_grip_new (self->file, set, &error);

  g_assert_no_error (error);
  return grip;
}

static void
assert_tighten (VmdLockGrip *grip, gboolean may_queue, VmdLockGripResult expected)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (vmd_lock_grip_tighten (grip, may_queue, &error), ==, expected);
  g_assert_no_error (error);
}

static short
probe (FileFixture *self, guint64 byte)
{
  struct flock lock = {
    .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t) byte, .l_len = 1
  };

  g_assert_no_errno (fcntl (self->probe_fd, F_OFD_GETLK, &lock));
  return lock.l_type;
}

/* How the gate and the lock of the @i-th place of @set are: F_UNLCK, F_RDLCK or F_WRLCK. */
static void
assert_bytes (FileFixture *self, const VmdLockSet *set, guint i, short gate, short lock)
{
  guint64 offset = g_array_index (set->places, VmdLockPlace, i).offset;

  g_assert_cmpint (probe (self, 2 * offset), ==, gate);
  g_assert_cmpint (probe (self, 2 * offset + 1), ==, lock);
}

static void
test_uncontended (FileFixture *self, gconstpointer data)
{
  g_autoptr (VmdLockSet) set = parse ("vm/a:exclusive image/b:shared");
  VmdLockGrip *grip = new_grip (self, set);

  assert_tighten (grip, TRUE, VMD_LOCK_GRIP_WHOLE);
  for (guint i = 0; i < 2; i++)
    {
      VmdLockMode mode = g_array_index (set->places, VmdLockPlace, i).mode;

      assert_bytes (self, set, i, F_UNLCK, mode == VMD_LOCK_EXCLUSIVE ? F_WRLCK : F_RDLCK);
    }
  vmd_lock_grip_free (grip);
  assert_bytes (self, set, 0, F_UNLCK, F_UNLCK);
  assert_bytes (self, set, 1, F_UNLCK, F_UNLCK);
}

static void
test_gate (FileFixture *self, gconstpointer data)
{
  g_autoptr (VmdLockSet) set = parse ("vm/a:exclusive");
  VmdLockGrip *first = new_grip (self, set);
  VmdLockGrip *second = new_grip (self, set);
  VmdLockGrip *third = new_grip (self, set);

  assert_tighten (first, TRUE, VMD_LOCK_GRIP_WHOLE);
  assert_tighten (third, FALSE, VMD_LOCK_GRIP_PART);
  assert_bytes (self, set, 0, F_UNLCK, F_WRLCK);
  assert_tighten (second, TRUE, VMD_LOCK_GRIP_PART);
  assert_bytes (self, set, 0, F_WRLCK, F_WRLCK);
  assert_tighten (third, TRUE, VMD_LOCK_GRIP_PART);
  vmd_lock_grip_free (first);
  /* It is free now, and it is the second's turn. */
  assert_tighten (third, TRUE, VMD_LOCK_GRIP_PART);
  assert_tighten (third, FALSE, VMD_LOCK_GRIP_PART);
  assert_tighten (second, TRUE, VMD_LOCK_GRIP_WHOLE);
  assert_bytes (self, set, 0, F_UNLCK, F_WRLCK);
  assert_tighten (third, TRUE, VMD_LOCK_GRIP_PART);
  vmd_lock_grip_free (second);
  assert_tighten (third, TRUE, VMD_LOCK_GRIP_WHOLE);
  vmd_lock_grip_free (third);
}

/* Readers who keep coming don't keep a writer out. */
static void
test_readers_queue_behind_writer (FileFixture *self, gconstpointer data)
{
  g_autoptr (VmdLockSet) shared = parse ("vm/a:shared");
  g_autoptr (VmdLockSet) exclusive = parse ("vm/a:exclusive");
  VmdLockGrip *reader = new_grip (self, shared);
  VmdLockGrip *writer = new_grip (self, exclusive);
  VmdLockGrip *late = new_grip (self, shared);

  assert_tighten (reader, TRUE, VMD_LOCK_GRIP_WHOLE);
  assert_tighten (writer, TRUE, VMD_LOCK_GRIP_PART);
  assert_tighten (late, TRUE, VMD_LOCK_GRIP_PART);
  vmd_lock_grip_free (reader);
  assert_tighten (late, TRUE, VMD_LOCK_GRIP_PART);
  assert_tighten (writer, TRUE, VMD_LOCK_GRIP_WHOLE);
  vmd_lock_grip_free (writer);
  assert_tighten (late, TRUE, VMD_LOCK_GRIP_WHOLE);
  vmd_lock_grip_free (late);
}

/* What is taken stays taken, and nothing above the place that is waited for is. */
static void
test_order (FileFixture *self, gconstpointer data)
{
  g_autoptr (VmdLockSet) three = parse ("vm/a:exclusive vm/b:exclusive vm/c:exclusive");
  VmdLockSet middle = { .places = g_array_new (FALSE, FALSE, sizeof (VmdLockPlace)) };
  VmdLockGrip *holder, *grip;

  g_array_append_val (middle.places, g_array_index (three->places, VmdLockPlace, 1));
  holder = new_grip (self, &middle);
  grip = new_grip (self, three);
  assert_tighten (holder, TRUE, VMD_LOCK_GRIP_WHOLE);
  for (guint i = 0; i < 3; i++)
    {
      assert_tighten (grip, TRUE, VMD_LOCK_GRIP_PART);
      assert_bytes (self, three, 0, F_UNLCK, F_WRLCK);
      assert_bytes (self, three, 1, F_WRLCK, F_WRLCK);
      assert_bytes (self, three, 2, F_UNLCK, F_UNLCK);
    }
  vmd_lock_grip_free (holder);
  assert_tighten (grip, TRUE, VMD_LOCK_GRIP_WHOLE);
  assert_bytes (self, three, 2, F_UNLCK, F_WRLCK);
  vmd_lock_grip_free (grip);
  g_array_unref (middle.places);
}

/* Who gives up half-way leaves nothing behind: the gate neither. */
static void
test_giving_up (FileFixture *self, gconstpointer data)
{
  g_autoptr (VmdLockSet) set = parse ("vm/a:exclusive vm/b:exclusive");
  VmdLockGrip *first = new_grip (self, set);
  VmdLockGrip *second = new_grip (self, set);

  assert_tighten (first, TRUE, VMD_LOCK_GRIP_WHOLE);
  assert_tighten (second, TRUE, VMD_LOCK_GRIP_PART);
  vmd_lock_grip_free (second);
  assert_bytes (self, set, 0, F_UNLCK, F_WRLCK);
  vmd_lock_grip_free (first);
}

static void
test_leaves (FileFixture *self, gconstpointer data)
{
  g_autoptr (VmdLockSet) create = parse ("create:exclusive");
  g_autoptr (VmdLockSet) publish = parse ("publish:exclusive");
  VmdLockGrip *first = new_grip (self, create);
  VmdLockGrip *second = new_grip (self, publish);

  assert_tighten (first, TRUE, VMD_LOCK_GRIP_WHOLE);
  assert_tighten (second, TRUE, VMD_LOCK_GRIP_WHOLE);
  assert_bytes (self, create, 0, F_UNLCK, F_WRLCK);
  assert_bytes (self, publish, 0, F_UNLCK, F_WRLCK);
  vmd_lock_grip_free (first);
  assert_bytes (self, publish, 0, F_UNLCK, F_WRLCK);
  vmd_lock_grip_free (second);
}

/* LESSONS 41d: a forked child has our descriptor, and no lock with it. */
static void
test_lesson_41d_forked_child (FileFixture *self, gconstpointer data)
{
  g_autoptr (VmdLockSet) set = parse ("vm/a:exclusive");
  VmdLockGrip *grip = new_grip (self, set);
  int pipe_fds[2], status;
  char byte = 0;
  pid_t child;

  assert_tighten (grip, TRUE, VMD_LOCK_GRIP_WHOLE);
  g_assert_no_errno (pipe (pipe_fds));
  child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      close (pipe_fds[1]);
      _exit (read (pipe_fds[0], &byte, 1) == 0 ? 0 : 1);
    }
  assert_bytes (self, set, 0, F_UNLCK, F_WRLCK);
  vmd_lock_grip_free (grip);
  assert_bytes (self, set, 0, F_UNLCK, F_UNLCK);
  /* Even the description that the child shares can be used again. */
  grip = new_grip (self, set);
  assert_tighten (grip, TRUE, VMD_LOCK_GRIP_WHOLE);
  vmd_lock_grip_free (grip);
  g_assert_cmpint (waitpid (child, &status, WNOHANG), ==, 0);
  close (pipe_fds[1]);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
  close (pipe_fds[0]);
}

static guint
count_descriptors (void)
{
  g_autoptr (GDir) directory = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  g_assert_nonnull (directory);
  while (g_dir_read_name (directory) != NULL)
    n++;
  return n;
}

static void
test_descriptors (FileFixture *self, gconstpointer data)
{
  g_autoptr (VmdLockSet) set = parse ("vm/a:shared");
  VmdLockGrip *grips[100];
  guint before = count_descriptors ();

  for (guint round = 0; round < 3; round++)
    {
      for (guint i = 0; i < G_N_ELEMENTS (grips); i++)
        {
          grips[i] = new_grip (self, set);
          assert_tighten (grips[i], TRUE, VMD_LOCK_GRIP_WHOLE);
        }
      for (guint i = 0; i < G_N_ELEMENTS (grips); i++)
        vmd_lock_grip_free (grips[i]);
      g_assert_cmpuint (count_descriptors (), <=, before + 31);
    }
}

static void
assert_replaced (FileFixture *self)
{
  g_autoptr (VmdLockSet) set = parse ("vm/a:shared");
  g_autoptr (GError) error = NULL;

  g_assert_null (vmd_lock_grip_new (self->file, set, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_STORE);
  g_assert_nonnull (strstr (error->message, self->path));
}

/* Locks on two files would keep nobody out. */
static void
test_removed (FileFixture *self, gconstpointer data)
{
  g_assert_no_errno (g_unlink (self->path));
  assert_replaced (self);
  g_assert_true (g_file_set_contents (self->path, "", 0, NULL));
  assert_replaced (self);
}

static void
test_no_file (void)
{
  g_autofree char *directory = g_dir_make_tmp ("vmd-lock-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (directory, "locks", NULL);
  g_autofree char *target = g_build_filename (directory, "elsewhere", NULL);
  vmd_autofd int fd = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autoptr (GError) error = NULL;

  g_assert_no_errno (symlink (target, path));
  g_assert_null (vmd_lock_file_open (fd, directory, &error));
  g_assert_nonnull (error);
  g_assert_false (g_file_test (target, G_FILE_TEST_EXISTS));
  g_clear_error (&error);
  g_assert_no_errno (g_unlink (path));

  g_assert_no_errno (mkfifo (path, 0600));
  g_assert_null (vmd_lock_file_open (fd, directory, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_STORE);
  g_assert_no_errno (g_unlink (path));
  g_assert_no_errno (g_rmdir (directory));
}

static void
test_mode (FileFixture *self, gconstpointer data)
{
  struct stat status;

  g_assert_no_errno (stat (self->path, &status));
  g_assert_cmpint (status.st_mode & 0777, ==, 0600);
  g_assert_cmpint (status.st_size, ==, 0);
}

#define add_file_test(path, function)                                                              \
  g_test_add (path, FileFixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_file_test ("/lock-file/uncontended", test_uncontended);
  add_file_test ("/lock-file/gate", test_gate);
  add_file_test ("/lock-file/readers-queue-behind-writer", test_readers_queue_behind_writer);
  add_file_test ("/lock-file/order", test_order);
  add_file_test ("/lock-file/giving-up", test_giving_up);
  add_file_test ("/lock-file/leaves", test_leaves);
  add_file_test ("/lock-file/lesson-41d-forked-child", test_lesson_41d_forked_child);
  add_file_test ("/lock-file/descriptors", test_descriptors);
  add_file_test ("/lock-file/removed", test_removed);
  g_test_add_func ("/lock-file/no-file", test_no_file);
  add_file_test ("/lock-file/mode", test_mode);
  return g_test_run ();
}
