/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-poll-private.h"
#include "vmd-manager-call-private.h"

static void
call_free (gpointer data)
{
  VmdManagerCall *call = data;

  /* A call that was cancelled before it had a thread never began its job. */
  if (call->job != NULL)
    {
      g_autoptr (GError) cancelled = g_error_new (VMD_ERROR, VMD_ERROR_CANCELLED, "Cancelled");

      vmd_job_finish (call->job, cancelled);
    }
  vmd_clear_fd (&call->fd);
  vmd_clear_fd (&call->modules_fd);
  g_clear_object (&call->lock);
  g_clear_object (&call->job);
  g_free ((char *) call->name);
  g_free ((char *) call->source);
  g_free (call);
}

static void
run_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  VmdManagerCall *call = data;
  GError *error = NULL;
  GObject *result = call->run (source, call, cancellable, &error);

  if (result != NULL)
    g_task_return_pointer (task, result, g_object_unref);
  else
    g_task_return_error (task, error);
}

/* Copies what @call points at, and takes its descriptors. @object: what the verb is called on. @tag
 * is the public function, by which _finish knows its results. */
void
vmd_manager_call_async (VmdManager *manager, gpointer object, const VmdManagerCall *call,
                        gpointer tag, GCancellable *cancellable, GAsyncReadyCallback callback,
                        gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (object, cancellable, callback, user_data);
  VmdManagerCall *copy = g_memdup2 (call, sizeof *call);

  copy->lock = call->lock != NULL ? g_object_ref (call->lock) : NULL;
  copy->job = call->job != NULL ? g_object_ref (call->job) : NULL;
  copy->name = g_strdup (call->name);
  copy->source = g_strdup (call->source);
  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, copy, call_free);
  /* The verb says itself how being cancelled ended. */
  g_task_set_check_cancellable (task, FALSE);
  vmd_worker_run (vmd_manager_get_worker (manager), VMD_WORKER_GUEST, task, run_in_thread);
}

/* Returns: (transfer full) (nullable): what `run` returned */
gpointer
vmd_manager_call_finish (gpointer object, GAsyncResult *result, gpointer tag, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, object), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, tag), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
