/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "lock-support.h"

#include "base/vmd-poll-private.h"
#include "lock/vmd-lock-record-private.h"
#include "lock/vmd-lock-request-private.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct
{
  Fixture fixture;
  char *path; /* the directory `requests` */
  int fd;
} RecordFixture;

static void
set_up (RecordFixture *self, gconstpointer data)
{
  fixture_set_up (&self->fixture, NULL);
  self->path = g_build_filename (self->fixture.state_dir, "requests", NULL);
  self->fd = open (self->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint (self->fd, >=, 0);
}

static void
tear_down (RecordFixture *self, gconstpointer data)
{
  close (self->fd);
  g_free (self->path);
  fixture_tear_down (&self->fixture, NULL);
}

/* A file that is nobody's record, or somebody's who wrote what he liked. Kept locked while the
 * result is open, if @locked. */
static int
write_file (RecordFixture *self, const char *name, const char *text, gssize length, gboolean locked)
{
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
  int fd = openat (self->fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  gssize wanted = length < 0 ? (gssize) strlen (text) : length;

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, text, wanted), ==, wanted);
  if (locked)
    g_assert_no_errno (fcntl (fd, F_OFD_SETLK, &lock));
  return fd;
}

static gboolean
exists (RecordFixture *self, const char *name)
{
  struct stat status;

  return fstatat (self->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
remove_file (RecordFixture *self, const char *name)
{
  g_assert_no_errno (unlinkat (self->fd, name, 0));
}

static guint
count_files (RecordFixture *self)
{
  g_autoptr (GDir) directory = g_dir_open (self->path, 0, NULL);
  guint n = 0;

  g_assert_nonnull (directory);
  while (g_dir_read_name (directory) != NULL)
    n++;
  return n;
}

static VmdLockRequest *
new_sealed (const char *owner, const char *reason)
{
  VmdLockRequest *request = vmd_lock_request_new (owner, reason);

  vmd_lock_request_add (request, VMD_LOCK_VM, "a", VMD_LOCK_EXCLUSIVE);
  vmd_lock_request_set_job (request, "12");
  vmd_lock_request_set_sender (request, ":1.42");
  g_assert_true (vmd_lock_request_seal (request, NULL));
  return request;
}

static VmdLockInfo *
read_only_one (RecordFixture *self)
{
  g_autoptr (GPtrArray) infos = vmd_lock_record_read_all (self->fd, NULL);

  g_assert_cmpuint (infos->len, ==, 1);
  return g_object_ref (infos->pdata[0]);
}

static void
test_life (RecordFixture *self, gconstpointer data)
{
  g_autoptr (VmdLockRequest) request = new_sealed ("me", "import");
  VmdLockRecord *record = vmd_lock_record_new (self->fd, request, 1000);
  g_autoptr (VmdLockInfo) waiting = NULL;
  g_autoptr (VmdLockInfo) held = NULL;
  g_autoptr (GPtrArray) others = NULL;

  g_assert_nonnull (record);
  waiting = read_only_one (self);
  g_assert_false (vmd_lock_info_get_held (waiting));
  g_assert_cmpint (vmd_lock_info_get_since (waiting), ==, 1000);
  g_assert_cmpint (vmd_lock_info_get_pid (waiting), ==, getpid ());
  g_assert_cmpstr (vmd_lock_info_get_resources (waiting), ==, "vm/a:exclusive");
  vmd_lock_record_set_held (record, 2000);
  held = read_only_one (self);
  g_assert_true (vmd_lock_info_get_held (held));
  g_assert_cmpint (vmd_lock_info_get_since (held), ==, 2000);
  g_assert_cmpstr (vmd_lock_info_get_owner (held), ==, "me");
  g_assert_cmpstr (vmd_lock_info_get_reason (held), ==, "import");
  g_assert_cmpstr (vmd_lock_info_get_job (held), ==, "12");
  g_assert_cmpstr (vmd_lock_info_get_sender (held), ==, ":1.42");
  others = vmd_lock_record_read_all (self->fd, record);
  g_assert_cmpuint (others->len, ==, 0);
  vmd_lock_record_free (record);
  g_assert_cmpuint (count_files (self), ==, 0);
}

static void
test_mode (RecordFixture *self, gconstpointer data)
{
  g_autoptr (VmdLockRequest) request = new_sealed ("me", "import");
  VmdLockRecord *record = vmd_lock_record_new (self->fd, request, 1000);
  g_autoptr (GDir) directory = g_dir_open (self->path, 0, NULL);
  const char *name = g_dir_read_name (directory);
  g_autofree char *prefix = g_strdup_printf ("%d-", (int) getpid ());
  struct stat status;

  g_assert_nonnull (name);
  g_assert_true (g_str_has_prefix (name, prefix));
  g_assert_no_errno (fstatat (self->fd, name, &status, 0));
  g_assert_cmpint (status.st_mode & 0777, ==, 0600);
  g_assert_no_errno (stat (self->path, &status));
  g_assert_cmpint (status.st_mode & 0777, ==, 0700);
  vmd_lock_record_free (record);
}

/* What people write into reasons comes back as it was, and cannot forge another line. */
static void
test_texts (RecordFixture *self, gconstpointer data)
{
  const char *const texts[][2] = {
    { "two words", "two words" },
    { "", "" },
    { "back\\slash \"quoted\"", "back\\slash \"quoted\"" },
    { "M\303\274ll \342\200\246", "M\303\274ll \342\200\246" },
    { "line\nowner forged\nresources vm/b:shared", "line owner forged resources vm/b:shared" },
    { "\033[2Jgone", " [2Jgone" },
    { "not UTF-8 \377", "not UTF-8 \357\277\275" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (VmdLockRequest) request = new_sealed ("me", texts[i][0]);
      VmdLockRecord *record = vmd_lock_record_new (self->fd, request, 1000);
      g_autoptr (VmdLockInfo) info = read_only_one (self);

      g_assert_cmpstr (vmd_lock_info_get_reason (info), ==, texts[i][1]);
      g_assert_cmpstr (vmd_lock_info_get_owner (info), ==, "me");
      g_assert_cmpstr (vmd_lock_info_get_resources (info), ==, "vm/a:exclusive");
      vmd_lock_record_free (record);
    }
}

/* The largest that a request can make is read. */
static void
test_largest (RecordFixture *self, gconstpointer data)
{
  g_autofree char *reason = g_strnfill (10 * 1000 * 1000, 'x');
  g_autofree char *stem = g_strnfill (251, 'x');
  g_autoptr (VmdLockRequest) request = vmd_lock_request_new ("me", reason);
  g_autoptr (VmdLockInfo) info = NULL;
  VmdLockRecord *record;

  for (guint i = 0; i < 1024; i++)
    {
      g_autofree char *name = g_strdup_printf ("%s%04u", stem, i);

      vmd_lock_request_add (request, VMD_LOCK_KERNEL, name, VMD_LOCK_EXCLUSIVE);
    }
  g_assert_true (vmd_lock_request_seal (request, NULL));
  record = vmd_lock_record_new (self->fd, request, 1000);
  info = read_only_one (self);
  g_assert_cmpuint (strlen (vmd_lock_info_get_reason (info)), ==, 1000);
  vmd_lock_record_free (record);
}

#define GOOD "H 00000000000000001000\nresources vm/a:exclusive\nowner me\nreason import\n"

/* LESSONS 7: what lost its owner goes, whatever is in it. */
static void
test_lesson_07_reaped (RecordFixture *self, gconstpointer data)
{
  const char *const texts[] = { GOOD, "", "rubbish", "H 1\n" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GPtrArray) infos = NULL;

      close (write_file (self, "1-1", texts[i], -1, FALSE));
      infos = vmd_lock_record_read_all (self->fd, NULL);
      g_assert_cmpuint (infos->len, ==, 0);
      g_assert_false (exists (self, "1-1"));
    }
}

static void
test_lesson_07_killed_holder (RecordFixture *self, gconstpointer data)
{
  Holder holder;

  holder_start (&holder, self->fixture.state_dir, "vm/a:exclusive", FALSE);
  g_assert_cmpuint (count_records (self->fixture.table, TRUE), ==, 1);
  holder_end (&holder);
  g_assert_cmpuint (count_files (self), ==, 1);
  g_assert_cmpuint (count_records (self->fixture.table, TRUE), ==, 0);
  g_assert_cmpuint (count_files (self), ==, 0);
}

/* One that is locked is somebody's; it is shown if it makes sense, and left alone in any case. */
static void
test_malformed (RecordFixture *self, gconstpointer data)
{
  const char *const texts[] = {
    "",
    "\n",
    "H",
    "H ",
    "X 1000\nresources vm/a:exclusive\nowner me\nreason import\n",
    "H -1\nresources vm/a:exclusive\nowner me\nreason import\n",
    "H 99999999999999999999999\nresources vm/a:exclusive\nowner me\nreason import\n",
    "H 1000\nowner me\nreason import\n",
    "H 1000\nresources \nowner me\nreason import\n",
    "H 1000\nresources vm/a\nowner me\nreason import\n",
    "H 1000\nresources tank/a:exclusive\nowner me\nreason import\n",
    "H 1000\nresources vm/a:exclusive workspace/a:shared\nowner me\nreason import\n",
    "H 1000\nresources vm/a:exclusive\nreason import\n",
    "H 1000\nresources vm/a:exclusive\nowner me\n",
    "H 1000\rresources vm/a:exclusive\rowner me\rreason import\r",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      int fd = write_file (self, "1-1", texts[i], -1, TRUE);
      g_autoptr (GPtrArray) infos = vmd_lock_record_read_all (self->fd, NULL);

      g_test_message ("malformed %u", i);
      g_assert_cmpuint (infos->len, ==, 0);
      g_assert_true (exists (self, "1-1"));
      remove_file (self, "1-1");
      close (fd);
    }
}

static void
test_odd_but_good (RecordFixture *self, gconstpointer data)
{
  const char *text = "H 9000000000000000000\nunknown key\nresources vm/a:exclusive\nowner me\n"
                     "owner second\nreason \\033[31m\\377\\\nsender";
  int fd = write_file (self, "2147483647-4294967295", text, -1, TRUE);
  g_autoptr (VmdLockInfo) info = read_only_one (self);
  g_autofree char *description = NULL;

  g_assert_cmpint (vmd_lock_info_get_pid (info), ==, G_MAXINT32);
  g_assert_cmpstr (vmd_lock_info_get_owner (info), ==, "me");
  g_assert_cmpstr (vmd_lock_info_get_reason (info), ==, " [31m\357\277\275");
  g_assert_null (vmd_lock_info_get_sender (info));
  description = vmd_lock_info_describe (info);
  g_assert_true (g_utf8_validate (description, -1, NULL));
  remove_file (self, "2147483647-4294967295");
  close (fd);
}

static void
test_nul_and_huge (RecordFixture *self, gconstpointer data)
{
  static const char nul[] = "H 1000\nresources vm/a:exclusive\nowner me\0\nreason import\n";
  int nul_fd = write_file (self, "1-1", nul, sizeof nul - 1, TRUE);
  int huge_fd = write_file (self, "1-2", GOOD, -1, TRUE);
  g_autoptr (GPtrArray) infos = NULL;

  g_assert_no_errno (ftruncate (huge_fd, G_GINT64_CONSTANT (1) << 40));
  infos = vmd_lock_record_read_all (self->fd, NULL);
  g_assert_cmpuint (infos->len, ==, 0);
  remove_file (self, "1-1");
  remove_file (self, "1-2");
  close (nul_fd);
  close (huge_fd);
}

/* What has another name is not ours to read or to remove. */
static void
test_names (RecordFixture *self, gconstpointer data)
{
  const char *const names[] = { "1",    "1-",           "-1",           "1-2-3",
                                "0-1",  "1-4294967296", "2147483648-1", "+1-1",
                                " 1-1", "1-1~",         "a-1",          "1-a",
                                "1- 1", "0x1-1" };
  g_autoptr (GPtrArray) infos = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    close (write_file (self, names[i], GOOD, -1, FALSE));
  infos = vmd_lock_record_read_all (self->fd, NULL);
  g_assert_cmpuint (infos->len, ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    remove_file (self, names[i]);
}

static void
test_other_types (RecordFixture *self, gconstpointer data)
{
  g_autofree char *outside = g_build_filename (self->fixture.state_dir, "outside", NULL);
  g_autoptr (GPtrArray) infos = NULL;

  g_assert_true (g_file_set_contents (outside, GOOD, -1, NULL));
  g_assert_no_errno (symlinkat (outside, self->fd, "1-1"));
  g_assert_no_errno (mkfifoat (self->fd, "1-2", 0600));
  g_assert_no_errno (mkdirat (self->fd, "1-3", 0700));
  infos = vmd_lock_record_read_all (self->fd, NULL);
  g_assert_cmpuint (infos->len, ==, 0);
  g_assert_cmpuint (count_files (self), ==, 3);
  g_assert_true (g_file_test (outside, G_FILE_TEST_IS_REGULAR));
  remove_file (self, "1-1");
  remove_file (self, "1-2");
  g_assert_no_errno (unlinkat (self->fd, "1-3", AT_REMOVEDIR));
  g_assert_no_errno (g_unlink (outside));
}

/* A dead namesake's file is in the way: another number is taken. */
static void
test_name_taken (RecordFixture *self, gconstpointer data)
{
  g_autoptr (VmdLockRequest) request = new_sealed ("me", "import");
  VmdLockRecord *records[3];

  for (guint i = 0; i < G_N_ELEMENTS (records); i++)
    {
      records[i] = vmd_lock_record_new (self->fd, request, 1000);
      g_assert_nonnull (records[i]);
    }
  /* Theirs are locked: reading leaves them alone. */
  g_ptr_array_unref (vmd_lock_record_read_all (self->fd, NULL));
  g_assert_cmpuint (count_files (self), ==, 3);
  for (guint i = 0; i < G_N_ELEMENTS (records); i++)
    vmd_lock_record_free (records[i]);
}

/* LESSONS 41d: a child that has the descriptor keeps no record. */
static void
test_lesson_41d_forked_child (RecordFixture *self, gconstpointer data)
{
  g_autoptr (VmdLockRequest) request = new_sealed ("me", "import");
  VmdLockRecord *record = vmd_lock_record_new (self->fd, request, 1000);
  int pipe_fds[2], status;
  char byte;
  pid_t child;

  g_assert_no_errno (pipe (pipe_fds));
  child = fork ();
  if (child == 0)
    {
      close (pipe_fds[1]);
      _exit (read (pipe_fds[0], &byte, 1) == 0 ? 0 : 1);
    }
  vmd_lock_record_free (record);
  g_assert_cmpuint (count_files (self), ==, 0);
  close (pipe_fds[1]);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
  close (pipe_fds[0]);
}

/* Records tell, they lock nothing: where none can be written, locks work none the less. */
static void
test_without_records (RecordFixture *self, gconstpointer data)
{
  g_autoptr (VmdLock) lock = NULL;
  g_autoptr (VmdLockTable) other = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_no_errno (g_rmdir (self->path));
  lock = lock_now (&self->fixture, NULL, "vm/a:exclusive");
  assert_refused (&self->fixture, NULL, "vm/a:shared", VMD_ERROR_BUSY);
  other = vmd_lock_table_new (self->fixture.state_dir, NULL);
  g_assert_null (try_lock (other, NULL, "vm/a:shared", &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_BUSY);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, "vm/a"));
}

#define add_record_test(path, function)                                                            \
  g_test_add (path, RecordFixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  holder_main_if_asked (argc, argv);
  g_test_init (&argc, &argv, NULL);
  add_record_test ("/lock-record/life", test_life);
  add_record_test ("/lock-record/mode", test_mode);
  add_record_test ("/lock-record/texts", test_texts);
  add_record_test ("/lock-record/largest", test_largest);
  add_record_test ("/lock-record/lesson-07-reaped", test_lesson_07_reaped);
  add_record_test ("/lock-record/lesson-07-killed-holder", test_lesson_07_killed_holder);
  add_record_test ("/lock-record/malformed", test_malformed);
  add_record_test ("/lock-record/odd-but-good", test_odd_but_good);
  add_record_test ("/lock-record/nul-and-huge", test_nul_and_huge);
  add_record_test ("/lock-record/names", test_names);
  add_record_test ("/lock-record/other-types", test_other_types);
  add_record_test ("/lock-record/name-taken", test_name_taken);
  add_record_test ("/lock-record/lesson-41d-forked-child", test_lesson_41d_forked_child);
  add_record_test ("/lock-record/without-records", test_without_records);
  return g_test_run ();
}
