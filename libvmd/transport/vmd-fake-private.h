/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The fake from inside. What it is, and what it cannot do: vmd-fake-transport.c. */

#include "vmd-exec-private.h"

G_BEGIN_DECLS

/* -- vmd-fake-guest.c: what a test wrote into <fake_root>/.vmd-fake -- */
gboolean vmd_fake_guest_is_told (const char *root, const char *name, guint64 *count);
gboolean vmd_fake_guest_stall (const char *root, const char *name, GCancellable *cancellable,
                               gint64 deadline, GError **error);
gboolean vmd_fake_guest_take_time (const char *root, const char *name, GCancellable *cancellable,
                                   gint64 deadline, GError **error);

/* -- vmd-fake-child.c: a command on the host that stands for one in the guest -- */
typedef struct
{
  GPid pid; /* 0: none, or reaped */
  int pidfd;
} VmdFakeChild;

#define VMD_FAKE_CHILD_INIT                                                                        \
  {                                                                                                \
    .pid = 0, .pidfd = -1                                                                          \
  }

/* What its standard streams are: descriptors that stay the caller's; -1: /dev/null. */
typedef struct
{
  int fds[VMD_N_STREAMS];
  const char *term; /* (nullable): fds[0] is its controlling terminal */
} VmdFakeStreams;

gboolean vmd_fake_child_start (VmdFakeChild *self, const char *root, const char *command,
                               const VmdFakeStreams *streams, GError **error);
VmdExecResult *vmd_fake_child_wait (VmdFakeChild *self, GCancellable *cancellable, gint64 deadline,
                                    GError **error);
void vmd_fake_child_end (VmdFakeChild *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmdFakeChild, vmd_fake_child_end)

/* -- vmd-fake-process.c, vmd-fake-exec.c -- */
VmdGuestProcess *vmd_fake_process_new (const char *root, const char *command, GError **error);
VmdExecResult *
vmd_fake_exec (const char *root, VmdExecSpec *spec, GCancellable *cancellable, GError **error);

G_END_DECLS
