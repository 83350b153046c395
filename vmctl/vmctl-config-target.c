/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-config-target.h"

#include "vmctl-await.h"
#include "vmctl-call.h"
#include "vmctl-error.h"
#include "vmctl-json.h"
#include "vmctl-resolve.h"

#include <vmd-error.h>

struct _VmctlConfigTarget
{
  VmctlClient *client; /* not owned */
  char *name; /* as given */
  char *path;
  gboolean is_group;
  GVariant *properties; /* (nullable) a{sv} */
};

gboolean
vmctl_config_target_check (const VmctlArguments *arguments, const char *word, guint least,
                           guint most, GError **error)
{
  gboolean is_group = vmctl_arguments_has (arguments, "group");
  guint given = vmctl_arguments_count (arguments);

  if (!is_group && given == 0)
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT, "“DEVICE” is missing, or --group");
      return FALSE;
    }
  given -= is_group ? 0 : 1;
  if (given >= least && given <= most)
    return TRUE;
  if (given < least)
    g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT, "“%s” is missing", word);
  else
    g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT, "“%s” is one argument too many",
                 vmctl_arguments_get (arguments, vmctl_arguments_count (arguments) - 1));
  return FALSE;
}

const char *const *
vmctl_config_target_get_words (const VmctlArguments *arguments)
{
  return vmctl_arguments_get_all (arguments) + (vmctl_arguments_has (arguments, "group") ? 0 : 1);
}

VmctlConfigTarget *
vmctl_config_target_find (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  g_autoptr (VmctlConfigTarget) self = g_new0 (VmctlConfigTarget, 1);
  const char *group = vmctl_arguments_get_text (arguments, "group");

  self->client = client;
  self->is_group = group != NULL;
  self->name = g_strdup (group != NULL ? group : vmctl_arguments_get (arguments, 0));
  self->path = group != NULL ? vmctl_resolve_group (client, self->name, error)
                             : vmctl_resolve_device (client, self->name, error);
  return self->path != NULL ? g_steal_pointer (&self) : NULL;
}

void
vmctl_config_target_free (VmctlConfigTarget *self)
{
  g_clear_pointer (&self->properties, g_variant_unref);
  g_free (self->name);
  g_free (self->path);
  g_free (self);
}

const char *
vmctl_config_target_get_name (VmctlConfigTarget *self)
{
  return self->name;
}

const char *
vmctl_config_target_get_path (VmctlConfigTarget *self)
{
  return self->path;
}

gboolean
vmctl_config_target_is_group (VmctlConfigTarget *self)
{
  return self->is_group;
}

static GDBusInterfaceInfo *
get_info (VmctlConfigTarget *self)
{
  return self->is_group ? vmd_dbus_device_group_interface_info ()
                        : vmd_dbus_device_interface_info ();
}

/* What was removed answers as if it had never been: GDBus says so in as many ways as there are
 * moments. */
static gboolean
is_gone (const GError *error)
{
  return g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT) ||
         g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_INTERFACE) ||
         g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_METHOD) ||
         g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS);
}

/* Takes @local. */
static void
fail_to_load (VmctlConfigTarget *self, GError *local, GError **error)
{
  if (is_gone (local))
    {
      g_error_free (local);
      g_set_error (error, VMD_ERROR, VMD_ERROR_NOT_FOUND, "%s has been removed", self->name);
      return;
    }
  vmctl_error_convert (&local);
  g_propagate_error (error, local);
}

gboolean
vmctl_config_target_load (VmctlConfigTarget *self, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GVariant) reply = NULL;
  GError *local = NULL;

  g_dbus_connection_call (
      vmctl_client_get_bus (self->client), vmctl_client_get_bus_name (self->client), self->path,
      "org.freedesktop.DBus.Properties", "GetAll", g_variant_new ("(s)", get_info (self)->name),
      G_VARIANT_TYPE ("(a{sv})"), G_DBUS_CALL_FLAGS_NONE, G_MAXINT,
      vmctl_client_get_cancellable (self->client), vmctl_await_cb, &result);
  vmctl_await (&result);
  reply = g_dbus_connection_call_finish (vmctl_client_get_bus (self->client), result, &local);
  if (reply == NULL)
    {
      fail_to_load (self, local, error);
      return FALSE;
    }
  g_clear_pointer (&self->properties, g_variant_unref);
  self->properties = g_variant_get_child_value (reply, 0);
  return TRUE;
}

guint64
vmctl_config_target_get_uint64 (VmctlConfigTarget *self, const char *property)
{
  guint64 value = 0;

  if (self->properties != NULL)
    g_variant_lookup (self->properties, property, "t", &value);
  return value;
}

gint64
vmctl_config_target_get_int64 (VmctlConfigTarget *self, const char *property)
{
  gint64 value = 0;

  if (self->properties != NULL)
    g_variant_lookup (self->properties, property, "x", &value);
  return value;
}

const char *
vmctl_config_target_get_string (VmctlConfigTarget *self, const char *property)
{
  const char *value = "";

  if (self->properties != NULL)
    g_variant_lookup (self->properties, property, "&s", &value);
  return value;
}

const char *
vmctl_config_target_get_own_values (VmctlConfigTarget *self)
{
  return vmctl_config_target_get_string (self, self->is_group ? "Values" : "OwnValues");
}

/* Ends @call, which gives a version. */
static gboolean
run_change (VmctlCall *call, const VmctlArguments *arguments, guint64 *version, GError **error)
{
  const char *note = vmctl_arguments_get_text (arguments, "note");
  g_autoptr (GVariant) reply = NULL;
  guint64 if_version;

  if (vmctl_arguments_get_version (arguments, "if-version", &if_version))
    vmctl_call_add_option (call, "if-version", g_variant_new_uint64 (if_version));
  if (note != NULL)
    vmctl_call_add_option (call, "note", g_variant_new_string (note));
  reply = vmctl_call_run (call, error);
  if (reply == NULL)
    return FALSE;
  g_variant_get (reply, "(t)", version);
  return TRUE;
}

static VmctlCall *
new_change (VmctlConfigTarget *self, const char *kind, const char *json)
{
  VmctlCall *call = vmctl_call_new (self->client, self->path, get_info (self), "ChangeConfig");

  vmctl_call_add_argument (call, g_variant_new_string (kind));
  vmctl_call_add_argument (call, g_variant_new_string (json));
  return call;
}

gboolean
vmctl_config_target_patch (VmctlConfigTarget *self, const char *json,
                           const VmctlArguments *arguments, guint64 *version, GError **error)
{
  g_autoptr (VmctlCall) call = new_change (self, "patch", json);

  return run_change (call, arguments, version, error);
}

gboolean
vmctl_config_target_replace (VmctlConfigTarget *self, const char *json,
                             const VmctlArguments *arguments, guint64 *version, GError **error)
{
  g_autoptr (VmctlCall) call = new_change (self, "replace", json);
  guint64 loaded = vmctl_config_target_get_uint64 (self, "Version");

  vmctl_call_add_option (call, "if-version", g_variant_new_uint64 (loaded));
  return run_change (call, arguments, version, error);
}

gboolean
vmctl_config_target_roll_back (VmctlConfigTarget *self, guint64 to, const VmctlArguments *arguments,
                               guint64 *version, GError **error)
{
  g_autoptr (VmctlCall) call =
      vmctl_call_new (self->client, self->path, get_info (self), "RollBack");

  vmctl_call_add_argument (call, g_variant_new_uint64 (to));
  return run_change (call, arguments, version, error);
}

GVariant *
vmctl_config_target_load_history (VmctlConfigTarget *self, guint limit, GError **error)
{
  g_autoptr (VmctlCall) call =
      vmctl_call_new (self->client, self->path, get_info (self), "History");
  g_autoptr (GVariant) reply = NULL;
  GError *local = NULL;

  vmctl_call_add_option (call, "limit", g_variant_new_uint32 (limit));
  reply = vmctl_call_run (call, &local);
  if (reply != NULL)
    return g_variant_get_child_value (reply, 0);
  fail_to_load (self, local, error);
  return NULL;
}

int
vmctl_config_target_report (VmctlConfigTarget *self, guint64 version)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  if (!vmctl_client_is_json (self->client))
    return 0;
  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, self->is_group ? "group" : "target", self->name);
  vmctl_json_add_int (builder, "version", (gint64) version);
  json_builder_end_object (builder);
  vmctl_json_print (builder);
  return 0;
}
