/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-editor.h"

#include "vmctl-await.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <vmd-error.h>

#define MAX_TEXT (1024 * 1024)

struct _VmctlEditor
{
  VmctlClient *client; /* not owned */
  char *path;
  gboolean kept;
  char *original;
};

VmctlEditor *
vmctl_editor_new (VmctlClient *client, const char *text, GError **error)
{
  g_autoptr (VmctlEditor) self = g_new0 (VmctlEditor, 1);
  g_autoptr (GError) local = NULL;
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp ("vmctl-XXXXXX.json", &path, &local);

  self->client = client;
  self->original = g_strdup (text);
  if (fd >= 0)
    self->path = g_steal_pointer (&path);
  if (fd >= 0 && g_close (fd, &local) &&
      g_file_set_contents_full (self->path, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, &local))
    return g_steal_pointer (&self);
  g_set_error (error, VMD_ERROR, VMD_ERROR_FAILED, "Cannot write a file to edit: %s",
               local->message);
  return NULL;
}

void
vmctl_editor_free (VmctlEditor *self)
{
  if (self->path != NULL && !self->kept)
    g_unlink (self->path);
  g_free (self->path);
  g_free (self->original);
  g_free (self);
}

/* (transfer none) */
static const char *
find_editor (void)
{
  static const char *const variables[] = { "VISUAL", "EDITOR" };

  for (guint i = 0; i < G_N_ELEMENTS (variables); i++)
    {
      const char *value = g_getenv (variables[i]);

      if (value != NULL && *value != '\0')
        return value;
    }
  return "vi";
}

/* Ctrl-C is for the editor, which is in the foreground too. */
static void
ignore_signal (int signal_number, gpointer data)
{
  g_debug ("signal %d is left to the editor", signal_number);
}

/* The variable may hold arguments: a shell takes it apart, as everywhere. */
static gboolean
run_editor (VmctlEditor *self, const char *editor, GError **error)
{
  g_autofree char *command = g_strconcat (editor, " \"$@\"", NULL);
  const char *const argv[] = { "sh", "-c", command, "sh", self->path, NULL };
  VmctlInterrupt *interrupt = vmctl_client_get_interrupt (self->client);
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GAsyncResult) result = NULL;

  process = g_subprocess_newv (argv, G_SUBPROCESS_FLAGS_STDIN_INHERIT, error);
  if (process == NULL)
    return FALSE;
  vmctl_interrupt_redirect (interrupt, ignore_signal, NULL);
  g_subprocess_wait_async (process, NULL, vmctl_await_cb, &result);
  vmctl_await (&result);
  vmctl_interrupt_redirect (interrupt, NULL, NULL);
  if (!g_subprocess_wait_finish (process, result, error))
    return FALSE;
  if (g_subprocess_get_if_exited (process) && g_subprocess_get_exit_status (process) == 0)
    return TRUE;
  g_set_error (error, VMD_ERROR, VMD_ERROR_FAILED, "The editor “%s” failed: nothing was changed",
               editor);
  return FALSE;
}

char *
vmctl_editor_run (VmctlEditor *self, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autofree char *text = NULL;
  gsize length;

  if (!run_editor (self, find_editor (), error))
    return NULL;
  if (!g_file_get_contents (self->path, &text, &length, &local))
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_FAILED, "Cannot read what was edited: %s",
                   local->message);
      return NULL;
    }
  if (length > MAX_TEXT || strlen (text) != length ||
      !g_utf8_validate (text, (gssize) length, NULL))
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                   "What was edited is no text in UTF-8 of at most %d bytes", MAX_TEXT);
      return NULL;
    }
  return g_steal_pointer (&text);
}

gboolean
vmctl_editor_has_changed (VmctlEditor *self)
{
  g_autofree char *text = NULL;
  gsize length;

  return !g_file_get_contents (self->path, &text, &length, NULL) ||
         length != strlen (self->original) || memcmp (text, self->original, length) != 0;
}

const char *
vmctl_editor_keep (VmctlEditor *self)
{
  self->kept = TRUE;
  return self->path;
}
