/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-manager-state-private.h"
#include "vmd-vm-private.h"

/* Whoever follows the VMs is told of one at a time, by the thread that comes first; one that comes
 * while another tells leaves its VM with that one, and goes on. So the follower needs no mutex of
 * its own, nobody waits for it, none of ours is held while it is told, and the last that it sees of
 * a VM is what came last. */
struct _VmdManagerFollowing
{
  GMutex mutex; /* a leaf; guards what follows */
  GCond ended; /* `teller` is NULL again */
  VmdVmFollower follower; /* (nullable) */
  gpointer data;
  GQueue untold; /* of VmdVm, references, each once */
  GThread *teller; /* (nullable) */
};

VmdManagerFollowing *
vmd_manager_following_new (void)
{
  VmdManagerFollowing *self = g_new0 (VmdManagerFollowing, 1);

  g_mutex_init (&self->mutex);
  g_cond_init (&self->ended);
  g_queue_init (&self->untold);
  return self;
}

void
vmd_manager_following_free (VmdManagerFollowing *self)
{
  g_queue_clear_full (&self->untold, g_object_unref);
  g_cond_clear (&self->ended);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

/* Puts @vm among those that are to be told of. TRUE: by the caller. */
static gboolean
put (VmdManagerFollowing *self, VmdVm *vm)
{
  gboolean is_teller;

  g_mutex_lock (&self->mutex);
  if (self->follower != NULL && g_queue_find (&self->untold, vm) == NULL)
    g_queue_push_tail (&self->untold, g_object_ref (vm));
  is_teller = self->teller == NULL && !g_queue_is_empty (&self->untold);
  if (is_teller)
    self->teller = g_thread_self ();
  g_mutex_unlock (&self->mutex);
  return is_teller;
}

/* Returns: (transfer full) (nullable): whom to tell of next; NULL: the caller tells no more */
static VmdVm *
take (VmdManagerFollowing *self, VmdVmFollower *follower, gpointer *data)
{
  VmdVm *vm;

  g_mutex_lock (&self->mutex);
  vm = g_queue_pop_head (&self->untold);
  *follower = self->follower;
  *data = self->data;
  if (vm == NULL)
    {
      self->teller = NULL;
      g_cond_broadcast (&self->ended);
    }
  g_mutex_unlock (&self->mutex);
  return vm;
}

void
vmd_manager_tell_vm_follower (VmdManager *self, VmdVm *vm)
{
  if (!put (self->following, vm))
    return;
  for (;;)
    {
      VmdVmFollower follower;
      gpointer data;
      g_autoptr (VmdVm) next = take (self->following, &follower, &data);

      if (next == NULL)
        return;
      follower (next, data);
    }
}

/* Blocks while the one before is being told of a VM, unless this is called by it. */
static void
replace (VmdManagerFollowing *self, VmdVmFollower follower, gpointer data)
{
  GQueue untold;

  g_mutex_lock (&self->mutex);
  self->follower = NULL;
  untold = self->untold;
  g_queue_init (&self->untold);
  while (self->teller != NULL && self->teller != g_thread_self ())
    g_cond_wait (&self->ended, &self->mutex);
  self->follower = follower;
  self->data = data;
  g_mutex_unlock (&self->mutex);
  g_queue_clear_full (&untold, g_object_unref);
}

void
vmd_manager_set_vm_follower (VmdManager *self, VmdVmFollower follower, gpointer data)
{
  g_autoptr (GPtrArray) vms = NULL;

  replace (self->following, follower, data);
  if (follower == NULL)
    return;
  vms = vmd_cache_dup_all (self->cache, VMD_ROW_VM);
  for (guint i = 0; i < vms->len; i++)
    vmd_manager_tell_vm_follower (self, vms->pdata[i]);
}
