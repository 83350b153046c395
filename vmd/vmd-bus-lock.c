/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-bus-lock.h"

#include "vmd-dbus.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#define TOKEN_BYTES 32
#define MAX_REASON 1000

/* A lock that a client holds over the bus. The proof is a random token; what keeps it is a socket
 * whose other end the client has: it is released when every copy of that end is closed, or when the
 * client leaves the bus, whichever comes first. */
typedef struct
{
  VmdExport *export;
  char *sender;
  char *token;
  char *path; /* of its object */
  guint watch;
  int fd;
} BusLock;

/* Waiting for the grant. */
typedef struct
{
  VmdCall *call;
  VmdLockRequest *request;
  char *resources;
  char *reason;
} Asking;

static void
asking_free (Asking *asking)
{
  g_object_unref (asking->request);
  g_free (asking->resources);
  g_free (asking->reason);
  g_free (asking);
}

/* The lock is released, by whatever it was: what is left of it goes too. */
static void
released (gpointer data)
{
  BusLock *self = data;
  VmdService *service = vmd_export_get_service (self->export);

  vmd_clients_remove_lock (vmd_export_get_clients (self->export), self->sender, self->token);
  vmd_export_remove (self->export, self->path);
  vmd_service_release (service);
  g_source_remove (self->watch);
  g_object_unref (self->export);
  /* Whoever has a copy of the other end is told so. */
  g_close (self->fd, NULL);
  g_free (self->sender);
  g_free (self->token);
  g_free (self->path);
  g_free (self);
}

static gboolean
hang_up_cb (int fd, GIOCondition condition, gpointer data)
{
  BusLock *self = data;
  g_autofree char *token = g_strdup (self->token);

  vmd_service_remove_lock (vmd_export_get_service (self->export), token);
  return G_SOURCE_REMOVE;
}

static void
export_lock (BusLock *self, const char *resources, const char *reason)
{
  static guint64 count;
  g_autoptr (VmdDbusLock) skeleton = vmd_dbus_lock_skeleton_new ();

  self->path = g_strdup_printf ("locks/%" G_GUINT64_FORMAT, ++count);
  vmd_dbus_lock_set_resources (skeleton, resources);
  vmd_dbus_lock_set_reason (skeleton, reason);
  vmd_dbus_lock_set_sender (skeleton, self->sender);
  vmd_dbus_lock_set_since (skeleton, g_get_real_time ());
  vmd_export_add (self->export, self->path, G_DBUS_INTERFACE_SKELETON (skeleton));
}

/* Of the kernel's random numbers: those of GLib's generator, of which guests and clients see some,
 * tell whoever has seen enough of them what comes next. NULL: there are none. */
static char *
new_token (void)
{
  guint8 bytes[TOKEN_BYTES];
  GString *token = NULL;

  /* As little as this is never cut short by a signal. */
  if (getrandom (bytes, sizeof bytes, 0) != (gssize) sizeof bytes)
    return NULL;

  token = g_string_sized_new (2 * sizeof bytes);
  for (gsize i = 0; i < sizeof bytes; i++)
    g_string_append_printf (token, "%02x", bytes[i]);
  return g_string_free (token, FALSE);
}

static void
grant (VmdCall *call, VmdLock *lock, const char *resources, const char *reason)
{
  VmdExport *export = vmd_call_get_export (call);
  VmdService *service = vmd_export_get_service (export);
  g_autoptr (GUnixFDList) fds = NULL;
  g_autofree char *token = new_token ();
  BusLock *self;
  int sockets[2];

  if (token == NULL || socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
    {
      vmd_call_fail (call, g_error_new (VMD_ERROR, VMD_ERROR_FAILED,
                                        "No token or no descriptor for the lock: %s",
                                        g_strerror (errno)));
      return;
    }
  self = g_new0 (BusLock, 1);
  self->export = g_object_ref (export);
  self->sender = g_strdup (vmd_call_get_owner (call));
  self->token = g_steal_pointer (&token);
  self->fd = sockets[0];
  export_lock (self, resources, reason);
  vmd_service_hold (service);
  vmd_service_add_lock (service, self->token, lock, self->sender, released, self);
  vmd_clients_add_lock (vmd_export_get_clients (export), self->sender, self->token);
  self->watch = g_unix_fd_add (self->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, hang_up_cb, self);

  fds = g_unix_fd_list_new_from_array (&sockets[1], 1);
  vmd_call_return (call, g_variant_new ("(sh)", self->token, 0), fds);
}

static void
locked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Asking *asking = data;
  GError *error = NULL;
  g_autoptr (VmdLock) lock = vmd_manager_lock_finish (VMD_MANAGER (source), result, &error);

  if (lock == NULL)
    vmd_call_fail (asking->call, error);
  else if (g_cancellable_is_cancelled (vmd_call_get_cancellable (asking->call)))
    vmd_call_fail (asking->call,
                   g_error_new (VMD_ERROR, VMD_ERROR_CANCELLED, "The client has gone"));
  else
    grant (asking->call, lock, asking->resources, asking->reason);
  asking_free (asking);
}

/* A VM may be named as people name it; the lock is on its id. */
static gboolean
add_resource (VmdManager *manager, VmdLockRequest *request, GString *resources, const char *kind,
              const char *name, const char *mode, GError **error)
{
  static const char *const kinds[] = { "vm", "workspace", "image", "kernel" };
  gboolean exclusive = g_str_equal (mode, "exclusive");
  g_autoptr (VmdVm) vm = NULL;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (kinds) && !g_str_equal (kind, kinds[i]); i++)
    ;
  if (i == G_N_ELEMENTS (kinds) || (!exclusive && !g_str_equal (mode, "shared")))
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                   "“%s %s”: the kind is vm, workspace, image or kernel, the mode shared or "
                   "exclusive",
                   kind, mode);
      return FALSE;
    }
  if (i <= VMD_LOCK_WORKSPACE)
    {
      vm = vmd_manager_find_vm (manager, name, error);
      if (vm == NULL)
        return FALSE;
      name = vmd_vm_get_id (vm);
    }
  vmd_lock_request_add (request, i, name, exclusive ? VMD_LOCK_EXCLUSIVE : VMD_LOCK_SHARED);
  g_string_append_printf (resources, "%s%s/%s:%s", resources->len > 0 ? " " : "", kind, name, mode);
  return TRUE;
}

/* Others are told of it, in a line of a table, of the log or of an error. */
static gboolean
check_reason (const char *reason, GError **error)
{
  for (const char *c = reason; *c != '\0'; c = g_utf8_next_char (c))
    if (g_unichar_iscntrl (g_utf8_get_char (c)))
      {
        g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                     "A lock's reason is one line, without control characters");
        return FALSE;
      }
  if (strlen (reason) <= MAX_REASON)
    return TRUE;
  g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT, "A lock's reason is %d bytes at most",
               MAX_REASON);
  return FALSE;
}

void
vmd_bus_lock_run (VmdCall *call)
{
  VmdManager *manager = vmd_export_get_manager (vmd_call_get_export (call));
  g_autoptr (GVariantIter) iterator = NULL;
  g_autoptr (VmdLockRequest) request = NULL;
  g_autoptr (GString) resources = g_string_new (NULL);
  const char *kind, *name, *mode, *reason;
  GError *error = NULL;
  gint64 timeout;
  Asking *asking;

  g_variant_get (vmd_call_get_parameters (call), "(a(sss)&s@a{sv})", &iterator, &reason, NULL);
  if (!check_reason (reason, &error))
    {
      vmd_call_fail (call, error);
      return;
    }
  request = vmd_lock_request_new (vmd_call_get_owner (call), reason);
  vmd_lock_request_set_sender (request, vmd_call_get_owner (call));
  if (g_variant_dict_lookup (vmd_call_get_options (call), "timeout", "x", &timeout))
    vmd_lock_request_set_timeout (request, MAX (timeout, 0));
  while (g_variant_iter_next (iterator, "(&s&s&s)", &kind, &name, &mode))
    if (!add_resource (manager, request, resources, kind, name, mode, &error))
      {
        vmd_call_fail (call, error);
        return;
      }
  if (resources->len == 0)
    {
      vmd_call_fail (call, g_error_new (VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                                        "Name at least one resource to lock"));
      return;
    }
  asking = g_new0 (Asking, 1);
  asking->call = call;
  asking->request = g_object_ref (request);
  asking->resources = g_strdup (resources->str);
  asking->reason = g_strdup (reason);
  vmd_manager_lock_async (manager, request, vmd_call_get_cancellable (call), locked_cb, asking);
}
