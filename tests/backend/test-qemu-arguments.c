/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

/* QEMU's command line, and the choice of the accelerator. */

#include "backend/vmd-qemu-arguments-private.h"

#include <string.h>

static const VmdLaunchPlan plan = { .vm_id = "0123456789abcdef0123456789abcdef",
                                    .vm_name = "web",
                                    .launch = 3,
                                    .vcpus = 2,
                                    .memory = 536870912,
                                    .network = "none",
                                    .kernel = "/k/vmlinuz",
                                    .initramfs = "/v/initramfs",
                                    .disk = "/v/disk.qcow2",
                                    .vm_dir = "/v",
                                    .runtime_dir = "/r" };

/* The line with a space between words and around it. (transfer full) */
static char *
build (const VmdLaunchPlan *used, VmdAccelerator accelerator, int network_fd)
{
  const VmdQemuArguments arguments = {
    .program = "/bin/qemu", .plan = used, .accelerator = accelerator, .network_fd = network_fd
  };
  g_auto (GStrv) argv = vmd_qemu_arguments_build (&arguments);
  g_autofree char *line = g_strjoinv (" ", argv);

  return g_strdup_printf (" %s ", line);
}

static void
assert_has (const char *line, const char *words)
{
  g_autofree char *spaced = g_strdup_printf (" %s ", words);

  if (strstr (line, spaced) == NULL)
    g_error ("“%s” is not in:%s", words, line);
}

static guint
count (const char *line, const char *word)
{
  guint n = 0;

  for (const char *found = line; (found = strstr (found, word)) != NULL; found++)
    n++;

  return n;
}

static void
test_whole (void)
{
  g_autofree char *line = build (&plan, VMD_ACCELERATOR_TCG, -1);

  g_assert_true (g_str_has_prefix (line, " /bin/qemu -name vmd-web "));
  assert_has (line, "-nodefaults -no-user-config -no-reboot -display none");
  assert_has (line,
              "-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
  assert_has (line, "-accel tcg,thread=multi");
  assert_has (line, "-smp 2 -m size=536870912B");
  assert_has (line, "-kernel /k/vmlinuz -initrd /v/initramfs -append console=ttyS0 quiet panic=-1"
                    " reboot=t no_timer_check i8042.noaux i8042.nokbd");
  assert_has (line, "-chardev socket,id=control,path=/r/control,server=on,wait=off"
                    " -mon chardev=control,mode=control");
  assert_has (line, "-chardev socket,id=console,path=/r/console,server=on,wait=off,"
                    "logfile=/v/console.log,logappend=on -serial chardev:console");
  assert_has (line, "-chardev socket,id=agent,path=/r/agent,server=on,wait=off");
  assert_has (line, "-device virtserialport,chardev=agent,name=org.vmd.agent.0");
  assert_has (line, "-chardev socket,id=channel,path=/r/channel,server=on,wait=off");
  assert_has (line, "-device virtserialport,chardev=channel,name=org.vmd.channel.0");
  assert_has (line,
              "-device virtio-blk-pci,drive=root,serial=vmd-root,werror=report,rerror=report");
  assert_has (line, "-device virtio-rng-pci");
}

static void
test_machine (void)
{
  g_autofree char *tcg = build (&plan, VMD_ACCELERATOR_TCG, -1);
  g_autofree char *kvm = build (&plan, VMD_ACCELERATOR_KVM, -1);

  g_assert_cmpuint (count (tcg, "-machine q35,"), ==, 1);
  g_assert_cmpuint (count (tcg, "kvm"), ==, 0);
  g_assert_cmpuint (count (kvm, "-machine microvm,"), ==, 1);
  assert_has (kvm, "-accel kvm -cpu host");
}

/* Every guest has the card to its SSH, on a port that QEMU chooses; no slirp is open (LESSONS
 * 41a). */
static void
test_network (void)
{
  VmdLaunchPlan user = plan;
  g_autofree char *none = build (&plan, VMD_ACCELERATOR_TCG, -1);
  g_autofree char *closed = NULL;
  g_autofree char *open = NULL;

  user.network = "user";
  closed = build (&user, VMD_ACCELERATOR_TCG, -1);
  open = build (&user, VMD_ACCELERATOR_TCG, 3);
  assert_has (none, "-netdev user,id=management,restrict=on,ipv6=off,hostfwd=tcp:127.0.0.1:0-:22"
                    " -device virtio-net-pci,netdev=management,mac=52:54:00:76:6d:01,romfile=");
  g_assert_cmpuint (count (none, "-netdev"), ==, 1);
  g_assert_cmpuint (count (closed, " user,"), ==, 2);
  g_assert_cmpuint (count (closed, "restrict=on"), ==, 2);
  assert_has (closed, "-device virtio-net-pci,netdev=user,mac=52:54:00:76:6d:02,romfile=");
  g_assert_cmpuint (count (open, " user,"), ==, 1);
  g_assert_cmpuint (count (open, "restrict=on"), ==, 1);
  assert_has (open, "-netdev stream,id=user,server=off,addr.type=fd,addr.str=3"
                    " -device virtio-net-pci,netdev=user,mac=52:54:00:76:6d:02,romfile=");
}

/* A comma in a path ends no option. */
static void
test_commas (void)
{
  VmdLaunchPlan odd = plan;
  g_autofree char *line = NULL;

  odd.vm_dir = "/v,a=b";
  odd.runtime_dir = "/r,x";
  odd.disk = "/v,a=b/disk";
  odd.kernel = "/k,1";
  line = build (&odd, VMD_ACCELERATOR_TCG, -1);
  g_assert_cmpuint (count (line, "logfile=/v,,a=b/console.log,logappend=on"), ==, 1);
  g_assert_cmpuint (count (line, "path=/r,,x/control,server=on"), ==, 1);
  g_assert_cmpuint (count (line, "filename=/v,,a=b/disk "), ==, 1);
  assert_has (line, "-kernel /k,1");
}

static const struct
{
  const char *override;
  gboolean can_open;
  const char *cpuinfo;
  int accelerator; /* -1: an error */
} choices[] = {
  { NULL, TRUE, "processor\t: 0\nflags\t\t: fpu vmx sse\n", VMD_ACCELERATOR_KVM },
  { NULL, TRUE, "processor\t: 0\nflags\t\t: fpu svm", VMD_ACCELERATOR_KVM },
  { NULL, FALSE, "processor\t: 0\nflags\t\t: fpu vmx\n", VMD_ACCELERATOR_TCG },
  { NULL, TRUE, "processor\t: 0\nflags\t\t: fpu sse\n", VMD_ACCELERATOR_TCG },
  { NULL, TRUE, "processor\t: 0\nvmx flags\t: vnmi\nflags\t\t: fpu\n", VMD_ACCELERATOR_TCG },
  { NULL, TRUE, "processor\t: 0\nflags\t\t: fpu vmxx\nbugs\t\t: svm\n", VMD_ACCELERATOR_TCG },
  { NULL, TRUE, "", VMD_ACCELERATOR_TCG },
  { "", TRUE, "processor\t: 0\nflags\t\t: vmx\n", VMD_ACCELERATOR_KVM },
  { "kvm", FALSE, "", VMD_ACCELERATOR_KVM },
  { "tcg", TRUE, "processor\t: 0\nflags\t\t: vmx\n", VMD_ACCELERATOR_TCG },
  { "hvf", TRUE, "processor\t: 0\nflags\t\t: vmx\n", -1 },
};

static void
test_accelerator (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (choices); i++)
    {
      g_autoptr (GError) error = NULL;
      VmdAccelerator accelerator = VMD_ACCELERATOR_TCG;
      const char *reason = NULL;
      gboolean decided = vmd_accelerator_decide (choices[i].override, choices[i].can_open,
                                                 choices[i].cpuinfo, &accelerator, &reason, &error);

      g_test_message ("choice %" G_GSIZE_FORMAT ": %s", i, reason);
      g_assert_cmpint (decided, ==, choices[i].accelerator >= 0);
      if (decided)
        g_assert_cmpint (accelerator, ==, choices[i].accelerator);
      else
        g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/qemu-arguments/whole", test_whole);
  g_test_add_func ("/qemu-arguments/machine", test_machine);
  g_test_add_func ("/qemu-arguments/network", test_network);
  g_test_add_func ("/qemu-arguments/commas", test_commas);
  g_test_add_func ("/qemu-arguments/accelerator", test_accelerator);

  return g_test_run ();
}
