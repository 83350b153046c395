/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-command.h"
#include "vmctl-config-target.h"
#include "vmctl-json.h"
#include "vmctl-text.h"

#include <stdio.h>
#include <string.h>
#include <vmd-error.h>

/* A signal only says that there is something to look at. What came since the last look is then read
 * from the history, so that of two versions in quick succession neither is missed. */

#define HISTORY_LIMIT 1000

static const VmctlOption options[] = {
  VMCTL_CONFIG_TARGET_OPTIONS,
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

typedef struct
{
  VmctlClient *client;
  VmctlConfigTarget *target;
  guint64 version; /* printed last */
  guint64 applied_version;
  gint64 applied_time;
  gboolean begun;
  gboolean changed;
  gboolean removed;
} Watch;

/* A line: words for people, or one JSON object; @json is consumed. */
static void
print_line (Watch *self, const char *text, JsonBuilder *json)
{
  g_autoptr (JsonBuilder) builder = json;
  g_autofree char *shown = vmctl_text_make_printable (text, -1);

  json_builder_end_object (builder);
  if (vmctl_client_is_json (self->client))
    {
      vmctl_json_print_line (builder);
      return;
    }
  puts (shown);
  fflush (stdout);
}

static JsonBuilder *
begin_line (const char *event, guint64 version)
{
  JsonBuilder *builder = json_builder_new ();

  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "event", event);
  vmctl_json_add_int (builder, "version", (gint64) version);
  return builder;
}

static void
print_revision (Watch *self, GVariant *revision)
{
  const char *author, *group, *note, *values;
  g_autofree char *when = NULL;
  g_autofree char *text = NULL;
  JsonBuilder *builder;
  guint64 version;
  gint64 time;

  g_variant_get (revision, "(tx&s&s&s&s)", &version, &time, &author, &group, &note, &values);
  when = vmctl_text_format_time (time);
  text = g_strdup_printf ("%s  version %" G_GUINT64_FORMAT "  %s%s%s  %s", when, version, author,
                          *group != '\0' ? "  group " : "", group, values);
  builder = begin_line ("version", version);
  vmctl_json_add_time (builder, "time", time);
  vmctl_json_add_string (builder, "author", author);
  vmctl_json_add_string (builder, "group", group);
  vmctl_json_add_string (builder, "note", note);
  vmctl_json_add_raw (builder, "values", values);
  print_line (self, text, builder);
}

/* A version that no change of values made: by joining a group, say. */
static void
print_version (Watch *self, guint64 version)
{
  const char *values = vmctl_config_target_get_string (self->target, "Values");
  g_autofree char *text = g_strdup_printf ("version %" G_GUINT64_FORMAT "  %s", version, values);
  JsonBuilder *builder = begin_line ("version", version);

  vmctl_json_add_raw (builder, "values", values);
  print_line (self, text, builder);
}

/* What is newer than what was printed last, the oldest first; to begin with, the newest alone. */
static gboolean
print_versions (Watch *self, guint64 version, GError **error)
{
  g_autoptr (GVariant) history =
      vmctl_config_target_load_history (self->target, self->begun ? HISTORY_LIMIT : 1, error);
  guint64 shown = 0;

  if (history == NULL)
    return FALSE;
  for (gsize i = g_variant_n_children (history); i > 0; i--)
    {
      g_autoptr (GVariant) revision = g_variant_get_child_value (history, i - 1);

      g_variant_get_child (revision, 0, "t", &shown);
      if (shown > self->version)
        print_revision (self, revision);
    }
  if (shown < version)
    print_version (self, version);
  self->version = MAX (shown, version);
  self->begun = TRUE;
  return TRUE;
}

static void
print_applied (Watch *self)
{
  const char *status = vmctl_config_target_get_string (self->target, "AppliedStatus");
  const char *message = vmctl_config_target_get_string (self->target, "AppliedMessage");
  g_autofree char *when = vmctl_text_format_time (self->applied_time);
  g_autofree char *text =
      g_strdup_printf ("%s  applied %" G_GUINT64_FORMAT "  %s%s%s", when, self->applied_version,
                       status, *message != '\0' ? "  " : "", message);
  JsonBuilder *builder = begin_line ("applied", self->applied_version);

  vmctl_json_add_time (builder, "time", self->applied_time);
  vmctl_json_add_string (builder, "status", status);
  vmctl_json_add_string (builder, "message", message);
  print_line (self, text, builder);
}

static gboolean
look (Watch *self, GError **error)
{
  guint64 version, applied_version;
  gint64 applied_time;

  self->changed = FALSE;
  if (!vmctl_config_target_load (self->target, error))
    return FALSE;
  version = vmctl_config_target_get_uint64 (self->target, "Version");
  applied_version = vmctl_config_target_get_uint64 (self->target, "AppliedVersion");
  applied_time = vmctl_config_target_get_int64 (self->target, "AppliedTime");
  if (version > self->version && !print_versions (self, version, error))
    return FALSE;
  if (applied_version == self->applied_version && applied_time == self->applied_time)
    return TRUE;
  self->applied_version = applied_version;
  self->applied_time = applied_time;
  print_applied (self);
  return TRUE;
}

static void
changed_cb (GDBusConnection *bus, const char *sender, const char *path, const char *interface,
            const char *signal_name, GVariant *parameters, gpointer data)
{
  ((Watch *) data)->changed = TRUE;
}

static void
removed_cb (GDBusConnection *bus, const char *sender, const char *path, const char *interface,
            const char *signal_name, GVariant *parameters, gpointer data)
{
  Watch *self = data;
  const char *which = "";

  if (g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(os)")))
    g_variant_get (parameters, "(&o&s)", &which, NULL);
  if (g_str_equal (which, vmctl_config_target_get_path (self->target)))
    self->removed = TRUE;
}

/* The present state first, then each change, until Ctrl-C or the end of what is watched. */
static gboolean
follow (Watch *self, GError **error)
{
  GCancellable *cancellable = vmctl_client_get_cancellable (self->client);
  GDBusConnection *bus = vmctl_client_get_bus (self->client);
  g_autoptr (GError) local = NULL;

  self->changed = TRUE;
  while (!g_cancellable_is_cancelled (cancellable))
    {
      if (self->removed)
        {
          g_set_error (error, VMD_ERROR, VMD_ERROR_NOT_FOUND, "%s was removed",
                       vmctl_config_target_get_name (self->target));
          return FALSE;
        }
      if (g_dbus_connection_is_closed (bus))
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "The connection was lost");
          return FALSE;
        }
      if (!self->changed)
        g_main_context_iteration (NULL, TRUE);
      else if (!look (self, &local))
        {
          /* To be interrupted in the middle of a look is no failure. */
          if (g_cancellable_is_cancelled (cancellable))
            return TRUE;
          self->removed = g_error_matches (local, VMD_ERROR, VMD_ERROR_NOT_FOUND);
          if (!self->removed)
            {
              g_propagate_error (error, g_steal_pointer (&local));
              return FALSE;
            }
        }
    }
  return TRUE;
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  g_autoptr (VmctlConfigTarget) target = vmctl_config_target_find (client, arguments, error);
  GDBusConnection *bus = vmctl_client_get_bus (client);
  const char *name = vmctl_client_get_bus_name (client);
  Watch watch = { .client = client, .target = target };
  g_autoptr (GError) local = NULL;
  guint changed, removed;
  gboolean good;

  if (target == NULL)
    return -1;
  changed = g_dbus_connection_signal_subscribe (bus, name, "org.freedesktop.DBus.Properties",
                                                "PropertiesChanged",
                                                vmctl_config_target_get_path (target), NULL,
                                                G_DBUS_SIGNAL_FLAGS_NONE, changed_cb, &watch, NULL);
  removed = g_dbus_connection_signal_subscribe (
      bus, name, "org.vmd.Vmd1.Manager",
      vmctl_config_target_is_group (target) ? "GroupRemoved" : "DeviceRemoved",
      VMCTL_OBJECT_PATH "/Manager", NULL, G_DBUS_SIGNAL_FLAGS_NONE, removed_cb, &watch, NULL);
  good = follow (&watch, &local);
  g_dbus_connection_signal_unsubscribe (bus, changed);
  g_dbus_connection_signal_unsubscribe (bus, removed);
  if (good)
    return 0;
  g_propagate_error (error, g_steal_pointer (&local));
  return -1;
}

static gboolean
check (const VmctlArguments *arguments, GError **error)
{
  return vmctl_config_target_check (arguments, "DEVICE", 0, 0, error);
}

const VmctlCommand vmctl_command_config_watch = {
  .name = "config watch",
  .arguments = "[DEVICE]",
  .summary = "Print each new version, and what the device reports of it, until Ctrl-C",
  .details = "It begins with the present version. With --json, a line for each event.",
  .options = options,
  .check = check,
  .run = run,
};
