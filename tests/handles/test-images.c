/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "image-support.h"

#include "archive-maker.h"
#include "base/vmd-fault-private.h"
#include "base/vmd-state-dir-private.h"
#include "fake-apt.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean
delete_image (VmdImage *image, GError **error)
{
  return vmd_image_delete (image, NULL, NULL, NULL, error);
}

static VmdVm *
create_from (VmdManager *manager, const char *name, const char *image)
{
  g_autoptr (VmdVmSpec) spec = vmd_vm_spec_new ();
  g_autoptr (GError) error = NULL;
  VmdVm *vm;

  vmd_vm_spec_set_name (spec, name);
  vmd_vm_spec_set_image (spec, image);
  vm = vmd_manager_create_vm (manager, spec, NULL, NULL, &error);
  g_assert_no_error (error);
  return vm;
}

static void
delete_vm (VmdVm *vm)
{
  g_autoptr (GError) error = NULL;

  vmd_vm_delete (vm, TRUE, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
}

static void
test_import (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdImage) image = import_image (fixture->manager, "base", "one");
  g_autoptr (VmdImage) found = vmd_manager_find_image (fixture->manager, "base", NULL);
  g_autoptr (GListModel) list = vmd_manager_list_images (fixture->manager);
  g_autofree char *path =
      vmd_manager_dup_image_path (fixture->manager, vmd_image_get_digest (image));
  struct stat status;

  g_assert_true (image == found);
  g_assert_cmpuint (g_list_model_get_n_items (list), ==, 1);
  g_assert_cmpstr (vmd_image_get_name (image), ==, "base");
  g_assert_cmpstr (vmd_image_get_source (image), ==, "test");
  g_assert_cmpint (vmd_image_get_created (image), >, 0);
  g_assert_cmpint (stat (path, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 07777, ==, 0400);
  g_assert_cmpuint (vmd_image_get_virtual_size (image), ==, status.st_size);
  g_assert_cmpuint (vmd_image_get_size (image), >, 0);
  g_assert_cmpuint (vmd_image_get_size (image), <, 10 * 1024 * 1024);
  assert_tidy (fixture);
}

/* The same name again: VMs keep what they were made from, for as long as there are any. */
static void
test_update (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdImage) first = import_image (fixture->manager, "base", "one");
  g_autoptr (VmdVm) vm = create_from (fixture->manager, "vm", "base");
  g_autoptr (VmdImage) second = import_image (fixture->manager, "base", "two");
  g_autoptr (VmdImage) third = NULL;

  g_assert_nonnull (vm);
  g_assert_cmpstr (vmd_image_get_digest (first), !=, vmd_image_get_digest (second));
  g_assert_true (has_image_file (fixture, vmd_image_get_digest (first)));
  third = import_image (fixture->manager, "base", "three");
  g_assert_false (has_image_file (fixture, vmd_image_get_digest (second)));
  g_assert_true (has_image_file (fixture, vmd_image_get_digest (third)));
  g_assert_cmpuint (count_files (fixture, "images"), ==, 2);
  delete_vm (vm);
  g_assert_false (has_image_file (fixture, vmd_image_get_digest (first)));
  g_assert_cmpuint (count_files (fixture, "images"), ==, 1);
  assert_tidy (fixture);
}

/* The same content under two names is one file. */
static void
test_shared_file (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdImage) one = import_image (fixture->manager, "one", "content");
  g_autoptr (VmdImage) two = import_image (fixture->manager, "two", "content");
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (vmd_image_get_digest (one), ==, vmd_image_get_digest (two));
  g_assert_cmpuint (count_files (fixture, "images"), ==, 1);
  g_assert_true (delete_image (one, &error));
  g_assert_cmpuint (count_files (fixture, "images"), ==, 1);
  g_assert_true (delete_image (two, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (count_files (fixture, "images"), ==, 0);
  g_assert_false (delete_image (two, &error));
  assert_vmd_error (error, VMD_ERROR_NOT_FOUND);
}

static void
test_in_use (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdImage) image = import_image (fixture->manager, "base", "one");
  g_autoptr (VmdVm) first = create_from (fixture->manager, "vm-a", "base");
  g_autoptr (VmdVm) second = create_from (fixture->manager, "vm-b", "base");
  g_autoptr (GError) error = NULL;

  g_assert_false (delete_image (image, &error));
  assert_vmd_error (error, VMD_ERROR_IN_USE);
  g_assert_nonnull (strstr (error->message, "vm-a"));
  g_assert_nonnull (strstr (error->message, "vm-b"));
  g_assert_true (has_image_file (fixture, vmd_image_get_digest (image)));
  delete_vm (first);
  delete_vm (second);
  g_clear_error (&error);
  g_assert_true (delete_image (image, &error));
  g_assert_cmpuint (count_files (fixture, "images"), ==, 0);
}

static void
test_delete_locks (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdImage) image = import_image (fixture->manager, "base", "one");
  g_autoptr (VmdLock) shared =
      vmd_image_lock (image, VMD_LOCK_SHARED, "reader", "reads it", NULL, NULL);
  g_autoptr (VmdLock) own = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_image_delete (image, shared, NULL, NULL, &error));
  assert_vmd_error (error, VMD_ERROR_NOT_LOCKED);
  vmd_lock_release (shared);
  own = vmd_image_lock (image, VMD_LOCK_EXCLUSIVE, "owner", "deletes it", NULL, NULL);
  g_clear_error (&error);
  g_assert_true (vmd_image_delete (image, own, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (vmd_lock_is_held (own));
}

static void
locked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  VmdLock **lock = data;

  *lock = vmd_image_lock_finish (VMD_IMAGE (source), result, &error);
  g_assert_no_error (error);
  g_assert_nonnull (*lock);
}

static void
cancelled_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError **error = data;

  g_assert_null (vmd_image_lock_finish (VMD_IMAGE (source), result, error));
}

static void
test_lock_async (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdImage) image = import_image (fixture->manager, "base", "one");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (VmdLock) first = NULL;
  g_autoptr (VmdLock) second = NULL;
  g_autoptr (GError) error = NULL;

  vmd_image_lock_async (image, VMD_LOCK_EXCLUSIVE, NULL, "the first", NULL, locked_cb, &first);
  vmd_image_lock_async (image, VMD_LOCK_SHARED, NULL, "the second", NULL, locked_cb, &second);
  vmd_image_lock_async (image, VMD_LOCK_SHARED, NULL, "the third", cancellable, cancelled_cb,
                        &error);
  while (first == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_null (second);
  g_cancellable_cancel (cancellable);
  while (error == NULL)
    g_main_context_iteration (NULL, TRUE);
  assert_vmd_error (error, VMD_ERROR_CANCELLED);
  vmd_lock_release (first);
  while (second == NULL)
    g_main_context_iteration (NULL, TRUE);
}

/* What cannot be an image leaves the name as it was, and nothing else. */
static void
test_bad (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdImage) image = import_image (fixture->manager, "base", "one");
  g_autoptr (VmdImage) after = NULL;
  static const char *const names[] = { "", "Base", "a_b", "-a", "../x", "a/b" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (vmd_manager_import_image (fixture->manager, names[i], make_root_tar ("x"),
                                               "test", NULL, NULL, &error));
      assert_vmd_error (error, VMD_ERROR_INVALID_ARGUMENT);
    }
  for (guint length = 0; length < 60; length += 10)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (vmd_manager_import_image (
          fixture->manager, "base",
          make_file ("rubbish rubbish rubbish rubbish rubbish rubbish rubbish rubbish", length),
          "test", NULL, NULL, &error));
      assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
    }
  after = vmd_manager_find_image (fixture->manager, "base", NULL);
  g_assert_true (after == image);
  g_assert_cmpuint (count_files (fixture, "images"), ==, 1);
  assert_tidy (fixture);
}

/* One whose sender stalls keeps nobody from another name; who waits for this one goes on as soon as
 * it is given up. */
static void
test_stalled (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (VmdJob) stalled_job = begin_job (fixture->manager, "import-image");
  g_autoptr (VmdJob) waiting_job = begin_job (fixture->manager, "import-image");
  g_autoptr (VmdImage) other = NULL;
  MakeCall stalled = { .call = { .run = run_import_image, .job = stalled_job },
                       .manager = fixture->manager,
                       .name = "slow" };
  MakeCall waiting = { .call = { .run = run_import_image, .job = waiting_job },
                       .manager = fixture->manager,
                       .name = "slow" };
  int fds[2];

  g_assert_cmpint (pipe (fds), ==, 0);
  stalled.fd = fds[0];
  stalled.call.cancellable = cancellable;
  call_begin (&stalled.call);
  wait_for_phase (stalled_job, "unpacking");
  waiting.fd = make_root_tar ("two");
  call_begin (&waiting.call);
  wait_for_phase (waiting_job, "waiting");
  other = import_image (fixture->manager, "quick", "one");
  g_assert_false (call_ends_within (&waiting.call, 50));
  g_cancellable_cancel (cancellable);
  call_join (&stalled.call);
  assert_vmd_error (stalled.call.error, VMD_ERROR_CANCELLED);
  call_join (&waiting.call);
  g_assert_no_error (waiting.call.error);
  make_call_clear (&stalled);
  make_call_clear (&waiting);
  close (fds[1]);
  g_assert_cmpuint (count_files (fixture, "images"), ==, 2);
  assert_tidy (fixture);
}

/* Of two who build one image at once exactly one does the work, and both have it. */
static void
test_build_twice (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdManager) another = open_another (fixture);
  g_autoptr (VmdJob) first = begin_job (fixture->manager, "build-image");
  g_autoptr (VmdJob) second = begin_job (another, "build-image");
  MakeCall calls[2] = {
    { .call = { .run = run_build_image, .job = first },
      .manager = fixture->manager,
      .name = "tiny" },
    { .call = { .run = run_build_image, .job = second }, .manager = another, .name = "tiny" }
  };
  g_autofree char *log = NULL;

  fake_apt_reset ();
  fake_apt_publish_tiny ();
  fake_apt_close_gate ();
  call_begin (&calls[0].call);
  fake_apt_wait_asked ();
  call_begin (&calls[1].call);
  wait_for_phase (second, "waiting");
  g_assert_false (call_ends_within (&calls[1].call, 50));
  fake_apt_open_gate ();
  for (guint i = 0; i < 2; i++)
    {
      call_join (&calls[i].call);
      g_assert_no_error (calls[i].call.error);
    }
  g_assert_cmpstr (vmd_image_get_digest (VMD_IMAGE (calls[0].made)), ==,
                   vmd_image_get_digest (VMD_IMAGE (calls[1].made)));
  g_assert_cmpint (vmd_image_get_created (VMD_IMAGE (calls[0].made)), ==,
                   vmd_image_get_created (VMD_IMAGE (calls[1].made)));
  log = fake_apt_dup_log ();
  g_assert_cmpstr (log, ==,
                   "download? busybox-static dropbear-bin;download busybox-static dropbear-bin;"
                   "download? libone;download libone;download? libtwo;download libtwo;");
  make_call_clear (&calls[0]);
  make_call_clear (&calls[1]);
  vmd_manager_close (another);
  assert_tidy (fixture);
}

/* Who asks when it is there wants it anew. */
static void
test_rebuild (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdImage) first = NULL;
  g_autoptr (VmdImage) second = NULL;

  fake_apt_reset ();
  fake_apt_publish_tiny ();
  first = vmd_manager_build_tiny_image (fixture->manager, "tiny", NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (vmd_image_get_source (first), ==, "tiny");
  fake_apt_publish_bytes (
      "libtwo_2_amd64.deb",
      fake_apt_make_package ("Package: libtwo\n", "./lib/x86_64-linux-gnu/libtwo.so.2", "new"));
  fake_apt_withdraw ("libtwo_1_amd64.deb");
  second = vmd_manager_build_tiny_image (fixture->manager, "tiny", NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (vmd_image_get_digest (first), !=, vmd_image_get_digest (second));
  g_assert_cmpuint (count_files (fixture, "images"), ==, 1);
}

/* What has no row goes when the directory is opened; what is no file of ours stays. */
static void
test_reap (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdImage) image = import_image (fixture->manager, "base", "one");
  g_autofree char *digest = g_strnfill (64, 'a');
  g_autofree char *left = vmd_manager_dup_image_path (fixture->manager, digest);
  g_autofree char *strange = vmd_manager_dup_image_path (fixture->manager, "notes");
  g_autofree char *kernel = vmd_manager_dup_kernel_dir (fixture->manager, "6.1-left");
  g_autoptr (VmdManager) another = NULL;

  write_file (left, "x", 1);
  write_file (strange, "x", 1);
  g_assert_cmpint (g_mkdir_with_parents (kernel, 0700), ==, 0);
  another = open_another (fixture);
  g_assert_false (g_file_test (left, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (kernel, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (strange, G_FILE_TEST_EXISTS));
  g_assert_true (has_image_file (fixture, vmd_image_get_digest (image)));
  vmd_manager_close (another);
}

typedef struct
{
  GMainLoop *loop;
  VmdImage *image;
  GError *error;
} Answer;

static void
imported_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Answer *answer = data;

  answer->image = vmd_manager_import_image_finish (VMD_MANAGER (source), result, &answer->error);
  g_main_loop_quit (answer->loop);
}

static void
deleted_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Answer *answer = data;

  vmd_image_delete_finish (VMD_IMAGE (source), result, &answer->error);
  g_main_loop_quit (answer->loop);
}

static void
test_async (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  g_autoptr (VmdJob) job = begin_job (fixture->manager, "import-image");
  Answer answer = { .loop = loop };
  g_autoptr (VmdImage) image = NULL;

  vmd_manager_import_image_async (fixture->manager, "base", make_root_tar ("one"), "test", NULL,
                                  NULL, imported_cb, &answer);
  g_main_loop_run (loop);
  g_assert_no_error (answer.error);
  image = answer.image;
  vmd_image_delete_async (image, NULL, NULL, NULL, deleted_cb, &answer);
  g_main_loop_run (loop);
  g_assert_no_error (answer.error);
  g_cancellable_cancel (cancelled);
  vmd_manager_import_image_async (fixture->manager, "base", make_root_tar ("one"), "test", job,
                                  cancelled, imported_cb, &answer);
  g_main_loop_run (loop);
  assert_vmd_error (answer.error, VMD_ERROR_CANCELLED);
  g_assert_null (answer.image);
  g_assert_cmpint (vmd_job_get_state (job), ==, VMD_JOB_CANCELLED);
  g_clear_error (&answer.error);
  assert_tidy (fixture);
}

#ifdef VMD_FAULT_POINTS

/* Each point failed in turn: the name is what it was, or what it is to be, and there is no file but
 * that. */
static void
test_faults (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdImage) before = import_image (fixture->manager, "base", "one");
  gboolean failed = TRUE;
  guint n;

  for (n = 1; failed; n++)
    {
      g_autofree char *fault = g_strdup_printf ("*:%u", n);
      g_autofree char *content = g_strdup_printf ("content %u", n);
      g_autoptr (GError) error = NULL;
      g_autoptr (VmdImage) image = NULL;
      g_autoptr (VmdImage) now = NULL;
      int fd = make_root_tar (content);

      vmd_fault_arm (fault);
      image = vmd_manager_import_image (fixture->manager, "base", fd, "test", NULL, NULL, &error);
      failed = error != NULL || vmd_fault_count () >= n;
      vmd_fault_arm (NULL);
      now = vmd_manager_find_image (fixture->manager, "base", NULL);
      g_test_message ("%u: %s", n, error != NULL ? error->message : "good");
      g_assert_nonnull (now);
      g_assert_true (has_image_file (fixture, vmd_image_get_digest (now)));
      /* A commit may have happened though its caller was told that it failed. */
      if (image == NULL && !g_str_equal (error->message, "fault point store-committed"))
        g_assert_cmpstr (vmd_image_get_digest (now), ==, vmd_image_get_digest (before));
      g_set_object (&before, now);
      assert_tidy (fixture);
    }
  g_assert_cmpuint (n, >, 8);
}

static void
test_delete_faults (Fixture *fixture, gconstpointer data)
{
  gboolean failed = TRUE;

  for (guint n = 1; failed; n++)
    {
      g_autoptr (VmdImage) image = import_image (fixture->manager, "base", "one");
      g_autofree char *fault = g_strdup_printf ("*:%u", n);
      g_autoptr (VmdImage) now = NULL;
      g_autoptr (GError) error = NULL;

      vmd_fault_arm (fault);
      failed = !delete_image (image, &error) || vmd_fault_count () >= n;
      vmd_fault_arm (NULL);
      now = vmd_manager_find_image (fixture->manager, "base", NULL);
      g_assert_true (now == NULL || has_image_file (fixture, vmd_image_get_digest (now)));
      assert_tidy (fixture);
    }
}

/* Killed at each point of publishing, in a process of its own: whoever opens next finds all or
 * nothing. */
static void
test_crash_child (Fixture *fixture, gconstpointer data)
{
  const char *state_dir = g_getenv ("VMD_TEST_STATE_DIR");
  g_autoptr (VmdManager) manager = NULL;

  manager = vmd_manager_open (state_dir, "fake", NULL, NULL);
  vmd_fault_arm (g_getenv ("VMD_TEST_FAULT"));
  g_object_unref (import_image (manager, "new", "two"));
}

static void
test_crash (Fixture *fixture, gconstpointer data)
{
  static const char *const points[] = { "ext4-finish", "digest", "image-publish", "image-rename",
                                        "image-insert" };
  g_autoptr (VmdImage) kept = import_image (fixture->manager, "kept", "one");

  g_setenv ("VMD_TEST_STATE_DIR", fixture->state_dir, TRUE);
  /* It cannot remove what it makes there. */
  g_setenv ("TMPDIR", fixture->directory, TRUE);
  for (gsize i = 0; i < G_N_ELEMENTS (points); i++)
    {
      g_autofree char *fault = g_strdup_printf ("%s:1:kill", points[i]);
      g_autoptr (VmdManager) after = NULL;

      g_setenv ("VMD_TEST_FAULT", fault, TRUE);
      g_test_trap_subprocess ("/images/crash/subprocess", 0, 0);
      g_assert_false (g_test_trap_has_passed ());
      after = open_another (fixture);
      g_assert_null (vmd_manager_find_image (after, "new", NULL));
      g_assert_cmpuint (count_files (fixture, "images"), ==, 1);
      g_assert_true (has_image_file (fixture, vmd_image_get_digest (kept)));
      assert_tidy (fixture);
      vmd_manager_close (after);
    }
  g_unsetenv ("VMD_TEST_STATE_DIR");
  g_unsetenv ("TMPDIR");
}

#endif

int
main (int argc, char **argv)
{
  g_autofree char *directory = g_dir_make_tmp ("vmd-apt-XXXXXX", NULL);
  int status;

  fake_apt_install (directory);
  handles_test_init (&argc, &argv);
  add_test ("/images/import", test_import);
  add_test ("/images/update", test_update);
  add_test ("/images/shared-file", test_shared_file);
  add_test ("/images/in-use", test_in_use);
  add_test ("/images/delete-locks", test_delete_locks);
  add_test ("/images/lock-async", test_lock_async);
  add_test ("/images/bad", test_bad);
  add_test ("/images/stalled", test_stalled);
  add_test ("/images/build-twice", test_build_twice);
  add_test ("/images/rebuild", test_rebuild);
  add_test ("/images/reap", test_reap);
  add_test ("/images/async", test_async);
#ifdef VMD_FAULT_POINTS
  add_test ("/images/faults", test_faults);
  add_test ("/images/delete-faults", test_delete_faults);
  add_test ("/images/crash", test_crash);
  add_test ("/images/crash/subprocess", test_crash_child);
#endif
  status = handles_test_run ();
  vmd_remove_tree (directory, NULL);
  return status;
}
