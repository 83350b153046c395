/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "memory-directory.h"

#include "base/vmd-failure-private.h"

#include <string.h>

typedef struct
{
  VmdConfigSnapshot *snapshot;
  char *applied; /* (nullable) */
  char *schema; /* (nullable) */
} Device;

struct _MemoryDirectory
{
  GObject parent;
  VmdBroker *broker;

  GMutex mutex; /* a leaf; guards what follows */
  GHashTable *devices; /* id → Device */
  GHashTable *groups; /* names */
  guint64 version;
  gint64 expires; /* of every token; wall clock, microseconds; 0: never */
  int n_good; /* of the next authentications of devices; -1: all of them */
  gboolean is_restless;
  gboolean is_broken;
  gboolean hold;
  GPtrArray *held; /* of GTask */
};

typedef struct
{
  guint64 version;
  char *text;
} Answer;

static void directory_init (VmdDeviceDirectoryInterface *iface);
G_DEFINE_FINAL_TYPE_WITH_CODE (MemoryDirectory, memory_directory, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_DEVICE_DIRECTORY, directory_init))

static void
device_free (gpointer data)
{
  Device *device = data;

  vmd_config_snapshot_unref (device->snapshot);
  g_free (device->applied);
  g_free (device->schema);
  g_free (device);
}

static void
answer_free (gpointer data)
{
  Answer *answer = data;

  g_free (answer->text);
  g_free (answer);
}

static void
memory_directory_finalize (GObject *object)
{
  MemoryDirectory *self = TEST_MEMORY_DIRECTORY (object);

  g_clear_object (&self->broker);
  g_hash_table_unref (self->devices);
  g_hash_table_unref (self->groups);
  g_ptr_array_unref (self->held);
  g_mutex_clear (&self->mutex);
  G_OBJECT_CLASS (memory_directory_parent_class)->finalize (object);
}

static void
memory_directory_class_init (MemoryDirectoryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = memory_directory_finalize;
}

static void
memory_directory_init (MemoryDirectory *self)
{
  g_mutex_init (&self->mutex);
  self->devices = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, device_free);
  self->groups = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->held = g_ptr_array_new_with_free_func (g_object_unref);
  self->n_good = -1;
}

MemoryDirectory *
memory_directory_new (VmdBroker *broker)
{
  MemoryDirectory *self = g_object_new (TYPE_MEMORY_DIRECTORY, NULL);

  self->broker = g_object_ref (broker);
  return self;
}

static VmdConfigSnapshot *
make_snapshot (guint64 version, const char *values)
{
  g_autofree char *text =
      g_strdup_printf ("{\"version\":%" G_GUINT64_FORMAT ",\"values\":%s}", version, values);
  gsize length = strlen (text);
  g_autoptr (GBytes) payload = g_bytes_new_take (g_steal_pointer (&text), length);

  return vmd_config_snapshot_new (version, payload);
}

void
memory_directory_add (MemoryDirectory *self, const char *device)
{
  Device *added = g_new0 (Device, 1);

  g_mutex_lock (&self->mutex);
  added->snapshot = make_snapshot (++self->version, "{}");
  g_hash_table_replace (self->devices, g_strdup (device), added);
  g_mutex_unlock (&self->mutex);
}

void
memory_directory_remove (MemoryDirectory *self, const char *device)
{
  g_mutex_lock (&self->mutex);
  g_hash_table_remove (self->devices, device);
  g_mutex_unlock (&self->mutex);
  vmd_broker_end_device (self->broker, device, NULL, VMD_SUBSCRIPTION_DELETED);
}

/* 0: there is no such device, or @if_version is another. */
static guint64
set_values (MemoryDirectory *self, const char *device, const char *values, guint64 if_version)
{
  g_autoptr (VmdConfigSnapshot) snapshot = NULL;
  Device *found;

  g_mutex_lock (&self->mutex);
  found = g_hash_table_lookup (self->devices, device);
  if (found != NULL &&
      (if_version == VMD_DIRECTORY_ANY_VERSION || found->snapshot->version == if_version))
    {
      vmd_config_snapshot_unref (found->snapshot);
      found->snapshot = make_snapshot (++self->version, values);
      snapshot = vmd_config_snapshot_ref (found->snapshot);
    }
  g_mutex_unlock (&self->mutex);
  if (snapshot == NULL)
    return 0;
  vmd_broker_publish (self->broker, device, snapshot);
  return snapshot->version;
}

guint64
memory_directory_set (MemoryDirectory *self, const char *device, gsize size)
{
  g_autofree char *value = g_strnfill (size, 'x');
  g_autofree char *values = g_strdup_printf ("{\"key\":\"%s\"}", value);

  return set_values (self, device, values, VMD_DIRECTORY_ANY_VERSION);
}

char *
memory_directory_dup_applied (MemoryDirectory *self, const char *device)
{
  Device *found;
  char *applied = NULL;

  g_mutex_lock (&self->mutex);
  found = g_hash_table_lookup (self->devices, device);
  if (found != NULL)
    applied = g_strdup (found->applied);
  g_mutex_unlock (&self->mutex);
  return applied;
}

/* -- As a directory -- */

static gboolean
has_device (MemoryDirectory *self, const char *device)
{
  gboolean has;

  g_mutex_lock (&self->mutex);
  has = g_hash_table_contains (self->devices, device);
  g_mutex_unlock (&self->mutex);
  return has;
}

void
memory_directory_let_expire (MemoryDirectory *self, gint64 when)
{
  g_mutex_lock (&self->mutex);
  self->expires = when;
  g_mutex_unlock (&self->mutex);
}

void
memory_directory_revoke_after (MemoryDirectory *self, guint n_authentications)
{
  g_mutex_lock (&self->mutex);
  self->n_good = n_authentications;
  g_mutex_unlock (&self->mutex);
}

void
memory_directory_make_restless (MemoryDirectory *self, gboolean is_restless)
{
  g_mutex_lock (&self->mutex);
  self->is_restless = is_restless;
  g_mutex_unlock (&self->mutex);
}

static gboolean
authenticate (VmdDeviceDirectory *directory, const char *device, const char *token,
              VmdCredential *credential, GError **error)
{
  MemoryDirectory *self = TEST_MEMORY_DIRECTORY (directory);
  g_autofree char *right = g_strconcat ("token-", device, NULL);
  gboolean is_good;

  *credential = (VmdCredential){ .id = "first" };
  g_mutex_lock (&self->mutex);
  credential->expires = self->expires;
  is_good = g_hash_table_contains (self->devices, device) && g_str_equal (right, token) &&
            self->n_good != 0 && (self->expires == 0 || g_get_real_time () < self->expires);
  if (self->n_good > 0)
    self->n_good--;
  g_mutex_unlock (&self->mutex);
  return is_good || vmd_fail (error, VMD_ERROR_PERMISSION_DENIED, "no");
}

static gboolean
authenticate_admin (VmdDeviceDirectory *directory, const char *token, GError **error)
{
  if (g_str_equal (token, MEMORY_ADMIN_TOKEN))
    return TRUE;
  return vmd_fail (error, VMD_ERROR_PERMISSION_DENIED, "no");
}

static VmdConfigSnapshot *
ref_snapshot (VmdDeviceDirectory *directory, const char *device, GError **error)
{
  MemoryDirectory *self = TEST_MEMORY_DIRECTORY (directory);
  VmdConfigSnapshot *snapshot = NULL;
  gboolean is_restless;
  Device *found;

  g_mutex_lock (&self->mutex);
  is_restless = self->is_restless;
  found = g_hash_table_lookup (self->devices, device);
  if (found != NULL)
    snapshot = vmd_config_snapshot_ref (found->snapshot);
  g_mutex_unlock (&self->mutex);
  if (snapshot != NULL && is_restless)
    set_values (self, device, "{\"key\":\"meanwhile\"}", VMD_DIRECTORY_ANY_VERSION);
  if (snapshot == NULL)
    vmd_fail (error, VMD_ERROR_NOT_FOUND, "There is no device “%s”", device);
  return snapshot;
}

static guint
get_n_devices (VmdDeviceDirectory *directory)
{
  MemoryDirectory *self = TEST_MEMORY_DIRECTORY (directory);
  guint n;

  g_mutex_lock (&self->mutex);
  n = g_hash_table_size (self->devices);
  g_mutex_unlock (&self->mutex);
  return n;
}

static gboolean
is_about_group (VmdDirectoryVerb verb)
{
  return verb >= VMD_DIRECTORY_ADD_GROUP;
}

static gboolean
change_group (MemoryDirectory *self, const VmdDirectoryChange *change, GError **error)
{
  gboolean exists;

  g_mutex_lock (&self->mutex);
  exists = g_hash_table_contains (self->groups, change->target);
  if (change->verb == VMD_DIRECTORY_ADD_GROUP && !exists)
    g_hash_table_add (self->groups, g_strdup (change->target));
  else if (change->verb == VMD_DIRECTORY_REMOVE_GROUP && exists)
    g_hash_table_remove (self->groups, change->target);
  g_mutex_unlock (&self->mutex);
  if (exists == (change->verb == VMD_DIRECTORY_ADD_GROUP))
    return vmd_fail (error, exists ? VMD_ERROR_EXISTS : VMD_ERROR_NOT_FOUND, "group “%s”",
                     change->target);
  return TRUE;
}

static void
report_applied (MemoryDirectory *self, const VmdDirectoryChange *change)
{
  Device *found;

  g_mutex_lock (&self->mutex);
  found = g_hash_table_lookup (self->devices, change->target);
  if (found != NULL)
    {
      g_free (found->applied);
      found->applied = g_strdup_printf ("%" G_GUINT64_FORMAT " %s %s", change->version,
                                        change->text, change->json != NULL ? change->json : "");
    }
  g_mutex_unlock (&self->mutex);
}

static gboolean
change_values (MemoryDirectory *self, const VmdDirectoryChange *change, Answer *answer,
               GError **error)
{
  if (change->json[0] != '{')
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "Values are an object");
  answer->version = set_values (self, change->target, change->json, change->if_version);
  if (answer->version == 0)
    return vmd_fail (error, VMD_ERROR_CONFLICT, "Not the version of “%s”", change->target);
  return TRUE;
}

static gboolean
change_device (MemoryDirectory *self, const VmdDirectoryChange *change, Answer *answer,
               GError **error)
{
  gboolean exists = has_device (self, change->target);

  if (exists == (change->verb == VMD_DIRECTORY_ADD_DEVICE))
    return vmd_fail (error, exists ? VMD_ERROR_EXISTS : VMD_ERROR_NOT_FOUND, "device “%s”",
                     change->target);
  switch (change->verb)
    {
    case VMD_DIRECTORY_ADD_DEVICE:
      memory_directory_add (self, change->target);
      return TRUE;
    case VMD_DIRECTORY_REMOVE_DEVICE:
      memory_directory_remove (self, change->target);
      return TRUE;
    case VMD_DIRECTORY_PATCH_CONFIG:
    case VMD_DIRECTORY_REPLACE_CONFIG:
      return change_values (self, change, answer, error);
    case VMD_DIRECTORY_REPORT_APPLIED:
      report_applied (self, change);
      return TRUE;
    case VMD_DIRECTORY_ADD_TOKEN:
      answer->text = g_strconcat ("token-", change->target, NULL);
      return TRUE;
    case VMD_DIRECTORY_REVOKE_TOKEN:
      vmd_broker_end_device (self->broker, change->target, change->text, VMD_SUBSCRIPTION_REVOKED);
      return TRUE;
    default:
      return TRUE;
    }
}

static gboolean
check_whole (MemoryDirectory *self, GError **error)
{
  gboolean is_broken;

  g_mutex_lock (&self->mutex);
  is_broken = self->is_broken;
  g_mutex_unlock (&self->mutex);
  return !is_broken || vmd_fail (error, VMD_ERROR_FAILED, "it is broken");
}

static void
change_async (VmdDeviceDirectory *directory, const VmdDirectoryChange *change,
              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  MemoryDirectory *self = TEST_MEMORY_DIRECTORY (directory);
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  Answer *answer = g_new0 (Answer, 1);
  g_autoptr (GError) error = NULL;
  gboolean done;

  g_task_set_source_tag (task, change_async);
  done = check_whole (self, &error) &&
         (is_about_group (change->verb) ? change_group (self, change, &error)
                                        : change_device (self, change, answer, &error));
  g_task_set_task_data (task, answer, answer_free);
  if (!done)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  g_mutex_lock (&self->mutex);
  if (self->hold)
    {
      g_ptr_array_add (self->held, g_steal_pointer (&task));
      g_mutex_unlock (&self->mutex);
      return;
    }
  g_mutex_unlock (&self->mutex);
  g_task_return_boolean (task, TRUE);
}

void
memory_directory_break (MemoryDirectory *self, gboolean is_broken)
{
  g_mutex_lock (&self->mutex);
  self->is_broken = is_broken;
  g_mutex_unlock (&self->mutex);
}

void
memory_directory_hold (MemoryDirectory *self, gboolean hold)
{
  g_autoptr (GPtrArray) held = NULL;

  g_mutex_lock (&self->mutex);
  self->hold = hold;
  if (!hold)
    {
      held = g_steal_pointer (&self->held);
      self->held = g_ptr_array_new_with_free_func (g_object_unref);
    }
  g_mutex_unlock (&self->mutex);
  for (guint i = 0; held != NULL && i < held->len; i++)
    g_task_return_boolean (held->pdata[i], TRUE);
}

guint
memory_directory_get_n_held (MemoryDirectory *self)
{
  guint n;

  g_mutex_lock (&self->mutex);
  n = self->held->len;
  g_mutex_unlock (&self->mutex);
  return n;
}

static gboolean
change_finish (VmdDeviceDirectory *directory, GAsyncResult *result, guint64 *version, char **text,
               GError **error)
{
  Answer *answer = g_task_get_task_data (G_TASK (result));

  if (!g_task_propagate_boolean (G_TASK (result), error))
    return FALSE;
  *version = answer->version;
  *text = g_steal_pointer (&answer->text);
  return TRUE;
}

static void
query_async (VmdDeviceDirectory *directory, const VmdDirectoryQuery *query,
             GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  MemoryDirectory *self = TEST_MEMORY_DIRECTORY (directory);
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  gboolean exists = TRUE;

  g_task_set_source_tag (task, query_async);
  if (query->question == VMD_DIRECTORY_GROUP || query->question == VMD_DIRECTORY_GROUP_HISTORY)
    {
      g_mutex_lock (&self->mutex);
      exists = g_hash_table_contains (self->groups, query->target);
      g_mutex_unlock (&self->mutex);
    }
  else if (query->target != NULL)
    exists = has_device (self, query->target);
  if (exists)
    g_task_return_pointer (task, g_strdup_printf ("{\"question\":%d}", query->question), g_free);
  else
    g_task_return_new_error (task, VMD_ERROR, VMD_ERROR_NOT_FOUND, "There is no “%s”",
                             query->target);
}

static char *
query_finish (VmdDeviceDirectory *directory, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
directory_init (VmdDeviceDirectoryInterface *iface)
{
  iface->authenticate = authenticate;
  iface->authenticate_admin = authenticate_admin;
  iface->ref_snapshot = ref_snapshot;
  iface->get_n_devices = get_n_devices;
  iface->change_async = change_async;
  iface->change_finish = change_finish;
  iface->query_async = query_async;
  iface->query_finish = query_finish;
}
