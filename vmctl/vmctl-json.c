/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-json.h"

#include "vmctl-error.h"

#include <stdio.h>
#include <string.h>
#include <vmd-error.h>

/* NULL and "" are null: on the bus, "" stands for what is absent. */
void
vmctl_json_add_string (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  if (value != NULL && *value != '\0')
    json_builder_add_string_value (builder, value);
  else
    json_builder_add_null_value (builder);
}

void
vmctl_json_add_int (JsonBuilder *builder, const char *name, gint64 value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

void
vmctl_json_add_boolean (JsonBuilder *builder, const char *name, gboolean value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_boolean_value (builder, value);
}

/* @microseconds since 1970; 0 is null. */
void
vmctl_json_add_time (JsonBuilder *builder, const char *name, gint64 microseconds)
{
  g_autoptr (GDateTime) seconds = NULL;
  g_autofree char *date = NULL;
  g_autofree char *text = NULL;

  if (microseconds != 0)
    seconds = g_date_time_new_from_unix_utc (microseconds / G_USEC_PER_SEC);
  if (seconds != NULL)
    {
      date = g_date_time_format (seconds, "%Y-%m-%dT%H:%M:%S");
      text = g_strdup_printf ("%s.%06dZ", date, (int) (microseconds % G_USEC_PER_SEC));
    }
  vmctl_json_add_string (builder, name, text);
}

/* What a guest wrote: as it is where it is UTF-8 without NUL, else under NAME_base64. */
void
vmctl_json_add_bytes (JsonBuilder *builder, const char *name, const char *bytes, gsize length)
{
  g_autofree char *encoded_name = g_strconcat (name, "_base64", NULL);
  g_autofree char *text = g_strndup (bytes, length);
  g_autofree char *encoded = NULL;

  if (g_utf8_validate (bytes, length, NULL) && memchr (bytes, '\0', length) == NULL)
    {
      json_builder_set_member_name (builder, name);
      json_builder_add_string_value (builder, text);
      return;
    }
  encoded = g_base64_encode ((const guchar *) bytes, length);
  json_builder_set_member_name (builder, encoded_name);
  json_builder_add_string_value (builder, encoded);
}

/* What is JSON already; "" is null. */
void
vmctl_json_add_raw (JsonBuilder *builder, const char *name, const char *json)
{
  g_autoptr (JsonNode) node = json_from_string (json, NULL);

  json_builder_set_member_name (builder, name);
  if (node != NULL)
    json_builder_add_value (builder, g_steal_pointer (&node));
  else
    json_builder_add_null_value (builder);
}

/* A member "error": null, or what failed. @error: (nullable) */
void
vmctl_json_add_error (JsonBuilder *builder, const GError *error)
{
  VmdError code;

  json_builder_set_member_name (builder, "error");
  if (error == NULL)
    {
      json_builder_add_null_value (builder);
      return;
    }
  code = error->domain == VMD_ERROR ? (VmdError) error->code : VMD_ERROR_FAILED;
  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "name", strrchr (vmd_error_get_bus_name (code), '.') + 1);
  vmctl_json_add_string (builder, "message", error->message);
  vmctl_json_add_int (builder, "exit_status", vmctl_error_get_exit_status (error));
  json_builder_end_object (builder);
}

static void
print (JsonBuilder *builder, gboolean pretty)
{
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *text = json_to_string (root, pretty);

  fputs (text, stdout);
  fputc ('\n', stdout);
  fflush (stdout);
}

void
vmctl_json_print (JsonBuilder *builder)
{
  print (builder, TRUE);
}

/* One of several values, each on a line of its own. */
void
vmctl_json_print_line (JsonBuilder *builder)
{
  print (builder, FALSE);
}
