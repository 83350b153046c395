/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-call-private.h"

/**
 * VmdConfigRevision:
 *
 * One change of what is set on a device or a group: who made it, when, and what was set after it.
 * Never changes.
 *
 * Since: 0.1
 */
struct _VmdConfigRevision
{
  GObject parent;

  VmdHistoryRow *row; /* constant */
};

G_DEFINE_FINAL_TYPE (VmdConfigRevision, vmd_config_revision, G_TYPE_OBJECT)

static void
vmd_config_revision_finalize (GObject *object)
{
  VmdConfigRevision *self = VMD_CONFIG_REVISION (object);

  g_clear_pointer (&self->row, vmd_history_row_free);
  G_OBJECT_CLASS (vmd_config_revision_parent_class)->finalize (object);
}

static void
vmd_config_revision_class_init (VmdConfigRevisionClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_config_revision_finalize;
}

static void
vmd_config_revision_init (VmdConfigRevision *self)
{
}

/* Takes the rows out of @rows. */
GListModel *
vmd_config_revision_list_new (GPtrArray *rows)
{
  GListStore *list = g_list_store_new (VMD_TYPE_CONFIG_REVISION);

  for (guint i = 0; i < rows->len; i++)
    {
      g_autoptr (VmdConfigRevision) revision = g_object_new (VMD_TYPE_CONFIG_REVISION, NULL);

      revision->row = g_steal_pointer (&rows->pdata[i]);
      g_list_store_append (list, revision);
    }
  g_ptr_array_set_free_func (rows, NULL);
  return G_LIST_MODEL (list);
}

/**
 * vmd_config_revision_get_version:
 *
 * Returns: the version that it made
 *
 * Since: 0.1
 */
guint64
vmd_config_revision_get_version (VmdConfigRevision *self)
{
  g_return_val_if_fail (VMD_IS_CONFIG_REVISION (self), 0);
  return self->row->version;
}

/**
 * vmd_config_revision_get_author:
 *
 * Returns: who made it, as that one said; "": vmd itself, or nobody said
 *
 * Since: 0.1
 */
const char *
vmd_config_revision_get_author (VmdConfigRevision *self)
{
  g_return_val_if_fail (VMD_IS_CONFIG_REVISION (self), NULL);
  return self->row->author;
}

/**
 * vmd_config_revision_get_time:
 *
 * Returns: when it was made, in microseconds since 1970
 *
 * Since: 0.1
 */
gint64
vmd_config_revision_get_time (VmdConfigRevision *self)
{
  g_return_val_if_fail (VMD_IS_CONFIG_REVISION (self), 0);
  return self->row->time;
}

/**
 * vmd_config_revision_get_group:
 *
 * Returns: (nullable): the group that it is a change of; %NULL: it is one of a device
 *
 * Since: 0.1
 */
const char *
vmd_config_revision_get_group (VmdConfigRevision *self)
{
  g_return_val_if_fail (VMD_IS_CONFIG_REVISION (self), NULL);
  return self->row->is_group ? self->row->target : NULL;
}

/**
 * vmd_config_revision_get_note:
 *
 * Returns: what kind of change it is, where it is not one of values: "created", "schema", "joined
 *   group …", "left group …", "rolled back to …"
 *
 * Since: 0.1
 */
const char *
vmd_config_revision_get_note (VmdConfigRevision *self)
{
  g_return_val_if_fail (VMD_IS_CONFIG_REVISION (self), NULL);
  return self->row->note;
}

/**
 * vmd_config_revision_get_values:
 *
 * Returns: what was set on the device or the group itself after it, as a JSON object
 *
 * Since: 0.1
 */
const char *
vmd_config_revision_get_values (VmdConfigRevision *self)
{
  g_return_val_if_fail (VMD_IS_CONFIG_REVISION (self), NULL);
  return self->row->own;
}

/* -- Asking for them -- */

gboolean
vmd_config_history_in_store (sqlite3 *db, gpointer data, GError **error)
{
  VmdDeviceCall *call = data;

  if (call->is_group)
    call->rows = vmd_history_row_load_of_group (db, call->target, call->limit, error);
  else
    call->rows = vmd_history_row_load_of_device (db, call->target, call->limit, error);
  if (call->rows == NULL)
    return FALSE;
  /* All that exist have at least their beginning. */
  return call->rows->len > 0 || call->limit == 0 ||
         vmd_fail (error, VMD_ERROR_NOT_FOUND, "There is no %s “%s” (any more)",
                   call->is_group ? "group" : "device", call->target);
}

/**
 * vmd_device_list_history_async:
 * @limit: how many at most
 *
 * Asks for the changes of the device and of the groups that it is in, of which the last 1,000 of
 * each are kept.
 *
 * Since: 0.1
 */
void
vmd_device_list_history_async (VmdDevice *self, guint limit, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data)
{
  VmdDeviceCall *call;

  g_return_if_fail (VMD_IS_DEVICE (self));
  call = vmd_device_call_new (self->manager, self->id);
  call->limit = limit;
  vmd_device_call_async (call, vmd_config_history_in_store, self, vmd_device_list_history_async,
                         cancellable, callback, user_data);
}

/**
 * vmd_device_list_history_finish:
 *
 * Returns: (transfer full) (nullable): the #VmdConfigRevision, the newest first;
 *   %VMD_ERROR_NOT_FOUND, %VMD_ERROR_CANCELLED, %VMD_ERROR_STORE
 *
 * Since: 0.1
 */
GListModel *
vmd_device_list_history_finish (VmdDevice *self, GAsyncResult *result, GError **error)
{
  const VmdDeviceCall *call =
      vmd_device_call_finish (self, result, vmd_device_list_history_async, error);

  return call != NULL ? vmd_config_revision_list_new (call->rows) : NULL;
}

/**
 * vmd_device_group_list_history_async:
 * @limit: how many at most
 *
 * Asks for the changes of the group, of which the last 1,000 are kept.
 *
 * Since: 0.1
 */
void
vmd_device_group_list_history_async (VmdDeviceGroup *self, guint limit, GCancellable *cancellable,
                                     GAsyncReadyCallback callback, gpointer user_data)
{
  VmdDeviceCall *call;

  g_return_if_fail (VMD_IS_DEVICE_GROUP (self));
  call = vmd_device_call_new (self->manager, self->name);
  call->is_group = TRUE;
  call->limit = limit;
  vmd_device_call_async (call, vmd_config_history_in_store, self,
                         vmd_device_group_list_history_async, cancellable, callback, user_data);
}

/**
 * vmd_device_group_list_history_finish:
 *
 * Returns: (transfer full) (nullable): as vmd_device_list_history_finish()
 *
 * Since: 0.1
 */
GListModel *
vmd_device_group_list_history_finish (VmdDeviceGroup *self, GAsyncResult *result, GError **error)
{
  const VmdDeviceCall *call =
      vmd_device_call_finish (self, result, vmd_device_group_list_history_async, error);

  return call != NULL ? vmd_config_revision_list_new (call->rows) : NULL;
}
