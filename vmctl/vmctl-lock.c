/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-await.h"
#include "vmctl-call.h"
#include "vmctl-capture.h"
#include "vmctl-command.h"
#include "vmctl-error.h"
#include "vmctl-json.h"
#include "vmctl-listing.h"
#include "vmctl-objects.h"
#include "vmctl-resolve.h"
#include "vmctl-table.h"
#include "vmctl-text.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vmd-error.h>

/* Holds a lock while a program of the host runs. The proof is in its environment, where a vmctl
 * that it starts finds it. The lock is ours alone: what the program leaves running does not keep
 * it. */

#define CAPTURE_LIMIT_MS 1000

#define REASON_LENGTH 200

static const VmctlOption lock_options[] = {
  { "workspace", 0, VMCTL_OPTION_FLAG, NULL, "Lock the VMs' workspaces, not their lifecycle" },
  { "shared", 0, VMCTL_OPTION_FLAG, NULL, "Share the lock with others that share it" },
  { "timeout", 0, VMCTL_OPTION_DURATION, "TIME", "Wait no longer for it; 0: not at all" },
  { "reason", 0, VMCTL_OPTION_TEXT, "TEXT", "What others are told (default: the command)" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

typedef struct
{
  VmctlClient *client; /* not owned */
  GPtrArray *targets;
  char *token;
  int hold; /* closing it releases the lock */
  guint hold_source;
  GSubprocess *program;
} Held;

static void
held_clear (Held *self)
{
  g_clear_handle_id (&self->hold_source, g_source_remove);
  if (self->hold >= 0)
    close (self->hold);
  g_clear_object (&self->program);
  g_clear_pointer (&self->targets, g_ptr_array_unref);
  g_free (self->token);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Held, held_clear)

/* The daemon takes no longer one; of a long command its beginning says enough. */
static char *
dup_reason (const VmctlArguments *arguments)
{
  const char *reason = vmctl_arguments_get_text (arguments, "reason");
  g_autofree char *command = NULL;
  g_autofree char *shown = NULL;

  if (reason != NULL)
    return g_strdup (reason);
  command = g_strjoinv (" ", (char **) vmctl_arguments_get_command (arguments));
  shown = vmctl_text_make_printable (command, -1);
  return g_utf8_substring (shown, 0, MIN (g_utf8_strlen (shown, -1), REASON_LENGTH));
}

/* All or none: with one name that is wrong there is no lock. */
static gboolean
resolve (Held *self, const VmctlArguments *arguments, GError **error)
{
  self->targets = vmctl_resolve_vms (self->client, vmctl_arguments_get_all (arguments));
  for (guint i = 0; i < self->targets->len; i++)
    {
      VmctlTarget *target = self->targets->pdata[i];

      if (target->error == NULL)
        continue;
      g_propagate_error (error, g_steal_pointer (&target->error));
      return FALSE;
    }
  return TRUE;
}

static const char *
get_id (Held *self, guint index)
{
  VmctlTarget *target = self->targets->pdata[index];

  return strrchr (target->path, '/') + 1;
}

/* Locks are of ids; whoever asked for one gave another word. */
static void
say_as_given (Held *self, GError *error)
{
  GString *message = g_string_new (error->message);

  for (guint i = 0; i < self->targets->len; i++)
    {
      VmctlTarget *target = self->targets->pdata[i];

      g_string_replace (message, get_id (self, i), target->given, 0);
    }
  g_free (error->message);
  error->message = g_string_free (message, FALSE);
}

static gboolean
take (Held *self, const VmctlArguments *arguments, GError **error)
{
  const char *kind = vmctl_arguments_has (arguments, "workspace") ? "workspace" : "vm";
  const char *mode = vmctl_arguments_has (arguments, "shared") ? "shared" : "exclusive";
  g_autofree char *reason = dup_reason (arguments);
  g_autoptr (VmctlCall) call = vmctl_call_new (self->client, VMCTL_OBJECT_PATH "/Manager",
                                               vmd_dbus_manager_interface_info (), "Lock");
  g_autoptr (GVariant) reply = NULL;
  GVariantBuilder resources;
  guint timeout;
  int handle;

  g_variant_builder_init (&resources, G_VARIANT_TYPE ("a(sss)"));
  for (guint i = 0; i < self->targets->len; i++)
    g_variant_builder_add (&resources, "(sss)", kind, get_id (self, i), mode);
  vmctl_call_add_argument (call, g_variant_builder_end (&resources));
  vmctl_call_add_argument (call, g_variant_new_string (reason));
  if (vmctl_arguments_get_duration (arguments, "timeout", &timeout))
    vmctl_call_add_option (call, "timeout", g_variant_new_int64 (timeout));
  reply = vmctl_call_run (call, error);
  if (reply == NULL)
    {
      if (error != NULL)
        say_as_given (self, *error);
      return FALSE;
    }
  g_variant_get (reply, "(sh)", &self->token, &handle);
  self->hold = vmctl_call_take_fd (call, handle);
  return TRUE;
}

static gboolean
lost_cb (int fd, GIOCondition condition, gpointer data)
{
  Held *self = data;

  self->hold_source = 0;
  fprintf (stderr,
           "vmctl: the lock is lost, since vmd has ended; the command goes on without it\n");
  return G_SOURCE_REMOVE;
}

static GSubprocess *
spawn (Held *self, const char *const *command, int output_fd, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_INHERIT);
  g_autoptr (GString) vms = g_string_new (NULL);
  GSubprocess *program;

  for (guint i = 0; i < self->targets->len; i++)
    g_string_append_printf (vms, "%s%s", i > 0 ? " " : "", get_id (self, i));
  g_subprocess_launcher_setenv (launcher, "VMD_LOCK", self->token, TRUE);
  g_subprocess_launcher_setenv (launcher, "VMD_LOCK_VMS", vms->str, TRUE);
  if (output_fd >= 0)
    g_subprocess_launcher_take_stdout_fd (launcher, output_fd);
  program = g_subprocess_launcher_spawnv (launcher, command, error);
  if (program == NULL && error != NULL && (*error)->domain == G_SPAWN_ERROR)
    {
      VmdError code = g_error_matches (*error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT)
                          ? VMD_ERROR_NOT_FOUND
                          : VMD_ERROR_FAILED;
      g_autofree char *message = g_strdup ((*error)->message);

      g_clear_error (error);
      g_set_error_literal (error, VMD_ERROR, code, message);
    }
  return program;
}

/* The terminal sends Ctrl-C to the program too, and it decides what that means; what was sent to us
 * alone is passed on. */
static void
signal_cb (int signal_number, gpointer data)
{
  Held *self = data;

  if (signal_number != SIGINT)
    g_subprocess_send_signal (self->program, signal_number);
}

static int
await_program (Held *self)
{
  VmctlInterrupt *interrupt = vmctl_client_get_interrupt (self->client);
  g_autoptr (GAsyncResult) result = NULL;

  self->hold_source = g_unix_fd_add (self->hold, G_IO_HUP | G_IO_ERR, lost_cb, self);
  vmctl_interrupt_redirect (interrupt, signal_cb, self);
  g_subprocess_wait_async (self->program, NULL, vmctl_await_cb, &result);
  vmctl_await (&result);
  vmctl_interrupt_redirect (interrupt, NULL, NULL);
  if (g_subprocess_get_if_exited (self->program))
    return g_subprocess_get_exit_status (self->program);
  return 128 + g_subprocess_get_term_sig (self->program);
}

static void
print_json (int exit_status, VmctlCapture *capture)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  const char *bytes;
  gsize length;

  vmctl_capture_await_end (capture, CAPTURE_LIMIT_MS);
  bytes = vmctl_capture_get (capture, &length);
  json_builder_begin_object (builder);
  vmctl_json_add_int (builder, "exit_status", exit_status);
  vmctl_json_add_bytes (builder, "stdout", bytes, length);
  vmctl_json_add_boolean (builder, "truncated", vmctl_capture_is_cut (capture));
  json_builder_end_object (builder);
  vmctl_json_print (builder);
}

static int
run_lock (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  g_auto (Held) self = { .client = client, .hold = -1 };
  g_autoptr (VmctlCapture) capture = NULL;
  int output_fd = -1;
  int status;

  if (!resolve (&self, arguments, error) || !take (&self, arguments, error))
    return -1;
  if (vmctl_client_is_json (client))
    {
      capture = vmctl_capture_new (&output_fd, error);
      if (capture == NULL)
        return -1;
    }
  self.program = spawn (&self, vmctl_arguments_get_command (arguments), output_fd, error);
  if (self.program == NULL)
    return -1;
  status = await_program (&self);
  if (capture != NULL)
    print_json (status, capture);
  return status;
}

const VmctlCommand vmctl_command_lock = {
  .name = "lock",
  .arguments = "VM… -- CMD…",
  .summary = "Run a program of the host while nobody else may touch these VMs",
  .details = "A vmctl that CMD starts may touch them: it finds the proof in VMD_LOCK. CMD's exit "
             "status is vmctl's.",
  .options = lock_options,
  .run = run_lock,
};

/* Locks are of ids, which outlive names; people know names. (transfer full): @text with each id of
 * @vms as a name. */
static char *
dup_with_names (const char *text, GPtrArray *vms)
{
  GString *named = g_string_new (text);

  for (guint i = 0; i < vms->len; i++)
    g_string_replace (named, vmd_dbus_vm_get_id (vms->pdata[i]),
                      vmd_dbus_vm_get_name (vms->pdata[i]), 0);
  return g_string_free (named, FALSE);
}

static void
add_lock (GVariant *lock, GPtrArray *vms, VmctlTable *table, JsonBuilder *builder)
{
  const char *resources = "", *owner = "", *reason = "", *job = "", *sender = "";
  g_autofree char *since_text = NULL;
  g_autofree char *pid_text = NULL;
  g_autofree char *named = NULL;
  gboolean held = FALSE;
  gint64 pid = 0, since = 0;

  g_variant_lookup (lock, "resources", "&s", &resources);
  g_variant_lookup (lock, "held", "b", &held);
  g_variant_lookup (lock, "owner", "&s", &owner);
  g_variant_lookup (lock, "reason", "&s", &reason);
  g_variant_lookup (lock, "job", "&s", &job);
  g_variant_lookup (lock, "sender", "&s", &sender);
  g_variant_lookup (lock, "pid", "x", &pid);
  g_variant_lookup (lock, "since", "x", &since);
  since_text = vmctl_text_format_time (since);
  pid_text = g_strdup_printf ("%" G_GINT64_FORMAT, pid);
  named = dup_with_names (resources, vms);
  vmctl_table_add (table, named, held ? "held" : "waiting", reason, job, pid_text, since_text,
                   NULL);
  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "resources", resources);
  vmctl_json_add_boolean (builder, "held", held);
  vmctl_json_add_string (builder, "owner", owner);
  vmctl_json_add_string (builder, "reason", reason);
  vmctl_json_add_string (builder, "job", job);
  vmctl_json_add_string (builder, "sender", sender);
  vmctl_json_add_int (builder, "pid", pid);
  vmctl_json_add_time (builder, "since", since);
  json_builder_end_object (builder);
}

static int
run_list (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  static const char *const titles[] = {
    "RESOURCES", "STATE", "REASON", "JOB", "PID", "SINCE", NULL
  };
  g_autoptr (VmctlTable) table = vmctl_table_new (titles);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (VmctlCall) call = vmctl_call_new (client, VMCTL_OBJECT_PATH "/Manager",
                                               vmd_dbus_manager_interface_info (), "ListLocks");
  g_autoptr (GVariant) reply = vmctl_call_run (call, error);
  g_autoptr (GPtrArray) vms = NULL;
  g_autoptr (GVariantIter) iterator = NULL;
  GVariant *lock;

  if (reply == NULL)
    return -1;
  vms = vmctl_objects_list (client, &vmctl_object_kind_vm, error);
  if (vms == NULL)
    return -1;
  g_variant_get (reply, "(aa{sv})", &iterator);
  json_builder_begin_array (builder);
  while (g_variant_iter_loop (iterator, "@a{sv}", &lock))
    add_lock (lock, vms, table, builder);
  json_builder_end_array (builder);
  vmctl_listing_print (client, table, builder);
  return 0;
}

const VmctlCommand vmctl_command_lock_list = {
  .name = "lock list",
  .arguments = "",
  .summary = "List who holds a lock, and who waits for one",
  .run = run_list,
};
