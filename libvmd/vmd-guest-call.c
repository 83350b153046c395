/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-guest-call-private.h"

/* Guest threads are bounded, so work may queue; and what queues can be cancelled as what runs can:
 * the task has the job's cancellable, which fires when the job is cancelled or when the caller
 * gives up. */
typedef struct
{
  VmdGuestCall call;
  VmdJob *job;
  GCancellable *caller; /* (nullable) */
  gulong caller_handler;
} Call;

static void
call_free (gpointer data)
{
  Call *self = data;
  g_autoptr (GError) cancelled = g_error_new (VMD_ERROR, VMD_ERROR_CANCELLED, "Cancelled");

  /* Not g_cancellable_disconnect(), which would wait for the very cancel that this may be part of.
   * The handler has its own reference to the job. */
  if (self->caller_handler != 0)
    g_signal_handler_disconnect (self->caller, self->caller_handler);
  /* One that was cancelled before it had a thread never finished its job. */
  vmd_job_finish (self->job, cancelled);
  self->call.free_arguments (self->call.arguments);
  g_clear_object (&self->caller);
  g_object_unref (self->job);
  g_free (self);
}

static void
caller_cancelled_cb (GCancellable *caller, gpointer data)
{
  vmd_job_cancel (data);
}

static void
run_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Call *self = data;
  GError *error = NULL;
  gpointer result = self->call.func (source, self->call.arguments, self->job, self->caller, &error);

  if (result != NULL)
    g_task_return_pointer (task, result, g_object_unref);
  else
    g_task_return_error (task, error);
}

/* @job: (nullable): one is begun. */
void
vmd_guest_call_async (VmdVm *vm, const VmdGuestCall *call, VmdJob *job, GCancellable *cancellable,
                      GAsyncReadyCallback callback, gpointer user_data)
{
  VmdManager *manager = vmd_vm_get_manager (vm);
  g_autofree char *name = vmd_vm_dup_name (vm);
  g_autoptr (VmdJob) own = NULL;
  g_autoptr (GTask) task = NULL;
  GError *error = NULL;
  Call *self;

  own = job != NULL ? g_object_ref (job)
                    : vmd_manager_begin_job (manager, call->kind, name, NULL, NULL, &error);
  if (own == NULL)
    {
      call->free_arguments (call->arguments);
      g_task_report_error (vm, callback, user_data, call->tag, error);
      return;
    }
  task = g_task_new (vm, vmd_job_get_cancellable (own), callback, user_data);
  g_task_set_source_tag (task, call->tag);
  self = g_new0 (Call, 1);
  self->call = *call;
  self->job = g_object_ref (own);
  self->caller = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  g_task_set_task_data (task, self, call_free);
  if (cancellable != NULL)
    self->caller_handler = g_cancellable_connect (cancellable, G_CALLBACK (caller_cancelled_cb),
                                                  g_object_ref (own), g_object_unref);
  vmd_worker_run (vmd_manager_get_worker (manager), VMD_WORKER_GUEST, task, run_in_thread);
}

/* Returns: (transfer full) (nullable) */
gpointer
vmd_guest_call_finish (VmdVm *vm, GAsyncResult *result, gpointer tag, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, vm), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, tag), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
