/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-call.h"
#include "vmctl-command.h"
#include "vmctl-device.h"
#include "vmctl-listing.h"
#include "vmctl-text.h"

#include <stdio.h>

#define PAGE_TYPE "(@a(ossbttsbxsbsas)s)"
#define ROW_FORMAT "(&o&s&sbtt&sbx&sb&s^a&s)"

static const VmctlOption list_options[] = {
  { "group", 'g', VMCTL_OPTION_TEXT, "NAME", "Only the members of this group" },
  { "quiet", 'q', VMCTL_OPTION_FLAG, NULL, "Print names only" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

/* One device as ListDevices() tells of it; strings are the reply's. */
typedef struct
{
  const char *path;
  const char *id;
  const char *name;
  gboolean guest;
  guint64 version;
  guint64 applied_version;
  const char *applied_status;
  gboolean connected;
  gint64 since;
  const char *peer;
  gboolean contested;
  const char *rival;
  const char **groups; /* the array is ours */
} Row;

typedef struct
{
  VmctlTable *table;
  JsonBuilder *builder;
  gboolean names_only;
} Printer;

static void
add_row (VmctlTable *table, const Row *row)
{
  g_autofree char *version = g_strdup_printf ("%" G_GUINT64_FORMAT, row->version);
  g_autofree char *applied =
      vmctl_device_describe_applied (row->version, row->applied_version, row->applied_status);
  g_autofree char *since = vmctl_text_format_time (row->since);
  g_autofree char *peers = vmctl_device_describe_peers (row->peer, row->contested, row->rival);
  g_autofree char *groups = g_strjoinv (",", (char **) row->groups);

  vmctl_table_add (table, row->name, row->guest ? "VM" : "device",
                   vmctl_device_describe_presence (row->connected, row->contested), since, peers,
                   version, applied, groups, NULL);
}

static void
add_json (JsonBuilder *builder, const Row *row)
{
  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "id", row->id);
  vmctl_json_add_string (builder, "name", row->name);
  vmctl_json_add_boolean (builder, "guest", row->guest);
  vmctl_json_add_int (builder, "version", (gint64) row->version);
  vmctl_json_add_int (builder, "applied_version", (gint64) row->applied_version);
  vmctl_json_add_string (builder, "applied_status", row->applied_status);
  vmctl_json_add_boolean (builder, "connected", row->connected);
  vmctl_json_add_time (builder, "since", row->since);
  vmctl_json_add_string (builder, "peer", row->peer);
  vmctl_json_add_boolean (builder, "contested", row->contested);
  vmctl_json_add_string (builder, "rival", row->rival);
  json_builder_set_member_name (builder, "groups");
  json_builder_begin_array (builder);
  for (const char **group = row->groups; *group != NULL; group++)
    json_builder_add_string_value (builder, *group);
  json_builder_end_array (builder);
  json_builder_end_object (builder);
}

static void
print_page (Printer *printer, GVariant *page)
{
  GVariantIter iterator;
  Row row;

  g_variant_iter_init (&iterator, page);
  while (g_variant_iter_next (&iterator, ROW_FORMAT, &row.path, &row.id, &row.name, &row.guest,
                              &row.version, &row.applied_version, &row.applied_status,
                              &row.connected, &row.since, &row.peer, &row.contested, &row.rival,
                              &row.groups))
    {
      add_json (printer->builder, &row);
      add_row (printer->table, &row);
      if (printer->names_only)
        printf ("%s\n", row.name);
      g_free (row.groups);
    }
}

/* The page behind @after, which is moved on: NULL after the last. */
static gboolean
next_page (VmctlClient *client, const VmctlArguments *arguments, Printer *printer, char **after,
           GError **error)
{
  const char *group = vmctl_arguments_get_text (arguments, "group");
  g_autoptr (VmctlCall) call = vmctl_call_new (client, VMCTL_OBJECT_PATH "/Manager",
                                               vmd_dbus_manager_interface_info (), "ListDevices");
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) page = NULL;

  vmctl_call_add_argument (call, g_variant_new_string (*after));
  vmctl_call_add_argument (call, g_variant_new_uint32 (0));
  if (group != NULL)
    vmctl_call_add_option (call, "group", g_variant_new_string (group));
  reply = vmctl_call_run (call, error);
  if (reply == NULL)
    return FALSE;
  g_clear_pointer (after, g_free);
  g_variant_get (reply, PAGE_TYPE, &page, after);
  print_page (printer, page);
  if (**after == '\0')
    g_clear_pointer (after, g_free);
  return TRUE;
}

static int
run_list (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  static const char *const titles[] = { "NAME",    "KIND",    "CONNECTED", "SINCE", "PEER",
                                        "VERSION", "APPLIED", "GROUPS",    NULL };
  gboolean json = vmctl_client_is_json (client);
  g_autoptr (VmctlTable) table = vmctl_table_new (titles);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  Printer printer = { table, builder, !json && vmctl_arguments_has (arguments, "quiet") };
  g_autofree char *after = g_strdup ("");

  json_builder_begin_array (builder);
  while (after != NULL)
    if (!next_page (client, arguments, &printer, &after, error))
      return -1;
  json_builder_end_array (builder);
  if (json)
    vmctl_json_print (builder);
  else if (!printer.names_only)
    vmctl_table_print (table);
  return 0;
}

const VmctlCommand vmctl_command_device_list = {
  .name = "device list",
  .arguments = "",
  .summary = "List the devices: which are connected, from where, and with which version",
  .details = "A contested device is one that two clients connect as in turn: the one that is "
             "connected stays, and the other is named behind it.",
  .options = list_options,
  .run = run_list,
};

static void
print_entry (const char *title, const char *value)
{
  g_autofree char *shown = vmctl_text_make_printable (value, -1);

  if (*shown != '\0')
    printf ("%-12s %s\n", title, shown);
}

static void
print_presence (VmdDbusDevice *device)
{
  gboolean contested = vmd_dbus_device_get_contested (device);
  gint64 since = vmd_dbus_device_get_since (device);
  g_autofree char *when = vmctl_text_format_time (since);
  g_autofree char *peers = vmctl_device_describe_peers (
      vmd_dbus_device_get_peer (device), contested, vmd_dbus_device_get_rival (device));

  print_entry ("Connected:",
               vmctl_device_describe_presence (vmd_dbus_device_get_connected (device), contested));
  print_entry ("Peer:", peers);
  print_entry ("Since:", since != 0 ? when : "");
}

static void
print_device (gpointer proxy)
{
  VmdDbusDevice *device = proxy;
  g_autofree char *created = vmctl_text_format_time (vmd_dbus_device_get_created (device));
  g_autofree char *groups = g_strjoinv (",", (char **) vmd_dbus_device_get_groups (device));
  g_autofree char *applied = vmctl_device_describe_applied (
      vmd_dbus_device_get_version (device), vmd_dbus_device_get_applied_version (device),
      vmd_dbus_device_get_applied_status (device));

  print_entry ("Name:", vmd_dbus_device_get_name (device));
  print_entry ("Id:", vmd_dbus_device_get_id (device));
  print_entry ("Kind:", vmd_dbus_device_get_guest (device) ? "VM" : "device");
  print_entry ("Created:", created);
  print_entry ("Groups:", groups);
  printf ("%-12s %" G_GUINT64_FORMAT "\n", "Version:", vmd_dbus_device_get_version (device));
  print_entry ("Values:", vmd_dbus_device_get_values (device));
  print_entry ("Applied:", applied);
  print_entry ("Message:", vmd_dbus_device_get_applied_message (device));
  print_presence (device);
}

static gpointer
load (VmctlClient *client, const char *path, GError **error)
{
  return vmctl_device_load (client, path, error);
}

static void
add_members (JsonBuilder *builder, gpointer proxy)
{
  vmctl_device_add_json (builder, proxy);
}

static int
run_show (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  static const VmctlRecord record = { load, print_device, add_members };
  g_autoptr (GPtrArray) targets =
      vmctl_resolve_devices (client, vmctl_arguments_get_all (arguments));

  return vmctl_listing_show (client, &record, targets);
}

const VmctlCommand vmctl_command_device_show = {
  .name = "device show",
  .arguments = "DEVICE…",
  .summary = "Show all that is known of devices",
  .run = run_show,
};
