/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "backend-fixture.h"

#include "backend/vmd-left-child-private.h"
#include "base/vmd-poll-private.h"
#include "base/vmd-state-dir-private.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static gboolean
record_resource (gpointer data, const char *kind, const char *name, GError **error)
{
  BackendFixture *self = data;

  /* Before it exists: DESIGN 5. */
  if (!g_str_equal (kind, "process"))
    g_assert_false (g_file_test (name, G_FILE_TEST_EXISTS));
  g_ptr_array_add (self->resources, g_strdup_printf ("%s %s", kind, name));

  return TRUE;
}

static gboolean
record_process (gpointer data, const VmdProcessId *process, GError **error)
{
  BackendFixture *self = data;

  self->process = *process;
  self->n_processes++;

  return TRUE;
}

/* Recorded and made, as whoever launches does. */
static void
make_runtime_dir (BackendFixture *self)
{
  record_resource (self, "directory", self->runtime_dir, NULL);
  g_assert_cmpint (g_mkdir (self->runtime_dir, 0700), ==, 0);
}

BackendFixture *
backend_fixture_new (void)
{
  BackendFixture *self = g_new0 (BackendFixture, 1);
  g_autoptr (GError) error = NULL;

  self->directory = g_dir_make_tmp ("vmd-backend-XXXXXX", &error);
  g_assert_no_error (error);
  self->vm_dir = g_build_filename (self->directory, "vm", NULL);
  self->runtime_dir = g_build_filename (self->directory, "run", NULL);
  g_assert_cmpint (g_mkdir (self->vm_dir, 0700), ==, 0);
  self->resources = g_ptr_array_new_with_free_func (g_free);
  make_runtime_dir (self);
  self->plan = (VmdLaunchPlan){ .vm_id = "0123456789abcdef0123456789abcdef",
                                .vm_name = "one",
                                .launch = 1,
                                .vcpus = 1,
                                .memory = G_GUINT64_CONSTANT (128) * 1024 * 1024,
                                .network = "none",
                                .kernel = "/nonexistent/vmlinuz",
                                .initramfs = "/nonexistent/initramfs",
                                .disk = "/nonexistent/disk",
                                .vm_dir = self->vm_dir,
                                .runtime_dir = self->runtime_dir };
  self->recorder = (VmdLaunchRecorder){ record_resource, record_process, self };

  return self;
}

void
backend_fixture_tear_down (BackendFixture *self, VmdBackend *backend)
{
  g_autoptr (GError) error = NULL;
  int wait_status;

  if (self->process.pid > 0)
    {
      vmd_process_id_kill (&self->process, SIGKILL, &error);
      g_assert_no_error (error);
      backend_fixture_wait_gone (&self->process);
      /* As the watcher does. */
      vmd_left_child_reap (&self->process, &wait_status);
    }
  /* Twice: it is idempotent. */
  for (guint i = 0; i < self->resources->len * 2; i++)
    {
      g_auto (GStrv) parts = g_strsplit (self->resources->pdata[i / 2], " ", 2);

      vmd_backend_remove_resource (backend, parts[0], parts[1], &error);
      g_assert_no_error (error);
      g_assert_false (g_file_test (parts[1], G_FILE_TEST_EXISTS));
    }
  g_ptr_array_set_size (self->resources, 0);
  self->process.pid = 0;
  make_runtime_dir (self);
}

void
backend_fixture_free (BackendFixture *self)
{
  if (self->process.pid > 0)
    vmd_process_id_kill (&self->process, SIGKILL, NULL);
  vmd_remove_tree (self->directory, NULL);
  g_ptr_array_unref (self->resources);
  g_free (self->directory);
  g_free (self->vm_dir);
  g_free (self->runtime_dir);
  g_free (self->disk);
  g_free (self->initramfs);
  g_free (self);
}

VmdMachine *
backend_fixture_spawn (BackendFixture *self, VmdBackend *backend)
{
  g_autoptr (GError) error = NULL;
  VmdMachine *machine = vmd_backend_spawn (backend, &self->plan, &self->recorder, NULL,
                                           vmd_deadline_in (HANG_MILLISECONDS), &error);

  g_assert_no_error (error);
  g_assert_nonnull (machine);

  return machine;
}

void
backend_fixture_spawn_fails (BackendFixture *self, VmdBackend *backend, guint milliseconds,
                             VmdError code, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdMachine) machine = vmd_backend_spawn (backend, &self->plan, &self->recorder, NULL,
                                                      vmd_deadline_in (milliseconds), &error);

  g_assert_null (machine);
  g_assert_error (error, VMD_ERROR, (int) code);
  g_assert_nonnull (strstr (error->message, text));
  g_assert_false (vmd_process_id_is_alive (&self->process));
}

void
backend_fixture_set_script (BackendFixture *self, const char *script)
{
  g_autofree char *path = g_build_filename (self->vm_dir, "fake-script", NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, script, -1, &error);
  g_assert_no_error (error);
}

void
backend_fixture_wait_gone (const VmdProcessId *process)
{
  vmd_autofd int fd = vmd_process_id_open (process);
  struct pollfd ended = { .fd = fd, .events = POLLIN };
  g_autoptr (GError) error = NULL;

  if (fd < 0)
    return;
  vmd_poll (&ended, 1, NULL, vmd_deadline_in (HANG_MILLISECONDS), "the process ends", &error);
  g_assert_no_error (error);
}

guint
count_descriptors (void)
{
  g_autoptr (GDir) directory = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (directory) != NULL)
    n++;

  return n - 1;
}

guint
count_children (void)
{
  g_autoptr (GDir) tasks = g_dir_open ("/proc/self/task", 0, NULL);
  const char *task;
  guint n = 0;

  while ((task = g_dir_read_name (tasks)) != NULL)
    {
      g_autofree char *path = g_strdup_printf ("/proc/self/task/%s/children", task);
      g_autofree char *text = NULL;
      g_auto (GStrv) pids = NULL;

      if (!g_file_get_contents (path, &text, NULL, NULL))
        continue;
      pids = g_strsplit (g_strstrip (text), " ", -1);
      n += g_strv_length (pids);
    }

  return n;
}
