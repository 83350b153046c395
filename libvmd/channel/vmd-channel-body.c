/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-channel-body-private.h"

#include "../base/vmd-failure-private.h"
#include "vmd-json-scan-private.h"

#include <string.h>

/* As deep as a schema goes, and a bit: the scanner calls itself for each level. */
#define MAX_DEPTH 8

typedef struct
{
  const VmdBodyMember *members;
  guint n_members;
  guint64 seen; /* a bit for each */
} Parse;

static gboolean skip_object (VmdJsonScan *scan, guint depth, GError **error);

static gboolean
skip_member_cb (VmdJsonScan *scan, const char *key, gpointer data, GError **error)
{
  g_autoptr (GString) ignored = NULL;

  if (vmd_json_scan_peek (scan) == '{')
    return skip_object (scan, GPOINTER_TO_UINT (data) + 1, error);
  ignored = g_string_new (NULL);
  if (vmd_json_scan_peek (scan) == 'n')
    return vmd_json_scan_null (scan, ignored, error);
  return vmd_json_scan_value (scan, ignored, error);
}

static gboolean
skip_object (VmdJsonScan *scan, guint depth, GError **error)
{
  if (depth > MAX_DEPTH)
    return vmd_json_scan_fail (scan, error, "this is nested too deeply");
  return vmd_json_scan_object (scan, skip_member_cb, GUINT_TO_POINTER (depth), error);
}

static gboolean
take_object (VmdJsonScan *scan, char **value, GError **error)
{
  g_autoptr (GString) null = g_string_new (NULL);
  char first = vmd_json_scan_peek (scan);
  const char *begin = scan->next;

  if (first == 'n')
    return vmd_json_scan_null (scan, null, error);
  if (first != '{')
    return vmd_json_scan_fail (scan, error, "an object must be here");
  if (!skip_object (scan, 1, error))
    return FALSE;
  *value = g_strndup (begin, scan->next - begin);
  return TRUE;
}

static gboolean
take_scalar (VmdJsonScan *scan, const VmdBodyMember *member, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  gboolean is_string = member->kind == VMD_BODY_STRING;

  if ((vmd_json_scan_peek (scan) == '"') != is_string)
    return vmd_json_scan_fail (scan, error,
                               is_string ? "a string must be here" : "a number must be here");
  if (!vmd_json_scan_value (scan, text, error))
    return FALSE;
  if (is_string)
    *(char **) member->value = vmd_json_decode_string (text->str, text->len);
  else if (!g_ascii_string_to_unsigned (text->str, 10, 0, G_MAXUINT64, member->value, NULL))
    return vmd_json_scan_fail (scan, error, "a whole number, not below 0, must be here");
  return TRUE;
}

static gboolean
take_member_cb (VmdJsonScan *scan, const char *key, gpointer data, GError **error)
{
  Parse *parse = data;

  for (guint i = 0; i < parse->n_members; i++)
    {
      const VmdBodyMember *member = &parse->members[i];

      if (!g_str_equal (member->name, key))
        continue;
      if (parse->seen & (G_GUINT64_CONSTANT (1) << i))
        return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "“%s” is there twice", key);
      parse->seen |= G_GUINT64_CONSTANT (1) << i;
      if (member->kind == VMD_BODY_OBJECT)
        return take_object (scan, member->value, error);
      return take_scalar (scan, member, error);
    }
  return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "“%s” is not known here", key);
}

gboolean
vmd_body_parse (const char *text, gsize length, const VmdBodyMember *members, guint n_members,
                GError **error)
{
  Parse parse = { members, n_members, 0 };
  VmdJsonScan scan;

  g_return_val_if_fail (n_members <= 64, FALSE);

  if (!vmd_json_scan_init (&scan, text, length, error))
    return FALSE;
  if (vmd_json_scan_peek (&scan) != '{')
    return vmd_json_scan_fail (&scan, error, "an object must be here");
  if (!vmd_json_scan_object (&scan, take_member_cb, &parse, error) ||
      !vmd_json_scan_finish (&scan, error))
    return FALSE;
  for (guint i = 0; i < n_members; i++)
    if (members[i].is_required && !(parse.seen & (G_GUINT64_CONSTANT (1) << i)))
      return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "“%s” is missing", members[i].name);
  return TRUE;
}

/* Bytes that are no UTF-8 become marks: what is quoted may have come from anywhere. */
char *
vmd_body_quote (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *quoted = g_string_new ("\"");

  for (const char *next = valid; *next != '\0'; next++)
    if (*next == '"' || *next == '\\')
      g_string_append_printf (quoted, "\\%c", *next);
    else if ((guchar) *next < 0x20 || *next == 0x7f)
      g_string_append_printf (quoted, "\\u%04x", *next);
    else
      g_string_append_c (quoted, *next);
  g_string_append_c (quoted, '"');
  return g_string_free (quoted, FALSE);
}
