/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-author.h"
#include "vmd-dbus.h"
#include "vmd-export-config.h"
#include "vmd-object-kind.h"

VMD_DEFINE_STRING (id, vmd_device_get_id)
VMD_DEFINE_OWNED_STRING (name, vmd_device_dup_name)
VMD_DEFINE_VALUE (guest, vmd_device_is_guest, boolean)
VMD_DEFINE_VALUE (created, vmd_device_get_created, int64)
VMD_DEFINE_VALUE (version, vmd_device_get_version, uint64)
VMD_DEFINE_OWNED_STRING (values, vmd_device_dup_values)
VMD_DEFINE_OWNED_STRING (own_values, vmd_device_dup_own_values)
VMD_DEFINE_OWNED_STRING (schema, vmd_device_dup_schema)
VMD_DEFINE_VALUE (applied_version, vmd_device_get_applied_version, uint64)
VMD_DEFINE_OWNED_STRING (applied_status, vmd_device_dup_applied_status)
VMD_DEFINE_OWNED_STRING (applied_message, vmd_device_dup_applied_message)
VMD_DEFINE_VALUE (applied_time, vmd_device_get_applied_time, int64)
VMD_DEFINE_VALUE (connected, vmd_device_is_connected, boolean)
VMD_DEFINE_VALUE (since, vmd_device_get_since, int64)
VMD_DEFINE_OWNED_STRING (peer, vmd_device_dup_peer)
VMD_DEFINE_VALUE (generation, vmd_device_get_generation, uint64)
VMD_DEFINE_VALUE (contested, vmd_device_is_contested, boolean)
VMD_DEFINE_OWNED_STRING (rival, vmd_device_dup_rival)

static GVariant *
get_groups (gpointer device)
{
  g_auto (GStrv) groups = vmd_device_dup_groups (device);

  return g_variant_new_strv ((const char *const *) groups, -1);
}

static const VmdProperty properties[] = {
  { "Id", get_id, VMD_PROPERTY_CONSTANT },
  { "Name", get_name, VMD_PROPERTY_TOLD },
  { "Guest", get_guest, VMD_PROPERTY_CONSTANT },
  { "Created", get_created, VMD_PROPERTY_CONSTANT },
  { "Version", get_version, VMD_PROPERTY_TOLD },
  { "Values", get_values, VMD_PROPERTY_INVALIDATED },
  { "OwnValues", get_own_values, VMD_PROPERTY_INVALIDATED },
  { "Schema", get_schema, VMD_PROPERTY_INVALIDATED },
  { "Groups", get_groups, VMD_PROPERTY_INVALIDATED },
  { "AppliedVersion", get_applied_version, VMD_PROPERTY_TOLD },
  { "AppliedStatus", get_applied_status, VMD_PROPERTY_TOLD },
  { "AppliedMessage", get_applied_message, VMD_PROPERTY_TOLD },
  { "AppliedTime", get_applied_time, VMD_PROPERTY_TOLD },
  { "Connected", get_connected, VMD_PROPERTY_TOLD },
  { "Since", get_since, VMD_PROPERTY_TOLD },
  { "Peer", get_peer, VMD_PROPERTY_TOLD },
  { "Generation", get_generation, VMD_PROPERTY_TOLD },
  { "Contested", get_contested, VMD_PROPERTY_TOLD },
  { "Rival", get_rival, VMD_PROPERTY_TOLD },
  { NULL, NULL, VMD_PROPERTY_CONSTANT },
};

/* The verbs that end with TRUE or an error share their callback but for the finish function. */
#define DEFINE_DONE(verb)                                                                          \
  static void verb##_done_cb (GObject *source, GAsyncResult *result, gpointer data)                \
  {                                                                                                \
    GError *error = NULL;                                                                          \
                                                                                                   \
    vmd_device_##verb##_finish (VMD_DEVICE (source), result, &error);                              \
    vmd_call_end (data, error);                                                                    \
  }

DEFINE_DONE (set_schema)
DEFINE_DONE (revoke_token)
DEFINE_DONE (remove)

static void
set_schema_author_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  VmdCall *call = data;
  GError *error = NULL;
  g_autofree char *author = vmd_author_find_finish (result, &error);
  const char *schema;

  if (author == NULL)
    {
      vmd_call_fail (call, error);
      return;
    }
  g_variant_get_child (vmd_call_get_parameters (call), 0, "&s", &schema);
  vmd_device_set_schema_async (vmd_call_get_object (call), *schema != '\0' ? schema : NULL, author,
                               vmd_call_get_cancellable (call), set_schema_done_cb, call);
}

static void
run_set_schema (VmdCall *call)
{
  vmd_author_find_async (call, set_schema_author_cb, call);
}

static void
add_token_done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_autofree char *token = vmd_device_add_token_finish (VMD_DEVICE (source), result, &error);

  if (token == NULL)
    vmd_call_fail (data, error);
  else
    vmd_call_return (data, g_variant_new ("(s)", token), NULL);
}

static void
run_add_token (VmdCall *call)
{
  const char *label;
  gint64 expires = 0;

  g_variant_get_child (vmd_call_get_parameters (call), 0, "&s", &label);
  if (g_variant_dict_lookup (vmd_call_get_options (call), "expires", "x", &expires) &&
      expires <= g_get_real_time ())
    vmd_call_fail (call, g_error_new (VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                                      "A token that has expired already is of no use"));
  else
    vmd_device_add_token_async (vmd_call_get_object (call), label, expires,
                                vmd_call_get_cancellable (call), add_token_done_cb, call);
}

static void
run_list_tokens (VmdCall *call)
{
  g_autoptr (GListModel) list = vmd_device_list_tokens (vmd_call_get_object (call));
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ssxx)"));
  for (guint i = 0; i < g_list_model_get_n_items (list); i++)
    {
      g_autoptr (VmdDeviceToken) token = g_list_model_get_item (list, i);

      g_variant_builder_add (
          &builder, "(ssxx)", vmd_device_token_get_id (token), vmd_device_token_get_label (token),
          vmd_device_token_get_created (token), vmd_device_token_get_expires (token));
    }
  vmd_call_return (call, g_variant_new ("(a(ssxx))", &builder), NULL);
}

static void
run_revoke_token (VmdCall *call)
{
  const char *id;

  g_variant_get_child (vmd_call_get_parameters (call), 0, "&s", &id);
  vmd_device_revoke_token_async (vmd_call_get_object (call), id, vmd_call_get_cancellable (call),
                                 revoke_token_done_cb, call);
}

static void
run_remove (VmdCall *call)
{
  vmd_device_remove_async (vmd_call_get_object (call), vmd_call_get_cancellable (call),
                           remove_done_cb, call);
}

static const VmdMethod methods[] = {
  VMD_EXPORT_CONFIG_METHODS,
  { "handle-set-schema", NULL, run_set_schema, { { NULL, NULL } } },
  { "handle-add-token", NULL, run_add_token, { { "expires", "x" } } },
  { "handle-list-tokens", NULL, run_list_tokens, { { NULL, NULL } } },
  { "handle-revoke-token", NULL, run_revoke_token, { { NULL, NULL } } },
  { "handle-remove", NULL, run_remove, { { NULL, NULL } } },
  { NULL, NULL, NULL, { { NULL, NULL } } },
};

static GObject *
find (VmdManager *manager, const char *node)
{
  g_autofree char *id = vmd_object_kind_unescape (node);

  return id != NULL ? (GObject *) vmd_manager_find_device (manager, id, NULL) : NULL;
}

static char *
dup_node (gpointer device)
{
  return vmd_object_kind_escape (vmd_device_get_id (device));
}

const VmdObjectKind vmd_object_kind_device = {
  .path = "devices",
  .get_info = vmd_dbus_device_interface_info,
  .properties = properties,
  .methods = methods,
  .added_signal = "device-added",
  .removed_signal = "device-removed",
  .list = vmd_manager_list_devices,
  .find = find,
  .dup_node = dup_node,
  .is_secret = TRUE,
};
