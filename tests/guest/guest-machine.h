/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A guest started by hand, with QEMU alone: what libvmd/guest and vmd-guest do is tried without
 * the backend. Whatever fails ends the test, with the guest's console in its log. */

#include "guest/vmd-guest-private.h"

G_BEGIN_DECLS

/* What no emulated boot takes, however busy the host. */
#define GUEST_HANG_MILLISECONDS (180 * 1000)

typedef struct
{
  char *directory; /* private: keys, disk, sockets, console.log */
  char *kernel; /* directory with vmlinuz and modules/ */
  char *vm_id;
  char *hostname;
  char *network;
  char *ssh_server;
  guint vcpus; /* 2; each of the hypervisor's threads may run at once */
  const char *more_arguments; /* (nullable) for the hypervisor; borrowed */
  GSubprocess *process;
  GSocketConnection *monitor;
  GDataInputStream *monitor_input;
  VmdAgent *agent;
  guint ssh_port;
  gint64 launched; /* g_get_monotonic_time() */
} GuestMachine;

/* Makes the machine's directory and its disk, an overlay on @image of 1 GiB; none if @image is
 * NULL. */
GuestMachine *guest_machine_new (const char *kernel, const char *image, const char *hostname);
/* Ends the process, if it runs, and removes the directory. */
void guest_machine_free (GuestMachine *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GuestMachine, guest_machine_free)

void guest_machine_start (GuestMachine *self);
/* As a new vmd does that takes a running guest over. */
void guest_machine_connect_agent (GuestMachine *self);
/* Until SSH listens and all is provisioned. */
void guest_machine_wait_ready (GuestMachine *self, VmdAgentStatus *status);
/* Asks the agent, and waits until the hypervisor has ended. */
void guest_machine_power_off (GuestMachine *self);
void guest_machine_wait_off (GuestMachine *self);
/* Runs @command by ssh, which checks the host key strictly; its output, which may be an error's.
 * @exit_status is nullable: then it must be 0. */
char *guest_machine_ssh (GuestMachine *self, const char *command, int *exit_status);
/* The output must be @expected. */
void guest_machine_assert_ssh (GuestMachine *self, const char *command, const char *expected);
/* Pulls the plug. */
void guest_machine_kill (GuestMachine *self);
char *guest_machine_dup_console (GuestMachine *self);

G_END_DECLS
