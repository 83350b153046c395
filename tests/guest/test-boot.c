/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Real guests, booted with what libvmd/guest makes. */

#include "guest-machine.h"

#include "base/vmd-poll-private.h"
#include "base/vmd-state-dir-private.h"

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

static char *images;
static char *kernel;

static void
run_script (const char *name, const char *directory)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "guest", name, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) process =
      g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_SILENCE, &error, path, directory, NULL);

  g_assert_no_error (error);
  g_subprocess_wait_check (process, NULL, &error);
  g_assert_no_error (error);
}

static GuestMachine *
new_machine (const char *image, const char *hostname)
{
  g_autofree char *path = image != NULL ? g_build_filename (images, image, NULL) : NULL;

  return guest_machine_new (kernel, path, hostname);
}

static void
assert_ssh (GuestMachine *machine, const char *command, const char *expected)
{
  g_autofree char *output = guest_machine_ssh (machine, command, NULL);

  g_assert_cmpstr (output, ==, expected);
}

static void
report_times (GuestMachine *machine)
{
  g_autofree char *times =
      guest_machine_ssh (machine, "dmesg | grep -E 'Run /init|vmd-init: '", NULL);

  g_test_message ("launch to readiness: %.2f s; in the guest:\n%s",
                  (double) (g_get_monotonic_time () - machine->launched) / G_USEC_PER_SEC, times);
}

/* One boot of an image without init, looked at from all sides. */
static void
test_tiny (void)
{
  g_autoptr (GuestMachine) machine = new_machine ("tiny.ext4", "tiny-one");
  g_autofree char *blocks = NULL;
  g_autofree char *generator = NULL;
  VmdAgentStatus status;

  guest_machine_start (machine);
  guest_machine_wait_ready (machine, &status);
  report_times (machine);
  g_assert_cmpstr (status.message, ==, "");
  assert_ssh (machine, "hostname; cat /etc/hostname", "tiny-one\ntiny-one");
  assert_ssh (machine, "grep -c tiny-one /etc/hosts", "1");
  assert_ssh (machine, "cat /proc/sys/kernel/random/boot_id", status.boot_id);
  assert_ssh (machine, "cat /proc/1/comm", "vmd-init");
  assert_ssh (machine, "ls -A /opt; ls -A /var/lib/vmd/staging", "kept");
  /* The initramfs, with its keys, is gone. */
  assert_ssh (machine, "grep -c newroot /proc/mounts; true", "0");

  /* The image has 64 MiB, the disk 1 GiB. */
  blocks = guest_machine_ssh (machine, "df -P -m / | awk 'NR == 2 { print $2 }'", NULL);
  g_assert_cmpint (atoi (blocks), >, 900);
  /* This CPU has no RDRAND: only the seed's entropy makes the generator ready this early. */
  generator =
      guest_machine_ssh (machine,
                         "dmesg | awk '/crng init done/ { c = NR } /vmd-init: begins/ { b = NR } "
                         "/EXT4-fs.*mounted/ { m = NR } END { print (c && b < c && c < m) }'",
                         NULL);
  g_assert_cmpstr (generator, ==, "1");
  guest_machine_power_off (machine);
}

/* LESSONS 20: what was just written is there after stop and start, and the second boot is another. */
static void
test_lesson_20 (void)
{
  g_autoptr (GuestMachine) machine = new_machine ("tiny.ext4", "writer");
  VmdAgentStatus first;
  VmdAgentStatus second;
  g_autofree char *console = NULL;

  guest_machine_start (machine);
  guest_machine_wait_ready (machine, &first);
  /* A process that will not end by itself, and holds a file open for writing, is in the way. */
  assert_ssh (machine,
              "echo fresh > /root/file; "
              "(trap '' TERM HUP; exec sleep 1000 > /root/open) > /dev/null 2>&1 < /dev/null & "
              "echo written",
              "written");
  guest_machine_power_off (machine);
  console = guest_machine_dup_console (machine);
  g_assert_null (strstr (console, "cannot make the root read-only"));

  guest_machine_start (machine);
  guest_machine_wait_ready (machine, &second);
  assert_ssh (machine, "cat /root/file", "fresh");
  g_assert_cmpstr (first.boot_id, !=, second.boot_id);
  /* The disk was left in order: the journal had nothing to replay. */
  assert_ssh (machine, "dmesg | grep -c 'EXT4-fs.*recovery complete'; true", "0");
  guest_machine_power_off (machine);
}

/* LESSONS 40: two from one image share neither keys nor machine id nor random numbers; and the disk of neither has them. */
static void
test_lesson_40 (void)
{
  static const char *const asked[] = {
    "cat /etc/machine-id",
    "/run/vmd/vmd-guest version > /dev/null; head -c 16 /dev/urandom | od -t x1",
    "od -t x1 /run/vmd/host.dropbear"
  };
  g_autoptr (GuestMachine) one = new_machine ("tiny.ext4", "one");
  g_autoptr (GuestMachine) two = new_machine ("tiny.ext4", "two");
  VmdAgentStatus status;
  g_autofree char *refused = NULL;
  int exit_status;

  guest_machine_start (one);
  guest_machine_start (two);
  guest_machine_wait_ready (one, &status);
  guest_machine_wait_ready (two, &status);
  for (gsize i = 0; i < G_N_ELEMENTS (asked); i++)
    {
      g_autofree char *of_one = guest_machine_ssh (one, asked[i], NULL);
      g_autofree char *of_two = guest_machine_ssh (two, asked[i], NULL);

      g_assert_cmpstr (of_one, !=, "");
      g_assert_cmpstr (of_one, !=, of_two);
    }
  assert_ssh (one,
              "umount /etc/machine-id /root/.ssh/authorized_keys && "
              "cat /etc/machine-id /root/.ssh/authorized_keys | wc -c",
              "0");

  /* The key of one does not open the other, whose host key is another too. */
  one->ssh_port = two->ssh_port;
  refused = guest_machine_ssh (one, "true", &exit_status);
  g_assert_cmpint (exit_status, ==, 255);
  g_assert_nonnull (strstr (refused, "Host key verification failed"));

  /* And the way that a user in the guest takes. */
  g_free (guest_machine_ssh (two, "poweroff", &exit_status));
  guest_machine_wait_off (two);
  guest_machine_power_off (one);
}

/* LESSONS 41a: the host's loopback is out of the guest's reach. */
static void
test_lesson_41a (void)
{
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GuestMachine) machine = new_machine ("tiny.ext4", "prisoner");
  g_autoptr (GError) error = NULL;
  g_autofree char *command = NULL;
  g_autofree char *output = NULL;
  VmdAgentStatus status;
  int exit_status;

  g_socket_listener_add_address (listener, address, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP,
                                 NULL, &bound, &error);
  g_assert_no_error (error);
  guest_machine_start (machine);
  guest_machine_wait_ready (machine, &status);
  command = g_strdup_printf ("nc -w 2 10.0.2.2 %u < /dev/null && echo reached",
                             g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound)));
  output = guest_machine_ssh (machine, command, &exit_status);
  g_assert_cmpint (exit_status, !=, 0);
  g_assert_null (strstr (output, "reached"));
  guest_machine_power_off (machine);
}

/* An image's own init runs as PID 1, the agent beside it, and power-off goes through that init. */
static void
test_own_init (void)
{
  g_autoptr (GuestMachine) machine = new_machine ("own-init.ext4", "own-init");
  VmdAgentStatus status;

  guest_machine_start (machine);
  guest_machine_wait_ready (machine, &status);
  g_assert_cmpstr (status.message, ==, "");
  assert_ssh (machine, "cat /own-init-ran", "1");
  assert_ssh (machine, "cat /proc/1/comm; hostname", "init\nown-init");
  assert_ssh (machine, "tr '\\0' ' ' < /proc/$(pidof vmd-guest)/cmdline", "@vmd-guest agent");
  assert_ssh (machine, "echo fresh > /root/file; cat /root/file", "fresh");
  guest_machine_power_off (machine);

  guest_machine_start (machine);
  guest_machine_wait_ready (machine, &status);
  assert_ssh (machine, "cat /root/file", "fresh");
  guest_machine_power_off (machine);
}

/* Without a disk the host is told why, and can still power off. */
static void
test_no_disk (void)
{
  g_autoptr (GuestMachine) machine = new_machine (NULL, "diskless");
  g_autoptr (GError) error = NULL;
  g_autofree char *console = NULL;
  VmdAgentStatus status;

  guest_machine_start (machine);
  vmd_agent_get_status (machine->agent, &status, NULL, vmd_deadline_in (180 * 1000), &error);
  g_assert_no_error (error);
  g_assert_false (status.provisioned);
  g_assert_nonnull (strstr (status.message, "vmd-root"));
  guest_machine_power_off (machine);
  console = guest_machine_dup_console (machine);
  g_assert_nonnull (strstr (console, "vmd-init: no disk with the serial number"));
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  images = g_dir_make_tmp ("vmd-images-XXXXXX", &error);
  g_assert_no_error (error);
  kernel = g_test_build_filename (G_TEST_BUILT, "guest", "kernel", NULL);
  run_script ("make-guest-kernel.sh", kernel);
  run_script ("make-guest-disk.sh", images);

  g_test_add_func ("/boot/tiny", test_tiny);
  g_test_add_func ("/boot/lesson-20-fresh-writes", test_lesson_20);
  g_test_add_func ("/boot/lesson-40-clones-differ", test_lesson_40);
  g_test_add_func ("/boot/lesson-41a-host-loopback", test_lesson_41a);
  g_test_add_func ("/boot/own-init", test_own_init);
  g_test_add_func ("/boot/no-disk", test_no_disk);
  result = g_test_run ();

  vmd_remove_tree (images, NULL);
  g_free (images);
  g_free (kernel);
  return result;
}
