/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What vmd-fake-vmm is told to do: a text file, read anew at each step, so that a test can change
 * its mind while VMs run.
 *
 *   # the VM "web" never boots, all others in a second
 *   ready delay 1000
 *   ready@web hang
 *
 * A line is STEP[@VM] ACTION [ARGUMENT]; of those that fit, the last counts. Read are the file
 * named by $VMD_FAKE_SCRIPT and then <vm_dir>/fake-script. Steps:
 *
 *   launch          before there are sockets
 *   ready           the guest: SSH and all (fail: it is ready, and complains of ARGUMENT)
 *   off             the guest, from being asked to be off
 *   query-status, stop, cont, system_powerdown, human-monitor-command, quit
 *                   commands to the hypervisor
 *   status, sync, poweroff, clock     verbs of the agent
 *
 * Actions: delay MILLISECONDS, hang, fail [TEXT], die [EXIT-STATUS]. */

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  VMD_FAKE_GO_ON,
  VMD_FAKE_DELAY,
  VMD_FAKE_HANG,
  VMD_FAKE_FAIL,
  VMD_FAKE_DIE
} VmdFakeAction;

typedef struct
{
  VmdFakeAction action;
  guint number; /* milliseconds, or the exit status */
  char *text; /* what a failure says */
} VmdFakeOrder;

void vmd_fake_order_clear (VmdFakeOrder *order);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmdFakeOrder, vmd_fake_order_clear)

void vmd_fake_script_parse (const char *script, const char *step, const char *vm_name,
                            VmdFakeOrder *order);
void vmd_fake_script_look_up (const char *vm_dir, const char *step, const char *vm_name,
                              VmdFakeOrder *order);

G_END_DECLS
