/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "handles-support.h"
#include "vmd-vm-private.h"

/* A follower that stands still while it is told of the first VM. */
typedef struct
{
  VmdManager *manager;
  VmdVm *first;

  GMutex mutex; /* guards what follows */
  GCond changed;
  gboolean is_held; /* does it stand still? */
  gboolean was_reached; /* it was told of the first one */
  GPtrArray *told; /* of ids, in order; not owned */
  guint n_at_once; /* calls under way */
  guint most_at_once;
  gboolean is_removed; /* vmd_manager_set_vm_follower (NULL) has returned */
} Follower;

static void
follow_cb (VmdVm *vm, gpointer data)
{
  Follower *self = data;

  g_mutex_lock (&self->mutex);
  g_assert_false (self->is_removed);
  self->n_at_once++;
  self->most_at_once = MAX (self->most_at_once, self->n_at_once);
  g_ptr_array_add (self->told, (gpointer) vmd_vm_get_id (vm));
  if (vm == self->first)
    {
      self->was_reached = TRUE;
      g_cond_broadcast (&self->changed);
      while (self->is_held)
        g_cond_wait (&self->changed, &self->mutex);
    }
  self->n_at_once--;
  g_mutex_unlock (&self->mutex);
}

static void
follower_init (Follower *self, VmdManager *manager, VmdVm *first)
{
  *self = (Follower){ .manager = manager, .first = first };
  g_mutex_init (&self->mutex);
  g_cond_init (&self->changed);
  self->told = g_ptr_array_new ();
  vmd_manager_set_vm_follower (manager, follow_cb, self);
  g_ptr_array_set_size (self->told, 0);
  self->was_reached = FALSE;
  self->is_held = TRUE;
}

static void
follower_clear (Follower *self)
{
  g_ptr_array_unref (self->told);
  g_cond_clear (&self->changed);
  g_mutex_clear (&self->mutex);
}

static gpointer
tell_first (gpointer data)
{
  Follower *self = data;

  vmd_manager_tell_vm_follower (self->manager, self->first);
  return NULL;
}

/* A thread of its own tells of the first one, and stands still in that. */
static GThread *
begin_telling (Follower *self)
{
  GThread *thread = g_thread_new ("teller", tell_first, self);

  g_mutex_lock (&self->mutex);
  while (!self->was_reached)
    g_cond_wait (&self->changed, &self->mutex);
  g_mutex_unlock (&self->mutex);
  return thread;
}

static void
let_go (Follower *self)
{
  g_mutex_lock (&self->mutex);
  self->is_held = FALSE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->mutex);
}

/* While it is told of one VM, nobody waits who has to tell of another, or of the same once more:
 * that is left to the one who tells. */
static void
test_nobody_waits (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) first = create_vm (fixture->manager, "first");
  g_autoptr (VmdVm) second = create_vm (fixture->manager, "second");
  Follower follower;
  GThread *teller;

  follower_init (&follower, fixture->manager, first);
  teller = begin_telling (&follower);
  vmd_manager_tell_vm_follower (fixture->manager, second);
  vmd_manager_tell_vm_follower (fixture->manager, second);
  vmd_manager_tell_vm_follower (fixture->manager, first);
  let_go (&follower);
  g_thread_join (teller);

  g_assert_cmpuint (follower.most_at_once, ==, 1);
  g_assert_cmpuint (follower.told->len, ==, 3);
  g_assert_true (follower.told->pdata[0] == vmd_vm_get_id (first));
  g_assert_true (follower.told->pdata[1] == vmd_vm_get_id (second));
  g_assert_true (follower.told->pdata[2] == vmd_vm_get_id (first));
  vmd_manager_set_vm_follower (fixture->manager, NULL, NULL);
  follower_clear (&follower);
}

static gpointer
remove_follower (gpointer data)
{
  Follower *self = data;

  vmd_manager_set_vm_follower (self->manager, NULL, NULL);
  g_mutex_lock (&self->mutex);
  g_assert_cmpuint (self->n_at_once, ==, 0);
  self->is_removed = TRUE;
  g_mutex_unlock (&self->mutex);
  return NULL;
}

/* Removed, it is told nothing any more, also not what was left to the one who tells. */
static void
test_removed (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) first = create_vm (fixture->manager, "first");
  g_autoptr (VmdVm) second = create_vm (fixture->manager, "second");
  Follower follower;
  GThread *teller, *remover;

  follower_init (&follower, fixture->manager, first);
  teller = begin_telling (&follower);
  vmd_manager_tell_vm_follower (fixture->manager, second);
  remover = g_thread_new ("remover", remove_follower, &follower);
  let_go (&follower);
  g_thread_join (remover);
  g_thread_join (teller);

  g_assert_true (follower.is_removed);
  vmd_manager_tell_vm_follower (fixture->manager, second);
  follower_clear (&follower);
}

static void
remove_cb (VmdVm *vm, gpointer data)
{
  Fixture *fixture = data;

  vmd_manager_set_vm_follower (fixture->manager, NULL, NULL);
}

static void
test_removes_itself (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, "first");

  vmd_manager_set_vm_follower (fixture->manager, remove_cb, fixture);
  vmd_manager_tell_vm_follower (fixture->manager, vm);
}

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_test ("/following/nobody-waits", test_nobody_waits);
  add_test ("/following/removed", test_removed);
  add_test ("/following/removes-itself", test_removes_itself);
  return handles_test_run ();
}
