/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-channel-settings.h"

#include <string.h>

/* A daemon is started by a bus or by vmctl as well as by hand: so what devices need of it can stand
 * in a file, <state-dir>/vmd.conf, in its group [channel], and the command line goes before it. */

#define FILE_NAME "vmd.conf"
#define GROUP "channel"

typedef struct
{
  const char *name;
  gsize offset; /* of a guint in VmdChannelOptions */
  guint minimum;
  guint maximum;
} Limit;

#define LIMIT(name, field, minimum, maximum)                                                       \
  {                                                                                                \
    name, G_STRUCT_OFFSET (VmdChannelOptions, field), minimum, maximum                             \
  }

static const Limit limits[] = {
  LIMIT ("heartbeat", heartbeat, 1, 3600),
  LIMIT ("lease", lease, 1, 86400),
  LIMIT ("header-deadline", header_deadline, 1, 3600),
  LIMIT ("max-body", max_body, 1024, 16 * 1024 * 1024),
  LIMIT ("max-header", max_header, 1024, 1024 * 1024),
  LIMIT ("max-connections", max_connections, 0, G_MAXINT),
  LIMIT ("max-connections-per-address", max_connections_per_address, 0, G_MAXINT),
  LIMIT ("max-connects-per-second", max_connects_per_second, 0, G_MAXINT),
  LIMIT ("contest-takeovers", contest_takeovers, 1, 16),
  LIMIT ("contest-window", contest_window, 1, 86400),
};

void
vmd_channel_settings_clear (VmdChannelSettings *self)
{
  g_clear_pointer (&self->listen, g_free);
  g_clear_pointer (&self->certificate, g_free);
  g_clear_pointer (&self->key, g_free);
  g_clear_pointer (&self->limits, g_strfreev);
}

/* @where: where it stands, for the error. */
static gboolean
set_limit (VmdChannelOptions *options, const char *where, const char *name, const char *value,
           GError **error)
{
  guint64 number;

  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      if (!g_str_equal (limits[i].name, name))
        continue;
      if (!g_ascii_string_to_unsigned (value, 10, limits[i].minimum, limits[i].maximum, &number,
                                       NULL))
        {
          g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                       "%s: “%s” is a number from %u to %u, and not “%s”", where, name,
                       limits[i].minimum, limits[i].maximum, value);
          return FALSE;
        }
      *(guint *) G_STRUCT_MEMBER_P (options, limits[i].offset) = number;
      return TRUE;
    }
  g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT, "%s: there is no setting “%s”", where,
               name);
  return FALSE;
}

static char **
get_text (VmdChannelSettings *self, const char *name)
{
  if (g_str_equal (name, "listen"))
    return &self->listen;
  if (g_str_equal (name, "certificate"))
    return &self->certificate;
  return g_str_equal (name, "key") ? &self->key : NULL;
}

static gboolean
take_setting (VmdChannelSettings *self, VmdChannelOptions *options, const char *path,
              const char *name, GKeyFile *file, GError **error)
{
  g_autofree char *value = g_key_file_get_string (file, GROUP, name, NULL);
  char **text = get_text (self, name);

  if (text == NULL)
    return set_limit (options, path, name, value != NULL ? value : "", error);
  if (*text == NULL)
    *text = g_steal_pointer (&value);
  return TRUE;
}

/* No file is no fault. */
static gboolean
read_file (VmdChannelSettings *self, VmdChannelOptions *options, const char *path, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) local = NULL;
  g_auto (GStrv) groups = NULL;
  g_auto (GStrv) names = NULL;

  if (!g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, &local))
    {
      if (g_error_matches (local, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return TRUE;
      g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT, "Cannot read %s: %s", path,
                   local->message);
      return FALSE;
    }
  groups = g_key_file_get_groups (file, NULL);
  for (guint i = 0; groups[i] != NULL; i++)
    if (!g_str_equal (groups[i], GROUP))
      {
        g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT, "%s: there is no group “%s”",
                     path, groups[i]);
        return FALSE;
      }
  names = g_key_file_get_keys (file, GROUP, NULL, NULL);
  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    if (!take_setting (self, options, path, names[i], file, error))
      return FALSE;
  return TRUE;
}

gboolean
vmd_channel_settings_load (VmdChannelSettings *self, const char *state_dir,
                           VmdChannelOptions *options, GError **error)
{
  g_autofree char *path = g_build_filename (state_dir, FILE_NAME, NULL);

  vmd_channel_options_init (options);
  if (!read_file (self, options, path, error))
    return FALSE;
  for (guint i = 0; self->limits != NULL && self->limits[i] != NULL; i++)
    {
      g_auto (GStrv) parts = g_strsplit (self->limits[i], "=", 2);

      if (!set_limit (options, "--channel-limit", parts[0] != NULL ? parts[0] : "",
                      parts[0] != NULL && parts[1] != NULL ? parts[1] : "", error))
        return FALSE;
    }
  options->listen = self->listen;
  options->certificate = self->certificate;
  options->key = self->key;
  return TRUE;
}
