/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* What --json prints: one value on standard output, its members always in the same order; times
 * are UTC in ISO 8601, sizes bytes, what is absent null. */
void vmctl_json_add_string (JsonBuilder *builder, const char *name, const char *value);
void vmctl_json_add_int (JsonBuilder *builder, const char *name, gint64 value);
void vmctl_json_add_boolean (JsonBuilder *builder, const char *name, gboolean value);
void vmctl_json_add_time (JsonBuilder *builder, const char *name, gint64 microseconds);
void vmctl_json_add_bytes (JsonBuilder *builder, const char *name, const char *bytes, gsize length);
void vmctl_json_add_raw (JsonBuilder *builder, const char *name, const char *json);
void vmctl_json_add_error (JsonBuilder *builder, const GError *error);
void vmctl_json_print (JsonBuilder *builder);
void vmctl_json_print_line (JsonBuilder *builder);

G_END_DECLS
