/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "channel/vmd-channel-body-private.h"
#include "vmd-manager-directory-private.h"

/* What the server is asked about devices and groups, as JSON: from memory, but for the history.
 * doc/config-channel.md and openapi.json say what is in it. A page of devices costs a look at the
 * list of all, whose order a page goes on in. */

static void
add_string (GString *json, const char *key, const char *value)
{
  g_autofree char *quoted = value != NULL ? vmd_body_quote (value) : NULL;

  g_string_append_printf (json, ",\"%s\":%s", key, quoted != NULL ? quoted : "null");
}

static void
add_number (GString *json, const char *key, guint64 value)
{
  g_string_append_printf (json, ",\"%s\":%" G_GUINT64_FORMAT, key, value);
}

static void
add_boolean (GString *json, const char *key, gboolean value)
{
  g_string_append_printf (json, ",\"%s\":%s", key, value ? "true" : "false");
}

/* @text: JSON. */
static void
add_json (GString *json, const char *key, const char *text)
{
  g_string_append_printf (json, ",\"%s\":%s", key, text);
}

static void
add_strings (GString *json, const char *key, const char *const *values)
{
  g_string_append_printf (json, ",\"%s\":[", key);
  for (guint i = 0; values[i] != NULL; i++)
    {
      g_autofree char *quoted = vmd_body_quote (values[i]);

      g_string_append_printf (json, "%s%s", i > 0 ? "," : "", quoted);
    }
  g_string_append_c (json, ']');
}

/* Each member was put with a comma before it. */
static void
open_object (GString *json, gsize *start)
{
  *start = json->len;
}

static void
close_object (GString *json, gsize start)
{
  json->str[start] = '{';
  g_string_append_c (json, '}');
}

static void
format_applied (GString *json, VmdDevice *device)
{
  g_autofree char *status = vmd_device_dup_applied_status (device);
  g_autofree char *message = vmd_device_dup_applied_message (device);
  gsize start;

  g_string_append (json, ",\"applied\":");
  open_object (json, &start);
  add_number (json, "version", vmd_device_get_applied_version (device));
  add_string (json, "status", status);
  add_string (json, "message", message);
  add_number (json, "time", vmd_device_get_applied_time (device));
  close_object (json, start);
}

static void
format_presence (GString *json, VmdDevice *device)
{
  g_auto (VmdBrokerStatus) status = { 0 };

  vmd_device_get_presence (device, &status);
  add_boolean (json, "connected", status.connected);
  add_number (json, "since", status.since);
  add_number (json, "generation", status.generation);
  add_string (json, "peer", status.peer);
  add_boolean (json, "contested", status.contested);
  add_string (json, "rival", status.rival);
}

static void
format_device (GString *json, VmdDevice *device)
{
  g_autofree char *name = vmd_device_dup_name (device);
  g_autofree char *values = vmd_device_dup_values (device);
  g_autofree char *own_values = vmd_device_dup_own_values (device);
  g_auto (GStrv) groups = vmd_device_dup_groups (device);
  gsize start;

  open_object (json, &start);
  add_string (json, "id", vmd_device_get_id (device));
  add_string (json, "name", name);
  add_boolean (json, "guest", vmd_device_is_guest (device));
  add_number (json, "created", vmd_device_get_created (device));
  add_number (json, "version", vmd_device_get_version (device));
  add_json (json, "values", values);
  add_json (json, "own_values", own_values);
  add_strings (json, "groups", (const char *const *) groups);
  format_applied (json, device);
  format_presence (json, device);
  close_object (json, start);
}

/* The index of the first id above @after. */
static guint
find_page (GPtrArray *devices, const char *after)
{
  guint low = 0, high = devices->len;

  while (low < high)
    {
      guint middle = low + (high - low) / 2;

      if (after != NULL && g_strcmp0 (vmd_device_get_id (devices->pdata[middle]), after) <= 0)
        low = middle + 1;
      else
        high = middle;
    }
  return low;
}

static void
format_devices (GString *json, VmdManager *manager, const VmdDirectoryQuery *query)
{
  g_autoptr (GPtrArray) devices = vmd_manager_dup_devices (manager);
  guint first = find_page (devices, query->after);
  guint end = MIN (devices->len, first + query->limit);
  gsize start;

  open_object (json, &start);
  g_string_append (json, ",\"devices\":[");
  for (guint i = first; i < end; i++)
    {
      if (i > first)
        g_string_append_c (json, ',');
      format_device (json, devices->pdata[i]);
    }
  g_string_append_c (json, ']');
  add_string (json, "next",
              end > first && end < devices->len ? vmd_device_get_id (devices->pdata[end - 1])
                                                : NULL);
  close_object (json, start);
}

static void
format_schema (GString *json, VmdDevice *device)
{
  g_autofree char *schema = vmd_device_dup_schema (device);

  g_string_append_printf (json, "{\"schema\":%s}", schema != NULL ? schema : "null");
}

static void
format_tokens (GString *json, VmdDevice *device)
{
  g_autoptr (GListModel) tokens = vmd_device_list_tokens (device);

  g_string_append (json, "{\"tokens\":[");
  for (guint i = 0; i < g_list_model_get_n_items (tokens); i++)
    {
      g_autoptr (VmdDeviceToken) token = g_list_model_get_item (tokens, i);
      gsize start;

      if (i > 0)
        g_string_append_c (json, ',');
      open_object (json, &start);
      add_string (json, "id", vmd_device_token_get_id (token));
      add_string (json, "label", vmd_device_token_get_label (token));
      add_number (json, "created", vmd_device_token_get_created (token));
      add_number (json, "expires", vmd_device_token_get_expires (token));
      close_object (json, start);
    }
  g_string_append (json, "]}");
}

static void
format_group (GString *json, VmdDeviceGroup *group)
{
  g_autofree char *values = vmd_device_group_dup_values (group);
  g_auto (GStrv) members = vmd_device_group_dup_members (group);
  gsize start;

  open_object (json, &start);
  add_string (json, "name", vmd_device_group_get_name (group));
  add_number (json, "version", vmd_device_group_get_version (group));
  add_json (json, "values", values);
  add_strings (json, "members", (const char *const *) members);
  close_object (json, start);
}

static void
format_groups (GString *json, VmdManager *manager)
{
  g_autoptr (GListModel) groups = vmd_manager_list_groups (manager);
  guint n = g_list_model_get_n_items (groups);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  gsize start;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (VmdDeviceGroup) group = g_list_model_get_item (groups, i);

      /* The list has it for as long as this takes. */
      g_ptr_array_add (names, (char *) vmd_device_group_get_name (group));
    }
  g_ptr_array_add (names, NULL);
  open_object (json, &start);
  add_strings (json, "groups", (const char *const *) names->pdata);
  close_object (json, start);
}

static char *
format_history (GListModel *revisions)
{
  GString *json = g_string_new ("{\"history\":[");

  for (guint i = 0; i < g_list_model_get_n_items (revisions); i++)
    {
      g_autoptr (VmdConfigRevision) revision = g_list_model_get_item (revisions, i);
      gsize start;

      if (i > 0)
        g_string_append_c (json, ',');
      open_object (json, &start);
      add_number (json, "version", vmd_config_revision_get_version (revision));
      add_string (json, "author", vmd_config_revision_get_author (revision));
      add_number (json, "time", vmd_config_revision_get_time (revision));
      add_string (json, "note", vmd_config_revision_get_note (revision));
      add_string (json, "group", vmd_config_revision_get_group (revision));
      add_json (json, "values", vmd_config_revision_get_values (revision));
      close_object (json, start);
    }
  g_string_append (json, "]}");
  return g_string_free (json, FALSE);
}

/* -- Asking -- */

static void
return_history (GTask *task, GListModel *revisions, GError *error)
{
  if (revisions != NULL)
    g_task_return_pointer (task, format_history (revisions), g_free);
  else
    g_task_return_error (task, error);
  g_clear_object (&revisions);
  g_object_unref (task);
}

static void
device_history_cb (GObject *object, GAsyncResult *result, gpointer task)
{
  GError *error = NULL;
  GListModel *revisions = vmd_device_list_history_finish (VMD_DEVICE (object), result, &error);

  return_history (task, revisions, error);
}

static void
group_history_cb (GObject *object, GAsyncResult *result, gpointer task)
{
  GError *error = NULL;
  GListModel *revisions =
      vmd_device_group_list_history_finish (VMD_DEVICE_GROUP (object), result, &error);

  return_history (task, revisions, error);
}

/* FALSE with @error: no such device. */
static gboolean
ask_device (VmdManager *manager, const VmdDirectoryQuery *query, GTask *task, GString *json,
            GError **error)
{
  g_autoptr (VmdDevice) device = vmd_manager_lookup_device (manager, query->target);

  if (device == NULL)
    return vmd_fail (error, VMD_ERROR_NOT_FOUND, "There is no device “%s”", query->target);
  if (query->question == VMD_DIRECTORY_DEVICE)
    format_device (json, device);
  else if (query->question == VMD_DIRECTORY_DEVICE_SCHEMA)
    format_schema (json, device);
  else if (query->question == VMD_DIRECTORY_DEVICE_TOKENS)
    format_tokens (json, device);
  else
    vmd_device_list_history_async (device, query->limit, g_task_get_cancellable (task),
                                   device_history_cb, g_object_ref (task));
  return TRUE;
}

static gboolean
ask_group (VmdManager *manager, const VmdDirectoryQuery *query, GTask *task, GString *json,
           GError **error)
{
  g_autoptr (VmdDeviceGroup) group = vmd_manager_find_group (manager, query->target, error);

  if (group == NULL)
    return FALSE;
  if (query->question == VMD_DIRECTORY_GROUP)
    format_group (json, group);
  else
    vmd_device_group_list_history_async (group, query->limit, g_task_get_cancellable (task),
                                         group_history_cb, g_object_ref (task));
  return TRUE;
}

/* TRUE with nothing in @json: the answer comes later. */
static gboolean
ask (VmdManager *manager, const VmdDirectoryQuery *query, GTask *task, GString *json,
     GError **error)
{
  switch (query->question)
    {
    case VMD_DIRECTORY_DEVICES:
      format_devices (json, manager, query);
      return TRUE;
    case VMD_DIRECTORY_GROUPS:
      format_groups (json, manager);
      return TRUE;
    case VMD_DIRECTORY_GROUP:
    case VMD_DIRECTORY_GROUP_HISTORY:
      return ask_group (manager, query, task, json, error);
    default:
      return ask_device (manager, query, task, json, error);
    }
}

void
vmd_manager_directory_query_async (VmdDeviceDirectory *directory, const VmdDirectoryQuery *query,
                                   GCancellable *cancellable, GAsyncReadyCallback callback,
                                   gpointer data)
{
  VmdManager *manager = vmd_manager_directory_get_manager (VMD_MANAGER_DIRECTORY (directory));
  g_autoptr (GTask) task = g_task_new (directory, cancellable, callback, data);
  g_autoptr (GString) json = g_string_new (NULL);
  GError *error = NULL;

  g_task_set_source_tag (task, vmd_manager_directory_query_async);
  if (!ask (manager, query, task, json, &error))
    g_task_return_error (task, error);
  else if (json->len > 0)
    g_task_return_pointer (task, g_strdup (json->str), g_free);
}

char *
vmd_manager_directory_query_finish (VmdDeviceDirectory *directory, GAsyncResult *result,
                                    GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
