/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-batch.h"
#include "vmctl-command.h"
#include "vmctl-json.h"
#include "vmctl-listing.h"
#include "vmctl-resolve.h"
#include "vmctl-table.h"
#include "vmctl-text.h"

#include <stdio.h>

static const VmctlOption new_options[] = {
  { "label", 0, VMCTL_OPTION_TEXT, "TEXT", "What it is for" },
  { "expires", 0, VMCTL_OPTION_LIFETIME, "TIME", "After which it is of no use, as in 30d" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

/* A call of a device's method; NULL with @error set: there is no such device. */
static VmctlCall *
new_call (VmctlClient *client, const VmctlArguments *arguments, const char *method, GError **error)
{
  g_autofree char *path = vmctl_resolve_device (client, vmctl_arguments_get (arguments, 0), error);

  return path != NULL ? vmctl_call_new (client, path, vmd_dbus_device_interface_info (), method)
                      : NULL;
}

static int
run_new (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  g_autoptr (VmctlCall) call = new_call (client, arguments, "AddToken", error);
  const char *label = vmctl_arguments_get_text (arguments, "label");
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (GVariant) reply = NULL;
  gint64 expires = 0;
  const char *token;
  guint seconds;

  if (call == NULL)
    return -1;
  vmctl_call_add_argument (call, g_variant_new_string (label != NULL ? label : ""));
  if (vmctl_arguments_get_lifetime (arguments, "expires", &seconds))
    {
      expires = g_get_real_time () + (gint64) seconds * G_USEC_PER_SEC;
      vmctl_call_add_option (call, "expires", g_variant_new_int64 (expires));
    }
  reply = vmctl_call_run (call, error);
  if (reply == NULL)
    return -1;
  g_variant_get (reply, "(&s)", &token);
  if (!vmctl_client_is_json (client))
    {
      puts (token);
      return 0;
    }
  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "target", vmctl_arguments_get (arguments, 0));
  vmctl_json_add_string (builder, "token", token);
  vmctl_json_add_string (builder, "label", label);
  vmctl_json_add_time (builder, "expires", expires);
  json_builder_end_object (builder);
  vmctl_json_print (builder);
  return 0;
}

const VmctlCommand vmctl_command_device_token_new = {
  .name = "device token new",
  .arguments = "DEVICE",
  .summary = "Make a token with which a device connects, and print it",
  .details = "It is printed this once and can't be had again: vmd keeps no more than a hash of it. "
             "A device may have several, so that one can be replaced while the other is in use.",
  .options = new_options,
  .run = run_new,
};

static int
run_list (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  static const char *const titles[] = { "ID", "LABEL", "CREATED", "EXPIRES", NULL };
  g_autoptr (VmctlCall) call = new_call (client, arguments, "ListTokens", error);
  g_autoptr (VmctlTable) table = vmctl_table_new (titles);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (GVariantIter) iterator = NULL;
  g_autoptr (GVariant) reply = NULL;
  const char *id, *label;
  gint64 created, expires;

  reply = call != NULL ? vmctl_call_run (call, error) : NULL;
  if (reply == NULL)
    return -1;
  json_builder_begin_array (builder);
  g_variant_get (reply, "(a(ssxx))", &iterator);
  while (g_variant_iter_next (iterator, "(&s&sxx)", &id, &label, &created, &expires))
    {
      g_autofree char *made = vmctl_text_format_time (created);
      g_autofree char *end = vmctl_text_format_time (expires);

      vmctl_table_add (table, id, label, made, expires != 0 ? end : "never", NULL);
      json_builder_begin_object (builder);
      vmctl_json_add_string (builder, "id", id);
      vmctl_json_add_string (builder, "label", label);
      vmctl_json_add_time (builder, "created", created);
      vmctl_json_add_time (builder, "expires", expires);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  vmctl_listing_print (client, table, builder);
  return 0;
}

const VmctlCommand vmctl_command_device_token_list = {
  .name = "device token list",
  .arguments = "DEVICE",
  .summary = "List a device's tokens, without their secrets",
  .run = run_list,
};

static int
run_revoke (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  g_autofree char *device =
      vmctl_resolve_device (client, vmctl_arguments_get (arguments, 0), error);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (VmctlCall) call = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autofree char *id = NULL;

  if (device == NULL)
    return -1;
  /* Somebody who has the token itself at hand need not look for its id. */
  id = g_strdup (vmctl_arguments_get (arguments, 1));
  id[strcspn (id, ".")] = '\0';
  call = vmctl_call_new (client, device, vmd_dbus_device_interface_info (), "RevokeToken");
  vmctl_call_add_argument (call, g_variant_new_string (id));
  reply = vmctl_call_run (call, error);
  if (reply == NULL)
    return -1;
  if (!vmctl_client_is_json (client))
    return 0;
  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "target", vmctl_arguments_get (arguments, 0));
  vmctl_json_add_string (builder, "id", id);
  json_builder_end_object (builder);
  vmctl_json_print (builder);
  return 0;
}

const VmctlCommand vmctl_command_device_token_revoke = {
  .name = "device token revoke",
  .arguments = "DEVICE TOKEN",
  .summary = "Take a token back, by its id: a stream that was opened with it ends at once",
  .run = run_revoke,
};
