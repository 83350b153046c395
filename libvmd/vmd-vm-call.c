/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-vm-call-private.h"

static void
call_free (gpointer data)
{
  VmdVmCall *call = data;

  /* A call that was cancelled before it had a thread never began its job. */
  if (call->job != NULL)
    {
      g_autoptr (GError) cancelled = g_error_new (VMD_ERROR, VMD_ERROR_CANCELLED, "Cancelled");

      vmd_job_finish (call->job, cancelled);
    }
  g_clear_object (&call->lock);
  g_clear_object (&call->job);
  g_clear_pointer ((VmdVmSpec **) &call->spec, vmd_vm_spec_free);
  g_free (call);
}

static void
run_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  VmdVmCall *call = data;
  GError *error = NULL;

  if (call->run (source, call, cancellable, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* Copies what @call points at. @tag is the public function, by which _finish knows its results. */
void
vmd_vm_call_async (VmdVm *self, const VmdVmCall *call, gpointer tag, GCancellable *cancellable,
                   GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = NULL;
  VmdVmCall *copy;

  g_return_if_fail (VMD_IS_VM (self));
  task = g_task_new (self, cancellable, callback, user_data);
  copy = g_memdup2 (call, sizeof *call);
  copy->lock = call->lock != NULL ? g_object_ref (call->lock) : NULL;
  copy->job = call->job != NULL ? g_object_ref (call->job) : NULL;
  copy->spec = call->spec != NULL ? vmd_vm_spec_copy (call->spec) : NULL;
  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, copy, call_free);
  /* The verb says itself how being cancelled ended. */
  g_task_set_check_cancellable (task, FALSE);
  vmd_worker_run (vmd_manager_get_worker (self->manager), VMD_WORKER_LIFECYCLE, task,
                  run_in_thread);
}

gboolean
vmd_vm_call_finish (VmdVm *self, GAsyncResult *result, gpointer tag, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, tag), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
