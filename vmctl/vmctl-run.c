/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-call.h"
#include "vmctl-command.h"
#include "vmctl-create.h"
#include "vmctl-error.h"
#include "vmctl-guest-command.h"
#include "vmctl-image.h"
#include "vmctl-import.h"
#include "vmctl-run-plan.h"
#include "vmctl-spec.h"
#include "vmctl-vm.h"

#include <stdio.h>
#include <string.h>
#include <vmd-error.h>

/* The main job: a repository in a new VM, and a command there. Everything that can be seen to be
 * wrong beforehand is found before the VM is made. What was made is told of, whatever happens: with
 * --rm it is deleted, by a call that the Ctrl-C which ended the rest does not cancel; without, the
 * user learns what remains and how to go on. */

#define DEFAULT_IMAGE "tiny"
#define GUEST_PATH "/workspace"

static const VmctlOption options[] = {
  { "image", 0, VMCTL_OPTION_TEXT, "IMAGE",
    "The image its disk begins as (default: tiny, built when it is missing)" },
  { "name", 0, VMCTL_OPTION_TEXT, "NAME", "What the VM is called (default: a name is made up)" },
  VMCTL_SPEC_OPTIONS,
  { "rm", 0, VMCTL_OPTION_FLAG, NULL, "Delete the VM afterwards, also after Ctrl-C" },
  { "detach", 'd', VMCTL_OPTION_FLAG, NULL,
    "Run no command: print the VM's name once the repository is in it" },
  { "include-untracked", 0, VMCTL_OPTION_FLAG, NULL,
    "Take files along that git does not track; ignored ones stay" },
  { "dry-run", 0, VMCTL_OPTION_FLAG, NULL, "Say what would be done, and do nothing" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

typedef struct
{
  VmctlClient *client; /* not owned */
  const VmctlArguments *arguments; /* not owned */
  VmdSource *source;
  char *path; /* NULL until the VM is made, and when it is deleted */
  char *id;
  char *name;
  VmctlGuestResult *result; /* NULL: no command has ended */
  GError *error;
} Run;

static void
run_clear (Run *self)
{
  g_clear_object (&self->source);
  g_clear_pointer (&self->result, vmctl_guest_result_free);
  g_clear_error (&self->error);
  g_free (self->path);
  g_free (self->id);
  g_free (self->name);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Run, run_clear)

static gboolean
check (const VmctlArguments *arguments, GError **error)
{
  const char *const *command = vmctl_arguments_get_command (arguments);

  if (vmctl_arguments_has (arguments, "detach") && command != NULL)
    g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                 "--detach runs no command: leave out what is behind “--”, and run it later with "
                 "“vmctl exec”");
  else if (vmctl_arguments_has (arguments, "detach") && vmctl_arguments_has (arguments, "rm"))
    g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                 "--detach and --rm exclude each other: the VM would be deleted at once");
  else
    return vmctl_guest_command_check (command, error);
  return FALSE;
}

/* The default image is made by itself; another one that is missing is the user's to make. */
static gboolean
is_missing_default_image (Run *self)
{
  const char *image = vmctl_arguments_get_text (self->arguments, "image");

  return g_error_matches (self->error, VMD_ERROR, VMD_ERROR_NOT_FOUND) &&
         (image == NULL || g_str_equal (image, DEFAULT_IMAGE));
}

static gboolean
create (Run *self)
{
  const char *name = vmctl_arguments_get_text (self->arguments, "name");
  g_autoptr (VmdDbusVm) vm = NULL;

  self->path = vmctl_create_vm (self->client, self->arguments, name, &self->error);
  if (self->path == NULL && is_missing_default_image (self))
    {
      g_autofree char *image = NULL;

      g_clear_error (&self->error);
      image = vmctl_image_build_tiny (self->client, DEFAULT_IMAGE, &self->error);
      if (image != NULL)
        self->path = vmctl_create_vm (self->client, self->arguments, name, &self->error);
    }
  if (self->path == NULL)
    return FALSE;
  self->id = g_strdup (strrchr (self->path, '/') + 1);
  vm = vmctl_vm_load (self->client, self->path, NULL);
  self->name = vm != NULL ? vmd_dbus_vm_dup_name (vm) : g_strdup (self->id);
  return TRUE;
}

static gboolean
start (Run *self)
{
  g_autofree char *label = g_strconcat ("start ", self->name, NULL);
  g_autoptr (VmctlCall) call =
      vmctl_call_new (self->client, self->path, vmd_dbus_vm_interface_info (), "Start");
  g_autoptr (GVariant) reply = NULL;

  vmctl_call_show_progress (call, label);
  reply = vmctl_call_run (call, &self->error);
  return reply != NULL;
}

static gboolean
import (Run *self)
{
  g_autofree char *label = g_strconcat ("import into ", self->name, NULL);
  g_autofree char *workspace = vmctl_import_run (self->client, self->path, label, self->source,
                                                 GUEST_PATH, FALSE, &self->error);

  return workspace != NULL;
}

static gboolean
run_command (Run *self)
{
  VmctlGuestCommand command = {
    .argv = vmctl_arguments_get_command (self->arguments),
    .directory = GUEST_PATH,
    .terminal = vmctl_guest_command_wants_terminal (self->client),
  };

  if (vmctl_arguments_has (self->arguments, "detach"))
    return TRUE;
  self->result = vmctl_guest_command_run (self->client, self->path, &command, &self->error);
  return self->result != NULL;
}

/* --rm. It also goes on in vmd when a second Ctrl-C ends vmctl. */
static void delete (Run *self)
{
  g_autofree char *label = g_strconcat ("delete ", self->name, NULL);
  g_autoptr (VmctlCall) call =
      vmctl_call_new (self->client, self->path, vmd_dbus_vm_interface_info (), "Delete");
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;

  vmctl_call_add_option (call, "force", g_variant_new_boolean (TRUE));
  vmctl_call_add_option (call, "detach", g_variant_new_boolean (TRUE));
  vmctl_call_show_progress (call, label);
  vmctl_call_shield (call);
  reply = vmctl_call_run (call, &error);
  if (reply != NULL)
    {
      g_clear_pointer (&self->path, g_free);
      return;
    }
  vmctl_error_print (label, error);
  if (self->error == NULL)
    self->error = g_steal_pointer (&error);
}

static void
tell_what_remains (Run *self)
{
  g_autoptr (VmdDbusVm) vm = vmctl_vm_load (self->client, self->path, NULL);

  if (vm == NULL)
    return;
  if (g_strcmp0 (vmd_dbus_vm_get_state (vm), "running") == 0)
    fprintf (stderr,
             "vmctl: VM %s goes on running: “vmctl exec %s -- CMD” runs more in it, “vmctl delete "
             "--force %s” deletes it\n",
             self->name, self->name, self->name);
  else
    fprintf (stderr,
             "vmctl: VM %s remains, %s: “vmctl logs %s” shows its console, “vmctl delete %s” "
             "deletes it\n",
             self->name, vmd_dbus_vm_get_state (vm), self->name, self->name);
}

static void
print_json (Run *self)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "name", self->name);
  vmctl_json_add_string (builder, "id", self->id);
  vmctl_json_add_boolean (builder, "deleted", self->id != NULL && self->path == NULL);
  if (self->result != NULL)
    vmctl_guest_result_add_json (builder, self->result);
  vmctl_json_add_error (builder, self->error);
  json_builder_end_object (builder);
  vmctl_json_print (builder);
}

static int
finish (Run *self)
{
  if (self->error != NULL)
    vmctl_error_print ("run", self->error);
  if (self->path != NULL && vmctl_arguments_has (self->arguments, "rm"))
    delete (self);
  else if (self->path != NULL &&
           (self->error != NULL || !vmctl_arguments_has (self->arguments, "detach")))
    tell_what_remains (self);
  if (vmctl_client_is_json (self->client))
    print_json (self);
  else if (vmctl_arguments_has (self->arguments, "detach") && self->error == NULL)
    printf ("%s\n", self->name);
  if (self->error != NULL)
    return vmctl_error_get_exit_status (self->error);
  return self->result != NULL ? vmctl_guest_result_get_exit_status (self->result) : 0;
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  g_auto (Run) self = { .client = client, .arguments = arguments };
  const char *path = vmctl_arguments_get (arguments, 0);

  self.source =
      vmctl_import_open_source (client, path != NULL ? path : ".",
                                vmctl_arguments_has (arguments, "include-untracked"), error);
  if (self.source == NULL)
    return -1;
  if (vmctl_arguments_has (arguments, "dry-run"))
    {
      vmctl_run_plan_print (client, arguments, self.source, DEFAULT_IMAGE, GUEST_PATH);
      return 0;
    }
  if (!vmctl_client_connect (client, VMCTL_CONNECTION_START, error))
    return -1;
  if (create (&self) && start (&self) && import (&self))
    run_command (&self);
  return finish (&self);
}

const VmctlCommand vmctl_command_run = {
  .name = "run",
  .arguments = "[PATH] [-- CMD…]",
  .summary = "Run a command on a git repository in a new VM",
  .details = "The repository that PATH (default: .) is in is copied to " GUEST_PATH
             " of the guest. CMD (default: the login shell) runs there, and its exit status is "
             "vmctl's.",
  .options = options,
  .offline = TRUE,
  .check = check,
  .run = run,
};
