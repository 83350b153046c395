/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean vmctl_size_parse (const char *text, const char *what, guint64 *bytes, GError **error);
gboolean vmctl_count_parse (const char *text, const char *what, guint *count, GError **error);
gboolean
vmctl_duration_parse (const char *text, const char *what, guint *milliseconds, GError **error);
gboolean vmctl_lifetime_parse (const char *text, const char *what, guint *seconds, GError **error);
gboolean vmctl_version_parse (const char *text, const char *what, guint64 *version, GError **error);

G_END_DECLS
