/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-error.h"

#include "vmctl-text.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <vmd-error.h>

/* Errors as vmctl shows them: what failed, on what, and the next step. vmd's own messages often
 * end with the step; where they can't know it, it is added here. */

static const struct
{
  VmdError code;
  const char *step;
} next_steps[] = {
  { VMD_ERROR_BUSY, "“vmctl lock list” and “vmctl job list” show who is at work" },
  { VMD_ERROR_NESTED_LOCK, "“vmctl lock VM… -- CMD” locks several VMs at once" },
  { VMD_ERROR_IN_USE, "“vmctl list” shows the VMs that need it" },
  { VMD_ERROR_BOOT_FAILED, "“vmctl logs VM” shows what the guest said" },
  { VMD_ERROR_UNREACHABLE, "“vmctl logs VM” shows what the guest said" },
  { VMD_ERROR_TIMED_OUT, "“vmctl job list” shows what is under way" },
};

static VmdError
find_code (const GError *error)
{
  if (error->domain == VMD_ERROR)
    return error->code;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return VMD_ERROR_CANCELLED;
  if (g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT))
    return VMD_ERROR_NOT_FOUND;
  if (g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED))
    return VMD_ERROR_PERMISSION_DENIED;
  return VMD_ERROR_FAILED;
}

static gboolean
is_lost_connection (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED) ||
         g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY) ||
         g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_DISCONNECTED);
}

/* The edge: what GDBus reports becomes a VmdError, with a message for people. */
void
vmctl_error_convert (GError **error)
{
  GError *foreign = *error;

  if (foreign->domain == VMD_ERROR)
    {
      g_dbus_error_strip_remote_error (foreign);
      return;
    }
  g_dbus_error_strip_remote_error (foreign);
  if (is_lost_connection (foreign))
    *error =
        g_error_new (VMD_ERROR, VMD_ERROR_FAILED,
                     "The connection to vmd was lost: the daemon ended. Its log is daemon.log in "
                     "its state directory; the next vmctl starts it again");
  else
    *error = g_error_new_literal (VMD_ERROR, find_code (foreign),
                                  find_code (foreign) == VMD_ERROR_CANCELLED ? "Cancelled"
                                                                             : foreign->message);
  g_error_free (foreign);
}

int
vmctl_error_get_exit_status (const GError *error)
{
  return vmd_error_get_exit_status (find_code (error));
}

/* On standard error. @what: (nullable): "start web" */
void
vmctl_error_print (const char *what, const GError *error)
{
  VmdError code = find_code (error);
  GString *text = g_string_new ("vmctl: ");
  g_auto (GStrv) lines = g_strsplit (error->message, "\n", -1);

  if (what != NULL)
    g_string_append_printf (text, "%s: ", what);
  /* An error may carry a console's last lines: they stay lines, but harmless ones. */
  for (char **line = lines; *line != NULL; line++)
    {
      g_autofree char *shown = vmctl_text_make_printable (g_strchomp (*line), -1);

      if (*shown == '\0' && line[1] == NULL)
        continue;
      g_string_append_printf (text, "%s%s\n", line == lines ? "" : "  ", shown);
    }
  for (guint i = 0; i < G_N_ELEMENTS (next_steps); i++)
    if (next_steps[i].code == code && strstr (error->message, "vmctl ") == NULL)
      g_string_append_printf (text, "vmctl: %s\n", next_steps[i].step);
  fprintf (stderr, "%s", text->str);
  g_string_free (text, TRUE);
}
