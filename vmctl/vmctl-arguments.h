/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-option.h"

G_BEGIN_DECLS

/* What the command line said: options, positional arguments, and the command behind "--". */
typedef struct _VmctlArguments VmctlArguments;

VmctlArguments *vmctl_arguments_parse (const char *pattern, const VmctlOption *const *option_arrays,
                                       char **argv, GError **error);
void vmctl_arguments_free (VmctlArguments *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmctlArguments, vmctl_arguments_free)

guint vmctl_arguments_count (const VmctlArguments *self);
const char *vmctl_arguments_get (const VmctlArguments *self, guint index);
const char *const *vmctl_arguments_get_all (const VmctlArguments *self);
const char *const *vmctl_arguments_get_command (const VmctlArguments *self);

gboolean vmctl_arguments_has (const VmctlArguments *self, const char *option);
const char *vmctl_arguments_get_text (const VmctlArguments *self, const char *option);
const char *const *vmctl_arguments_get_list (const VmctlArguments *self, const char *option);
gboolean vmctl_arguments_get_size (const VmctlArguments *self, const char *option, guint64 *bytes);
gboolean vmctl_arguments_get_count (const VmctlArguments *self, const char *option, guint *count);
gboolean
vmctl_arguments_get_duration (const VmctlArguments *self, const char *option, guint *milliseconds);
gboolean
vmctl_arguments_get_lifetime (const VmctlArguments *self, const char *option, guint *seconds);
gboolean
vmctl_arguments_get_version (const VmctlArguments *self, const char *option, guint64 *version);

G_END_DECLS
