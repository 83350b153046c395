/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "handles-support.h"

#include "base/vmd-poll-private.h"
#include "vmd-console-log-private.h"

#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* A guest that writes much to its console while it runs does not fill the host's disk. */

#define MUCH (20 * 1024 * 1024)
#define TYPED "is still here\n"

static char *
dup_log_path (VmdVm *vm)
{
  g_autofree char *vm_dir = vmd_vm_dup_dir (vm);

  return g_build_filename (vm_dir, "console.log", NULL);
}

/* As the guest of a real hypervisor does. */
static void
write_much (VmdVm *vm)
{
  g_autofree char *path = dup_log_path (vm);
  g_autofree char *text = g_malloc (MUCH);
  vmd_autofd int fd = open (path, O_WRONLY | O_APPEND | O_CLOEXEC);
  g_autoptr (GError) error = NULL;

  memset (text, 'x', MUCH);
  vmd_write_all (fd, text, MUCH, NULL, VMD_NO_DEADLINE, &error);
  g_assert_no_error (error);
}

/* Where the data of its log begins. */
static off_t
find_beginning (VmdVm *vm)
{
  g_autoptr (GError) error = NULL;
  vmd_autofd int fd = vmd_vm_open_log (vm, &error);

  g_assert_no_error (error);
  return lseek (fd, 0, SEEK_CUR);
}

static off_t
get_size (VmdVm *vm)
{
  g_autofree char *path = dup_log_path (vm);
  struct stat status;

  g_assert_cmpint (lstat (path, &status), ==, 0);
  return status.st_size;
}

/* A hole that is punched is a change of the file, of which its watchers are told. */
static void
wait_for_hole (VmdVm *vm)
{
  g_autofree char *path = dup_log_path (vm);
  vmd_autofd int watch = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  gint64 deadline = vmd_deadline_in (HANG_SECONDS * 1000);
  g_autoptr (GError) error = NULL;
  char events[4096];

  g_assert_cmpint (inotify_add_watch (watch, path, IN_MODIFY), >=, 0);
  while (find_beginning (vm) == 0)
    {
      vmd_read_some (watch, events, sizeof events, NULL, deadline, &error);
      g_assert_no_error (error);
    }
}

/* The fake's guest writes what is typed. */
static void
type (VmdVm *vm)
{
  gint64 deadline = vmd_deadline_in (HANG_SECONDS * 1000);
  g_autoptr (GError) error = NULL;
  vmd_autofd int console = vmd_vm_open_console (vm, &error);
  char byte = '\0';

  g_assert_no_error (error);
  vmd_write_all (console, TYPED, strlen (TYPED), NULL, deadline, &error);
  g_assert_no_error (error);
  while (byte != '\n')
    {
      g_assert_cmpint (vmd_read_some (console, &byte, 1, NULL, deadline, &error), ==, 1);
      g_assert_no_error (error);
    }
}

static void
test_given_back (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autofree char *tail = NULL;
  off_t size;

  write_much (vm);
  size = get_size (vm);
  wait_for_hole (vm);
  g_assert_cmpint (get_size (vm), ==, size);
  g_assert_cmpint (size - find_beginning (vm), >=, VMD_CONSOLE_LOG_KEPT);
  g_assert_cmpint (size - find_beginning (vm), <, VMD_CONSOLE_LOG_MAX);

  type (vm);
  g_assert_cmpint (get_size (vm), ==, size + (off_t) strlen (TYPED));
  tail = vmd_vm_dup_console_tail (vm);
  g_assert_nonnull (strstr (tail, "xxxxis still here"));
  assert_state (vm, VMD_VM_RUNNING);
}

static void
test_next_launch (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (GError) error = NULL;

  write_much (vm);
  wait_for_hole (vm);
  vmd_vm_restart (vm, HANG_SECONDS * 1000, VMD_READINESS_LAUNCHED, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (find_beginning (vm), ==, 0);
  g_assert_cmpint (get_size (vm), <, VMD_CONSOLE_LOG_MAX);
}

/* Every process that has the state directory open does it. */
static void
test_by_any_manager (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_running (fixture, "vm");
  g_autoptr (VmdManager) another = open_another (fixture);
  g_autoptr (VmdVm) same = find_same (another, vm);

  g_clear_pointer (&fixture->manager->consoles, vmd_manager_consoles_free);
  write_much (vm);
  wait_for_hole (same);
  vmd_manager_close (another);
}

/* Also while the next look is an hour away. */
static void
test_ends_at_once (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  gint64 deadline = vmd_deadline_in (HANG_SECONDS * 1000);

  for (guint i = 0; i < 100; i++)
    {
      VmdManagerConsoles *consoles =
          vmd_manager_consoles_new (fixture->manager, 3600 * 1000, &error);

      g_assert_no_error (error);
      vmd_manager_consoles_free (consoles);
    }
  g_assert_cmpint (g_get_monotonic_time (), <, deadline);
}

static void
test_keeps_nothing_alive (Fixture *fixture, gconstpointer data)
{
  VmdManager *another = open_another (fixture);
  VmdVm *vm = create_vm (another, "vm");

  vmd_manager_close (another);
  g_assert_null (another->consoles);
  vmd_manager_close (another);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_object_add_weak_pointer (G_OBJECT (another), (gpointer *) &another);
  g_object_unref (another);
  g_object_unref (vm);
  g_assert_null (another);
}

int
main (int argc, char **argv)
{
  g_setenv ("VMD_CONSOLE_INTERVAL", "10", TRUE);
  handles_test_init (&argc, &argv);
  add_test ("/console/given-back", test_given_back);
  add_test ("/console/next-launch", test_next_launch);
  add_test ("/console/by-any-manager", test_by_any_manager);
  add_test ("/console/ends-at-once", test_ends_at_once);
  add_test ("/console/keeps-nothing-alive", test_keeps_nothing_alive);
  return handles_test_run ();
}
