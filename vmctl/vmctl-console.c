/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-call.h"
#include "vmctl-capture.h"
#include "vmctl-command.h"
#include "vmctl-json.h"
#include "vmctl-pump.h"
#include "vmctl-resolve.h"
#include "vmctl-terminal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <vmd-error.h>

#define CAPTURE_LIMIT_MS 1000

static int
open_console (VmctlClient *client, const char *path, GError **error)
{
  g_autoptr (VmctlCall) call =
      vmctl_call_new (client, path, vmd_dbus_vm_interface_info (), "OpenConsole");
  g_autoptr (GVariant) reply = vmctl_call_run (call, error);

  return reply != NULL ? vmctl_call_take_fd (call, 0) : -1;
}

static const char *
describe (VmctlPumpEnd end)
{
  return end == VMCTL_PUMP_HUNG_UP    ? "hung-up"
         : end == VMCTL_PUMP_DETACHED ? "detached"
                                      : "cancelled";
}

static void
print_json (const char *given, const char *path, VmctlCapture *capture, VmctlPumpEnd end)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  const char *bytes;
  gsize length;

  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "target", given);
  vmctl_json_add_string (builder, "id", strrchr (path, '/') + 1);
  vmctl_json_add_string (builder, "end", describe (end));
  bytes = vmctl_capture_get (capture, &length);
  vmctl_json_add_bytes (builder, "output", bytes, length);
  json_builder_end_object (builder);
  vmctl_json_print (builder);
}

/* Ctrl-C ends it where it does not go to the guest, and is a good end. */
static gboolean
attach (VmctlClient *client, int console, int output_fd, VmctlPumpEnd *end, GError **error)
{
  gboolean terminal = isatty (STDIN_FILENO);

  if (terminal)
    fprintf (stderr, "vmctl: connected; Ctrl-] ends it\n");
  if (terminal && !vmctl_terminal_make_raw (error))
    return FALSE;
  *end = vmctl_pump_run (console, STDIN_FILENO, output_fd, terminal,
                         vmctl_client_get_cancellable (client));
  vmctl_terminal_restore ();
  if (terminal)
    fprintf (stderr, "\nvmctl: %s\n",
             *end == VMCTL_PUMP_HUNG_UP ? "the console was closed" : "detached");
  return TRUE;
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  const char *given = vmctl_arguments_get (arguments, 0);
  g_autofree char *path = vmctl_resolve_vm (client, given, error);
  g_autoptr (VmctlCapture) capture = NULL;
  VmctlPumpEnd end = VMCTL_PUMP_CANCELLED;
  int output_fd = STDOUT_FILENO;
  gboolean good = TRUE;
  int console;

  console = path != NULL ? open_console (client, path, error) : -1;
  if (console < 0)
    return -1;
  if (vmctl_client_is_json (client))
    {
      capture = vmctl_capture_new (&output_fd, error);
      good = capture != NULL;
    }
  good = good && attach (client, console, output_fd, &end, error);
  close (console);
  if (capture != NULL)
    {
      close (output_fd);
      vmctl_capture_await_end (capture, CAPTURE_LIMIT_MS);
      print_json (given, path, capture, end);
    }
  return good ? 0 : -1;
}

const VmctlCommand vmctl_command_console = {
  .name = "console",
  .arguments = "VM",
  .summary = "Talk to a guest's serial console; Ctrl-] ends it",
  .run = run,
};
