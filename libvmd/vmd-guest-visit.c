/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-poll-private.h"
#include "vmd-guest-visit-private.h"
#include "vmd-vm-private.h"

/* Work in a guest holds no VM lock: it takes one look at the VM, from memory, remembers which
 * launch it looked at, and is ended by a guard when that launch is about to end. All that it does
 * in the guest goes to that launch and to no other: the address has the host key of this VM, and a
 * connection of another launch is not used. */
struct _VmdGuestVisit
{
  VmdVm *vm;
  VmdVerb *verb;
  VmdGuestAddress *address;
  VmdGuestGuard *guard;
  VmdGuestConnection *connection; /* (nullable) */
};

/* For one attempt: a guest that is reachable answers at once. */
#define CONNECT_TIMEOUT 30000
/* From the loss of a connection to the news that the hypervisor is gone. */
#define NEWS_TIMEOUT 1000

/* Reachable, or nobody is working on that any more, or somebody has claimed its end: then the guard
 * ends the work at once. */
static gboolean
has_settled (const VmdVmSnapshot *now, gconstpointer data)
{
  const char *verb = vmd_vm_snapshot_get_verb (now);

  if (vmd_vm_snapshot_is_gone (now))
    return TRUE;
  if (vmd_vm_snapshot_is_running (now))
    return now->readiness >= VMD_READINESS_REACHABLE || now->boot_error != NULL ||
           vmd_vm_snapshot_is_ending (now, now->launch->launch);
  return g_strcmp0 (verb, "start") != 0 && g_strcmp0 (verb, "restart") != 0;
}

static gboolean
is_running (VmdVm *vm)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (vm);

  return vmd_vm_snapshot_is_running (now);
}

static gboolean
fail_stopped (VmdVm *vm, GError **error)
{
  g_autofree char *name = vmd_vm_dup_name (vm);

  return vmd_fail (error, VMD_ERROR_VM_STOPPED, "VM “%s” was stopped while it was booting", name);
}

/* A VM that boots is waited for. One that took too long is tried all the same. */
static gboolean
wait_for_guest (VmdVm *vm, VmdVerb *verb, GError **error)
{
  VmdManager *manager = vmd_vm_get_manager (vm);
  gint64 deadline = vmd_deadline_in (vmd_manager_get_boot_timeout (manager));
  gboolean was_running = is_running (vm);
  g_autoptr (GError) local = NULL;

  vmd_job_set_phase (vmd_verb_get_job (verb), "waiting for the guest");
  if (vmd_vm_wait_until (vm, has_settled, NULL, vmd_verb_get_cancellable (verb), deadline,
                         "waiting for the guest", &local) ||
      g_error_matches (local, VMD_ERROR, VMD_ERROR_TIMED_OUT))
    return !was_running || is_running (vm) || fail_stopped (vm, error);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/**
 * vmd_guest_visit_begin:
 * @verb: aborted with VM_STOPPED when the launch that is visited ends; outlives the visit
 *
 * Returns: (transfer full) (nullable): a visit to the launch that runs now; WRONG_STATE, VM_STOPPED
 *   when what was booting was stopped, UNREACHABLE, UNSUPPORTED, CANCELLED
 */
VmdGuestVisit *
vmd_guest_visit_begin (VmdVm *vm, VmdVerb *verb, GError **error)
{
  g_autoptr (VmdGuestVisit) self = NULL;

  if (!wait_for_guest (vm, verb, error))
    return NULL;
  self = g_new0 (VmdGuestVisit, 1);
  self->vm = g_object_ref (vm);
  self->verb = verb;
  self->address = vmd_vm_dup_address (vm, error);
  if (self->address == NULL)
    return NULL;
  self->guard = vmd_guest_guard_new (vmd_vm_get_manager (vm), vmd_verb_get_job (verb),
                                     vmd_vm_get_id (vm), self->address->launch);
  return g_steal_pointer (&self);
}

guint64
vmd_guest_visit_get_launch (VmdGuestVisit *self)
{
  return self->address->launch;
}

/* Whether that launch lives and nobody has claimed its end; else VM_STOPPED. From memory. */
gboolean
vmd_guest_visit_check (VmdGuestVisit *self, GError **error)
{
  return vmd_guest_guard_check (vmd_vm_get_manager (self->vm), vmd_vm_get_id (self->vm),
                                self->address->launch, error);
}

/* Returns: (transfer none) (nullable): the visit's connection, from the pool or a new one */
VmdGuestConnection *
vmd_guest_visit_connect (VmdGuestVisit *self, GError **error)
{
  VmdManager *manager = vmd_vm_get_manager (self->vm);

  vmd_job_set_phase (vmd_verb_get_job (self->verb), "connecting");
  self->connection = vmd_connection_pool_take (vmd_manager_get_connection_pool (manager),
                                               self->address, vmd_verb_get_cancellable (self->verb),
                                               vmd_deadline_in (CONNECT_TIMEOUT), error);
  return self->connection;
}

/* The work went well: the next one may have the connection. What is given back just after the
 * launch has ended, and its connections were forgotten, is forgotten here. */
void
vmd_guest_visit_keep_connection (VmdGuestVisit *self)
{
  VmdConnectionPool *pool = vmd_manager_get_connection_pool (vmd_vm_get_manager (self->vm));

  if (self->connection == NULL)
    return;
  vmd_connection_pool_give (pool, self->address, g_steal_pointer (&self->connection));
  if (!vmd_guest_visit_check (self, NULL))
    vmd_connection_pool_forget (pool, self->address->vm_id);
}

static gboolean
launch_is_over (const VmdVmSnapshot *now, gconstpointer data)
{
  const guint64 *launch = data;

  return vmd_vm_snapshot_is_gone (now) || !vmd_vm_snapshot_has_launch (now, *launch) ||
         vmd_vm_snapshot_is_ending (now, *launch);
}

/* A guest that is killed is lost first, and only then known to be gone. Where that is why the work
 * failed, puts VM_STOPPED in the place of *@error. */
void
vmd_guest_visit_explain (VmdGuestVisit *self, GError **error)
{
  GError *stopped = NULL;

  if (!g_error_matches (*error, VMD_ERROR, VMD_ERROR_UNREACHABLE) &&
      !g_error_matches (*error, VMD_ERROR, VMD_ERROR_GUEST))
    return;
  if (g_error_matches (*error, VMD_ERROR, VMD_ERROR_UNREACHABLE))
    vmd_vm_wait_until (self->vm, launch_is_over, &self->address->launch,
                       vmd_verb_get_cancellable (self->verb), vmd_deadline_in (NEWS_TIMEOUT),
                       "waiting for news of the VM", NULL);
  if (vmd_guest_visit_check (self, &stopped))
    return;
  g_clear_error (error);
  *error = stopped;
}

void
vmd_guest_visit_free (VmdGuestVisit *self)
{
  g_clear_pointer (&self->guard, vmd_guest_guard_free);
  g_clear_object (&self->connection);
  g_clear_pointer (&self->address, vmd_guest_address_free);
  g_object_unref (self->vm);
  g_free (self);
}
