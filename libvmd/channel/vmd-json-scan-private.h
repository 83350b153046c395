/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One strict way through foreign JSON, which writes it down again in canonical form: values that
 * are equal have the same text. */

#include "vmd-error.h"

G_BEGIN_DECLS

/* The longest text that is looked at, in bytes. */
#define VMD_JSON_MAX_TEXT (512 * 1024)

/* Of a canonical text, by its first character. */
typedef enum
{
  VMD_JSON_NULL,
  VMD_JSON_BOOLEAN,
  VMD_JSON_NUMBER,
  VMD_JSON_STRING,
  VMD_JSON_LIST,
} VmdJsonKind;

/* On the stack; borrows the text. All that fail say INVALID_ARGUMENT and where. */
typedef struct
{
  const char *text;
  const char *next;
  const char *end;
} VmdJsonScan;

/* At the value of @key: takes it, or fails. @key is canonical and NUL-terminated, without its
 * quotes. */
typedef gboolean (*VmdJsonMember) (VmdJsonScan *scan, const char *key, gpointer data,
                                   GError **error);

gboolean vmd_json_scan_init (VmdJsonScan *self, const char *text, gssize length, GError **error);
gboolean vmd_json_scan_fail (VmdJsonScan *self, GError **error, const char *fault);
char vmd_json_scan_peek (VmdJsonScan *self);
gboolean
vmd_json_scan_object (VmdJsonScan *self, VmdJsonMember member, gpointer data, GError **error);
gboolean vmd_json_scan_null (VmdJsonScan *self, GString *out, GError **error);
gboolean vmd_json_scan_value (VmdJsonScan *self, GString *out, GError **error);
gboolean vmd_json_scan_finish (VmdJsonScan *self, GError **error);

VmdJsonKind vmd_json_get_kind (const char *canonical);
gboolean vmd_json_is_integer (const char *canonical, gsize length);
int vmd_json_compare_numbers (const char *a, const char *b);
char *vmd_json_decode_string (const char *canonical, gsize length);
gboolean vmd_json_next_item (const char **place, const char **item, gsize *length);

G_END_DECLS
