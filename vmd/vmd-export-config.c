/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-export-config.h"

#include "vmd-author.h"

#define MAX_HISTORY 1000

static guint64
get_if_version (VmdCall *call)
{
  guint64 version = VMD_CONFIG_ANY_VERSION;

  g_variant_dict_lookup (vmd_call_get_options (call), "if-version", "t", &version);
  return version;
}

static gboolean
parse_kind (const char *text, VmdConfigChangeKind *kind)
{
  *kind = g_str_equal (text, "replace") ? VMD_CONFIG_CHANGE_REPLACE : VMD_CONFIG_CHANGE_PATCH;
  return *kind == VMD_CONFIG_CHANGE_REPLACE || g_str_equal (text, "patch");
}

static void
return_version (VmdCall *call, guint64 version, GError *error)
{
  if (error != NULL)
    vmd_call_fail (call, error);
  else
    vmd_call_return (call, g_variant_new ("(t)", version), NULL);
}

static void
change_done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  guint64 version;

  if (VMD_IS_DEVICE (source))
    version = vmd_device_change_config_finish (VMD_DEVICE (source), result, &error);
  else
    version = vmd_device_group_change_config_finish (VMD_DEVICE_GROUP (source), result, &error);
  return_version (data, version, error);
}

static void
change_author_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  VmdCall *call = data;
  gpointer object = vmd_call_get_object (call);
  GCancellable *cancellable = vmd_call_get_cancellable (call);
  guint64 if_version = get_if_version (call);
  GError *error = NULL;
  g_autofree char *author = vmd_author_find_finish (result, &error);
  VmdConfigChangeKind kind;
  const char *word, *json;

  if (author == NULL)
    {
      vmd_call_fail (call, error);
      return;
    }
  g_variant_get (vmd_call_get_parameters (call), "(&s&s@a{sv})", &word, &json, NULL);
  if (!parse_kind (word, &kind))
    vmd_call_fail (call, g_error_new (VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                                      "“%s” is none of patch, replace", word));
  else if (VMD_IS_DEVICE (object))
    vmd_device_change_config_async (object, kind, json, if_version, author, cancellable,
                                    change_done_cb, call);
  else
    vmd_device_group_change_config_async (object, kind, json, if_version, author, cancellable,
                                          change_done_cb, call);
}

void
vmd_export_config_run_change (VmdCall *call)
{
  vmd_author_find_async (call, change_author_cb, call);
}

static void
roll_back_done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  guint64 version;

  if (VMD_IS_DEVICE (source))
    version = vmd_device_roll_back_finish (VMD_DEVICE (source), result, &error);
  else
    version = vmd_device_group_roll_back_finish (VMD_DEVICE_GROUP (source), result, &error);
  return_version (data, version, error);
}

static void
roll_back_author_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  VmdCall *call = data;
  gpointer object = vmd_call_get_object (call);
  GCancellable *cancellable = vmd_call_get_cancellable (call);
  guint64 if_version = get_if_version (call);
  GError *error = NULL;
  g_autofree char *author = vmd_author_find_finish (result, &error);
  guint64 version;

  g_variant_get_child (vmd_call_get_parameters (call), 0, "t", &version);
  if (author == NULL)
    vmd_call_fail (call, error);
  else if (VMD_IS_DEVICE (object))
    vmd_device_roll_back_async (object, version, if_version, author, cancellable, roll_back_done_cb,
                                call);
  else
    vmd_device_group_roll_back_async (object, version, if_version, author, cancellable,
                                      roll_back_done_cb, call);
}

void
vmd_export_config_run_roll_back (VmdCall *call)
{
  vmd_author_find_async (call, roll_back_author_cb, call);
}

static void
history_done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GListModel) list = NULL;
  GVariantBuilder builder;
  GError *error = NULL;

  if (VMD_IS_DEVICE (source))
    list = vmd_device_list_history_finish (VMD_DEVICE (source), result, &error);
  else
    list = vmd_device_group_list_history_finish (VMD_DEVICE_GROUP (source), result, &error);
  if (list == NULL)
    {
      vmd_call_fail (data, error);
      return;
    }
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(txssss)"));
  for (guint i = 0; i < g_list_model_get_n_items (list); i++)
    {
      g_autoptr (VmdConfigRevision) revision = g_list_model_get_item (list, i);

      g_variant_builder_add (
          &builder, "(txssss)", vmd_config_revision_get_version (revision),
          vmd_config_revision_get_time (revision), vmd_config_revision_get_author (revision),
          vmd_config_revision_get_group (revision) ?: "",
          vmd_config_revision_get_note (revision) ?: "", vmd_config_revision_get_values (revision));
    }
  vmd_call_return (data, g_variant_new ("(a(txssss))", &builder), NULL);
}

void
vmd_export_config_run_history (VmdCall *call)
{
  gpointer object = vmd_call_get_object (call);
  GCancellable *cancellable = vmd_call_get_cancellable (call);
  guint limit = MAX_HISTORY;

  g_variant_dict_lookup (vmd_call_get_options (call), "limit", "u", &limit);
  if (limit == 0 || limit > MAX_HISTORY)
    vmd_call_fail (call, g_error_new (VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                                      "The limit is 1 to %d, not %u", MAX_HISTORY, limit));
  else if (VMD_IS_DEVICE (object))
    vmd_device_list_history_async (object, limit, cancellable, history_done_cb, call);
  else
    vmd_device_group_list_history_async (object, limit, cancellable, history_done_cb, call);
}
