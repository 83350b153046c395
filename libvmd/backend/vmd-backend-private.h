/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The seam to hypervisors. A VmdBackend knows how to make a hypervisor process; a VmdMachine is one
 * that runs. Neither knows the store: what is about to exist is told to a VmdLaunchRecorder
 * first. */

#include "../base/vmd-process-private.h"
#include "vmd-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* All that a launch needs, decided before it. Strings are owned by the plan's maker for the length
 * of the call. */
typedef struct
{
  const char *vm_id;
  const char *vm_name;
  guint64 launch;
  guint vcpus;
  guint64 memory; /* bytes */
  const char *network; /* "user" or "none" */
  const char *kernel; /* vmlinuz */
  const char *initramfs; /* the per-VM one */
  const char *disk; /* qcow2 overlay */
  /* <state-dir>/vms/<id>: console.log and other logs are made here; they are the VM's, not the
   * launch's. */
  const char *vm_dir;
  /* <runtime-dir>/<first 12 of id>: sockets. Exists, 0700, and is recorded as a resource by the
   * plan's maker: all in it goes with it. */
  const char *runtime_dir;
} VmdLaunchPlan;

/* Written before the thing exists. Each call is durable when it returns; FALSE aborts the
 * launch. */
typedef struct
{
  gboolean (*resource) (gpointer data, const char *kind, const char *name, GError **error);
  gboolean (*process) (gpointer data, const VmdProcessId *process, GError **error);
  gpointer data;
} VmdLaunchRecorder;

#define VMD_TYPE_MACHINE (vmd_machine_get_type ())
G_DECLARE_INTERFACE (VmdMachine, vmd_machine, VMD, MACHINE, GObject)

struct _VmdMachineInterface
{
  GTypeInterface parent;
  /* All block for at most `deadline`, and none takes a lock. */
  gboolean (*power_button) (VmdMachine *self, GCancellable *cancellable, gint64 deadline,
                            GError **error);
  gboolean (*pause) (VmdMachine *self, GCancellable *cancellable, gint64 deadline, GError **error);
  gboolean (*resume) (VmdMachine *self, GCancellable *cancellable, gint64 deadline, GError **error);
  /* Is it paused? */
  gboolean (*query_paused) (VmdMachine *self, gboolean *paused, GCancellable *cancellable,
                            gint64 deadline, GError **error);
  /* TCP port on 127.0.0.1 at which the guest's SSH answers; asked from the hypervisor, which bound
   * it. */
  gboolean (*query_ssh_port) (VmdMachine *self, guint *port, GCancellable *cancellable,
                              gint64 deadline, GError **error);
  /* A connected socket to the guest agent's port, the caller's; -1 on error. One at a time. */
  int (*connect_agent) (VmdMachine *self, GCancellable *cancellable, gint64 deadline,
                        GError **error);
  int (*connect_console) (VmdMachine *self, GCancellable *cancellable, gint64 deadline,
                          GError **error);
};

const VmdProcessId *vmd_machine_get_process (VmdMachine *self);
/* For backends, once, when they make a machine. */
void vmd_machine_set_process (VmdMachine *self, const VmdProcessId *process);
gboolean vmd_machine_power_button (VmdMachine *self, GCancellable *cancellable, gint64 deadline,
                                   GError **error);
gboolean
vmd_machine_pause (VmdMachine *self, GCancellable *cancellable, gint64 deadline, GError **error);
gboolean
vmd_machine_resume (VmdMachine *self, GCancellable *cancellable, gint64 deadline, GError **error);
gboolean vmd_machine_query_paused (VmdMachine *self, gboolean *paused, GCancellable *cancellable,
                                   gint64 deadline, GError **error);
gboolean vmd_machine_query_ssh_port (VmdMachine *self, guint *port, GCancellable *cancellable,
                                     gint64 deadline, GError **error);
int vmd_machine_connect_agent (VmdMachine *self, GCancellable *cancellable, gint64 deadline,
                               GError **error);
int vmd_machine_connect_console (VmdMachine *self, GCancellable *cancellable, gint64 deadline,
                                 GError **error);

#define VMD_TYPE_BACKEND (vmd_backend_get_type ())
G_DECLARE_INTERFACE (VmdBackend, vmd_backend, VMD, BACKEND, GObject)

struct _VmdBackendInterface
{
  GTypeInterface parent;
  const char *(*get_name) (VmdBackend *self);
  /* MISSING_PROGRAM and the like, before anything is made. */
  gboolean (*check) (VmdBackend *self, GError **error);
  /* Where the control socket of a plan will be: recorded with the launch row. */
  char *(*dup_control_socket) (VmdBackend *self, const VmdLaunchPlan *plan);
  /* Spawns and returns when the control socket answers. On failure nothing of it runs any more, and
   * the error carries the hypervisor's last words. */
  VmdMachine *(*spawn) (VmdBackend *self, const VmdLaunchPlan *plan,
                        const VmdLaunchRecorder *recorder, GCancellable *cancellable,
                        gint64 deadline, GError **error);
  /* A running one that an earlier process, or another, spawned: checks that the control socket
   * answers and is that process's. */
  VmdMachine *(*adopt) (VmdBackend *self, const char *vm_id, const VmdProcessId *process,
                        const char *control_socket, GCancellable *cancellable, gint64 deadline,
                        GError **error);
  /* Where the guest's port to the channel is, given the control socket. Those that older versions
   * made have none. */
  char *(*dup_channel_socket) (VmdBackend *self, const char *control_socket);
  /* Takes away one recorded resource of a kind that only this backend knows, or of "process",
   * "file", "socket", "directory". Idempotent. */
  gboolean (*remove_resource) (VmdBackend *self, const char *kind, const char *name,
                               GError **error);
};

const char *vmd_backend_get_name (VmdBackend *self);
gboolean vmd_backend_check (VmdBackend *self, GError **error);
char *vmd_backend_dup_control_socket (VmdBackend *self, const VmdLaunchPlan *plan);
VmdMachine *
vmd_backend_spawn (VmdBackend *self, const VmdLaunchPlan *plan, const VmdLaunchRecorder *recorder,
                   GCancellable *cancellable, gint64 deadline, GError **error);
VmdMachine *vmd_backend_adopt (VmdBackend *self, const char *vm_id, const VmdProcessId *process,
                               const char *control_socket, GCancellable *cancellable,
                               gint64 deadline, GError **error);
char *vmd_backend_dup_channel_socket (VmdBackend *self, const char *control_socket);
gboolean
vmd_backend_remove_resource (VmdBackend *self, const char *kind, const char *name, GError **error);

VmdBackend *vmd_qemu_backend_new (void);
VmdBackend *vmd_fake_backend_new (void);

G_END_DECLS
