/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-command.h"
#include "vmctl-config-target.h"
#include "vmctl-config-value.h"

static const VmctlOption options[] = {
  VMCTL_CONFIG_TARGET_OPTIONS,
  VMCTL_CONFIG_CHANGE_OPTIONS,
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

static int
change (VmctlConfigTarget *target, const char *patch, const VmctlArguments *arguments,
        GError **error)
{
  guint64 version;

  if (!vmctl_config_target_patch (target, patch, arguments, &version, error))
    return -1;
  return vmctl_config_target_report (target, version);
}

static int
run_set (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  const char *const *words = vmctl_config_target_get_words (arguments);
  g_autoptr (VmctlConfigTarget) target = vmctl_config_target_find (client, arguments, error);
  g_autofree char *patch = NULL;

  if (target == NULL)
    return -1;
  /* A group has no schema. */
  if (!vmctl_config_target_is_group (target) && !vmctl_config_target_load (target, error))
    return -1;
  patch = vmctl_config_value_make_patch (words, vmctl_config_target_get_string (target, "Schema"),
                                         error);
  return patch != NULL ? change (target, patch, arguments, error) : -1;
}

static gboolean
check_set (const VmctlArguments *arguments, GError **error)
{
  const char *const *word;

  if (!vmctl_config_target_check (arguments, "KEY=VALUE", 1, G_MAXUINT, error))
    return FALSE;
  for (word = vmctl_config_target_get_words (arguments); *word != NULL; word++)
    if (!vmctl_config_value_check (*word, error))
      return FALSE;
  return TRUE;
}

const VmctlCommand vmctl_command_config_set = {
  .name = "config set",
  .arguments = "[DEVICE] [KEY=VALUE…]",
  .summary = "Set values: all of them in one version, which is pushed to the device",
  .details = "VALUE is a string where the device's schema says that KEY is a string or an enum. "
             "Elsewhere it is JSON if it reads as a number, true, false, a string in quotes or a "
             "list, and else a string. KEY:=JSON is that JSON in any case.",
  .options = options,
  .check = check_set,
  .run = run_set,
};

static int
run_unset (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  const char *const *keys = vmctl_config_target_get_words (arguments);
  g_autofree char *patch = vmctl_config_value_make_unset (keys, error);
  g_autoptr (VmctlConfigTarget) target = NULL;

  if (patch != NULL)
    target = vmctl_config_target_find (client, arguments, error);
  return target != NULL ? change (target, patch, arguments, error) : -1;
}

static gboolean
check_unset (const VmctlArguments *arguments, GError **error)
{
  return vmctl_config_target_check (arguments, "KEY", 1, G_MAXUINT, error);
}

const VmctlCommand vmctl_command_config_unset = {
  .name = "config unset",
  .arguments = "[DEVICE] [KEY…]",
  .summary = "Take values away: those of groups and of the schema's defaults show again",
  .options = options,
  .check = check_unset,
  .run = run_unset,
};
