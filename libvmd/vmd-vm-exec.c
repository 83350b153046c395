/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "transport/vmd-exec-private.h"
#include "vmd-guest-call-private.h"
#include "vmd-guest-visit-private.h"

/* A command in the guest. It takes no lock: any number of them may run, beside an import too, and
 * none keeps the VM from being stopped. */

static VmdExecResult *
exec_in_guest (VmdVm *self, VmdExecSpec *spec, VmdVerb *verb, GError **error)
{
  g_autoptr (VmdGuestVisit) visit = NULL;
  VmdGuestConnection *connection;
  VmdExecResult *result = NULL;

  if (!vmd_exec_spec_check (spec, error))
    return NULL;
  visit = vmd_guest_visit_begin (self, verb, error);
  if (visit == NULL)
    return NULL;
  connection = vmd_guest_visit_connect (visit, error);
  if (connection != NULL)
    {
      vmd_job_set_phase (vmd_verb_get_job (verb), "running");
      result = vmd_guest_connection_exec (connection, spec, vmd_verb_get_cancellable (verb), error);
    }
  if (result != NULL)
    vmd_guest_visit_keep_connection (visit);
  else
    vmd_guest_visit_explain (visit, error);
  return result;
}

/**
 * vmd_vm_exec:
 * @spec: what to run; its streams are used up, whatever comes of it
 * @job: (nullable): its job, one of vmd_manager_begin_job()
 * @cancellable: (nullable): ends the command
 *
 * Runs a command in the guest to its end. A VM that boots is waited for until it can be logged in
 * to. Needs no lock, and blocks: not on a main loop.
 *
 * A command that is ended by a cancel or a timeout loses its streams and is hung up on, as by a
 * terminal that closes; one that does not mind is killed a little later.
 *
 * Returns: (transfer full) (nullable): how the command ended, whatever its exit status;
 *   %VMD_ERROR_WRONG_STATE when the VM does not run, %VMD_ERROR_VM_STOPPED when it was stopped,
 *   killed, restarted or deleted meanwhile, %VMD_ERROR_UNREACHABLE, %VMD_ERROR_GUEST when the guest
 *   refuses, %VMD_ERROR_TIMED_OUT, %VMD_ERROR_CANCELLED, %VMD_ERROR_INVALID_ARGUMENT
 *
 * Since: 0.1
 */
VmdExecResult *
vmd_vm_exec (VmdVm *self, VmdExecSpec *spec, VmdJob *job, GCancellable *cancellable, GError **error)
{
  g_autofree char *name = NULL;
  g_autoptr (VmdVerb) verb = NULL;
  g_autoptr (VmdExecResult) result = NULL;
  GError *local = NULL;

  g_return_val_if_fail (VMD_IS_VM (self), NULL);
  g_return_val_if_fail (VMD_IS_EXEC_SPEC (spec), NULL);
  name = vmd_vm_dup_name (self);
  verb = vmd_verb_begin (vmd_vm_get_manager (self), job, "exec", name, cancellable, error);
  if (verb != NULL)
    result = exec_in_guest (self, spec, verb, &local);
  vmd_exec_spec_close_streams (spec);
  if (verb == NULL || !vmd_verb_end (verb, &local, error))
    return NULL;
  return g_steal_pointer (&result);
}

static gpointer
exec_in_thread (VmdVm *vm, gpointer spec, VmdJob *job, GCancellable *cancellable, GError **error)
{
  return vmd_vm_exec (vm, spec, job, cancellable, error);
}

/* A call that never had a thread: the other ends of the streams must not wait for it. */
static void
release_spec (gpointer spec)
{
  vmd_exec_spec_close_streams (spec);
  g_object_unref (spec);
}

/**
 * vmd_vm_exec_async:
 *
 * vmd_vm_exec() without blocking. @spec is in use until it has ended; only vmd_exec_spec_resize()
 * may be called on it.
 *
 * Since: 0.1
 */
void
vmd_vm_exec_async (VmdVm *self, VmdExecSpec *spec, VmdJob *job, GCancellable *cancellable,
                   GAsyncReadyCallback callback, gpointer user_data)
{
  VmdGuestCall call = {
    .kind = "exec", .func = exec_in_thread, .free_arguments = release_spec, .tag = vmd_vm_exec_async
  };

  g_return_if_fail (VMD_IS_VM (self));
  g_return_if_fail (VMD_IS_EXEC_SPEC (spec));
  call.arguments = g_object_ref (spec);
  vmd_guest_call_async (self, &call, job, cancellable, callback, user_data);
}

/**
 * vmd_vm_exec_finish:
 *
 * Returns: (transfer full) (nullable): as vmd_vm_exec()
 *
 * Since: 0.1
 */
VmdExecResult *
vmd_vm_exec_finish (VmdVm *self, GAsyncResult *result, GError **error)
{
  return vmd_guest_call_finish (self, result, vmd_vm_exec_async, error);
}
