/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The program that stands in for a hypervisor: what its files share. */

#include "vmd-fake-port-private.h"
#include "vmd-fake-script-private.h"

G_BEGIN_DECLS

typedef struct
{
  char *name;
  gint64 launch;
  char *vm_dir;
  char *runtime_dir;
  char *boot_id;
  gint64 launched; /* monotonic */
  gboolean is_paused;
  gboolean is_going_off;
  guint ssh_port;
  int ssh_fd; /* listens, and never accepts: nobody is to speak to it */
  int console_fd; /* console.log */
  VmdFakePort *control;
  VmdFakePort *agent;
  VmdFakePort *console;
  VmdFakePort *channel;
  GMainLoop *loop;
} VmdFakeVmm;

/* vmd-fake-vmm.c */
void vmd_fake_vmm_look_up (VmdFakeVmm *self, const char *step, VmdFakeOrder *order);
void vmd_fake_vmm_answer (VmdFakeVmm *self, VmdFakePort *port, guint milliseconds, char *answer);
void vmd_fake_vmm_print (VmdFakeVmm *self, const char *format, ...) G_GNUC_PRINTF (2, 3);
void vmd_fake_vmm_set_paused (VmdFakeVmm *self, gboolean paused);
void vmd_fake_vmm_go_off (VmdFakeVmm *self);

/* vmd-fake-control.c, vmd-fake-agent.c */
gboolean vmd_fake_control_open (VmdFakeVmm *self, GError **error);
gboolean vmd_fake_agent_open (VmdFakeVmm *self, GError **error);

G_END_DECLS
