/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-manager-directory-private.h"

/* What the server asks to be done: each verb is one of a handle's, begun with its arguments and
 * ended with its answer. */

typedef struct
{
  guint64 version;
  char *text; /* (nullable) */
} Answer;

typedef enum
{
  ON_MANAGER,
  ON_DEVICE,
  ON_GROUP
} Target;

typedef struct
{
  Target target;
  /* Begins it; @task goes to ended_cb(). */
  void (*begin) (gpointer object, const VmdDirectoryChange *change, GCancellable *cancellable,
                 GTask *task);
  gboolean (*end) (gpointer object, GAsyncResult *result, Answer *answer, GError **error);
} Verb;

typedef struct
{
  const Verb *verb;
  Answer answer;
} Call;

static void
call_free (gpointer data)
{
  Call *call = data;

  g_free (call->answer.text);
  g_free (call);
}

static void
ended_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Call *call = g_task_get_task_data (task);
  GError *error = NULL;

  if (call->verb->end (object, result, &call->answer, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static VmdConfigChangeKind
get_kind (const VmdDirectoryChange *change)
{
  gboolean is_patch =
      change->verb == VMD_DIRECTORY_PATCH_CONFIG || change->verb == VMD_DIRECTORY_PATCH_GROUP;

  return is_patch ? VMD_CONFIG_CHANGE_PATCH : VMD_CONFIG_CHANGE_REPLACE;
}

/* -- On devices -- */

static void
begin_add_device (gpointer object, const VmdDirectoryChange *change, GCancellable *cancellable,
                  GTask *task)
{
  vmd_manager_add_device_async (object, change->target, change->json, cancellable, ended_cb, task);
}

static gboolean
end_add_device (gpointer object, GAsyncResult *result, Answer *answer, GError **error)
{
  g_autoptr (VmdDevice) device = vmd_manager_add_device_finish (object, result, error);

  if (device == NULL)
    return FALSE;
  answer->version = vmd_device_get_version (device);
  return TRUE;
}

static void
begin_remove_device (gpointer object, const VmdDirectoryChange *change, GCancellable *cancellable,
                     GTask *task)
{
  vmd_device_remove_async (object, cancellable, ended_cb, task);
}

static gboolean
end_remove_device (gpointer object, GAsyncResult *result, Answer *answer, GError **error)
{
  return vmd_device_remove_finish (object, result, error);
}

static void
begin_change_device (gpointer object, const VmdDirectoryChange *change, GCancellable *cancellable,
                     GTask *task)
{
  vmd_device_change_config_async (object, get_kind (change), change->json, change->if_version,
                                  change->author, cancellable, ended_cb, task);
}

static gboolean
end_change_device (gpointer object, GAsyncResult *result, Answer *answer, GError **error)
{
  answer->version = vmd_device_change_config_finish (object, result, error);
  return answer->version != 0;
}

static void
begin_roll_back_device (gpointer object, const VmdDirectoryChange *change,
                        GCancellable *cancellable, GTask *task)
{
  vmd_device_roll_back_async (object, change->version, change->if_version, change->author,
                              cancellable, ended_cb, task);
}

static gboolean
end_roll_back_device (gpointer object, GAsyncResult *result, Answer *answer, GError **error)
{
  answer->version = vmd_device_roll_back_finish (object, result, error);
  return answer->version != 0;
}

static void
begin_set_schema (gpointer object, const VmdDirectoryChange *change, GCancellable *cancellable,
                  GTask *task)
{
  vmd_device_set_schema_at_async (object, change->json, change->if_version, change->author,
                                  cancellable, ended_cb, task);
}

static gboolean
end_set_schema (gpointer object, GAsyncResult *result, Answer *answer, GError **error)
{
  if (!vmd_device_set_schema_finish (object, result, error))
    return FALSE;
  answer->version = vmd_device_get_version (object);
  return TRUE;
}

static void
begin_add_token (gpointer object, const VmdDirectoryChange *change, GCancellable *cancellable,
                 GTask *task)
{
  vmd_device_add_token_async (object, change->text, change->time, cancellable, ended_cb, task);
}

static gboolean
end_add_token (gpointer object, GAsyncResult *result, Answer *answer, GError **error)
{
  answer->text = vmd_device_add_token_finish (object, result, error);
  return answer->text != NULL;
}

static void
begin_revoke_token (gpointer object, const VmdDirectoryChange *change, GCancellable *cancellable,
                    GTask *task)
{
  vmd_device_revoke_token_async (object, change->text, cancellable, ended_cb, task);
}

static gboolean
end_revoke_token (gpointer object, GAsyncResult *result, Answer *answer, GError **error)
{
  return vmd_device_revoke_token_finish (object, result, error);
}

static void
begin_report_applied (gpointer object, const VmdDirectoryChange *change, GCancellable *cancellable,
                      GTask *task)
{
  vmd_device_report_applied_async (object, change->version, change->text, change->json, cancellable,
                                   ended_cb, task);
}

static gboolean
end_report_applied (gpointer object, GAsyncResult *result, Answer *answer, GError **error)
{
  return vmd_device_report_applied_finish (object, result, error);
}

/* -- On groups -- */

static void
begin_add_group (gpointer object, const VmdDirectoryChange *change, GCancellable *cancellable,
                 GTask *task)
{
  vmd_manager_add_group_async (object, change->target, cancellable, ended_cb, task);
}

static gboolean
end_add_group (gpointer object, GAsyncResult *result, Answer *answer, GError **error)
{
  g_autoptr (VmdDeviceGroup) group = vmd_manager_add_group_finish (object, result, error);

  if (group == NULL)
    return FALSE;
  answer->version = vmd_device_group_get_version (group);
  return TRUE;
}

static void
begin_remove_group (gpointer object, const VmdDirectoryChange *change, GCancellable *cancellable,
                    GTask *task)
{
  vmd_device_group_remove_async (object, change->author, cancellable, ended_cb, task);
}

static gboolean
end_remove_group (gpointer object, GAsyncResult *result, Answer *answer, GError **error)
{
  return vmd_device_group_remove_finish (object, result, error);
}

static void
begin_change_group (gpointer object, const VmdDirectoryChange *change, GCancellable *cancellable,
                    GTask *task)
{
  vmd_device_group_change_config_async (object, get_kind (change), change->json, change->if_version,
                                        change->author, cancellable, ended_cb, task);
}

static gboolean
end_change_group (gpointer object, GAsyncResult *result, Answer *answer, GError **error)
{
  answer->version = vmd_device_group_change_config_finish (object, result, error);
  return answer->version != 0;
}

static void
begin_roll_back_group (gpointer object, const VmdDirectoryChange *change, GCancellable *cancellable,
                       GTask *task)
{
  vmd_device_group_roll_back_async (object, change->version, change->if_version, change->author,
                                    cancellable, ended_cb, task);
}

static gboolean
end_roll_back_group (gpointer object, GAsyncResult *result, Answer *answer, GError **error)
{
  answer->version = vmd_device_group_roll_back_finish (object, result, error);
  return answer->version != 0;
}

/* change->text is the device. */
static void
begin_set_member (gpointer object, const VmdDirectoryChange *change, GCancellable *cancellable,
                  GTask *task)
{
  VmdManagerDirectory *self = VMD_MANAGER_DIRECTORY (g_task_get_source_object (task));
  g_autoptr (VmdDevice) device =
      vmd_manager_lookup_device (vmd_manager_directory_get_manager (self), change->text);

  if (device != NULL)
    {
      vmd_device_group_set_member_async (object, device, change->verb == VMD_DIRECTORY_JOIN_GROUP,
                                         change->author, cancellable, ended_cb, task);
      return;
    }
  g_task_return_new_error (task, VMD_ERROR, VMD_ERROR_NOT_FOUND, "There is no device “%s”",
                           change->text);
  g_object_unref (task);
}

static gboolean
end_set_member (gpointer object, GAsyncResult *result, Answer *answer, GError **error)
{
  return vmd_device_group_set_member_finish (object, result, error);
}

/* -- All of them -- */

static const Verb verbs[] = {
  [VMD_DIRECTORY_ADD_DEVICE] = { ON_MANAGER, begin_add_device, end_add_device },
  [VMD_DIRECTORY_REMOVE_DEVICE] = { ON_DEVICE, begin_remove_device, end_remove_device },
  [VMD_DIRECTORY_PATCH_CONFIG] = { ON_DEVICE, begin_change_device, end_change_device },
  [VMD_DIRECTORY_REPLACE_CONFIG] = { ON_DEVICE, begin_change_device, end_change_device },
  [VMD_DIRECTORY_ROLLBACK] = { ON_DEVICE, begin_roll_back_device, end_roll_back_device },
  [VMD_DIRECTORY_SET_SCHEMA] = { ON_DEVICE, begin_set_schema, end_set_schema },
  [VMD_DIRECTORY_ADD_TOKEN] = { ON_DEVICE, begin_add_token, end_add_token },
  [VMD_DIRECTORY_REVOKE_TOKEN] = { ON_DEVICE, begin_revoke_token, end_revoke_token },
  [VMD_DIRECTORY_REPORT_APPLIED] = { ON_DEVICE, begin_report_applied, end_report_applied },
  [VMD_DIRECTORY_ADD_GROUP] = { ON_MANAGER, begin_add_group, end_add_group },
  [VMD_DIRECTORY_REMOVE_GROUP] = { ON_GROUP, begin_remove_group, end_remove_group },
  [VMD_DIRECTORY_PATCH_GROUP] = { ON_GROUP, begin_change_group, end_change_group },
  [VMD_DIRECTORY_REPLACE_GROUP] = { ON_GROUP, begin_change_group, end_change_group },
  [VMD_DIRECTORY_ROLLBACK_GROUP] = { ON_GROUP, begin_roll_back_group, end_roll_back_group },
  [VMD_DIRECTORY_JOIN_GROUP] = { ON_GROUP, begin_set_member, end_set_member },
  [VMD_DIRECTORY_LEAVE_GROUP] = { ON_GROUP, begin_set_member, end_set_member },
};

/* (transfer full) */
static gpointer
find_target (VmdManager *manager, Target target, const char *name, GError **error)
{
  gpointer object = NULL;

  if (target == ON_MANAGER)
    return g_object_ref (manager);
  if (target == ON_GROUP)
    return vmd_manager_find_group (manager, name, error);
  object = vmd_manager_lookup_device (manager, name);
  if (object == NULL)
    vmd_fail (error, VMD_ERROR_NOT_FOUND, "There is no device “%s”", name);
  return object;
}

void
vmd_manager_directory_change_async (VmdDeviceDirectory *directory, const VmdDirectoryChange *change,
                                    GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer data)
{
  VmdManager *manager = vmd_manager_directory_get_manager (VMD_MANAGER_DIRECTORY (directory));
  GTask *task = g_task_new (directory, cancellable, callback, data);
  Call *call = g_new0 (Call, 1);
  g_autoptr (GObject) object = NULL;
  GError *error = NULL;

  g_task_set_source_tag (task, vmd_manager_directory_change_async);
  /* What was committed is reported so, though it was cancelled meanwhile. */
  g_task_set_check_cancellable (task, FALSE);
  call->verb = &verbs[change->verb];
  g_task_set_task_data (task, call, call_free);
  object = find_target (manager, call->verb->target, change->target, &error);
  if (object != NULL)
    {
      call->verb->begin (object, change, cancellable, task);
      return;
    }
  g_task_return_error (task, error);
  g_object_unref (task);
}

gboolean
vmd_manager_directory_change_finish (VmdDeviceDirectory *directory, GAsyncResult *result,
                                     guint64 *version, char **text, GError **error)
{
  Call *call = g_task_get_task_data (G_TASK (result));

  if (!g_task_propagate_boolean (G_TASK (result), error))
    return FALSE;
  *version = call->answer.version;
  *text = g_steal_pointer (&call->answer.text);
  return TRUE;
}
