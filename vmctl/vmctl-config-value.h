/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What KEY=VALUE and KEY:=JSON mean, as a JSON merge patch. */
gboolean vmctl_config_value_check (const char *assignment, GError **error);
char *
vmctl_config_value_make_patch (const char *const *assignments, const char *schema, GError **error);
char *vmctl_config_value_make_unset (const char *const *keys, GError **error);
/* One after the other the members of @json as vmd sends it, without blanks; @json is moved on. What
 * a member holds is its very text. FALSE: there are no more. (out) (transfer full) */
gboolean vmctl_config_value_next (const char **json, char **key, char **value);
/* A value for people and scripts: a string as it is, anything else as JSON. (transfer full) */
char *vmctl_config_value_format (const char *value);

G_END_DECLS
