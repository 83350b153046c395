/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-await.h"
#include "vmctl-call.h"
#include "vmctl-command.h"
#include "vmctl-json.h"
#include "vmctl-resolve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <vmd-error.h>

/* As much as vmd keeps of a console, and a little more. */
#define LOG_MAX (32 * 1024 * 1024)
#define FOLLOW_MS 200

static const VmctlOption options[] = {
  { "follow", 'f', VMCTL_OPTION_FLAG, NULL, "Go on with what comes, until the VM stops" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

/* A guest must not steer the user's terminal: of control characters only those that lay out text go
 * there. Into a file or a pipe goes what the guest wrote. */
static void
print_piece (const char *bytes, gsize length, gboolean terminal)
{
  if (!terminal)
    {
      fwrite (bytes, 1, length, stdout);
      return;
    }
  for (gsize i = 0; i < length; i++)
    if ((guchar) bytes[i] >= ' ' ? bytes[i] != 0x7f : bytes[i] == '\n' || bytes[i] == '\t')
      putchar (bytes[i]);
}

/* What is there now. FALSE on error. */
static gboolean
print_available (int fd, GByteArray *keep, GError **error)
{
  gboolean terminal = isatty (STDOUT_FILENO);
  char buffer[65536];
  gssize n;

  while ((n = read (fd, buffer, sizeof buffer)) != 0)
    {
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          g_set_error (error, VMD_ERROR, VMD_ERROR_FAILED, "Cannot read the log: %s",
                       g_strerror (errno));
          return FALSE;
        }
      if (keep == NULL)
        print_piece (buffer, n, terminal);
      else if (keep->len < LOG_MAX)
        g_byte_array_append (keep, (const guint8 *) buffer, n);
    }
  fflush (stdout);
  return TRUE;
}

/* Ends when the VM does not run, and all that it wrote is printed. */
static gboolean
follow (VmctlClient *client, const char *path, int fd, GError **error)
{
  GCancellable *cancellable = vmctl_client_get_cancellable (client);
  g_autoptr (VmctlCall) call = vmctl_call_new (client, path, vmd_dbus_vm_interface_info (), "Wait");
  g_autoptr (GVariant) reply = NULL;
  gboolean good = TRUE;

  vmctl_call_add_argument (call, g_variant_new_string ("stopped"));
  vmctl_call_begin (call);
  while (good && !vmctl_call_is_done (call))
    {
      good = print_available (fd, NULL, error);
      vmctl_await_time (FOLLOW_MS, cancellable);
      /* Cancelled: its answer comes in an instant. */
      while (g_cancellable_is_cancelled (cancellable) && !vmctl_call_is_done (call))
        g_main_context_iteration (NULL, TRUE);
    }
  if (!good)
    return FALSE;
  reply = vmctl_call_finish (call, error);
  return reply != NULL && print_available (fd, NULL, error);
}

static void
print_json (const char *given, const char *path, GByteArray *log)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "target", given);
  vmctl_json_add_string (builder, "id", strrchr (path, '/') + 1);
  vmctl_json_add_bytes (builder, "log", log->len > 0 ? (const char *) log->data : "", log->len);
  json_builder_end_object (builder);
  vmctl_json_print (builder);
}

static gboolean
check (const VmctlArguments *arguments, GError **error)
{
  if (!vmctl_arguments_has (arguments, "follow") || !vmctl_arguments_has (arguments, "json"))
    return TRUE;
  g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
               "--follow and --json exclude each other: a value has an end");
  return FALSE;
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  const char *given = vmctl_arguments_get (arguments, 0);
  g_autofree char *path = vmctl_resolve_vm (client, given, error);
  g_autoptr (GByteArray) log = vmctl_client_is_json (client) ? g_byte_array_new () : NULL;
  g_autoptr (VmctlCall) call = NULL;
  g_autoptr (GVariant) reply = NULL;
  gboolean good;
  int fd;

  if (path == NULL)
    return -1;
  call = vmctl_call_new (client, path, vmd_dbus_vm_interface_info (), "OpenLog");
  reply = vmctl_call_run (call, error);
  if (reply == NULL)
    return -1;
  fd = vmctl_call_take_fd (call, 0);
  good = vmctl_arguments_has (arguments, "follow") ? follow (client, path, fd, error)
                                                   : print_available (fd, log, error);
  close (fd);
  if (good && log != NULL)
    print_json (given, path, log);
  return good ? 0 : -1;
}

const VmctlCommand vmctl_command_logs = {
  .name = "logs",
  .arguments = "VM",
  .summary = "Print what a guest wrote on its console",
  .options = options,
  .check = check,
  .run = run,
};
