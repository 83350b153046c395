/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-channel-guests-private.h"

#include "channel/vmd-guest-link-private.h"
#include "vmd-manager-private.h"
#include "vmd-vm-private.h"

/* A link is of one launch. It begins when a launch is seen to run, in this process or another, also
 * one that was there before this process; it ends when that launch does. What is seen is looked at
 * as it is now, one look at a time, so the order in which changes get here does not matter. */

struct _VmdChannelGuests
{
  VmdManager *manager; /* owned */
  VmdChannelServer *server; /* owned */
  VmdBroker *broker; /* owned */
  VmdGuestLinkLoop *loop;
  GHashTable *launches; /* id of a VM → its launch, of those that have a link; the follower's */
};

static char *
dup_peer (const char *vm_id)
{
  return g_strconcat ("guest/", vm_id, NULL);
}

/* On the links' thread. */
static void
opened_cb (const char *vm_id, int fd, gpointer data)
{
  VmdChannelGuests *self = data;
  g_autofree char *peer = dup_peer (vm_id);

  vmd_channel_server_adopt (self->server, fd, peer);
}

/* On the links' thread. Only so that it is known why: the link closes whatever the guest has. The
 * VM's device may be connected elsewhere, by somebody who has its token. */
static void
silent_cb (const char *vm_id, gpointer data)
{
  VmdChannelGuests *self = data;
  g_autofree char *peer = dup_peer (vm_id);
  g_auto (VmdBrokerStatus) status = { FALSE };

  vmd_broker_get_status (self->broker, vm_id, &status);
  if (g_strcmp0 (status.peer, peer) == 0)
    vmd_broker_end_device (self->broker, vm_id, NULL, VMD_SUBSCRIPTION_SILENT);
}

/* A VM of another backend than the manager's is another manager's to look after. */
static gboolean
is_reachable (VmdChannelGuests *self, const VmdVmSnapshot *now)
{
  const char *backend = vmd_backend_get_name (vmd_manager_get_backend (self->manager));

  return vmd_vm_snapshot_is_running (now) && now->launch->socket != NULL &&
         g_strcmp0 (now->row->backend, backend) == 0;
}

/* On any thread; never on two at once. */
static void
follow_cb (VmdVm *vm, gpointer data)
{
  VmdChannelGuests *self = data;
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (vm);
  const char *id = vmd_vm_get_id (vm);
  const guint64 *known = g_hash_table_lookup (self->launches, id);
  g_autofree char *path = NULL;

  if (!is_reachable (self, now))
    {
      if (known != NULL)
        vmd_guest_link_loop_remove (self->loop, id);
      g_hash_table_remove (self->launches, id);
      return;
    }
  if (known != NULL && *known == now->launch->launch)
    return;
  path =
      vmd_backend_dup_channel_socket (vmd_manager_get_backend (self->manager), now->launch->socket);
  vmd_guest_link_loop_add (self->loop, id, path);
  g_hash_table_insert (self->launches, g_strdup (id),
                       g_memdup2 (&now->launch->launch, sizeof now->launch->launch));
}

VmdChannelGuests *
vmd_channel_guests_new (VmdManager *manager, VmdChannelServer *server, VmdBroker *broker,
                        gint64 lease, GError **error)
{
  VmdChannelGuests *self = g_new0 (VmdChannelGuests, 1);
  const VmdGuestLinkRules rules = { .clock = vmd_manager_get_clock (manager),
                                    .lease = lease,
                                    .opened = opened_cb,
                                    .silent = silent_cb,
                                    .data = self };

  self->manager = g_object_ref (manager);
  self->server = g_object_ref (server);
  self->broker = g_object_ref (broker);
  self->launches = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->loop = vmd_guest_link_loop_new (&rules, error);
  if (self->loop == NULL)
    {
      vmd_channel_guests_free (self);
      return NULL;
    }
  vmd_manager_set_vm_follower (manager, follow_cb, self);
  return self;
}

void
vmd_channel_guests_free (VmdChannelGuests *self)
{
  if (self->loop != NULL)
    vmd_manager_set_vm_follower (self->manager, NULL, NULL);
  g_clear_pointer (&self->loop, vmd_guest_link_loop_free);
  g_hash_table_unref (self->launches);
  g_object_unref (self->broker);
  g_object_unref (self->server);
  g_object_unref (self->manager);
  g_free (self);
}
