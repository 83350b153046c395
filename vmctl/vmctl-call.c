/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-call.h"

#include "vmctl-error.h"

#include <vmd-error.h>

/* Every method is called in one way: arguments, then options; the reply comes when the work is
 * done, however long it takes. What has a job gets a token that we choose, so that its object's
 * path is known before it exists: progress is what that object's properties say, and Ctrl-C is its
 * Cancel(), after which the reply tells that the clean-up is done. What has none is given up on our
 * side; vmd notices when the connection closes.
 *
 * A shielded call is not cancelled by Ctrl-C: it is clean-up itself. */

#define CANCEL_RETRY_MS 20

struct _VmctlCall
{
  grefcount references; /* the caller's, and one for each answer that is to come */
  VmctlClient *client; /* not owned */
  const GDBusInterfaceInfo *interface;
  const GDBusMethodInfo *method;
  char *path;
  GPtrArray *arguments; /* GVariant, sunk */
  GVariantDict options;
  GUnixFDList *fds;
  char *token; /* NULL: it has no job */
  char *job_path;
  char *label; /* NULL: no progress is shown */
  VmctlProgressItem *progress;
  guint subscription;
  gulong interrupted_handler;
  guint cancel_retry;
  gboolean shielded;
  gboolean done;
  GVariant *reply;
  GUnixFDList *reply_fds;
  GError *error;
};

/* @interface: as generated from the XML, which says whether the method takes options. */
VmctlCall *
vmctl_call_new (VmctlClient *client, const char *path, const GDBusInterfaceInfo *interface,
                const char *method)
{
  VmctlCall *self = g_new0 (VmctlCall, 1);

  g_ref_count_init (&self->references);
  self->client = client;
  self->path = g_strdup (path);
  self->interface = interface;
  self->method = g_dbus_interface_info_lookup_method ((GDBusInterfaceInfo *) interface, method);
  self->arguments = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  self->fds = g_unix_fd_list_new ();
  g_variant_dict_init (&self->options, NULL);
  g_assert (self->method != NULL);
  return self;
}

static VmctlCall *
vmctl_call_ref (VmctlCall *self)
{
  g_ref_count_inc (&self->references);
  return self;
}

void
vmctl_call_unref (VmctlCall *self)
{
  if (!g_ref_count_dec (&self->references))
    return;
  g_variant_dict_clear (&self->options);
  g_ptr_array_unref (self->arguments);
  g_clear_pointer (&self->reply, g_variant_unref);
  g_clear_object (&self->reply_fds);
  g_clear_object (&self->fds);
  g_clear_error (&self->error);
  g_free (self->path);
  g_free (self->token);
  g_free (self->job_path);
  g_free (self->label);
  g_free (self);
}

/* Consumes a floating reference. */
void
vmctl_call_add_argument (VmctlCall *self, GVariant *argument)
{
  g_ptr_array_add (self->arguments, g_variant_ref_sink (argument));
}

void
vmctl_call_add_option (VmctlCall *self, const char *name, GVariant *value)
{
  g_variant_dict_insert_value (&self->options, name, value);
}

/* A handle of a duplicate of @fd, for an argument or an option; NULL on error. (transfer
 * floating) */
GVariant *
vmctl_call_add_fd (VmctlCall *self, int fd, GError **error)
{
  int index = g_unix_fd_list_append (self->fds, fd, error);

  return index >= 0 ? g_variant_new_handle (index) : NULL;
}

/* Returns the job's token. */
const char *
vmctl_call_add_job (VmctlCall *self)
{
  g_autofree char *uuid = g_uuid_string_random ();
  g_auto (GStrv) parts = g_strsplit (uuid, "-", -1);

  self->token = g_strjoinv (NULL, parts);
  vmctl_call_add_option (self, "job-token", g_variant_new_string (self->token));
  return self->token;
}

/* The call is made as a job, and that is shown as @label. */
void
vmctl_call_show_progress (VmctlCall *self, const char *label)
{
  self->label = g_strdup (label);
  if (self->token == NULL)
    vmctl_call_add_job (self);
}

/* Shows the lock that "vmctl lock" holds for us, if it is on the object called. */
void
vmctl_call_show_lock (VmctlCall *self)
{
  const char *token = vmctl_client_get_lock_token (self->client, self->path);

  if (token != NULL)
    vmctl_call_add_option (self, "lock", g_variant_new_string (token));
}

void
vmctl_call_shield (VmctlCall *self)
{
  self->shielded = TRUE;
}

static void
job_changed_cb (GDBusConnection *bus, const char *sender, const char *path, const char *interface,
                const char *signal_name, GVariant *parameters, gpointer data)
{
  VmctlCall *self = data;
  g_autoptr (GVariant) changed = NULL;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sa{sv}as)")))
    return;
  changed = g_variant_get_child_value (parameters, 1);
  vmctl_progress_update (self->progress, changed);
}

static void
follow_job (VmctlCall *self)
{
  self->progress = vmctl_progress_begin (vmctl_client_get_progress (self->client), self->label);
  self->subscription = g_dbus_connection_signal_subscribe (
      vmctl_client_get_bus (self->client), vmctl_client_get_bus_name (self->client),
      "org.freedesktop.DBus.Properties", "PropertiesChanged", self->job_path, NULL,
      G_DBUS_SIGNAL_FLAGS_NONE, job_changed_cb, self, NULL);
}

static void cancel_job (VmctlCall *self);

static gboolean
cancel_again_cb (gpointer data)
{
  VmctlCall *self = data;

  self->cancel_retry = 0;
  cancel_job (self);
  return G_SOURCE_REMOVE;
}

/* Ctrl-C may be faster than the job's object: then again, for as long as the call is at work. */
static void
cancel_answered_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (VmctlCall) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply =
      g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (self->done || reply != NULL)
    return;
  if (g_error_matches (error, VMD_ERROR, VMD_ERROR_UNSUPPORTED))
    {
      vmctl_progress_clear (vmctl_client_get_progress (self->client));
      vmctl_error_print (self->label, error);
      return;
    }
  self->cancel_retry = g_timeout_add (CANCEL_RETRY_MS, cancel_again_cb, self);
}

static void
cancel_job (VmctlCall *self)
{
  g_dbus_connection_call (vmctl_client_get_bus (self->client),
                          vmctl_client_get_bus_name (self->client), self->job_path,
                          "org.vmd.Vmd1.Job", "Cancel", NULL, NULL, G_DBUS_CALL_FLAGS_NONE,
                          G_MAXINT, NULL, cancel_answered_cb, vmctl_call_ref (self));
}

static void
interrupted_cb (GCancellable *cancellable, VmctlCall *self)
{
  cancel_job (self);
}

static void
end (VmctlCall *self)
{
  self->done = TRUE;
  g_clear_handle_id (&self->cancel_retry, g_source_remove);
  if (self->subscription != 0)
    g_dbus_connection_signal_unsubscribe (vmctl_client_get_bus (self->client), self->subscription);
  self->subscription = 0;
  g_clear_pointer (&self->progress, vmctl_progress_end);
  if (self->interrupted_handler != 0)
    g_signal_handler_disconnect (vmctl_client_get_cancellable (self->client),
                                 self->interrupted_handler);
  self->interrupted_handler = 0;
}

static void
answered_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (VmctlCall) self = data;

  self->reply = g_dbus_connection_call_with_unix_fd_list_finish (
      G_DBUS_CONNECTION (source), &self->reply_fds, result, &self->error);
  if (self->error != NULL)
    vmctl_error_convert (&self->error);
  end (self);
}

static gboolean
takes_options (VmctlCall *self)
{
  GDBusArgInfo **arguments = self->method->in_args;

  for (; arguments != NULL && *arguments != NULL; arguments++)
    if (g_str_equal ((*arguments)->name, "options"))
      return TRUE;
  return FALSE;
}

static GVariant *
build_parameters (VmctlCall *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_TUPLE);
  for (guint i = 0; i < self->arguments->len; i++)
    g_variant_builder_add_value (&builder, self->arguments->pdata[i]);
  if (takes_options (self))
    g_variant_builder_add_value (&builder, g_variant_dict_end (&self->options));
  return g_variant_builder_end (&builder);
}

/* Sends it. After Ctrl-C it ends at once, unless it is shielded. */
void
vmctl_call_begin (VmctlCall *self)
{
  GCancellable *interrupted = vmctl_client_get_cancellable (self->client);
  gboolean heeds = !self->shielded;

  if (heeds && g_cancellable_is_cancelled (interrupted))
    {
      self->error = g_error_new (VMD_ERROR, VMD_ERROR_CANCELLED, "Cancelled");
      self->done = TRUE;
      return;
    }
  if (self->token != NULL)
    self->job_path = vmctl_client_dup_job_path (self->client, self->token);
  if (self->label != NULL)
    follow_job (self);
  if (heeds && self->token != NULL)
    self->interrupted_handler =
        g_signal_connect (interrupted, "cancelled", G_CALLBACK (interrupted_cb), self);
  g_dbus_connection_call_with_unix_fd_list (
      vmctl_client_get_bus (self->client), vmctl_client_get_bus_name (self->client), self->path,
      self->interface->name, self->method->name, build_parameters (self), NULL,
      G_DBUS_CALL_FLAGS_NONE, G_MAXINT, self->fds,
      heeds && self->token == NULL ? interrupted : NULL, answered_cb, vmctl_call_ref (self));
  /* The message has its own reference: our copies of the descriptors close once it is sent. */
  g_clear_object (&self->fds);
}

gboolean
vmctl_call_is_done (VmctlCall *self)
{
  return self->done;
}

/* The reply, a tuple; once it is done. (transfer full) */
GVariant *
vmctl_call_finish (VmctlCall *self, GError **error)
{
  g_return_val_if_fail (self->done, NULL);

  if (self->error != NULL)
    g_propagate_error (error, g_steal_pointer (&self->error));
  return g_steal_pointer (&self->reply);
}

/* Begins it, waits, finishes. (transfer full) */
GVariant *
vmctl_call_run (VmctlCall *self, GError **error)
{
  vmctl_call_begin (self);
  while (!self->done)
    g_main_context_iteration (NULL, TRUE);
  return vmctl_call_finish (self, error);
}

/* A descriptor of the reply, the caller's; -1 when there is none. */
int
vmctl_call_take_fd (VmctlCall *self, int index)
{
  if (self->reply_fds == NULL || index < 0 || index >= g_unix_fd_list_get_length (self->reply_fds))
    return -1;
  return g_unix_fd_list_get (self->reply_fds, index, NULL);
}
