/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "guest-machine.h"

#include "base/vmd-poll-private.h"
#include "base/vmd-state-dir-private.h"
#include "guest/vmd-cpio-private.h"

#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static char *
dup_path (GuestMachine *self, const char *name)
{
  return g_build_filename (self->directory, name, NULL);
}

char *
guest_machine_dup_console (GuestMachine *self)
{
  g_autofree char *path = dup_path (self, "console.log");
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, NULL);
  return text != NULL ? text : g_strdup ("");
}

static void
assert_good (GuestMachine *self, const GError *error, const char *doing)
{
  g_autofree char *console = NULL;

  if (error == NULL)
    return;
  console = guest_machine_dup_console (self);
  g_test_message ("the console says:\n%s", console);
  g_error ("%s: %s", doing, error->message);
}

static void
make_disk (GuestMachine *self, const char *image)
{
  g_autofree char *disk = dup_path (self, "disk.qcow2");
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) process =
      g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_SILENCE, &error, "qemu-img", "create", "-q", "-f",
                        "qcow2", "-F", "raw", "-b", image, disk, "1G", NULL);

  g_assert_no_error (error);
  g_subprocess_wait_check (process, NULL, &error);
  g_assert_no_error (error);
}

GuestMachine *
guest_machine_new (const char *kernel, const char *image, const char *hostname)
{
  GuestMachine *self = g_new0 (GuestMachine, 1);
  g_autofree char *random = g_uuid_string_random ();
  g_auto (GStrv) parts = g_strsplit (random, "-", -1);
  g_autoptr (GError) error = NULL;

  self->directory = g_dir_make_tmp ("vmd-boot-XXXXXX", &error);
  g_assert_no_error (error);
  self->kernel = g_strdup (kernel);
  self->hostname = g_strdup (hostname);
  self->network = g_strdup ("none");
  self->ssh_server = g_strdup ("dropbear");
  self->vcpus = 2;
  self->vm_id = g_strjoinv ("", parts);
  if (image != NULL)
    make_disk (self, image);
  vmd_guest_keys_ensure (self->directory, NULL, &error);
  g_assert_no_error (error);
  return self;
}

void
guest_machine_free (GuestMachine *self)
{
  if (self->process != NULL)
    guest_machine_kill (self);
  vmd_remove_tree (self->directory, NULL);
  g_free (self->directory);
  g_free (self->kernel);
  g_free (self->vm_id);
  g_free (self->hostname);
  g_free (self->network);
  g_free (self->ssh_server);
  g_free (self);
}

/* The kernel's modules as an archive of their own, as kernel import makes it. */
static char *
write_modules (GuestMachine *self)
{
  g_autofree char *directory = g_build_filename (self->kernel, "modules", NULL);
  g_autoptr (GByteArray) archive = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) entries = g_dir_open (directory, 0, &error);
  char *path = dup_path (self, "modules.cpio");
  const char *name;

  g_assert_no_error (error);
  vmd_cpio_add_directory (archive, "lib", 0755);
  vmd_cpio_add_directory (archive, "lib/vmd-modules", 0755);
  while ((name = g_dir_read_name (entries)) != NULL)
    {
      g_autofree char *source = g_build_filename (directory, name, NULL);
      g_autofree char *member = g_build_filename ("lib/vmd-modules", name, NULL);
      g_autofree char *content = NULL;
      gsize length;

      g_file_get_contents (source, &content, &length, &error);
      g_assert_no_error (error);
      vmd_cpio_add_file (archive, member, 0644, content, length);
    }
  vmd_cpio_finish (archive);
  g_file_set_contents (path, (char *) archive->data, (gssize) archive->len, &error);
  g_assert_no_error (error);
  return path;
}

static void
write_initramfs (GuestMachine *self)
{
  const VmdSeed seed = {
    .vm_id = self->vm_id,
    .hostname = self->hostname,
    .launch = 1,
    .network = self->network,
    .vm_dir = self->directory,
    .ssh_server = self->ssh_server,
  };
  g_autofree char *modules = write_modules (self);
  g_autofree char *path = dup_path (self, "initramfs");
  g_autoptr (GError) error = NULL;

  vmd_initramfs_write (path, modules, &seed, NULL, &error);
  g_assert_no_error (error);
}

static void
add_arguments (GPtrArray *argv, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);

  for (gsize i = 0; words[i] != NULL; i++)
    if (words[i][0] != '\0')
      g_ptr_array_add (argv, g_strdup (words[i]));
}

static void
add_argument_pair (GPtrArray *argv, const char *option, char *value)
{
  g_ptr_array_add (argv, g_strdup (option));
  g_ptr_array_add (argv, value);
}

static GPtrArray *
build_argv (GuestMachine *self)
{
  GPtrArray *argv = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *disk = dup_path (self, "disk.qcow2");

  add_arguments (argv, "qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -m 256 "
                       "-nodefaults -no-user-config -display none -no-reboot");
  add_argument_pair (argv, "-smp", g_strdup_printf ("%u", self->vcpus));
  if (self->more_arguments != NULL)
    add_arguments (argv, self->more_arguments);
  add_argument_pair (argv, "-kernel", g_build_filename (self->kernel, "vmlinuz", NULL));
  add_argument_pair (argv, "-initrd", dup_path (self, "initramfs"));
  add_argument_pair (
      argv, "-append",
      g_strdup ("console=ttyS0 quiet panic=-1 no_timer_check i8042.noaux i8042.nokbd"));
  add_argument_pair (argv, "-serial", g_strdup_printf ("file:%s/console.log", self->directory));
  add_argument_pair (argv, "-monitor",
                     g_strdup_printf ("unix:%s/monitor,server=on,wait=off", self->directory));
  add_arguments (argv, "-device virtio-serial-pci");
  add_argument_pair (
      argv, "-chardev",
      g_strdup_printf ("socket,id=agent,path=%s/agent,server=on,wait=off", self->directory));
  add_arguments (
      argv,
      "-device virtserialport,chardev=agent,name=org.vmd.agent.0 "
      "-device virtio-rng-pci -netdev user,id=management,restrict=on,hostfwd=tcp:127.0.0.1:0-:22 "
      "-device virtio-net-pci,netdev=management,mac=52:54:00:76:6d:01,romfile=");
  if (g_file_test (disk, G_FILE_TEST_EXISTS))
    {
      add_argument_pair (argv, "-drive", g_strdup_printf ("file=%s,if=none,id=root", disk));
      add_arguments (argv, "-device virtio-blk-pci,drive=root,serial=vmd-root");
    }
  g_ptr_array_add (argv, NULL);
  return argv;
}

/* Connects to a socket that the starting hypervisor is about to make. For the file one could wait;
 * that somebody listens at it comes later, and nothing tells of it. */
static GSocketConnection *
connect_to (GuestMachine *self, const char *name)
{
  g_autofree char *path = dup_path (self, name);
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  gint64 deadline = vmd_deadline_in (GUEST_HANG_MILLISECONDS);

  while (g_get_monotonic_time () < deadline)
    {
      g_autoptr (GError) error = NULL;
      GSocketConnection *connection =
          g_socket_client_connect (client, G_SOCKET_CONNECTABLE (address), NULL, &error);

      if (connection != NULL)
        return connection;
      g_assert_nonnull (g_subprocess_get_identifier (self->process));
      g_usleep (2000);
    }

  g_error ("the hypervisor made no socket %s", path);
}

/* Reads the monitor until the line that says which port the hypervisor has bound for SSH. */
static guint
query_ssh_port (GuestMachine *self)
{
  GOutputStream *output;
  g_autoptr (GError) error = NULL;

  self->monitor = connect_to (self, "monitor");
  self->monitor_input =
      g_data_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (self->monitor)));
  output = g_io_stream_get_output_stream (G_IO_STREAM (self->monitor));
  g_output_stream_write_all (output, "info usernet\n", 13, NULL, NULL, &error);
  g_assert_no_error (error);
  for (;;)
    {
      g_autofree char *line =
          g_data_input_stream_read_line (self->monitor_input, NULL, NULL, &error);
      const char *address;

      g_assert_no_error (error);
      g_assert_nonnull (line);
      address = strstr (line, "TCP[HOST_FORWARD]") != NULL ? strstr (line, "127.0.0.1") : NULL;
      if (address != NULL)
        return (guint) strtoul (address + strlen ("127.0.0.1"), NULL, 10);
    }
}

static void
write_known_hosts (GuestMachine *self)
{
  g_autofree char *key_path = dup_path (self, "keys/host.pub");
  g_autofree char *path = dup_path (self, "known_hosts");
  g_autofree char *key = NULL;
  g_autofree char *line = NULL;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (key_path, &key, NULL, &error);
  g_assert_no_error (error);
  line = g_strdup_printf ("[127.0.0.1]:%u %s", self->ssh_port, key);
  g_file_set_contents (path, line, -1, &error);
  g_assert_no_error (error);
}

/* A test that fails must leave no hypervisor. */
static void
end_with_parent_cb (gpointer data)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

void
guest_machine_connect_agent (GuestMachine *self)
{
  g_autoptr (GSocketConnection) connection = NULL;

  g_clear_object (&self->agent);
  connection = connect_to (self, "agent");
  self->agent = vmd_agent_new (dup (g_socket_get_fd (g_socket_connection_get_socket (connection))));
}

void
guest_machine_start (GuestMachine *self)
{
  g_autoptr (GSubprocessLauncher) launcher = NULL;
  g_autoptr (GPtrArray) argv = NULL;
  g_autoptr (GError) error = NULL;

  write_initramfs (self);
  argv = build_argv (self);
  self->launched = g_get_monotonic_time ();
  launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_subprocess_launcher_set_child_setup (launcher, end_with_parent_cb, NULL, NULL);
  self->process =
      g_subprocess_launcher_spawnv (launcher, (const char *const *) argv->pdata, &error);
  g_assert_no_error (error);
  guest_machine_connect_agent (self);
  self->ssh_port = query_ssh_port (self);
  g_assert_cmpuint (self->ssh_port, >, 0);
  write_known_hosts (self);
}

void
guest_machine_wait_ready (GuestMachine *self, VmdAgentStatus *status)
{
  gint64 deadline = vmd_deadline_in (GUEST_HANG_MILLISECONDS);

  do
    {
      g_autoptr (GError) error = NULL;

      vmd_agent_get_status (self->agent, status, NULL, deadline, &error);
      assert_good (self, error, "the agent");
    }
  while (!status->ssh_listening || !status->provisioned);
}

static gboolean
give_up_cb (gpointer data)
{
  g_cancellable_cancel (data);
  return G_SOURCE_REMOVE;
}

static void
forget_process (GuestMachine *self)
{
  g_clear_object (&self->process);
  g_clear_object (&self->agent);
  g_clear_object (&self->monitor_input);
  g_clear_object (&self->monitor);
}

void
guest_machine_wait_off (GuestMachine *self)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  guint timer = g_timeout_add (GUEST_HANG_MILLISECONDS, give_up_cb, cancellable);

  g_subprocess_wait_check (self->process, cancellable, &error);
  assert_good (self, error, "the hypervisor's end");
  g_source_remove (timer);
  forget_process (self);
}

void
guest_machine_kill (GuestMachine *self)
{
  g_subprocess_force_exit (self->process);
  g_subprocess_wait (self->process, NULL, NULL);
  forget_process (self);
}

void
guest_machine_power_off (GuestMachine *self)
{
  g_autoptr (GError) error = NULL;

  vmd_agent_power_off (self->agent, NULL, vmd_deadline_in (GUEST_HANG_MILLISECONDS), &error);
  assert_good (self, error, "power-off");
  guest_machine_wait_off (self);
}

char *
guest_machine_ssh (GuestMachine *self, const char *command, int *exit_status)
{
  g_autofree char *port = g_strdup_printf ("-p%u", self->ssh_port);
  g_autofree char *key = dup_path (self, "keys/client");
  g_autofree char *known_hosts =
      g_strdup_printf ("-oUserKnownHostsFile=%s/known_hosts", self->directory);
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;
  char *output = NULL;

  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE,
                              &error, "ssh", "-F", "none", port, "-i", key, known_hosts,
                              "-oGlobalKnownHostsFile=/dev/null", "-oIdentitiesOnly=yes",
                              "-oStrictHostKeyChecking=yes", "-oBatchMode=yes",
                              "-oConnectTimeout=60", "root@127.0.0.1", command, NULL);
  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (process, NULL, NULL, &output, NULL, &error);
  g_assert_no_error (error);
  if (exit_status != NULL)
    *exit_status = g_subprocess_get_exit_status (process);
  else if (g_subprocess_get_exit_status (process) != 0)
    {
      g_autofree char *console = guest_machine_dup_console (self);

      g_error ("ssh \"%s\" failed: %s\nthe console says:\n%s", command, output, console);
    }

  return g_strchomp (output);
}

void
guest_machine_assert_ssh (GuestMachine *self, const char *command, const char *expected)
{
  g_autofree char *output = guest_machine_ssh (self, command, NULL);

  g_assert_cmpstr (output, ==, expected);
}
