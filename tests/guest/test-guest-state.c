/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* What a guest has that another has not, what it keeps, and what it cannot reach. */

#include "guest-images.h"

#include "base/vmd-poll-private.h"

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

/* LESSONS 20: what was just written is there after stop and start, and the second boot is another.
 */
static void
test_lesson_20 (void)
{
  g_autoptr (GuestMachine) machine = guest_images_new_machine ("tiny.ext4", "writer");
  VmdAgentStatus first;
  VmdAgentStatus second;
  g_autofree char *console = NULL;

  guest_machine_start (machine);
  guest_machine_wait_ready (machine, &first);
  /* A process that will not end by itself, and holds a file open for writing, is in the way. */
  guest_machine_assert_ssh (
      machine,
      "echo fresh > /root/file; "
      "(trap '' TERM HUP; exec sleep 1000 > /root/open) > /dev/null 2>&1 < /dev/null & "
      "echo written",
      "written");
  guest_machine_power_off (machine);
  console = guest_machine_dup_console (machine);
  g_assert_null (strstr (console, "cannot make the root read-only"));

  guest_machine_start (machine);
  guest_machine_wait_ready (machine, &second);
  guest_machine_assert_ssh (machine, "cat /root/file", "fresh");
  g_assert_cmpstr (first.boot_id, !=, second.boot_id);
  /* The disk was left in order: the journal had nothing to replay. */
  guest_machine_assert_ssh (machine, "dmesg | grep -c 'EXT4-fs.*recovery complete'; true", "0");
  guest_machine_power_off (machine);
}

/* LESSONS 40: two from one image share neither keys nor machine id nor random numbers; and the
 * disk of neither has them. */
static void
test_lesson_40 (void)
{
  static const char *const asked[] = {
    "cat /etc/machine-id",
    "/run/vmd/vmd-guest version > /dev/null; head -c 16 /dev/urandom | od -t x1",
    "od -t x1 /run/vmd/host.dropbear"
  };
  g_autoptr (GuestMachine) one = guest_images_new_machine ("tiny.ext4", "one");
  g_autoptr (GuestMachine) two = guest_images_new_machine ("tiny.ext4", "two");
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
  guest_machine_assert_ssh (one,
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
  g_autoptr (GuestMachine) machine = guest_images_new_machine ("tiny.ext4", "prisoner");
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

static gint64
ask_clock (GuestMachine *machine)
{
  g_autofree char *seconds = guest_machine_ssh (machine, "date +%s", NULL);

  return g_ascii_strtoll (seconds, NULL, 10);
}

/* LESSONS 40: an old clock. The hardware's says 2001, the seed knows better; and a step of the
 * host's is followed. */
static void
test_lesson_40_clock (void)
{
  const gint64 day = 24 * 60 * 60;
  g_autoptr (GuestMachine) machine = guest_images_new_machine ("tiny.ext4", "clock");
  g_autoptr (GError) error = NULL;
  VmdAgentStatus status;
  gint64 now;

  machine->more_arguments = "-rtc base=2001-01-01T00:00:00";
  guest_machine_start (machine);
  guest_machine_wait_ready (machine, &status);
  now = g_get_real_time () / G_USEC_PER_SEC;
  g_assert_cmpint (ABS (ask_clock (machine) - now), <, 60 * 10);

  vmd_agent_set_clock (machine->agent, g_get_real_time () + day * G_USEC_PER_SEC, NULL,
                       vmd_deadline_in (GUEST_HANG_MILLISECONDS), &error);
  g_assert_no_error (error);
  g_assert_cmpint (ABS (ask_clock (machine) - now - day), <, 60 * 10);
  guest_machine_power_off (machine);
}

/* The hypervisor's source of random numbers is in use. */
static void
test_lesson_40_random (void)
{
  g_autoptr (GuestMachine) machine = guest_images_new_machine ("tiny.ext4", "random");
  VmdAgentStatus status;

  guest_machine_start (machine);
  guest_machine_wait_ready (machine, &status);
  guest_machine_assert_ssh (machine, "cat /sys/class/misc/hw_random/rng_current", "virtio_rng.0");
  guest_machine_power_off (machine);
}

/* LESSONS 34: an import cut by the hypervisor's death. The next boot removes what it left, and a
 * retry works. */
static void
test_lesson_34 (void)
{
  static const char import[] =
      "mkdir -p /work /tmp && mkfifo /tmp/stream && "
      "(/run/vmd/vmd-guest unpack --target /work/tree < /tmp/stream > /dev/null 2>&1 &) && "
      "(tar c -C /bin busybox; sleep 1000) > /tmp/stream < /dev/null 2> /dev/null & "
      "until [ -s /work/.vmd-staging-*/busybox ]; do usleep 20000; done; sync; ls -A /work | cut "
      "-c 1-13";
  g_autoptr (GuestMachine) machine = guest_images_new_machine ("tiny.ext4", "cut");
  VmdAgentStatus status;

  guest_machine_start (machine);
  guest_machine_wait_ready (machine, &status);
  guest_machine_assert_ssh (machine, import, ".vmd-staging-");
  guest_machine_kill (machine);

  guest_machine_start (machine);
  guest_machine_wait_ready (machine, &status);
  g_assert_cmpstr (status.message, ==, "");
  guest_machine_assert_ssh (machine, "ls -A /work /var/lib/vmd/staging",
                            "/var/lib/vmd/staging:\n\n/work:");
  guest_machine_assert_ssh (machine,
                            "tar c -C /bin busybox | /run/vmd/vmd-guest unpack --target /work/tree "
                            "| cut -d ' ' -f 1,2 && cmp /bin/busybox /work/tree/busybox",
                            "ok files=1");
  guest_machine_power_off (machine);
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  guest_images_set_up ();
  g_test_add_func ("/guest-state/lesson-20-fresh-writes", test_lesson_20);
  g_test_add_func ("/guest-state/lesson-34-cut-import", test_lesson_34);
  g_test_add_func ("/guest-state/lesson-40-clones-differ", test_lesson_40);
  g_test_add_func ("/guest-state/lesson-40-clock", test_lesson_40_clock);
  g_test_add_func ("/guest-state/lesson-40-random-source", test_lesson_40_random);
  g_test_add_func ("/guest-state/lesson-41a-host-loopback", test_lesson_41a);
  result = g_test_run ();
  guest_images_tear_down ();
  return result;
}
