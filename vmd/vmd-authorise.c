/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-call.h"

/* Who may call. On the session bus and on the daemon's own socket every caller is the daemon's
 * user: the bus and the socket's check of the peer's uid see to it. On the system bus polkit
 * decides, asynchronously: an open password dialog holds nobody else up. */

#define POLKIT_ACTION "org.vmd.vmd1.manage"
#define POLKIT_ALLOW_INTERACTION 1

static void
checked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply =
      g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  gboolean authorised, challenge;

  if (reply == NULL)
    {
      g_task_return_new_error (task, VMD_ERROR, VMD_ERROR_PERMISSION_DENIED,
                               "polkit could not be asked: %s", error->message);
      return;
    }
  g_variant_get (reply, "((bba{ss}))", &authorised, &challenge, NULL);
  if (authorised)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_new_error (task, VMD_ERROR, VMD_ERROR_PERMISSION_DENIED,
                             "polkit does not allow you %s", POLKIT_ACTION);
}

void
vmd_authorise_async (VmdExport *export, const char *sender, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (export, cancellable, callback, data);
  GDBusConnection *polkit = vmd_service_get_polkit (vmd_export_get_service (export));
  GVariantBuilder subject;

  g_task_set_source_tag (task, vmd_authorise_async);
  if (polkit == NULL || vmd_export_get_peer (export) != NULL)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  g_variant_builder_init (&subject, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&subject, "{sv}", "name", g_variant_new_string (sender));
  g_dbus_connection_call (polkit, "org.freedesktop.PolicyKit1",
                          "/org/freedesktop/PolicyKit1/Authority",
                          "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization",
                          g_variant_new ("((sa{sv})sa{ss}us)", "system-bus-name", &subject,
                                         POLKIT_ACTION, NULL, POLKIT_ALLOW_INTERACTION, ""),
                          G_VARIANT_TYPE ("((bba{ss}))"), G_DBUS_CALL_FLAGS_NONE, G_MAXINT,
                          cancellable, checked_cb, g_steal_pointer (&task));
}

gboolean
vmd_authorise_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
