/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-options.h"

#include <string.h>
#include <vmd-error.h>

#define KEY_FILE_GROUP "Device"
#define HOOK_DEADLINE 60 /* seconds */
#define MAX_HOOK_DEADLINE (24 * 60 * 60)
#define MAX_ID 63

void
vmd_device_options_free (VmdDeviceOptions *self)
{
  g_free (self->url);
  g_free (self->id);
  g_free (self->token_file);
  g_free (self->ca);
  g_free (self->output);
  g_free (self->directory);
  g_free (self->hook);
  g_free (self);
}

static gboolean G_GNUC_PRINTF (2, 3) fail (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error_literal (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT, text);
  return FALSE;
}

static gboolean
parse_arguments (VmdDeviceOptions *self, char **argv, char **key_file, int *hook_deadline,
                 GError **error)
{
  int second = 1000;
  const GOptionEntry entries[] = {
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, key_file, "Read these options from FILE", "FILE" },
    { "url", 'u', 0, G_OPTION_ARG_STRING, &self->url, "Where the channel is", "URL" },
    { "id", 'i', 0, G_OPTION_ARG_STRING, &self->id, "Which device this is", "ID" },
    { "token-file", 't', 0, G_OPTION_ARG_FILENAME, &self->token_file,
      "The file with the device's token", "FILE" },
    { "ca", 0, 0, G_OPTION_ARG_FILENAME, &self->ca, "Trust the authorities in FILE, and no others",
      "FILE" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &self->output, "Keep version and values in FILE",
      "FILE" },
    { "directory", 'd', 0, G_OPTION_ARG_FILENAME, &self->directory,
      "Keep a file for each key in DIR", "DIR" },
    { "hook", 0, 0, G_OPTION_ARG_FILENAME, &self->hook, "Run PROGRAM after each change",
      "PROGRAM" },
    { "hook-deadline", 0, 0, G_OPTION_ARG_INT, hook_deadline, "End the hook after so long",
      "SECONDS" },
    { "once", 0, 0, G_OPTION_ARG_NONE, &self->once, "Fetch and apply the values once, and exit",
      NULL },
    { "verbose", 'v', 0, G_OPTION_ARG_NONE, &self->verbose, "Say more", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &self->version, "Print the version", NULL },
    { "second", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT, &second, NULL, "MILLISECONDS" },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) wrong = NULL;
  g_auto (GStrv) copy = g_strdupv (argv);

  g_option_context_set_summary (context, "Keeps this device's configuration as vmd has it.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse_strv (context, &copy, &wrong))
    return fail (error, "%s", wrong->message);
  if (g_strv_length (copy) > 1)
    return fail (error, "“%s” is no option; options begin with “--”", copy[1]);
  if (second < 1 || second > 1000)
    return fail (error, "a second has 1 to 1000 milliseconds");
  self->second = (guint) second;
  return TRUE;
}

/* Where each key of the file goes. */
static gboolean
set_from_key_file (VmdDeviceOptions *self, const char *key, const char *value, int *hook_deadline,
                   GError **error)
{
  const struct
  {
    const char *key;
    char **member;
  } table[] = {
    { "Url", &self->url },       { "Id", &self->id },
    { "Ca", &self->ca },         { "TokenFile", &self->token_file },
    { "Output", &self->output }, { "Directory", &self->directory },
    { "Hook", &self->hook },
  };
  gint64 seconds;

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    if (g_str_equal (key, table[i].key))
      {
        /* The command line wins. */
        if (*table[i].member == NULL)
          *table[i].member = g_strdup (value);
        return TRUE;
      }
  if (!g_str_equal (key, "HookDeadline"))
    return fail (error, "“%s” is not known", key);
  if (!g_ascii_string_to_signed (value, 10, 1, MAX_HOOK_DEADLINE, &seconds, NULL))
    return fail (error, "HookDeadline=%s: not 1 to %d seconds", value, MAX_HOOK_DEADLINE);
  if (*hook_deadline == 0)
    *hook_deadline = (int) seconds;
  return TRUE;
}

static gboolean
fail_in (GError **error, const char *path)
{
  g_autofree char *shown = g_filename_display_name (path);

  g_prefix_error (error, "%s: ", shown);
  return FALSE;
}

static gboolean
read_key_file (VmdDeviceOptions *self, const char *path, int *hook_deadline, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_auto (GStrv) keys = NULL;

  if (!g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, error))
    return fail_in (error, path);
  keys = g_key_file_get_keys (file, KEY_FILE_GROUP, NULL, error);
  if (keys == NULL)
    return fail_in (error, path);
  for (guint i = 0; keys[i] != NULL; i++)
    {
      g_autofree char *value = g_key_file_get_string (file, KEY_FILE_GROUP, keys[i], error);

      if (value == NULL || !set_from_key_file (self, keys[i], value, hook_deadline, error))
        return fail_in (error, path);
    }
  return TRUE;
}

static gboolean
check_id (const char *id, GError **error)
{
  gsize length = strlen (id);

  if (length == 0 || length > MAX_ID ||
      strspn (id, "abcdefghijklmnopqrstuvwxyz0123456789-") != length)
    return fail (error, "“%s” is no device's id: 1 to %d of a-z, 0-9 and “-”", id, MAX_ID);
  return TRUE;
}

static gboolean
is_loopback (const char *host)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (host);

  if (address == NULL)
    return g_ascii_strcasecmp (host, "localhost") == 0;
  return g_inet_address_get_is_loopback (address);
}

/* The token goes to whoever is at the other end: so that must be known to be the right one. */
static gboolean
check_url (char *url, GError **error)
{
  g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_ENCODED, NULL);
  gsize length = strlen (url);

  if (uri == NULL || g_uri_get_host (uri) == NULL || *g_uri_get_host (uri) == '\0' ||
      g_uri_get_userinfo (uri) != NULL || g_uri_get_query (uri) != NULL ||
      g_uri_get_fragment (uri) != NULL)
    return fail (error, "“%s” is no URL of a channel, which is like https://host:8443", url);
  if (!g_str_equal (g_uri_get_scheme (uri), "https"))
    {
      if (!g_str_equal (g_uri_get_scheme (uri), "http"))
        return fail (error, "“%s” begins neither with https:// nor with http://", url);
      if (!is_loopback (g_uri_get_host (uri)))
        return fail (error,
                     "“%s” would send the token in the clear: without TLS only this machine's "
                     "own addresses are spoken to; use https://",
                     url);
    }
  while (length > 0 && url[length - 1] == '/')
    url[--length] = '\0';
  return TRUE;
}

/* The directory is swapped whole: what else were in it would be gone. */
static gboolean
check_places (VmdDeviceOptions *self, GError **error)
{
  g_autofree char *directory = g_steal_pointer (&self->directory);
  g_autofree char *output = g_steal_pointer (&self->output);
  g_autofree char *prefix = NULL;

  if (output == NULL && directory == NULL)
    return fail (error, "nothing to do: give --output, --directory or both");
  self->output = output != NULL ? g_canonicalize_filename (output, NULL) : NULL;
  if (directory == NULL)
    return TRUE;
  self->directory = g_canonicalize_filename (directory, NULL);
  prefix = g_strconcat (self->directory, "/", NULL);
  if (g_str_equal (self->directory, "/"))
    return fail (error, "--directory: / cannot be replaced");
  if (self->output != NULL && g_str_has_prefix (self->output, prefix))
    return fail (error, "--output lies within --directory, all of which is replaced");
  return TRUE;
}

static gboolean
check (VmdDeviceOptions *self, GError **error)
{
  if (self->url == NULL || self->id == NULL || self->token_file == NULL)
    return fail (error, "%s is missing",
                 self->url == NULL  ? "--url"
                 : self->id == NULL ? "--id"
                                    : "--token-file");
  return check_id (self->id, error) && check_url (self->url, error) && check_places (self, error);
}

/* INVALID_ARGUMENT. (transfer full) */
VmdDeviceOptions *
vmd_device_options_parse (char **argv, GError **error)
{
  g_autoptr (VmdDeviceOptions) self = g_new0 (VmdDeviceOptions, 1);
  g_autofree char *key_file = NULL;
  int hook_deadline = 0;

  if (!parse_arguments (self, argv, &key_file, &hook_deadline, error))
    return NULL;
  if (self->version)
    return g_steal_pointer (&self);
  if (hook_deadline < 0 || hook_deadline > MAX_HOOK_DEADLINE)
    {
      fail (error, "--hook-deadline %d: not 1 to %d seconds", hook_deadline, MAX_HOOK_DEADLINE);
      return NULL;
    }
  if (key_file != NULL && !read_key_file (self, key_file, &hook_deadline, error))
    return NULL;
  self->hook_deadline = hook_deadline != 0 ? (guint) hook_deadline : HOOK_DEADLINE;
  if (!check (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

guint
vmd_device_options_scale (const VmdDeviceOptions *self, gint64 milliseconds)
{
  return (guint) MAX (milliseconds * self->second / 1000, 1);
}
