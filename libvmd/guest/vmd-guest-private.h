/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a guest is given at boot, and how vmd speaks to the agent in it. */

#include "vmd-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* The keys of one VM: made once with ssh-keygen (and dropbearconvert) in <vm_dir>/keys/: client,
 * client.pub, host, host.pub, host.dropbear. 0600. Idempotent: what is there and whole stays. */
gboolean vmd_guest_keys_ensure (const char *vm_dir, GCancellable *cancellable, GError **error);

typedef struct
{
  const char *vm_id;
  const char *hostname;
  guint64 launch;
  const char *network; /* "user": eth0 by DHCP or as given by passt; "none" */
  const char *vm_dir; /* keys come from here */
  const char *ssh_server; /* "dropbear", "openssh", "none" */
  const char
      *channel_token; /* (nullable) by which the guest is the device of its VM's id; a secret */
} VmdSeed;

/* Writes @path (staged, renamed, 0600): the kernel's modules.cpio, then vmd-guest as /init, then
 * the seed. */
gboolean vmd_initramfs_write (const char *path, const char *modules_cpio, const VmdSeed *seed,
                              GCancellable *cancellable, GError **error);

/* The agent, over a connected socket (taken). One request at a time; belongs to one thread. What
 * the guest says is hostile: lines over 4 KiB, or not of the form, are PROTOCOL. */
#define VMD_TYPE_AGENT (vmd_agent_get_type ())
G_DECLARE_FINAL_TYPE (VmdAgent, vmd_agent, VMD, AGENT, GObject)

typedef struct
{
  char boot_id[37];
  gboolean ssh_listening;
  gboolean provisioned;
  char message[256]; /* what failed while provisioning, or "" */
} VmdAgentStatus;

VmdAgent *vmd_agent_new (int fd);
/* Repeats the question until the guest answers: it may not have booted yet. */
gboolean vmd_agent_get_status (VmdAgent *self, VmdAgentStatus *status, GCancellable *cancellable,
                               gint64 deadline, GError **error);
gboolean
vmd_agent_sync (VmdAgent *self, GCancellable *cancellable, gint64 deadline, GError **error);
/* Answers when the guest has begun: sync, processes ended, file systems unmounted, off. */
gboolean
vmd_agent_power_off (VmdAgent *self, GCancellable *cancellable, gint64 deadline, GError **error);
gboolean vmd_agent_set_clock (VmdAgent *self, gint64 wall_microseconds, GCancellable *cancellable,
                              gint64 deadline, GError **error);

G_END_DECLS
