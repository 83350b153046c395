/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-await.h"
#include "vmctl-batch.h"
#include "vmctl-command.h"
#include "vmctl-error.h"
#include "vmctl-listing.h"
#include "vmctl-text.h"

#include <stdio.h>
#include <string.h>
#include <vmd-error.h>

static void
add_json (JsonBuilder *builder, gpointer proxy)
{
  VmdDbusJob *job = proxy;
  const char *name = strrchr (vmd_dbus_job_get_error_name (job), '.');

  vmctl_json_add_string (builder, "id", vmd_dbus_job_get_id (job));
  vmctl_json_add_string (builder, "operation", vmd_dbus_job_get_operation (job));
  vmctl_json_add_string (builder, "target", vmd_dbus_job_get_target (job));
  vmctl_json_add_string (builder, "started_by", vmd_dbus_job_get_started_by (job));
  vmctl_json_add_string (builder, "state", vmd_dbus_job_get_state (job));
  vmctl_json_add_string (builder, "phase", vmd_dbus_job_get_phase (job));
  json_builder_set_member_name (builder, "progress");
  if (vmd_dbus_job_get_progress (job) < 0)
    json_builder_add_null_value (builder);
  else
    json_builder_add_double_value (builder, vmd_dbus_job_get_progress (job));
  vmctl_json_add_int (builder, "bytes_done", (gint64) vmd_dbus_job_get_bytes_done (job));
  vmctl_json_add_int (builder, "bytes_total", (gint64) vmd_dbus_job_get_bytes_total (job));
  vmctl_json_add_time (builder, "started", vmd_dbus_job_get_started (job));
  vmctl_json_add_time (builder, "ended", vmd_dbus_job_get_ended (job));
  vmctl_json_add_string (builder, "error_name", name != NULL ? name + 1 : NULL);
  vmctl_json_add_string (builder, "error_message", vmd_dbus_job_get_error_message (job));
}

static char *
format_age (VmdDbusJob *job)
{
  gint64 ended = vmd_dbus_job_get_ended (job);
  gint64 started = vmd_dbus_job_get_started (job);

  if (started == 0)
    return g_strdup ("-");
  return vmctl_text_format_duration (MAX ((ended != 0 ? ended : g_get_real_time ()) - started, 0));
}

static void
add_row (VmctlTable *table, gpointer proxy, gboolean full)
{
  VmdDbusJob *job = proxy;
  double progress = vmd_dbus_job_get_progress (job);
  g_autofree char *percent =
      progress < 0 ? g_strdup ("") : g_strdup_printf ("%d %%", (int) (progress * 100));
  g_autofree char *age = format_age (job);

  vmctl_table_add (table, vmd_dbus_job_get_id (job), vmd_dbus_job_get_operation (job),
                   vmd_dbus_job_get_target (job), vmd_dbus_job_get_state (job),
                   vmd_dbus_job_get_phase (job), percent, age, vmd_dbus_job_get_error_message (job),
                   NULL);
}

static const char *const titles[] = { "ID",       "OPERATION", "TARGET", "STATE", "PHASE",
                                      "PROGRESS", "TIME",      "ERROR",  NULL };

static const VmctlListing listing = {
  .kind = &vmctl_object_kind_job,
  .titles = titles,
  .add_row = add_row,
  .add_json = add_json,
};

static int
run_list (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  return vmctl_listing_print_all (client, &listing, error);
}

const VmctlCommand vmctl_command_job_list = {
  .name = "job list",
  .arguments = "",
  .summary = "List what is under way, and what ended lately",
  .run = run_list,
};

static int
run_cancel (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  static const VmctlBatch batch = {
    .verb = "cancel",
    .get_info = vmd_dbus_job_interface_info,
    .method = "Cancel",
  };

  return vmctl_batch_run_on_objects (client, &batch, &vmctl_object_kind_job, arguments, error);
}

const VmctlCommand vmctl_command_job_cancel = {
  .name = "job cancel",
  .arguments = "JOB…",
  .summary = "Ask jobs to end",
  .run = run_cancel,
};

static gboolean
has_ended (VmdDbusJob *job)
{
  return vmd_dbus_job_get_ended (job) != 0;
}

/* Why the job ended badly, as the error that its own caller got; NULL: it did not. (transfer
 * full) */
static GError *
dup_error (VmdDbusJob *job)
{
  const char *name = vmd_dbus_job_get_error_name (job);
  const char *message = vmd_dbus_job_get_error_message (job);

  if (*name == '\0' && *message == '\0')
    return NULL;
  for (int code = VMD_ERROR_FAILED; code < VMD_N_ERRORS; code++)
    if (g_str_equal (name, vmd_error_get_bus_name (code)))
      return g_error_new_literal (VMD_ERROR, code, message);
  return g_error_new_literal (VMD_ERROR, VMD_ERROR_FAILED, message);
}

typedef struct
{
  VmctlClient *client;
  VmdDbusJob *job;
  VmctlProgressItem *item;
} Watch;

static void
print_state (Watch *self)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  if (!vmctl_client_is_json (self->client))
    return;
  json_builder_begin_object (builder);
  add_json (builder, self->job);
  json_builder_end_object (builder);
  vmctl_json_print_line (builder);
}

static void
changed_cb (GDBusProxy *job, GVariant *changed, GStrv invalidated, Watch *self)
{
  vmctl_progress_update (self->item, changed);
  print_state (self);
}

/* Until it has ended; Ctrl-C ends only the watching. */
static void
follow (Watch *self)
{
  GCancellable *cancellable = vmctl_client_get_cancellable (self->client);
  GDBusConnection *bus = vmctl_client_get_bus (self->client);
  gulong handler =
      g_signal_connect (self->job, "g-properties-changed", G_CALLBACK (changed_cb), self);

  print_state (self);
  while (!has_ended (self->job) && !g_cancellable_is_cancelled (cancellable) &&
         !g_dbus_connection_is_closed (bus))
    g_main_context_iteration (NULL, TRUE);
  g_signal_handler_disconnect (self->job, handler);
}

/* With its signals connected, unlike those of a listing. */
static VmdDbusJob *
load_job (VmctlClient *client, const char *name, GError **error)
{
  const char *const names[] = { name, NULL };
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GPtrArray) proxies = NULL;
  g_autoptr (GPtrArray) targets =
      vmctl_resolve_objects (client, &vmctl_object_kind_job, names, &proxies, error);
  VmctlTarget *target = targets != NULL ? targets->pdata[0] : NULL;

  if (target == NULL || target->error != NULL)
    {
      if (target != NULL)
        g_propagate_error (error, g_steal_pointer (&target->error));
      return NULL;
    }
  vmd_dbus_job_proxy_new (vmctl_client_get_bus (client), G_DBUS_PROXY_FLAGS_NONE,
                          vmctl_client_get_bus_name (client), target->path, NULL, vmctl_await_cb,
                          &result);
  vmctl_await (&result);
  return vmd_dbus_job_proxy_new_finish (result, error);
}

static int
run_watch (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  g_autoptr (VmdDbusJob) job = load_job (client, vmctl_arguments_get (arguments, 0), error);
  g_autofree char *text = NULL;
  g_autofree char *label = NULL;
  g_autoptr (GError) failure = NULL;
  Watch watch = { client, job, NULL };

  if (job == NULL)
    return -1;
  text = g_strdup_printf ("%s %s", vmd_dbus_job_get_operation (job), vmd_dbus_job_get_target (job));
  /* The target is what another client has asked for, good or not. */
  label = vmctl_text_make_printable (text, -1);
  watch.item = vmctl_progress_begin (vmctl_client_get_progress (client), label);
  follow (&watch);
  vmctl_progress_end (watch.item);
  if (!has_ended (job))
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_CANCELLED, "%s goes on; it is no longer watched",
                   label);
      return -1;
    }
  failure = dup_error (job);
  if (!vmctl_client_is_json (client))
    printf ("%s: %s\n", label, vmd_dbus_job_get_state (job));
  if (failure == NULL)
    return 0;
  vmctl_error_print (label, failure);
  return vmctl_error_get_exit_status (failure);
}

const VmctlCommand vmctl_command_job_watch = {
  .name = "job watch",
  .arguments = "JOB",
  .summary = "Show a job's progress until it ends, and exit as its own vmctl does",
  .details = "With --json, a line for each change.",
  .run = run_watch,
};
