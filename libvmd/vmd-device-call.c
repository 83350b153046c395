/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-call-private.h"

/* Verbs on VMs wait for guests and processes, so each has a thread and a job. What is done to a
 * device waits for the disk alone, and a thousand may be under way: each is a function in the
 * store's queue and nothing else, answered in its caller's context when it is durable and in
 * memory. */

VmdDeviceCall *
vmd_device_call_new (VmdManager *manager, const char *target)
{
  VmdDeviceCall *self = g_new0 (VmdDeviceCall, 1);

  self->manager = g_object_ref (manager);
  self->target = g_strdup (target);
  self->author = g_strdup ("");
  self->if_version = VMD_CONFIG_ANY_VERSION;
  self->time = vmd_clock_get_wall (vmd_manager_get_clock (manager));
  return self;
}

void
vmd_device_call_set_author (VmdDeviceCall *self, const char *author)
{
  g_free (self->author);
  self->author = g_strdup (author != NULL ? author : "");
}

void
vmd_device_call_free (VmdDeviceCall *self)
{
  g_clear_pointer (&self->rows, g_ptr_array_unref);
  g_object_unref (self->manager);
  g_free (self->target);
  g_free (self->text);
  g_free (self->author);
  g_free (self->message);
  g_free (self->answer);
  g_free (self);
}

static void
transacted_cb (GObject *store, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;

  if (vmd_store_transact_finish (VMD_STORE (store), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* Takes @self. @object: what the verb is called on; @tag: the public function, by which _finish
 * knows its results. */
void
vmd_device_call_async (VmdDeviceCall *self, VmdStoreFunc func, gpointer object, gpointer tag,
                       GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (object, cancellable, callback, user_data);

  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, self, (GDestroyNotify) vmd_device_call_free);
  /* What was committed is reported so, though it was cancelled meanwhile. */
  g_task_set_check_cancellable (task, FALSE);
  vmd_store_transact_async (vmd_manager_get_store (self->manager), func, self, NULL, cancellable,
                            transacted_cb, task);
}

/* Returns: (transfer none) (nullable): the call, with what came of it, as long as @result lives */
VmdDeviceCall *
vmd_device_call_finish (gpointer object, GAsyncResult *result, gpointer tag, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, object), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, tag), NULL);
  if (!g_task_propagate_boolean (G_TASK (result), error))
    return NULL;
  return g_task_get_task_data (G_TASK (result));
}
