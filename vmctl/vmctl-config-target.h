/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-arguments.h"
#include "vmctl-client.h"

G_BEGIN_DECLS

/* What has a configuration: a device, or with --group a group of them. */
typedef struct _VmctlConfigTarget VmctlConfigTarget;

#define VMCTL_CONFIG_TARGET_OPTIONS                                                                \
  {                                                                                                \
    "group", 'g', VMCTL_OPTION_TEXT, "NAME", "Of this group, in place of DEVICE"                   \
  }

#define VMCTL_CONFIG_CHANGE_OPTIONS                                                                \
  { "if-version", 0, VMCTL_OPTION_VERSION, "N", "Only if this is the version: else exit with 4" }, \
  {                                                                                                \
    "note", 0, VMCTL_OPTION_TEXT, "TEXT", "Goes into the history, behind who you are"              \
  }

/* That there are @least to @most words behind the device, or behind --group; to be
 * called in a command's check. @word: what they are called. */
gboolean vmctl_config_target_check (const VmctlArguments *arguments, const char *word, guint least,
                                    guint most, GError **error);
/* Those words. (transfer none) */
const char *const *vmctl_config_target_get_words (const VmctlArguments *arguments);

VmctlConfigTarget *
vmctl_config_target_find (VmctlClient *client, const VmctlArguments *arguments, GError **error);
void vmctl_config_target_free (VmctlConfigTarget *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmctlConfigTarget, vmctl_config_target_free)

const char *vmctl_config_target_get_name (VmctlConfigTarget *self);
const char *vmctl_config_target_get_path (VmctlConfigTarget *self);
gboolean vmctl_config_target_is_group (VmctlConfigTarget *self);

/* Reads all its properties, again if they have been read before. Without that, a string below is ""
 * and a number 0. */
gboolean vmctl_config_target_load (VmctlConfigTarget *self, GError **error);
guint64 vmctl_config_target_get_uint64 (VmctlConfigTarget *self, const char *property);
gint64 vmctl_config_target_get_int64 (VmctlConfigTarget *self, const char *property);
const char *vmctl_config_target_get_string (VmctlConfigTarget *self, const char *property);
/* What is set on it: of a device, its own. JSON. */
const char *vmctl_config_target_get_own_values (VmctlConfigTarget *self);

/* These take --if-version and --note from @arguments where they are given. */
gboolean
vmctl_config_target_patch (VmctlConfigTarget *self, const char *json,
                           const VmctlArguments *arguments, guint64 *version, GError **error);
/* All that is set becomes @json, if the version is still the one that was loaded. */
gboolean
vmctl_config_target_replace (VmctlConfigTarget *self, const char *json,
                             const VmctlArguments *arguments, guint64 *version, GError **error);
gboolean
vmctl_config_target_roll_back (VmctlConfigTarget *self, guint64 to, const VmctlArguments *arguments,
                               guint64 *version, GError **error);
/* The newest first, a(txssss). (transfer full) */
GVariant *vmctl_config_target_load_history (VmctlConfigTarget *self, guint limit, GError **error);
/* What came of a change: with --json only. An exit status. */
int vmctl_config_target_report (VmctlConfigTarget *self, guint64 version);

G_END_DECLS
