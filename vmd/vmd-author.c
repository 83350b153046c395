/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-author.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define MAX_NOTE 200
#define NAME_BUFFER 4096
#define UNKNOWN_PID 0

typedef struct
{
  char *note; /* (nullable) */
  guint uid;
  guint pid;
} Author;

static void
author_free (gpointer data)
{
  Author *self = data;

  g_free (self->note);
  g_free (self);
}

/* The user database may be far away, hence a thread. The daemon's own user, who is nearly always
 * the one, is known without it. */
static char *
dup_user_name (guint uid)
{
  g_autofree char *buffer = g_malloc (NAME_BUFFER);
  struct passwd entry, *found = NULL;

  if (getpwuid_r (uid, &entry, buffer, NAME_BUFFER, &found) == 0 && found != NULL)
    return g_utf8_make_valid (found->pw_name, -1);
  return g_strdup_printf ("uid %u", uid);
}

static char *
format (const Author *self, const char *user)
{
  g_autofree char *process =
      self->pid != UNKNOWN_PID ? g_strdup_printf (" (pid %u)", self->pid) : g_strdup ("");

  return g_strconcat (user, process, self->note != NULL ? ": " : "", self->note, NULL);
}

static void
look_up_name (GTask *task)
{
  const Author *self = g_task_get_task_data (task);
  g_autofree char *user = dup_user_name (self->uid);

  g_task_return_pointer (task, format (self, user), g_free);
}

static void
find_name (GTask *task)
{
  const Author *self = g_task_get_task_data (task);

  if (self->uid == geteuid ())
    g_task_return_pointer (task, format (self, g_get_user_name ()), g_free);
  else
    vmd_service_run_aside (vmd_export_get_service (g_task_get_source_object (task)),
                           g_object_ref (task), look_up_name);
}

static void
credentials_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Author *self = g_task_get_task_data (task);
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) credentials = NULL;
  GError *error = NULL;

  reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  if (reply == NULL)
    {
      /* A client that is gone by now is not one to make changes. */
      g_task_return_new_error (task, VMD_ERROR, VMD_ERROR_CANCELLED,
                               "The bus does not tell who calls: %s", error->message);
      g_error_free (error);
      return;
    }
  credentials = g_variant_get_child_value (reply, 0);
  g_variant_lookup (credentials, "ProcessID", "u", &self->pid);
  if (g_variant_lookup (credentials, "UnixUserID", "u", &self->uid))
    find_name (task);
  else
    g_task_return_pointer (task, format (self, "somebody"), g_free);
}

/* On a line of its own, and not of any length. */
static gboolean
check_note (const char *note, GError **error)
{
  for (const char *c = note; *c != '\0'; c = g_utf8_next_char (c))
    if (g_unichar_iscntrl (g_utf8_get_char (c)))
      {
        g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                     "A note is one line, without control characters");
        return FALSE;
      }
  if (strlen (note) <= MAX_NOTE)
    return TRUE;
  g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT, "A note is %d bytes at most",
               MAX_NOTE);
  return FALSE;
}

void
vmd_author_find_async (VmdCall *call, GAsyncReadyCallback callback, gpointer data)
{
  VmdExport *export = vmd_call_get_export (call);
  GDBusConnection *connection = vmd_export_get_connection (export);
  GCredentials *credentials = g_dbus_connection_get_peer_credentials (connection);
  g_autoptr (GTask) task = g_task_new (export, vmd_call_get_cancellable (call), callback, data);
  Author *self = g_new0 (Author, 1);
  GError *error = NULL;

  g_task_set_source_tag (task, vmd_author_find_async);
  g_task_set_task_data (task, self, author_free);
  g_variant_dict_lookup (vmd_call_get_options (call), "note", "s", &self->note);
  if (self->note != NULL && !check_note (self->note, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  if (vmd_export_get_peer (export) == NULL)
    {
      g_dbus_connection_call (
          connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
          "GetConnectionCredentials", g_variant_new ("(s)", vmd_call_get_owner (call)),
          G_VARIANT_TYPE ("(a{sv})"), G_DBUS_CALL_FLAGS_NONE, -1, vmd_call_get_cancellable (call),
          credentials_cb, g_steal_pointer (&task));
      return;
    }
  /* The socket let only our own user in. */
  self->uid = geteuid ();
  if (credentials != NULL)
    self->pid = (guint) MAX (g_credentials_get_unix_pid (credentials, NULL), UNKNOWN_PID);
  find_name (task);
}

char *
vmd_author_find_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
