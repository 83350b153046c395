/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-guest-command.h"

#include "vmctl-call.h"
#include "vmctl-capture.h"
#include "vmctl-terminal.h"
#include "vmctl-text.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>
#include <vmd-error.h>

/* The guest's end of the streams is vmd's: it gets our descriptors and moves the bytes, vmctl only
 * waits. So it costs no copy here, and what is a file, a pipe or a terminal stays one. */

/* How long to wait for output that is still in the pipe when the command has ended. */
#define CAPTURE_LIMIT_MS 10000

struct _VmctlGuestResult
{
  int exit_status;
  char *signal;
  VmctlCapture *output; /* NULL without --json, as the next */
  VmctlCapture *complaint;
};

/* For the time that it has a terminal. */
typedef struct
{
  VmctlClient *client;
  const char *vm_path;
  const char *token;
} Window;

void
vmctl_guest_result_free (VmctlGuestResult *self)
{
  g_clear_pointer (&self->output, vmctl_capture_free);
  g_clear_pointer (&self->complaint, vmctl_capture_free);
  g_free (self->signal);
  g_free (self);
}

/* 0 to 255; 128 + its number when a signal ended it. */
int
vmctl_guest_result_get_exit_status (VmctlGuestResult *self)
{
  return self->exit_status;
}

/* The members of an object that is open. */
void
vmctl_guest_result_add_json (JsonBuilder *builder, VmctlGuestResult *self)
{
  const char *bytes;
  gsize length;

  vmctl_json_add_int (builder, "exit_status", self->exit_status);
  vmctl_json_add_string (builder, "signal", self->signal);
  bytes = vmctl_capture_get (self->output, &length);
  vmctl_json_add_bytes (builder, "stdout", bytes, length);
  bytes = vmctl_capture_get (self->complaint, &length);
  vmctl_json_add_bytes (builder, "stderr", bytes, length);
  vmctl_json_add_boolean (builder, "truncated",
                          vmctl_capture_is_cut (self->output) ||
                              vmctl_capture_is_cut (self->complaint));
}

/* The bus carries UTF-8 only. @argv: (nullable) */
gboolean
vmctl_guest_command_check (const char *const *argv, GError **error)
{
  for (; argv != NULL && *argv != NULL; argv++)
    {
      g_autofree char *shown = NULL;

      if (g_utf8_validate (*argv, -1, NULL))
        continue;
      shown = vmctl_text_make_printable (*argv, -1);
      g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                   "“%s” is not UTF-8, and cannot be sent to vmd: put the command in a script",
                   shown);
      return FALSE;
    }
  return TRUE;
}

/* As a shell would guess: somebody types, and somebody reads. */
gboolean
vmctl_guest_command_wants_terminal (VmctlClient *client)
{
  return !vmctl_client_is_json (client) && isatty (STDIN_FILENO) && isatty (STDOUT_FILENO);
}

static gboolean
add_stream (VmctlCall *call, const char *name, int fd, GError **error)
{
  GVariant *handle = vmctl_call_add_fd (call, fd, error);

  if (handle != NULL)
    vmctl_call_add_option (call, name, handle);
  return handle != NULL;
}

/* A pipe instead of one of our own streams. */
static gboolean
add_capture (VmctlCall *call, const char *name, VmctlCapture **capture, GError **error)
{
  gboolean added;
  int fd;

  *capture = vmctl_capture_new (&fd, error);
  if (*capture == NULL)
    return FALSE;
  added = add_stream (call, name, fd, error);
  close (fd);
  return added;
}

static gboolean
add_streams (VmctlCall *call, VmctlClient *client, const VmctlGuestCommand *command,
             VmctlGuestResult *result, GError **error)
{
  if (!command->no_stdin && !add_stream (call, "stdin", STDIN_FILENO, error))
    return FALSE;
  if (vmctl_client_is_json (client))
    return add_capture (call, "stdout", &result->output, error) &&
           add_capture (call, "stderr", &result->complaint, error);
  return add_stream (call, "stdout", STDOUT_FILENO, error) &&
         add_stream (call, "stderr", STDERR_FILENO, error);
}

static void
add_terminal (VmctlCall *call)
{
  const char *term = g_getenv ("TERM");
  guint columns = 80, rows = 24;

  vmctl_terminal_get_size (STDIN_FILENO, &columns, &rows);
  vmctl_call_add_option (call, "terminal",
                         g_variant_new_string (term != NULL && *term != '\0' ? term : "dumb"));
  vmctl_call_add_option (call, "columns", g_variant_new_uint32 (columns));
  vmctl_call_add_option (call, "rows", g_variant_new_uint32 (rows));
}

static gboolean
resized_cb (gpointer data)
{
  Window *window = data;
  g_autoptr (VmctlCall) call = NULL;
  guint columns, rows;

  if (!vmctl_terminal_get_size (STDIN_FILENO, &columns, &rows))
    return G_SOURCE_CONTINUE;
  /* Its answer changes nothing: a command that has just ended needs no size. */
  call = vmctl_call_new (window->client, window->vm_path, vmd_dbus_vm_interface_info (),
                         "ResizeTerminal");
  vmctl_call_add_argument (call, g_variant_new_string (window->token));
  vmctl_call_add_argument (call, g_variant_new_uint32 (columns));
  vmctl_call_add_argument (call, g_variant_new_uint32 (rows));
  vmctl_call_begin (call);
  return G_SOURCE_CONTINUE;
}

static GVariant *
run_call (VmctlCall *call, Window *window, gboolean terminal, GError **error)
{
  GVariant *reply;
  guint watch;

  if (!terminal)
    return vmctl_call_run (call, error);
  if (!vmctl_terminal_make_raw (error))
    return NULL;
  watch = g_unix_signal_add (SIGWINCH, resized_cb, window);
  reply = vmctl_call_run (call, error);
  g_source_remove (watch);
  vmctl_terminal_restore ();
  return reply;
}

/* Runs it and waits for its end. Ctrl-C ends it, or, with a terminal, goes to the guest. (transfer
 * full) */
VmctlGuestResult *
vmctl_guest_command_run (VmctlClient *client, const char *vm_path, const VmctlGuestCommand *command,
                         GError **error)
{
  static const char *const none[] = { NULL };
  g_autoptr (VmctlGuestResult) result = g_new0 (VmctlGuestResult, 1);
  g_autoptr (VmctlCall) call =
      vmctl_call_new (client, vm_path, vmd_dbus_vm_interface_info (), "Exec");
  Window window = { client, vm_path, vmctl_call_add_job (call) };
  g_autoptr (GVariant) reply = NULL;

  vmctl_call_add_argument (call,
                           g_variant_new_strv (command->argv != NULL ? command->argv : none, -1));
  if (!add_streams (call, client, command, result, error))
    return NULL;
  if (command->environment != NULL)
    vmctl_call_add_option (call, "environment", g_variant_new_strv (command->environment, -1));
  if (command->directory != NULL)
    vmctl_call_add_option (call, "directory", g_variant_new_string (command->directory));
  if (command->timeout != 0)
    vmctl_call_add_option (call, "timeout", g_variant_new_uint32 (command->timeout));
  if (command->terminal)
    add_terminal (call);
  reply = run_call (call, &window, command->terminal, error);
  if (reply == NULL)
    return NULL;
  g_variant_get (reply, "(is)", &result->exit_status, &result->signal);
  if (result->output != NULL)
    {
      vmctl_capture_await_end (result->output, CAPTURE_LIMIT_MS);
      vmctl_capture_await_end (result->complaint, CAPTURE_LIMIT_MS);
    }
  return g_steal_pointer (&result);
}
