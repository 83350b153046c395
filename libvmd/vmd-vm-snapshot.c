/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-name-private.h"
#include "vmd-vm-snapshot-private.h"

/* State is derived, never stored: whether a VM runs is whether the process of its launch row lives,
 * and what is at work is whether the owner of its claim lives. So a crash at any moment leaves a VM
 * that runs or is stopped, and nothing has to be put right before it can be told which. */

VmdVmSnapshot *
vmd_vm_snapshot_new (void)
{
  return g_atomic_rc_box_new0 (VmdVmSnapshot);
}

VmdVmSnapshot *
vmd_vm_snapshot_copy (const VmdVmSnapshot *self)
{
  VmdVmSnapshot *copy = vmd_vm_snapshot_new ();

  *copy = *self;
  copy->row = self->row != NULL ? vmd_vm_row_copy (self->row) : NULL;
  copy->launch = self->launch != NULL ? vmd_launch_row_copy (self->launch) : NULL;
  copy->transition = self->transition != NULL ? vmd_transition_row_copy (self->transition) : NULL;
  copy->problem = g_strdup (self->problem);
  copy->exit_reason = g_strdup (self->exit_reason);
  copy->boot_error = self->boot_error != NULL ? g_error_copy (self->boot_error) : NULL;
  copy->reason = g_strdup (self->reason);
  return copy;
}

VmdVmSnapshot *
vmd_vm_snapshot_ref (VmdVmSnapshot *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
clear (gpointer data)
{
  VmdVmSnapshot *self = data;

  g_clear_pointer (&self->row, vmd_vm_row_free);
  g_clear_pointer (&self->launch, vmd_launch_row_free);
  g_clear_pointer (&self->transition, vmd_transition_row_free);
  g_clear_pointer (&self->problem, g_free);
  g_clear_pointer (&self->exit_reason, g_free);
  g_clear_error (&self->boot_error);
  g_clear_pointer (&self->reason, g_free);
}

void
vmd_vm_snapshot_unref (VmdVmSnapshot *self)
{
  g_atomic_rc_box_release_full (self, clear);
}

/* The record is outside input: a damaged one must not take others with it. */
static char *
find_problem (const VmdVmSnapshot *self)
{
  const VmdVmRow *row = self->row;
  const VmdLaunchRow *launch = self->launch;
  g_autoptr (GError) error = NULL;

  if (self->problem != NULL)
    return g_strdup (self->problem);
  if (row->bad)
    return g_strdup (row->reason != NULL ? row->reason : "its record is marked as bad");
  if (!vmd_id_is_valid (row->id))
    return g_strdup ("its record has no valid id");
  if (!row->deleted && !vmd_name_validate (row->name, "VM", &error))
    return g_strdup_printf ("its record has a bad name: %s", error->message);
  if (row->vcpus == 0 || row->memory == 0)
    return g_strdup ("its record has no vcpus or no memory");
  if (g_strcmp0 (row->network, "user") != 0 && g_strcmp0 (row->network, "none") != 0)
    return g_strdup_printf ("its record has an unknown network “%s”", row->network);
  if (launch != NULL && (launch->launch == 0 || launch->launch > row->launch))
    return g_strdup_printf ("its launch record has number %" G_GUINT64_FORMAT
                            ", but the last launch was %" G_GUINT64_FORMAT,
                            launch->launch, row->launch);
  if (launch != NULL &&
      (launch->process.pid < 0 || (launch->process.pid > 0 && launch->process.start_time == 0)))
    return g_strdup ("its launch record names no possible process");
  return NULL;
}

/* Sets state and reason from all the rest. */
void
vmd_vm_snapshot_derive (VmdVmSnapshot *self)
{
  g_autofree char *problem = NULL;

  g_clear_pointer (&self->reason, g_free);
  self->state = VMD_VM_STOPPED;
  if (self->row == NULL)
    return;
  problem = find_problem (self);
  if (problem != NULL)
    {
      self->state = VMD_VM_ERROR;
      self->reason = g_steal_pointer (&problem);
    }
  else if (vmd_vm_snapshot_is_running (self))
    {
      self->state = self->paused ? VMD_VM_PAUSED : VMD_VM_RUNNING;
      if (self->boot_error != NULL)
        self->reason = g_strdup (self->boot_error->message);
    }
  else
    {
      if (self->row->launch == 0 ||
          (self->row->launch == 1 && self->launch != NULL && self->launch->process.pid == 0))
        self->state = VMD_VM_CREATED;
      self->reason = g_strdup (self->exit_reason != NULL ? self->exit_reason : self->row->reason);
    }
}

/* The hypervisor lives: state running, paused, or error. */
gboolean
vmd_vm_snapshot_is_running (const VmdVmSnapshot *self)
{
  return self->row != NULL && self->launch != NULL && self->launch->process.pid > 0 &&
         self->process_alive;
}

/* Deleted, or being deleted past the point of no return. */
gboolean
vmd_vm_snapshot_is_gone (const VmdVmSnapshot *self)
{
  return self->row == NULL || self->row->deleted;
}

/* The launch with this number is the current one, and lives. */
gboolean
vmd_vm_snapshot_has_launch (const VmdVmSnapshot *self, guint64 launch)
{
  return vmd_vm_snapshot_is_running (self) && self->launch->launch == launch;
}

/* A launch record is left of a process that is gone, and nobody is at work on it. */
gboolean
vmd_vm_snapshot_needs_settling (const VmdVmSnapshot *self)
{
  return self->row != NULL && !self->row->deleted && self->launch != NULL &&
         !vmd_vm_snapshot_is_running (self) && vmd_vm_snapshot_get_verb (self) == NULL;
}

/* Somebody has claimed the end of this launch. A restart claims that of the launch it found, not
 * that of the one it makes. */
gboolean
vmd_vm_snapshot_is_ending (const VmdVmSnapshot *self, guint64 launch)
{
  static const char *const ending[] = { "stop", "kill", "restart", "delete", NULL };
  const char *verb = vmd_vm_snapshot_get_verb (self);

  return verb != NULL && g_strv_contains (ending, verb) && launch <= self->transition->launch;
}

/* The verb that is at work, or NULL. */
const char *
vmd_vm_snapshot_get_verb (const VmdVmSnapshot *self)
{
  return self->transition != NULL && self->owner_alive ? self->transition->verb : NULL;
}
