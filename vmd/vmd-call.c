/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-call.h"

#include <fcntl.h>

/* The way of a call: a signal of a skeleton → check the options against the method's table → ask
 * whether the caller may → find the lock it shows → begin its job → run → answer. It happens on the
 * main loop and nothing in it waits. A call is owned by whatever is under way, and ends with
 * exactly one of vmd_call_return(), vmd_call_fail() and vmd_call_end(). */
struct _VmdCall
{
  VmdExport *export;
  const VmdMethod *method; /* static */
  GDBusMethodInvocation *invocation;
  GObject *object; /* (nullable) what the skeleton stands for */
  GVariantDict options;
  char *owner; /* the sender's unique name, or the peer's */
  VmdJob *job; /* (nullable) */
  VmdLock *lock; /* (nullable) */
  VmdVm *survivor; /* (nullable) if it runs, the call goes on without its client */
  VmdExecSpec *exec; /* (nullable) */
  GCancellable *cancellable;
  gboolean detached;
};

static void
call_free (VmdCall *self)
{
  VmdService *service = vmd_export_get_service (self->export);

  vmd_clients_remove_call (vmd_export_get_clients (self->export), self->owner, self);
  g_variant_dict_clear (&self->options);
  g_clear_object (&self->exec);
  g_clear_object (&self->survivor);
  g_clear_object (&self->lock);
  g_clear_object (&self->job);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->object);
  g_clear_object (&self->invocation);
  g_clear_object (&self->export);
  g_free (self->owner);
  g_free (self);
  vmd_service_release (service);
}

VmdExport *
vmd_call_get_export (VmdCall *self)
{
  return self->export;
}

gpointer
vmd_call_get_object (VmdCall *self)
{
  return self->object;
}

GVariant *
vmd_call_get_parameters (VmdCall *self)
{
  return g_dbus_method_invocation_get_parameters (self->invocation);
}

VmdJob *
vmd_call_get_job (VmdCall *self)
{
  return self->job;
}

VmdLock *
vmd_call_get_lock (VmdCall *self)
{
  return self->lock;
}

GCancellable *
vmd_call_get_cancellable (VmdCall *self)
{
  return self->cancellable;
}

const char *
vmd_call_get_owner (VmdCall *self)
{
  return self->owner;
}

GVariantDict *
vmd_call_get_options (VmdCall *self)
{
  return &self->options;
}

VmdExecSpec *
vmd_call_get_exec (VmdCall *self)
{
  return self->exec;
}

void
vmd_call_set_exec (VmdCall *self, VmdExecSpec *spec)
{
  g_set_object (&self->exec, spec);
}

void
vmd_call_survive_launch (VmdCall *self, VmdVm *vm)
{
  g_set_object (&self->survivor, vm);
}

void
vmd_call_client_vanished (VmdCall *self)
{
  if (self->detached)
    return;
  if (self->survivor != NULL && vmd_vm_get_state (self->survivor) == VMD_VM_RUNNING)
    return;
  g_cancellable_cancel (self->cancellable);
}

int
vmd_call_take_fd (VmdCall *self, int index, GError **error)
{
  GDBusMessage *message = g_dbus_method_invocation_get_message (self->invocation);
  GUnixFDList *fds = g_dbus_message_get_unix_fd_list (message);
  int fd;

  if (fds == NULL || index < 0 || index >= g_unix_fd_list_get_length (fds))
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                   "The message carries no descriptor number %d", index);
      return -1;
    }
  fd = g_unix_fd_list_get (fds, index, error);
  return fd;
}

gboolean
vmd_call_take_option_fd (VmdCall *self, const char *name, int *fd, GError **error)
{
  gint32 index;

  *fd = -1;
  if (!g_variant_dict_lookup (&self->options, name, "h", &index))
    return TRUE;
  *fd = vmd_call_take_fd (self, index, error);
  return *fd >= 0;
}

void
vmd_call_return (VmdCall *self, GVariant *result, GUnixFDList *fds)
{
  g_dbus_method_invocation_return_value_with_unix_fd_list (g_steal_pointer (&self->invocation),
                                                           result, fds);
  call_free (self);
}

void
vmd_call_fail (VmdCall *self, GError *error)
{
  g_dbus_method_invocation_take_error (g_steal_pointer (&self->invocation), error);
  call_free (self);
}

void
vmd_call_end (VmdCall *self, GError *error)
{
  if (error != NULL)
    vmd_call_fail (self, error);
  else
    vmd_call_return (self, NULL, NULL);
}

static const char *
find_option_type (const VmdMethod *method, const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (method->options) && method->options[i].name != NULL; i++)
    if (g_str_equal (method->options[i].name, name))
      return method->options[i].type;
  return NULL;
}

/* The options are the method's argument of type a{sv} that comes last. */
static gboolean
read_options (VmdCall *self, GError **error)
{
  GVariant *parameters = vmd_call_get_parameters (self);
  g_autoptr (GVariant) options = NULL;
  gsize n = g_variant_n_children (parameters);
  GVariantIter iterator;
  const char *name;
  GVariant *value;

  if (n > 0)
    options = g_variant_get_child_value (parameters, n - 1);
  if (options == NULL || !g_variant_is_of_type (options, G_VARIANT_TYPE_VARDICT))
    {
      g_variant_dict_init (&self->options, NULL);
      return TRUE;
    }
  g_variant_dict_init (&self->options, options);
  g_variant_iter_init (&iterator, options);
  while (g_variant_iter_loop (&iterator, "{&sv}", &name, &value))
    {
      const char *type = find_option_type (self->method, name);

      if (type != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE (type)))
        continue;
      if (type == NULL)
        g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT, "%s knows no option “%s”",
                     g_dbus_method_invocation_get_method_name (self->invocation), name);
      else
        g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                     "Option “%s” is of type “%s”, not “%s”", name,
                     g_variant_get_type_string (value), type);
      g_variant_unref (value);
      return FALSE;
    }
  return TRUE;
}

static char *
dup_job_target (VmdCall *self)
{
  GVariant *parameters = vmd_call_get_parameters (self);

  if (VMD_IS_VM (self->object))
    return vmd_vm_dup_name (VMD_VM (self->object));
  if (VMD_IS_IMAGE (self->object))
    return g_strdup (vmd_image_get_name (VMD_IMAGE (self->object)));
  if (VMD_IS_KERNEL (self->object))
    return g_strdup (vmd_kernel_get_version (VMD_KERNEL (self->object)));
  if (g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(a{sv}a{sv})")))
    {
      g_autoptr (GVariant) spec = g_variant_get_child_value (parameters, 0);
      char *name = NULL;

      g_variant_lookup (spec, "name", "s", &name);
      return name != NULL ? name : g_strdup ("");
    }
  if (g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sa{sv})")) ||
      g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sha{sv})")))
    {
      g_autoptr (GVariant) name = g_variant_get_child_value (parameters, 0);

      return g_variant_dup_string (name, NULL);
    }
  return g_strdup ("");
}

gboolean
vmd_call_takes_option (VmdCall *self, const char *name)
{
  return find_option_type (self->method, name) != NULL;
}

gboolean
vmd_call_is_job (VmdCall *self)
{
  return self->method->operation != NULL;
}

static gboolean
begin_job (VmdCall *self, GError **error)
{
  g_autofree char *id = NULL;
  g_autofree char *peer = NULL;
  g_autofree char *target = NULL;
  const char *token;

  if (self->method->operation == NULL)
    return TRUE;
  if (g_variant_dict_lookup (&self->options, "job-token", "&s", &token))
    {
      gsize length = strspn (token, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS);

      if (length == 0 || length > 32 || token[length] != '\0')
        {
          g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                       "A job token is 1 to 32 letters and digits");
          return FALSE;
        }
      peer = g_strdelimit (g_strdup (self->owner + (*self->owner == ':')), ".", '_');
      id = g_strdup_printf ("%s_%s", peer, token);
    }
  target = dup_job_target (self);
  self->job = vmd_manager_begin_job (vmd_export_get_manager (self->export), self->method->operation,
                                     target, self->owner, id, error);
  return self->job != NULL;
}

static void
authorised_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  VmdCall *self = data;
  GError *error = NULL;

  if (!vmd_authorise_finish (result, &error) || !vmd_call_find_lock (self, &self->lock, &error) ||
      !begin_job (self, &error))
    {
      vmd_call_fail (self, error);
      return;
    }
  self->method->run (self);
}

static void
dispatch (VmdExport *export, const VmdMethod *method, GObject *object,
          GDBusMethodInvocation *invocation)
{
  VmdCall *self = g_new0 (VmdCall, 1);
  const char *sender = g_dbus_method_invocation_get_sender (invocation);
  GError *error = NULL;

  self->export = g_object_ref (export);
  self->method = method;
  self->object = object != NULL ? g_object_ref (object) : NULL;
  /* Ours: what answers the invocation consumes it. */
  self->invocation = invocation;
  self->cancellable = g_cancellable_new ();
  self->owner = g_strdup (vmd_export_get_peer (export) ?: sender);
  vmd_service_hold (vmd_export_get_service (export));
  vmd_clients_add_call (vmd_export_get_clients (export), self->owner, self);

  if (!read_options (self, &error))
    {
      vmd_call_fail (self, error);
      return;
    }
  g_variant_dict_lookup (&self->options, "detach", "b", &self->detached);
  vmd_authorise_async (export, sender, self->cancellable, authorised_cb, self);
}

/* Is @signal, "handle-add-token", that of method "AddToken"? */
static gboolean
is_signal_of (const char *signal, const char *method)
{
  const char *c = signal + strlen ("handle");

  for (; *method != '\0'; method++)
    {
      if (g_ascii_isupper (*method) && *c++ != '-')
        return FALSE;
      if (*c++ != g_ascii_tolower (*method))
        return FALSE;
    }
  return *c == '\0';
}

void
vmd_call_dispatch (VmdExport *export, const VmdMethod *methods, GObject *object,
                   GDBusMethodInvocation *invocation)
{
  const char *name = g_dbus_method_invocation_get_method_name (invocation);
  const VmdMethod *method = methods;

  while (method->signal != NULL && !is_signal_of (method->signal, name))
    method++;
  /* GDBus has held the message against the XML, which the table is of. */
  g_return_if_fail (method->signal != NULL);
  dispatch (export, method, object, invocation);
}

/* What a connected closure carries. */
typedef struct
{
  VmdExport *export; /* not owned: the export owns the skeleton */
  const VmdMethod *method;
  GObject *object; /* (nullable) owned */
} Connected;

static void
connected_free (gpointer data, GClosure *closure)
{
  Connected *connected = data;

  g_clear_object (&connected->object);
  g_free (connected);
}

/* One marshaller for every handle-… signal: (skeleton, invocation, …) → gboolean. The arguments are
 * read from the invocation, so that one function serves them all. */
static void
marshal_handle (GClosure *closure, GValue *return_value, guint n_values, const GValue *values,
                gpointer hint, gpointer marshal_data)
{
  Connected *connected = closure->data;

  dispatch (connected->export, connected->method, connected->object,
            g_value_get_object (&values[1]));
  g_value_set_boolean (return_value, TRUE);
}

void
vmd_call_connect (VmdExport *export, GDBusInterfaceSkeleton *skeleton, const VmdMethod *methods,
                  GObject *object)
{
  for (const VmdMethod *method = methods; method->signal != NULL; method++)
    {
      Connected *connected = g_new0 (Connected, 1);
      GClosure *closure = g_closure_new_simple (sizeof (GClosure), connected);

      connected->export = export;
      connected->method = method;
      connected->object = object != NULL ? g_object_ref (object) : NULL;
      g_closure_set_marshal (closure, marshal_handle);
      g_closure_add_finalize_notifier (closure, connected, connected_free);
      g_signal_connect_closure (skeleton, method->signal, closure, FALSE);
    }
}
