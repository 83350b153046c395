/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-listing.h"

#include "vmctl-error.h"

#include <stdio.h>
#include <vmd-error.h>

static void
print_json (const VmctlListing *listing, gpointer proxy)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  listing->add_json (builder, proxy);
  json_builder_end_object (builder);
  vmctl_json_print (builder);
}

/* What was put into both, by the one that is asked for. */
void
vmctl_listing_print (VmctlClient *client, VmctlTable *table, JsonBuilder *builder)
{
  if (vmctl_client_is_json (client))
    vmctl_json_print (builder);
  else
    vmctl_table_print (table);
}

/* All that there are: an array, or a table. */
int
vmctl_listing_print_all (VmctlClient *client, const VmctlListing *listing, GError **error)
{
  g_autoptr (VmctlTable) table = vmctl_table_new (listing->titles);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (GPtrArray) proxies = vmctl_objects_list (client, listing->kind, error);

  if (proxies == NULL)
    return -1;
  json_builder_begin_array (builder);
  for (guint i = 0; i < proxies->len; i++)
    {
      json_builder_begin_object (builder);
      listing->add_json (builder, proxies->pdata[i]);
      json_builder_end_object (builder);
      listing->add_row (table, proxies->pdata[i], FALSE);
    }
  json_builder_end_array (builder);
  vmctl_listing_print (client, table, builder);
  return 0;
}

/* The one that @name means. */
int
vmctl_listing_print_one (VmctlClient *client, const VmctlListing *listing, const char *name,
                         GError **error)
{
  const char *const names[] = { name, NULL };
  g_autoptr (VmctlTable) table = vmctl_table_new (listing->titles);
  g_autoptr (GPtrArray) proxies = NULL;
  g_autoptr (GPtrArray) targets =
      vmctl_resolve_objects (client, listing->kind, names, &proxies, error);
  VmctlTarget *target = targets != NULL ? targets->pdata[0] : NULL;
  GDBusProxy *proxy;

  if (target == NULL)
    return -1;
  if (target->error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&target->error));
      return -1;
    }
  proxy = vmctl_resolve_find (proxies, target->path);
  if (vmctl_client_is_json (client))
    {
      print_json (listing, proxy);
      return 0;
    }
  listing->add_row (table, proxy, TRUE);
  vmctl_table_print_record (table);
  return 0;
}

/* What is known of one; why nothing is, is left in @target. */
static void
show_one (VmctlClient *client, const VmctlRecord *record, VmctlTarget *target, JsonBuilder *builder,
          gboolean first)
{
  g_autoptr (GObject) proxy = NULL;

  if (target->path != NULL)
    proxy = record->load (client, target->path, &target->error);
  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "target", target->given);
  if (proxy != NULL)
    record->add_json (builder, proxy);
  vmctl_json_add_error (builder, target->error);
  json_builder_end_object (builder);
  if (proxy == NULL || vmctl_client_is_json (client))
    return;
  if (!first)
    putchar ('\n');
  record->print (proxy);
}

/* All that is known of each: an array, or records with an empty line between. Returns the worst
 * exit status. */
int
vmctl_listing_show (VmctlClient *client, const VmctlRecord *record, GPtrArray *targets)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  int worst = 0;

  json_builder_begin_array (builder);
  for (guint i = 0; i < targets->len; i++)
    {
      VmctlTarget *target = targets->pdata[i];
      g_autofree char *what = g_strconcat ("show ", target->given, NULL);

      show_one (client, record, target, builder, i == 0);
      if (target->error == NULL)
        continue;
      vmctl_error_print (what, target->error);
      worst = MAX (worst, vmctl_error_get_exit_status (target->error));
    }
  json_builder_end_array (builder);
  if (vmctl_client_is_json (client))
    vmctl_json_print (builder);
  return worst;
}

/* What was made, at @path: with --json only, since otherwise no news is good news. @path:
 * (nullable): it was not, and @error is set */
int
vmctl_listing_report (VmctlClient *client, const VmctlListing *listing, const char *path,
                      GError **error)
{
  g_autoptr (GPtrArray) proxies = NULL;
  GDBusProxy *proxy;

  if (path == NULL)
    return -1;
  if (!vmctl_client_is_json (client))
    return 0;
  proxies = vmctl_objects_list (client, listing->kind, error);
  if (proxies == NULL)
    return -1;
  proxy = vmctl_resolve_find (proxies, path);
  if (proxy == NULL)
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_NOT_FOUND,
                   "The %s was made, and has been deleted since", listing->kind->word);
      return -1;
    }
  print_json (listing, proxy);
  return 0;
}
