/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* Real guests, booted with what libvmd/guest makes. */

#include "guest-images.h"

#include "base/vmd-poll-private.h"

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

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
  g_autoptr (GuestMachine) machine = guest_images_new_machine ("tiny.ext4", "tiny-one");
  g_autofree char *blocks = NULL;
  g_autofree char *generator = NULL;
  VmdAgentStatus status;

  guest_machine_start (machine);
  guest_machine_wait_ready (machine, &status);
  report_times (machine);
  g_assert_cmpstr (status.message, ==, "");
  guest_machine_assert_ssh (machine, "hostname; cat /etc/hostname", "tiny-one\ntiny-one");
  guest_machine_assert_ssh (machine, "grep -c tiny-one /etc/hosts", "1");
  guest_machine_assert_ssh (machine, "cat /proc/sys/kernel/random/boot_id", status.boot_id);
  guest_machine_assert_ssh (machine, "cat /proc/1/comm", "vmd-init");
  guest_machine_assert_ssh (machine, "ls -A /opt; ls -A /var/lib/vmd/staging", "kept");
  /* The initramfs, with its keys, is gone. */
  guest_machine_assert_ssh (machine, "grep -c newroot /proc/mounts; true", "0");

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

/* An image's own init runs as PID 1, the agent beside it, and power-off goes through that init. */
static void
test_own_init (void)
{
  g_autoptr (GuestMachine) machine = guest_images_new_machine ("own-init.ext4", "own-init");
  VmdAgentStatus status;

  guest_machine_start (machine);
  guest_machine_wait_ready (machine, &status);
  g_assert_cmpstr (status.message, ==, "");
  guest_machine_assert_ssh (machine, "cat /own-init-ran", "1");
  guest_machine_assert_ssh (machine, "cat /proc/1/comm; hostname", "init\nown-init");
  guest_machine_assert_ssh (machine, "tr '\\0' ' ' < /proc/$(pidof vmd-guest)/cmdline",
                            "@vmd-guest agent");
  guest_machine_assert_ssh (machine, "echo fresh > /root/file; cat /root/file", "fresh");
  guest_machine_power_off (machine);

  guest_machine_start (machine);
  guest_machine_wait_ready (machine, &status);
  guest_machine_assert_ssh (machine, "cat /root/file", "fresh");
  guest_machine_power_off (machine);
}

/* Without a disk the host is told why, and can still power off. */
static void
test_no_disk (void)
{
  g_autoptr (GuestMachine) machine = guest_images_new_machine (NULL, "diskless");
  g_autoptr (GError) error = NULL;
  g_autofree char *console = NULL;
  VmdAgentStatus status;

  guest_machine_start (machine);
  vmd_agent_get_status (machine->agent, &status, NULL, vmd_deadline_in (GUEST_HANG_MILLISECONDS),
                        &error);
  g_assert_no_error (error);
  g_assert_false (status.provisioned);
  g_assert_nonnull (strstr (status.message, "vmd-root"));
  guest_machine_power_off (machine);
  console = guest_machine_dup_console (machine);
  g_assert_nonnull (strstr (console, "vmd-init: no disk with the serial number"));
}

/* The image's SSH server is OpenSSH, which we start, or its own init does. */
static void
boot_openssh (const char *image, const char *init)
{
  g_autoptr (GuestMachine) machine = guest_images_new_machine (image, "openssh");
  VmdAgentStatus status;

  g_free (machine->ssh_server);
  machine->ssh_server = g_strdup ("openssh");
  guest_machine_start (machine);
  guest_machine_wait_ready (machine, &status);
  g_assert_cmpstr (status.message, ==, "");
  guest_machine_assert_ssh (machine, "cat /proc/1/comm", init);
  guest_machine_assert_ssh (machine, "/bin/busybox ls /usr/sbin", "sshd");
  /* Anybody on the host can try the port, and the image's users may have any passwords. */
  guest_machine_assert_ssh (
      machine, "/usr/sbin/sshd -T | /bin/busybox grep -E '^(password|kbdinteractive)auth'",
      "passwordauthentication no\nkbdinteractiveauthentication no");
  /* Nothing of it is on the disk. */
  guest_machine_assert_ssh (machine,
                            "umount /etc/ssh/sshd_config.d/00-vmd.conf && "
                            "cat /etc/ssh/sshd_config.d/* | wc -c && ls /etc/ssh",
                            "0\nsshd_config\nsshd_config.d");
  guest_machine_power_off (machine);
}

static void
test_openssh (void)
{
  boot_openssh ("openssh.ext4", "vmd-init");
}

static void
test_openssh_own_init (void)
{
  boot_openssh ("openssh-own-init.ext4", "init");
}

/* A vmd that comes after another finds the agent listening, whatever the other left unsaid or
 * unread. */
static void
test_reconnect (void)
{
  g_autoptr (GuestMachine) machine = guest_images_new_machine ("tiny.ext4", "adopted");
  VmdAgentStatus first;

  guest_machine_start (machine);
  guest_machine_wait_ready (machine, &first);
  for (guint i = 0; i < 30; i++)
    {
      g_autoptr (GError) error = NULL;
      VmdAgentStatus status;

      /* A question whose answer nobody reads. */
      if (i % 3 == 0)
        vmd_agent_sync (machine->agent, NULL, vmd_deadline_in (1), NULL);
      guest_machine_connect_agent (machine);
      vmd_agent_get_status (machine->agent, &status, NULL,
                            vmd_deadline_in (GUEST_HANG_MILLISECONDS), &error);
      g_assert_no_error (error);
      g_assert_cmpstr (status.boot_id, ==, first.boot_id);
    }
  guest_machine_power_off (machine);
}

/* LESSONS 41c: none hangs, with one CPU or two, and there is no second try that could hide it. */
static void
test_lesson_41c (void)
{
  for (guint i = 0; i < 10; i++)
    {
      g_autoptr (GuestMachine) machine = guest_images_new_machine ("tiny.ext4", "again");
      VmdAgentStatus status;
      gint64 begin, ready, off;

      machine->vcpus = 1 + i % 2;
      guest_machine_start (machine);
      guest_machine_wait_ready (machine, &status);
      guest_machine_assert_ssh (machine, "grep -c ^processor /proc/cpuinfo",
                                machine->vcpus == 1 ? "1" : "2");
      begin = g_get_monotonic_time ();
      ready = begin - machine->launched;
      guest_machine_power_off (machine);
      off = g_get_monotonic_time () - begin;
      g_test_message (
          "%u CPUs: %.2f s from launch to the end of an SSH command, %.2f s to power-off",
          machine->vcpus, (double) ready / G_USEC_PER_SEC, (double) off / G_USEC_PER_SEC);
    }
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  guest_images_set_up ();
  g_test_add_func ("/boot/tiny", test_tiny);
  g_test_add_func ("/boot/own-init", test_own_init);
  g_test_add_func ("/boot/openssh", test_openssh);
  g_test_add_func ("/boot/openssh-own-init", test_openssh_own_init);
  g_test_add_func ("/boot/agent-reconnect", test_reconnect);
  g_test_add_func ("/boot/no-disk", test_no_disk);
  g_test_add_func ("/boot/lesson-41c-ten-in-a-row", test_lesson_41c);
  result = g_test_run ();
  guest_images_tear_down ();
  return result;
}
