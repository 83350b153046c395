/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* QEMU, with a real guest in it. */

#include "qemu-fixture.h"

#include "base/vmd-poll-private.h"

#include <arpa/inet.h>
#include <gio/gio.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* No emulated boot takes that long, however busy the host. */
#define BOOT_MILLISECONDS (180 * 1000)

static GuestParts *parts;

static VmdMachine *
adopt (BackendFixture *fixture, VmdBackend *backend, const VmdProcessId *process, GError **error)
{
  g_autofree char *socket = vmd_backend_dup_control_socket (backend, &fixture->plan);

  return vmd_backend_adopt (backend, fixture->plan.vm_id, process, socket, NULL,
                            vmd_deadline_in (HANG_MILLISECONDS), error);
}

static guint
query_ssh_port (VmdMachine *machine)
{
  g_autoptr (GError) error = NULL;
  guint port = 0;

  vmd_machine_query_ssh_port (machine, &port, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error);
  g_assert_no_error (error);
  g_assert_cmpuint (port, >, 0);

  return port;
}

/* Ready, as the guest says itself. */
static void
wait_ready (BackendFixture *fixture, VmdMachine *machine, VmdAgentStatus *status)
{
  gint64 deadline = vmd_deadline_in (BOOT_MILLISECONDS);
  g_autoptr (GError) error = NULL;
  int fd = vmd_machine_connect_agent (machine, NULL, deadline, &error);
  g_autoptr (VmdAgent) agent = NULL;

  g_assert_no_error (error);
  agent = vmd_agent_new (fd);
  do
    {
      vmd_agent_get_status (agent, status, NULL, deadline, &error);
      g_assert_no_error (error);
    }
  while (!status->ssh_listening || !status->provisioned);
  g_assert_cmpstr (status->message, ==, "");
}

static void
assert_ssh_banner (guint port)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_port = htons ((guint16) port),
                                 .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  vmd_autofd int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_autoptr (GError) error = NULL;
  char banner[4] = "";

  g_assert_cmpint (connect (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (
      vmd_read_some (fd, banner, sizeof banner, NULL, vmd_deadline_in (BOOT_MILLISECONDS), &error),
      ==, 4);
  g_assert_no_error (error);
  g_assert_cmpmem (banner, 4, "SSH-", 4);
}

static gboolean
query_paused (VmdMachine *machine)
{
  g_autoptr (GError) error = NULL;
  gboolean paused = FALSE;

  vmd_machine_query_paused (machine, &paused, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error);
  g_assert_no_error (error);

  return paused;
}

/* Boots, is adopted, paused, resumed, and powered off by its agent. */
static void
test_life (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  g_autoptr (VmdBackend) backend = vmd_qemu_backend_new ();
  g_autoptr (VmdMachine) machine = NULL;
  g_autoptr (VmdMachine) adopted = NULL;
  g_autoptr (VmdAgent) agent = NULL;
  g_autofree char *log = g_build_filename (fixture->vm_dir, "console.log", NULL);
  g_autoptr (GError) error = NULL;
  gint64 deadline;
  gint64 begun = g_get_monotonic_time ();
  VmdAgentStatus status;
  VmdAgentStatus again;
  guint port;

  g_assert_true (vmd_backend_check (backend, &error));
  guest_parts_furnish (parts, fixture, "none");
  begun = g_get_monotonic_time ();
  machine = backend_fixture_spawn (fixture, backend);
  g_test_message ("launched after %.3f s", (double) (g_get_monotonic_time () - begun) / 1e6);
  port = query_ssh_port (machine);
  wait_ready (fixture, machine, &status);
  g_test_message ("ready after %.3f s", (double) (g_get_monotonic_time () - begun) / 1e6);
  assert_ssh_banner (port);

  g_clear_object (&machine);
  adopted = adopt (fixture, backend, &fixture->process, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (query_ssh_port (adopted), ==, port);
  wait_ready (fixture, adopted, &again);
  g_assert_cmpstr (status.boot_id, ==, again.boot_id);

  deadline = vmd_deadline_in (HANG_MILLISECONDS);
  g_assert_true (vmd_machine_pause (adopted, NULL, deadline, &error));
  g_assert_true (query_paused (adopted));
  g_assert_true (vmd_machine_resume (adopted, NULL, deadline, &error));
  g_assert_false (query_paused (adopted));

  agent = vmd_agent_new (vmd_machine_connect_agent (adopted, NULL, deadline, &error));
  g_assert_true (vmd_agent_power_off (agent, NULL, deadline, &error));
  backend_fixture_wait_gone (&fixture->process);
  backend_fixture_tear_down (fixture, backend);
  g_assert_true (g_file_test (log, G_FILE_TEST_EXISTS));
}

static void
test_kill (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  g_autoptr (VmdBackend) backend = vmd_qemu_backend_new ();
  g_autoptr (VmdMachine) machine = NULL;
  g_autoptr (GError) error = NULL;
  VmdProcessId other;

  guest_parts_furnish (parts, fixture, "none");
  machine = backend_fixture_spawn (fixture, backend);
  other = fixture->process;
  other.start_time--;
  g_assert_null (adopt (fixture, backend, &other, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_BACKEND);
  g_clear_error (&error);
  g_assert_true (
      vmd_machine_power_button (machine, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error));
  vmd_process_id_kill (&fixture->process, SIGKILL, &error);
  g_assert_no_error (error);
  backend_fixture_wait_gone (&fixture->process);
  g_assert_false (vmd_machine_pause (machine, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error));
  g_assert_nonnull (error);
  backend_fixture_tear_down (fixture, backend);
  /* At once again, on the same disk: its lock was given back. */
  fixture->plan.launch++;
  g_clear_object (&machine);
  machine = backend_fixture_spawn (fixture, backend);
  backend_fixture_tear_down (fixture, backend);
}

/* What QEMU refuses is told in its own words. */
static void
test_refused (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  g_autoptr (VmdBackend) backend = vmd_qemu_backend_new ();

  guest_parts_furnish (parts, fixture, "none");
  fixture->plan.disk = "/nonexistent/disk";
  backend_fixture_spawn_fails (fixture, backend, HANG_MILLISECONDS, VMD_ERROR_BACKEND,
                               "/nonexistent/disk");
  backend_fixture_tear_down (fixture, backend);
}

/* Runs @command in the guest; its output and its complaints. */
static char *
run_in_guest (BackendFixture *fixture, guint port, const char *command)
{
  g_autofree char *port_option = g_strdup_printf ("-p%u", port);
  g_autofree char *key = g_build_filename (fixture->vm_dir, "keys", "client", NULL);
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;
  char *output = NULL;

  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE,
                              &error, "ssh", "-F", "none", port_option, "-i", key,
                              "-oUserKnownHostsFile=/dev/null", "-oStrictHostKeyChecking=no",
                              "-oLogLevel=ERROR", "-oIdentitiesOnly=yes", "-oBatchMode=yes",
                              "-oConnectTimeout=60", "root@127.0.0.1", command, NULL);
  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (process, NULL, NULL, &output, NULL, &error);
  g_assert_no_error (error);
  g_test_message ("%s\n%s", command, output);

  return output;
}

static int
listen_at (struct in_addr address, guint *port)
{
  struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr = address };
  socklen_t length = sizeof name;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  g_assert_cmpint (bind (fd, (struct sockaddr *) &name, sizeof name), ==, 0);
  g_assert_cmpint (listen (fd, 8), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *) &name, &length), ==, 0);
  *port = ntohs (name.sin_port);

  return fd;
}

/* The address that this host has outside; FALSE if it has none. Nothing is sent. */
static gboolean
get_outside_address (struct in_addr *address)
{
  struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons (9) };
  socklen_t length = sizeof name;
  vmd_autofd int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  inet_pton (AF_INET, "192.0.2.200", &name.sin_addr);
  if (connect (fd, (struct sockaddr *) &name, sizeof name) < 0 ||
      getsockname (fd, (struct sockaddr *) &name, &length) < 0)
    return FALSE;
  *address = name.sin_addr;

  return TRUE;
}

/* LESSONS 41a. A guest whose root does all it can gets out, where there is a way, but not to what
 * listens on the host's loopback alone. */
static void
test_lesson_41a (void)
{
  g_autoptr (BackendFixture) fixture = backend_fixture_new ();
  g_autoptr (VmdBackend) backend = vmd_qemu_backend_new ();
  g_autoptr (VmdMachine) machine = NULL;
  g_autofree char *command = NULL;
  g_autofree char *output = NULL;
  struct in_addr outside = { .s_addr = htonl (INADDR_LOOPBACK) };
  gboolean has_outside = get_outside_address (&outside);
  struct in_addr loopback = { .s_addr = htonl (INADDR_LOOPBACK) };
  guint loopback_port, outside_port;
  vmd_autofd int loopback_fd = listen_at (loopback, &loopback_port);
  vmd_autofd int outside_fd = listen_at (outside, &outside_port);
  vmd_autofd int accepted_fd = -1;
  VmdAgentStatus status;

  guest_parts_furnish (parts, fixture, "user");
  machine = backend_fixture_spawn (fixture, backend);
  wait_ready (fixture, machine, &status);
  command = g_strdup_printf (
      "for address in 10.0.2.2 10.0.3.2 10.0.2.3 10.0.3.3 0.0.0.0; do"
      "  nc -w 2 $address %u < /dev/null; done;"
      " nc -w 5 %s %u < /dev/null;"
      " card=$(ip route get 10.0.3.2 | sed 's/.* dev \\([^ ]*\\).*/\\1/');"
      " ip route del table local local 127.0.0.0/8; ip route del table local local 127.0.0.1;"
      " ip addr del 127.0.0.1/8 dev lo; echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet;"
      " ip route add 127.0.0.0/8 via 10.0.3.2 src 10.0.3.15; ip route get 127.0.0.1;"
      " ping -c 1 -W 1 127.0.0.1; nc -w 3 127.0.0.1 %u < /dev/null; echo $card done",
      loopback_port, inet_ntoa (outside), outside_port, loopback_port);
  output = run_in_guest (fixture, query_ssh_port (machine), command);
  g_assert_nonnull (strstr (output, "done"));
  /* The last attempt really left the guest. */
  g_assert_nonnull (strstr (output, "127.0.0.1 via 10.0.3.2"));
  g_assert_cmpint (accept (loopback_fd, NULL, NULL), <, 0);
  accepted_fd = accept (outside_fd, NULL, NULL);
  if (has_outside)
    g_assert_cmpint (accepted_fd, >=, 0);
  backend_fixture_tear_down (fixture, backend);
  g_assert_cmpuint (count_children (), ==, 0);
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  parts = guest_parts_new ();
  g_test_add_func ("/qemu-backend/life", test_life);
  g_test_add_func ("/qemu-backend/kill", test_kill);
  g_test_add_func ("/qemu-backend/refused", test_refused);
  g_test_add_func ("/qemu-backend/lesson-41a-host-loopback", test_lesson_41a);
  result = g_test_run ();
  guest_parts_free (parts);

  return result;
}
