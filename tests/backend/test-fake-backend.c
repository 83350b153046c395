/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* The fake backend: the life of a hypervisor, from its first record to its last. */

#include "backend-fixture.h"

#include "backend/vmd-qmp-machine-private.h"
#include "base/vmd-fault-private.h"
#include "base/vmd-poll-private.h"
#include "guest/vmd-guest-private.h"

#include <gio/gio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean
query_paused (VmdMachine *machine)
{
  g_autoptr (GError) error = NULL;
  gboolean paused = FALSE;

  vmd_machine_query_paused (machine, &paused, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error);
  g_assert_no_error (error);

  return paused;
}

static VmdAgent *
connect_agent (VmdMachine *machine)
{
  g_autoptr (GError) error = NULL;
  int fd = vmd_machine_connect_agent (machine, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error);

  g_assert_no_error (error);

  return vmd_agent_new (fd);
}

static void
get_status (VmdMachine *machine, VmdAgentStatus *status)
{
  g_autoptr (VmdAgent) agent = connect_agent (machine);
  g_autoptr (GError) error = NULL;

  vmd_agent_get_status (agent, status, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error);
  g_assert_no_error (error);
}

static void
test_life (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  g_autoptr (VmdBackend) backend = vmd_fake_backend_new ();
  g_autoptr (VmdMachine) machine = NULL;
  g_autofree char *socket = vmd_backend_dup_control_socket (backend, &fixture->plan);
  g_autofree char *guest = g_build_filename (fixture->vm_dir, "guest", NULL);
  g_autoptr (GError) error = NULL;
  struct stat status;
  guint port = 0;

  g_assert_cmpstr (vmd_backend_get_name (backend), ==, "fake");
  g_assert_true (vmd_backend_check (backend, &error));
  machine = backend_fixture_spawn (fixture, backend);
  g_assert_cmpuint (fixture->n_processes, ==, 1);
  g_assert_true (vmd_process_id_equal (vmd_machine_get_process (machine), &fixture->process));
  g_assert_true (vmd_process_id_is_alive (&fixture->process));
  g_assert_true (g_file_test (guest, G_FILE_TEST_IS_DIR));
  /* Sockets are made under umask 077. */
  g_assert_cmpint (stat (socket, &status), ==, 0);
  g_assert_true (S_ISSOCK (status.st_mode));
  g_assert_cmpint (status.st_mode & 077, ==, 0);

  g_assert_false (query_paused (machine));
  g_assert_true (vmd_machine_pause (machine, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error));
  g_assert_true (query_paused (machine));
  g_assert_true (vmd_machine_resume (machine, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error));
  g_assert_false (query_paused (machine));
  vmd_machine_query_ssh_port (machine, &port, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error);
  g_assert_no_error (error);
  g_assert_cmpuint (port, >, 0);

  vmd_machine_power_button (machine, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error);
  g_assert_no_error (error);
  backend_fixture_wait_gone (&fixture->process);
  backend_fixture_tear_down (fixture, backend);
}

static void
test_agent (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  g_autoptr (VmdBackend) backend = vmd_fake_backend_new ();
  g_autoptr (VmdMachine) machine = NULL;
  g_autoptr (VmdAgent) agent = NULL;
  g_autoptr (GError) error = NULL;
  gint64 deadline = vmd_deadline_in (HANG_MILLISECONDS);
  VmdAgentStatus status;
  VmdAgentStatus again;

  backend_fixture_set_script (fixture, "ready hang\nsync fail no disk\n");
  machine = backend_fixture_spawn (fixture, backend);
  get_status (machine, &status);
  g_assert_false (status.ssh_listening);
  g_assert_cmpuint (strlen (status.boot_id), ==, 36);
  backend_fixture_set_script (fixture, "ready fail hook one\nsync fail no disk\n");
  get_status (machine, &again);
  g_assert_true (again.ssh_listening && again.provisioned);
  g_assert_cmpstr (again.boot_id, ==, status.boot_id);
  g_assert_cmpstr (again.message, ==, "hook one");

  agent = connect_agent (machine);
  g_assert_false (vmd_agent_sync (agent, NULL, deadline, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_GUEST);
  g_clear_error (&error);
  backend_fixture_set_script (fixture, "");
  g_assert_true (vmd_agent_sync (agent, NULL, deadline, &error));
  g_assert_true (vmd_agent_set_clock (agent, 1, NULL, deadline, &error));
  g_assert_true (vmd_agent_power_off (agent, NULL, deadline, &error));
  backend_fixture_wait_gone (&fixture->process);
  backend_fixture_tear_down (fixture, backend);
}

/* What is typed comes back, and all of it is in the file. */
static void
test_console (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  g_autoptr (VmdBackend) backend = vmd_fake_backend_new ();
  g_autoptr (VmdMachine) machine = backend_fixture_spawn (fixture, backend);
  g_autofree char *log = g_build_filename (fixture->vm_dir, "console.log", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  gint64 deadline = vmd_deadline_in (HANG_MILLISECONDS);
  vmd_autofd int fd = vmd_machine_connect_console (machine, NULL, deadline, &error);
  char buffer[5] = "";
  gsize n = 0;

  g_assert_no_error (error);
  vmd_write_all (fd, "hello", 5, NULL, deadline, &error);
  while (error == NULL && n < sizeof buffer)
    n += (gsize) vmd_read_some (fd, buffer + n, sizeof buffer - n, NULL, deadline, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, n, "hello", 5);
  g_file_get_contents (log, &text, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (strstr (text, "launch 1"));
  g_assert_true (g_str_has_suffix (text, "hello"));
  backend_fixture_tear_down (fixture, backend);
}

/* It is the process that was recorded, or none (LESSONS 14). */
static void
test_adopt (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  g_autoptr (VmdBackend) backend = vmd_fake_backend_new ();
  g_autoptr (VmdMachine) machine = backend_fixture_spawn (fixture, backend);
  g_autoptr (VmdMachine) adopted = NULL;
  g_autofree char *socket = vmd_backend_dup_control_socket (backend, &fixture->plan);
  g_autoptr (GError) error = NULL;
  gint64 deadline = vmd_deadline_in (HANG_MILLISECONDS);
  VmdProcessId other = fixture->process;
  VmdAgentStatus status;
  VmdAgentStatus again;

  get_status (machine, &status);
  g_clear_object (&machine);
  adopted = vmd_backend_adopt (backend, fixture->plan.vm_id, &fixture->process, socket, NULL,
                               deadline, &error);
  g_assert_no_error (error);
  g_assert_true (vmd_process_id_equal (vmd_machine_get_process (adopted), &fixture->process));
  get_status (adopted, &again);
  g_assert_cmpstr (status.boot_id, ==, again.boot_id);

  other.start_time++;
  g_assert_null (
      vmd_backend_adopt (backend, fixture->plan.vm_id, &other, socket, NULL, deadline, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_BACKEND);
  g_clear_error (&error);
  vmd_process_id_self (&other);
  g_assert_null (
      vmd_backend_adopt (backend, fixture->plan.vm_id, &other, socket, NULL, deadline, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_BACKEND);
  g_clear_error (&error);

  vmd_process_id_kill (&fixture->process, SIGKILL, NULL);
  backend_fixture_wait_gone (&fixture->process);
  g_assert_null (vmd_backend_adopt (backend, fixture->plan.vm_id, &fixture->process, socket, NULL,
                                    deadline, &error));
  g_assert_nonnull (error);
  backend_fixture_tear_down (fixture, backend);
}

static void
test_launch_fails (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  g_autoptr (VmdBackend) backend = vmd_fake_backend_new ();

  backend_fixture_set_script (fixture, "launch fail out of memory\n");
  backend_fixture_spawn_fails (fixture, backend, HANG_MILLISECONDS, VMD_ERROR_BACKEND,
                               "out of memory");
  backend_fixture_tear_down (fixture, backend);
  backend_fixture_set_script (fixture, "launch die 5\n");
  backend_fixture_spawn_fails (fixture, backend, HANG_MILLISECONDS, VMD_ERROR_BACKEND,
                               "exit status 5");
  backend_fixture_tear_down (fixture, backend);
  backend_fixture_set_script (fixture, "query-status die 6\n");
  backend_fixture_spawn_fails (fixture, backend, HANG_MILLISECONDS, VMD_ERROR_BACKEND,
                               "exit status 6");
  backend_fixture_tear_down (fixture, backend);
  backend_fixture_set_script (fixture, "launch hang\n");
  backend_fixture_spawn_fails (fixture, backend, 300, VMD_ERROR_TIMED_OUT, "control socket");
  backend_fixture_tear_down (fixture, backend);
  backend_fixture_set_script (fixture, "query-status hang\n");
  backend_fixture_spawn_fails (fixture, backend, 300, VMD_ERROR_TIMED_OUT, "timed out");
  backend_fixture_tear_down (fixture, backend);
}

static gboolean
refuse_process (gpointer data, const VmdProcessId *process, GError **error)
{
  ((BackendFixture *) data)->process = *process;
  g_set_error_literal (error, VMD_ERROR, VMD_ERROR_NO_SPACE, "the disk is full");

  return FALSE;
}

/* A process whose row is not committed never runs. */
static void
test_record_refused (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  g_autoptr (VmdBackend) backend = vmd_fake_backend_new ();
  g_autofree char *log = g_build_filename (fixture->vm_dir, "console.log", NULL);

  fixture->recorder.process = refuse_process;
  backend_fixture_spawn_fails (fixture, backend, HANG_MILLISECONDS, VMD_ERROR_NO_SPACE,
                               "disk is full");
  g_assert_false (g_file_test (log, G_FILE_TEST_EXISTS));
  backend_fixture_tear_down (fixture, backend);
}

static void
test_cancel (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  g_autoptr (VmdBackend) backend = vmd_fake_backend_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_null (vmd_backend_spawn (backend, &fixture->plan, &fixture->recorder, cancellable,
                                    vmd_deadline_in (HANG_MILLISECONDS), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
  backend_fixture_tear_down (fixture, backend);
}

/* A thousand lives would take a minute; a tenth of that shows a leak as well (LESSONS 24). */
static void
test_no_leaks (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  g_autoptr (VmdBackend) backend = vmd_fake_backend_new ();
  guint descriptors = 0;
  guint children = 0;

  for (guint i = 0; i < 100; i++)
    {
      g_autoptr (VmdMachine) machine = backend_fixture_spawn (fixture, backend);

      g_assert_true (VMD_IS_MACHINE (machine));
      backend_fixture_tear_down (fixture, backend);
      if (i == 0)
        {
          descriptors = count_descriptors ();
          children = count_children ();
        }
    }
  g_assert_cmpuint (count_descriptors (), ==, descriptors);
  g_assert_cmpuint (count_children (), ==, children);
  g_assert_cmpuint (children, ==, 0);
}

#ifdef VMD_FAULT_POINTS
/* Every step of a spawn failed in turn (LESSONS 25): nothing runs, and what was recorded can be
 * removed. */
static void
test_every_fault (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  g_autoptr (VmdBackend) backend = vmd_fake_backend_new ();
  gboolean done = FALSE;
  guint n = 0;

  for (n = 1; !done; n++)
    {
      g_autofree char *fault = g_strdup_printf ("launch-*:%u", n);
      g_autoptr (GError) error = NULL;
      g_autoptr (VmdMachine) machine = NULL;

      vmd_fault_arm (fault);
      machine = vmd_backend_spawn (backend, &fixture->plan, &fixture->recorder, NULL,
                                   vmd_deadline_in (HANG_MILLISECONDS), &error);
      vmd_fault_arm (NULL);
      done = machine != NULL;
      if (!done)
        {
          g_assert_error (error, VMD_ERROR, VMD_ERROR_FAILED);
          g_assert_false (vmd_process_id_is_alive (&fixture->process));
          g_assert_cmpuint (count_children (), ==, 0);
        }
      backend_fixture_tear_down (fixture, backend);
    }
  g_assert_cmpuint (n, >, 5);
}
#endif

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fake-backend/life", test_life);
  g_test_add_func ("/fake-backend/agent", test_agent);
  g_test_add_func ("/fake-backend/console", test_console);
  g_test_add_func ("/fake-backend/adopt", test_adopt);
  g_test_add_func ("/fake-backend/launch-fails", test_launch_fails);
  g_test_add_func ("/fake-backend/record-refused", test_record_refused);
  g_test_add_func ("/fake-backend/cancel", test_cancel);
  g_test_add_func ("/fake-backend/no-leaks", test_no_leaks);
#ifdef VMD_FAULT_POINTS
  g_test_add_func ("/fake-backend/every-fault", test_every_fault);
#endif

  return g_test_run ();
}
