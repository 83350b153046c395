/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-import.h"

#include "vmctl-await.h"
#include "vmctl-call.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vmd-error.h>

/* git runs here, in the caller's process and with his rights; the daemon gets a socket and never a
 * path. Looking at a repository takes git a while, and serving it takes as long as the import: both
 * have a thread, so that Ctrl-C and progress work meanwhile. */

typedef struct
{
  char *path;
  gboolean include_untracked;
} Opening;

static void
opening_free (gpointer data)
{
  Opening *opening = data;

  g_free (opening->path);
  g_free (opening);
}

static gpointer
open_thread (gpointer data)
{
  g_autoptr (GTask) task = data;
  Opening *opening = g_task_get_task_data (task);
  GError *error = NULL;
  VmdSource *source = vmd_source_open (opening->path, opening->include_untracked,
                                       g_task_get_cancellable (task), &error);

  if (source != NULL)
    g_task_return_pointer (task, source, g_object_unref);
  else
    g_task_return_error (task, error);
  return NULL;
}

/* The work tree that @path is in. (transfer full) */
VmdSource *
vmctl_import_open_source (VmctlClient *client, const char *path, gboolean include_untracked,
                          GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GTask *task = g_task_new (NULL, vmctl_client_get_cancellable (client), vmctl_await_cb, &result);
  Opening *opening = g_new0 (Opening, 1);

  opening->path = g_strdup (path);
  opening->include_untracked = include_untracked;
  g_task_set_source_tag (task, vmctl_import_open_source);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, opening, opening_free);
  g_thread_unref (g_thread_new ("open-source", open_thread, task));
  vmctl_await (&result);
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* The daemon tells best what failed, unless all it saw is that we hung up. */
static void
prefer_cause (GError **error, GError *ours)
{
  if (ours == NULL)
    return;
  if (error != NULL && g_error_matches (*error, VMD_ERROR, VMD_ERROR_PROTOCOL) &&
      !g_error_matches (ours, VMD_ERROR, VMD_ERROR_PROTOCOL) &&
      !g_error_matches (ours, VMD_ERROR, VMD_ERROR_CANCELLED))
    {
      g_clear_error (error);
      g_propagate_error (error, ours);
      return;
    }
  g_error_free (ours);
}

/* Serves @source while @call runs. */
static GVariant *
run_with_source (VmctlCall *call, VmdSource *source, int fd, GError **error)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  GError *ours = NULL;
  GVariant *reply;

  vmd_source_serve_async (source, fd, cancellable, vmctl_await_cb, &result);
  reply = vmctl_call_run (call, error);
  g_cancellable_cancel (cancellable);
  vmctl_await (&result);
  vmd_source_serve_finish (source, result, &ours);
  if (reply != NULL)
    g_clear_error (&ours);
  prefer_cause (error, ours);
  return reply;
}

/* Puts @source at @guest_path of the VM; the workspace's path. @label: of the progress (transfer
 * full) */
char *
vmctl_import_run (VmctlClient *client, const char *vm_path, const char *label, VmdSource *source,
                  const char *guest_path, gboolean replace, GError **error)
{
  g_autoptr (VmctlCall) call =
      vmctl_call_new (client, vm_path, vmd_dbus_vm_interface_info (), "PrepareWorkspace");
  g_autoptr (GVariant) reply = NULL;
  GVariant *handle;
  char *workspace = NULL;
  int sockets[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_FAILED, "Cannot make a socket: %s",
                   g_strerror (errno));
      return NULL;
    }
  handle = vmctl_call_add_fd (call, sockets[1], error);
  close (sockets[1]);
  if (handle == NULL)
    {
      close (sockets[0]);
      return NULL;
    }
  vmctl_call_add_argument (call, handle);
  vmctl_call_add_argument (call, g_variant_new_string (guest_path));
  if (replace)
    vmctl_call_add_option (call, "replace", g_variant_new_boolean (TRUE));
  vmctl_call_show_lock (call);
  vmctl_call_show_progress (call, label);
  reply = run_with_source (call, source, sockets[0], error);
  if (reply != NULL)
    g_variant_get (reply, "(o)", &workspace);
  return workspace;
}
