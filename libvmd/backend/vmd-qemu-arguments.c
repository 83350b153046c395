/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-qemu-arguments-private.h"

#include "vmd-hypervisor-private.h"
#include "vmd-qmp-machine-private.h"

#include <string.h>

/* A plan as QEMU's command line. Pure: nothing is looked at, nothing is made.
 *
 * Machine: microvm under KVM, q35 under TCG, where microvm hung in the calibration of the TSC.
 * Both have PCI, so that devices and the guest's modules are the same.
 *
 * CPU under TCG: all that QEMU can emulate but five levels of page tables, which only make each
 * walk longer. Plainer models boot a tenth faster, and then take more time for each system call
 * (an Intel has its tables isolated), or lack what newer distributions need.
 *
 * Network: whatever the plan says, there is one card that leads to the guest's SSH from here and
 * nowhere else: slirp with restrict=on forwards a port of 127.0.0.1, which it chooses itself, and
 * drops all that the guest begins. That holds for "none" too, whose guest is to have no network,
 * and yet to be worked in. "user" adds a second card. Where there is no way out for it (see
 * vmd-passt.c), it is a restricted slirp as well: the guest's addresses are as its seed says, and
 * lead nowhere. Plain slirp is not used, since it lets a guest reach the loopback services of the
 * host. Hardware and IP addresses are those of guest/vmd-seed.c. */

#define MANAGEMENT_MAC "52:54:00:76:6d:01"
#define USER_MAC "52:54:00:76:6d:02"

/* no_timer_check: the kernel tries the timer by counting ten of its interrupts in a time that it
 * measures by a loop. An emulated processor that has to wait for a real one fails that, and the
 * kernel panics ("IO-APIC + timer doesn't work"); under KVM it leaves the check out by itself.
 * i8042.*: QEMU's keyboard controller is probed for a quarter of a second otherwise. reboot=t: a
 * triple fault, with -no-reboot the quickest end. */
#define KERNEL_ARGUMENTS                                                                           \
  "console=ttyS0 quiet panic=-1 reboot=t no_timer_check"                                           \
  " i8042.noaux i8042.nokbd"

/* Adds @option, and @value unless that is NULL. */
static void
add (GPtrArray *argv, const char *option, const char *value)
{
  g_ptr_array_add (argv, g_strdup (option));
  if (value != NULL)
    g_ptr_array_add (argv, g_strdup (value));
}

static void
add_format (GPtrArray *argv, const char *option, const char *format, ...) G_GNUC_PRINTF (3, 4);

static void
add_format (GPtrArray *argv, const char *option, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_ptr_array_add (argv, g_strdup (option));
  g_ptr_array_add (argv, g_strdup_vprintf (format, arguments));
  va_end (arguments);
}

/* A path within an option's value, where a comma ends it. (transfer full) */
static char *
dup_escaped (const char *path)
{
  g_auto (GStrv) parts = g_strsplit (path, ",", -1);

  return g_strjoinv (",,", parts);
}

static void
add_machine (GPtrArray *argv, const VmdQemuArguments *arguments)
{
  if (arguments->accelerator == VMD_ACCELERATOR_KVM)
    {
      add (argv, "-machine", "microvm,acpi=on,pcie=on,rtc=on,dump-guest-core=off");
      add (argv, "-accel", "kvm");
      add (argv, "-cpu", "host");
    }
  else
    {
      add (argv, "-machine", "q35,vmport=off,hpet=off,dump-guest-core=off");
      add (argv, "-accel", "tcg,thread=multi");
      add (argv, "-cpu", "max,la57=off");
    }
  add_format (argv, "-smp", "%u", arguments->plan->vcpus);
  add_format (argv, "-m", "size=%" G_GUINT64_FORMAT "B", arguments->plan->memory);
}

static void
add_kernel (GPtrArray *argv, const VmdLaunchPlan *plan)
{
  add (argv, "-kernel", plan->kernel);
  add (argv, "-initrd", plan->initramfs);
  add (argv, "-append", KERNEL_ARGUMENTS);
}

/* A chardev that listens, and serves one client at a time. */
static void
add_socket (GPtrArray *argv, const VmdLaunchPlan *plan, const char *id, const char *name,
            const char *more)
{
  g_autofree char *path = vmd_hypervisor_dup_socket (plan, name);
  g_autofree char *escaped = dup_escaped (path);

  add_format (argv, "-chardev", "socket,id=%s,path=%s,server=on,wait=off%s", id, escaped, more);
}

static void
add_channels (GPtrArray *argv, const VmdLaunchPlan *plan)
{
  g_autofree char *log = g_build_filename (plan->vm_dir, "console.log", NULL);
  g_autofree char *escaped = dup_escaped (log);
  g_autofree char *logging = g_strdup_printf (",logfile=%s,logappend=on", escaped);

  add_socket (argv, plan, "control", VMD_CONTROL_SOCKET, "");
  add (argv, "-mon", "chardev=control,mode=control");
  add_socket (argv, plan, "console", VMD_CONSOLE_SOCKET, logging);
  add (argv, "-serial", "chardev:console");
  add_socket (argv, plan, "agent", VMD_AGENT_SOCKET, "");
  add (argv, "-device", "virtio-serial-pci");
  add (argv, "-device", "virtserialport,chardev=agent,name=org.vmd.agent.0");
  add_socket (argv, plan, "channel", VMD_CHANNEL_SOCKET, "");
  add (argv, "-device", "virtserialport,chardev=channel,name=org.vmd.channel.0");
}

static void
add_disk (GPtrArray *argv, const VmdLaunchPlan *plan)
{
  g_autofree char *escaped = dup_escaped (plan->disk);

  add_format (argv, "-blockdev",
              "driver=qcow2,node-name=root,discard=unmap,file.driver=file,file.filename=%s",
              escaped);
  /* A full disk of the host is an error in the guest, whose command then fails and says so; by
   * default QEMU would stop the guest, and the command would hang. */
  add (argv, "-device", "virtio-blk-pci,drive=root,serial=vmd-root,werror=report,rerror=report");
}

static void
add_card (GPtrArray *argv, const char *netdev, const char *mac)
{
  add_format (argv, "-device", "virtio-net-pci,netdev=%s,mac=%s,romfile=", netdev, mac);
}

static void
add_network (GPtrArray *argv, const VmdQemuArguments *arguments)
{
  add (argv, "-netdev", "user,id=management,restrict=on,ipv6=off,hostfwd=tcp:127.0.0.1:0-:22");
  add_card (argv, "management", MANAGEMENT_MAC);
  if (!g_str_equal (arguments->plan->network, "user"))
    return;
  if (arguments->network_fd >= 0)
    add_format (argv, "-netdev", "stream,id=user,server=off,addr.type=fd,addr.str=%d",
                arguments->network_fd);
  else
    add (argv, "-netdev",
         "user,id=user,restrict=on,ipv6=off,net=10.0.3.0/24,host=10.0.3.2,dns=10.0.3.3");
  add_card (argv, "user", USER_MAC);
}

/* (transfer full): argv for execve(2). */
char **
vmd_qemu_arguments_build (const VmdQemuArguments *arguments)
{
  const VmdLaunchPlan *plan = arguments->plan;
  GPtrArray *argv = g_ptr_array_new ();

  add (argv, arguments->program, NULL);
  /* Seen in a list of processes. */
  add_format (argv, "-name", "vmd-%s", plan->vm_name);
  add (argv, "-nodefaults", NULL);
  add (argv, "-no-user-config", NULL);
  add (argv, "-no-reboot", NULL);
  add (argv, "-display", "none");
  add (argv, "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
  add_machine (argv, arguments);
  add_kernel (argv, plan);
  add_channels (argv, plan);
  add_disk (argv, plan);
  add (argv, "-device", "virtio-rng-pci");
  add_network (argv, arguments);
  g_ptr_array_add (argv, NULL);

  return (char **) g_ptr_array_free (argv, FALSE);
}
