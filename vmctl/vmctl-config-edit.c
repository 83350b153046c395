/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-command.h"
#include "vmctl-config-target.h"
#include "vmctl-config-value.h"
#include "vmctl-editor.h"
#include "vmctl-error.h"

#include <string.h>
#include <vmd-error.h>

/* What is set, in an editor. The change is made only if nobody made one meanwhile. What vmd refuses
 * is opened again, for as long as each attempt differs from the one before: an editor that does
 * nothing must not be started for ever. What was written and ends in an error stays in its file: it
 * may be an hour's work. */

static const VmctlOption options[] = {
  VMCTL_CONFIG_TARGET_OPTIONS,
  { "note", 0, VMCTL_OPTION_TEXT, "TEXT", "Goes into the history, behind who you are" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

/* A line for each value. (transfer full) */
static char *
format_values (const char *json)
{
  GString *text = g_string_new ("{");
  char *key, *value;

  while (vmctl_config_value_next (&json, &key, &value))
    {
      g_string_append_printf (text, "%s\n  \"%s\": %s", text->len > 1 ? "," : "", key, value);
      g_free (key);
      g_free (value);
    }
  g_string_append (text, "\n}\n");
  return g_string_free (text, FALSE);
}

/* Edits and sets until it will do. */
static gboolean
edit (VmctlEditor *editor, VmctlConfigTarget *target, const char *before,
      const VmctlArguments *arguments, guint64 *version, GError **error)
{
  g_autofree char *tried = g_strdup (before);

  while (TRUE)
    {
      g_autofree char *text = vmctl_editor_run (editor, error);
      g_autoptr (GError) local = NULL;

      if (text == NULL)
        return FALSE;
      if (g_str_equal (text, before))
        return TRUE;
      if (vmctl_config_target_replace (target, text, arguments, version, &local))
        return TRUE;
      if (!g_error_matches (local, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT) ||
          g_str_equal (text, tried))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      vmctl_error_print ("config edit", local);
      g_free (tried);
      tried = g_steal_pointer (&text);
    }
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  g_autoptr (VmctlConfigTarget) target = vmctl_config_target_find (client, arguments, error);
  g_autoptr (VmctlEditor) editor = NULL;
  g_autofree char *before = NULL;
  g_autoptr (GError) local = NULL;
  guint64 version;

  if (target == NULL || !vmctl_config_target_load (target, error))
    return -1;
  before = format_values (vmctl_config_target_get_own_values (target));
  editor = vmctl_editor_new (client, before, error);
  if (editor == NULL)
    return -1;
  version = vmctl_config_target_get_uint64 (target, "Version");
  if (edit (editor, target, before, arguments, &version, &local))
    return vmctl_config_target_report (target, version);
  if (vmctl_editor_has_changed (editor))
    {
      g_autofree char *shown = g_filename_display_name (vmctl_editor_keep (editor));

      g_set_error (error, local->domain, local->code, "%s; what you wrote is in %s", local->message,
                   shown);
    }
  else
    g_propagate_error (error, g_steal_pointer (&local));
  return -1;
}

static gboolean
check (const VmctlArguments *arguments, GError **error)
{
  return vmctl_config_target_check (arguments, "DEVICE", 0, 0, error);
}

const VmctlCommand vmctl_command_config_edit = {
  .name = "config edit",
  .arguments = "[DEVICE]",
  .summary = "Edit what is set in $VISUAL or $EDITOR",
  .details = "Nothing is changed if somebody else changed it meanwhile (exit status 4). What vmd "
             "refuses is opened again; leave it as it is to give up.",
  .options = options,
  .check = check,
  .run = run,
};
