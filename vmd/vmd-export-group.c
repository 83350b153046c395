/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-author.h"
#include "vmd-dbus.h"
#include "vmd-export-config.h"
#include "vmd-object-kind.h"

VMD_DEFINE_STRING (name, vmd_device_group_get_name)
VMD_DEFINE_VALUE (version, vmd_device_group_get_version, uint64)
VMD_DEFINE_OWNED_STRING (values, vmd_device_group_dup_values)
VMD_DEFINE_VALUE (member_count, vmd_device_group_get_n_members, uint32)

static GVariant *
get_members (gpointer group)
{
  g_auto (GStrv) members = vmd_device_group_dup_members (group);

  return g_variant_new_strv ((const char *const *) members, -1);
}

static const VmdProperty properties[] = {
  { "Name", get_name, VMD_PROPERTY_CONSTANT },
  { "Version", get_version, VMD_PROPERTY_TOLD },
  { "Values", get_values, VMD_PROPERTY_INVALIDATED },
  { "Members", get_members, VMD_PROPERTY_INVALIDATED },
  { "MemberCount", get_member_count, VMD_PROPERTY_TOLD },
  { NULL, NULL, VMD_PROPERTY_CONSTANT },
};

static void
set_member_done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  vmd_device_group_set_member_finish (VMD_DEVICE_GROUP (source), result, &error);
  vmd_call_end (data, error);
}

static void
set_member (VmdCall *call, gboolean is_member, GAsyncResult *result)
{
  VmdManager *manager = vmd_export_get_manager (vmd_call_get_export (call));
  GError *error = NULL;
  g_autofree char *author = vmd_author_find_finish (result, &error);
  g_autoptr (VmdDevice) device = NULL;
  const char *name;

  g_variant_get_child (vmd_call_get_parameters (call), 0, "&s", &name);
  if (author != NULL)
    device = vmd_manager_find_device (manager, name, &error);
  if (device == NULL)
    vmd_call_fail (call, error);
  else
    vmd_device_group_set_member_async (vmd_call_get_object (call), device, is_member, author,
                                       vmd_call_get_cancellable (call), set_member_done_cb, call);
}

static void
add_member_author_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  set_member (data, TRUE, result);
}

static void
remove_member_author_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  set_member (data, FALSE, result);
}

static void
run_add_member (VmdCall *call)
{
  vmd_author_find_async (call, add_member_author_cb, call);
}

static void
run_remove_member (VmdCall *call)
{
  vmd_author_find_async (call, remove_member_author_cb, call);
}

static void
remove_done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  vmd_device_group_remove_finish (VMD_DEVICE_GROUP (source), result, &error);
  vmd_call_end (data, error);
}

static void
remove_author_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  VmdCall *call = data;
  GError *error = NULL;
  g_autofree char *author = vmd_author_find_finish (result, &error);

  if (author == NULL)
    vmd_call_fail (call, error);
  else
    vmd_device_group_remove_async (vmd_call_get_object (call), author,
                                   vmd_call_get_cancellable (call), remove_done_cb, call);
}

static void
run_remove (VmdCall *call)
{
  vmd_author_find_async (call, remove_author_cb, call);
}

static const VmdMethod methods[] = {
  VMD_EXPORT_CONFIG_METHODS,
  { "handle-add-member", NULL, run_add_member, { { NULL, NULL } } },
  { "handle-remove-member", NULL, run_remove_member, { { NULL, NULL } } },
  { "handle-remove", NULL, run_remove, { { NULL, NULL } } },
  { NULL, NULL, NULL, { { NULL, NULL } } },
};

static GObject *
find (VmdManager *manager, const char *node)
{
  g_autofree char *name = vmd_object_kind_unescape (node);

  return name != NULL ? (GObject *) vmd_manager_find_group (manager, name, NULL) : NULL;
}

static char *
dup_node (gpointer group)
{
  return vmd_object_kind_escape (vmd_device_group_get_name (group));
}

const VmdObjectKind vmd_object_kind_group = {
  .path = "groups",
  .get_info = vmd_dbus_device_group_interface_info,
  .properties = properties,
  .methods = methods,
  .added_signal = "group-added",
  .removed_signal = "group-removed",
  .list = vmd_manager_list_groups,
  .find = find,
  .dup_node = dup_node,
  .is_secret = TRUE,
};
