/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-connection.h"

#include "vmctl-await.h"
#include "vmctl-daemon.h"

#include <gio/gunixconnection.h>
#include <string.h>
#include <unistd.h>
#include <vmd-error.h>

/* How the daemon is found. In this order:
 *
 *   1. $VMD_ADDRESS: a D-Bus address, or "session" or "system" for a bus; then nothing else;
 *   2. the daemon that holds our state directory: it wrote its socket's address there, and it
 *      serves that socket also when it is on a bus, so that no bus is needed;
 *   3. the session bus, where it can start the daemon, and the daemon is that of our state
 *      directory (with VMD_STATE_DIR the bus is not asked: it would start it on the default one);
 *   4. a daemon of our own, on no bus, which exits when it has been idle.
 *
 * Two vmctl may come to 4 at once: the daemon's lock on the state directory decides, and whoever
 * lost finds the winner by 2. */

#define START_LIMIT_MS 60000
#define RETRY_MS 50

struct _VmctlConnection
{
  GDBusConnection *bus;
  char *bus_name; /* NULL: peer to peer */
  VmdDbusManager *manager;
};

void
vmctl_connection_free (VmctlConnection *self)
{
  g_clear_object (&self->manager);
  g_clear_object (&self->bus);
  g_free (self->bus_name);
  g_free (self);
}

GDBusConnection *
vmctl_connection_get_bus (VmctlConnection *self)
{
  return self->bus;
}

/* (nullable) */
const char *
vmctl_connection_get_bus_name (VmctlConnection *self)
{
  return self->bus_name;
}

/* Its properties are loaded. (transfer none) */
VmdDbusManager *
vmctl_connection_get_manager (VmctlConnection *self)
{
  return self->manager;
}

/* Takes @bus. The first question also tells whether there is a daemon that answers. */
static VmctlConnection *
connection_new (GDBusConnection *bus, const char *bus_name, GCancellable *cancellable,
                GError **error)
{
  g_autoptr (VmctlConnection) self = g_new0 (VmctlConnection, 1);
  g_autoptr (GAsyncResult) result = NULL;

  self->bus = bus;
  self->bus_name = g_strdup (bus_name);
  g_dbus_connection_set_exit_on_close (bus, FALSE);
  vmd_dbus_manager_proxy_new (bus, G_DBUS_PROXY_FLAGS_DO_NOT_CONNECT_SIGNALS, bus_name,
                              VMCTL_OBJECT_PATH "/Manager", cancellable, vmctl_await_cb, &result);
  vmctl_await (&result);
  self->manager = vmd_dbus_manager_proxy_new_finish (result, error);
  if (self->manager == NULL)
    return NULL;
  if (vmd_dbus_manager_get_version (self->manager) == NULL)
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_FAILED, "What answers there is no vmd");
      return NULL;
    }
  return g_steal_pointer (&self);
}

/* A socket in a directory of ours could still be served by somebody else. GDBus keeps a peer's
 * credentials for servers only, so the socket is asked. */
static gboolean
is_our_user (GDBusConnection *bus)
{
  GIOStream *stream = g_dbus_connection_get_stream (bus);
  g_autoptr (GCredentials) peer = NULL;

  if (!G_IS_UNIX_CONNECTION (stream))
    return TRUE;
  peer = g_socket_get_credentials (g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream)),
                                   NULL);
  return peer != NULL && g_credentials_get_unix_user (peer, NULL) == geteuid ();
}

static VmctlConnection *
open_address (const char *address, GCancellable *cancellable, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GDBusConnection) bus = NULL;

  g_dbus_connection_new_for_address (address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL,
                                     cancellable, vmctl_await_cb, &result);
  vmctl_await (&result);
  bus = g_dbus_connection_new_for_address_finish (result, error);
  if (bus == NULL)
    return NULL;
  if (!is_our_user (bus))
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_PERMISSION_DENIED,
                   "The socket at %s is served by another user", address);
      return NULL;
    }
  return connection_new (g_steal_pointer (&bus), NULL, cancellable, error);
}

static VmctlConnection *
open_bus (GBusType type, GCancellable *cancellable, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GDBusConnection *bus;

  g_bus_get (type, cancellable, vmctl_await_cb, &result);
  vmctl_await (&result);
  bus = g_bus_get_finish (result, error);
  return bus != NULL ? connection_new (bus, VMCTL_BUS_NAME, cancellable, error) : NULL;
}

static VmctlConnection *
open_environment (const char *value, GCancellable *cancellable, GError **error)
{
  VmctlConnection *self;

  if (g_str_equal (value, "session"))
    self = open_bus (G_BUS_TYPE_SESSION, cancellable, error);
  else if (g_str_equal (value, "system"))
    self = open_bus (G_BUS_TYPE_SYSTEM, cancellable, error);
  else
    self = open_address (value, cancellable, error);
  if (self == NULL)
    g_prefix_error (error, "Cannot reach vmd at VMD_ADDRESS=%s: ", value);
  return self;
}

/* The daemon that holds the state directory. NULL without an error: there is none. */
static VmctlConnection *
open_state_dir (const char *state_dir, GCancellable *cancellable, GError **error)
{
  g_autofree char *address = vmctl_daemon_dup_address (state_dir);
  g_autoptr (GError) local = NULL;
  VmctlConnection *self;

  if (address == NULL)
    return NULL;
  self = open_address (address, cancellable, &local);
  if (self != NULL)
    return self;
  /* What a daemon that has gone left there. */
  if (g_cancellable_is_cancelled (cancellable) ||
      g_error_matches (local, VMD_ERROR, VMD_ERROR_PERMISSION_DENIED))
    g_propagate_error (error, g_steal_pointer (&local));
  else
    g_debug ("%s: %s", address, local->message);
  return NULL;
}

static gboolean
has_session_bus (void)
{
  g_autofree char *path = g_build_filename (g_get_user_runtime_dir (), "bus", NULL);

  return g_getenv ("DBUS_SESSION_BUS_ADDRESS") != NULL || g_file_test (path, G_FILE_TEST_EXISTS);
}

/* Is the name there, or can the bus start it? */
static gboolean
bus_has_vmd (GDBusConnection *bus, GCancellable *cancellable)
{
  static const char *const questions[] = { "ListNames", "ListActivatableNames" };

  for (guint i = 0; i < G_N_ELEMENTS (questions); i++)
    {
      g_autoptr (GAsyncResult) result = NULL;
      g_autoptr (GVariant) reply = NULL;
      g_autofree const char **names = NULL;

      g_dbus_connection_call (bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                              "org.freedesktop.DBus", questions[i], NULL, G_VARIANT_TYPE ("(as)"),
                              G_DBUS_CALL_FLAGS_NONE, -1, cancellable, vmctl_await_cb, &result);
      vmctl_await (&result);
      reply = g_dbus_connection_call_finish (bus, result, NULL);
      if (reply == NULL)
        return FALSE;
      g_variant_get (reply, "(^a&s)", &names);
      if (g_strv_contains (names, VMCTL_BUS_NAME))
        return TRUE;
    }
  return FALSE;
}

/* NULL: it is of no use to us; why does not matter, since a daemon of our own will do. */
static VmctlConnection *
open_session_bus (const char *state_dir, GCancellable *cancellable)
{
  g_autoptr (VmctlConnection) self = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GDBusConnection) bus = NULL;

  if (g_getenv ("VMD_STATE_DIR") != NULL || !has_session_bus ())
    return NULL;
  g_bus_get (G_BUS_TYPE_SESSION, cancellable, vmctl_await_cb, &result);
  vmctl_await (&result);
  bus = g_bus_get_finish (result, NULL);
  if (bus == NULL || !bus_has_vmd (bus, cancellable))
    return NULL;
  self = connection_new (g_steal_pointer (&bus), VMCTL_BUS_NAME, cancellable, NULL);
  if (self == NULL ||
      g_strcmp0 (vmd_dbus_manager_get_state_directory (self->manager), state_dir) != 0)
    return NULL;
  return g_steal_pointer (&self);
}

/* The one that we start may find that another one serves already, or that one still does which is
 * about to exit: then again. */
static VmctlConnection *
start_daemon (const char *state_dir, GCancellable *cancellable, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + START_LIMIT_MS * G_TIME_SPAN_MILLISECOND;

  do
    {
      GError *local = NULL;
      VmctlConnection *self;

      if (!vmctl_daemon_start (state_dir, START_LIMIT_MS, cancellable, error))
        return NULL;
      self = open_state_dir (state_dir, cancellable, &local);
      if (self != NULL || local != NULL)
        {
          if (local != NULL)
            g_propagate_error (error, local);
          return self;
        }
      vmctl_await_time (RETRY_MS, cancellable);
    }
  while (g_get_monotonic_time () < deadline);
  g_set_error (error, VMD_ERROR, VMD_ERROR_TIMED_OUT,
               "The vmd that serves %s does not answer; its log is %s/daemon.log", state_dir,
               state_dir);
  return NULL;
}

/* Finds the daemon, as is said above, or starts it. NULL with NOT_FOUND: there is none, and it was
 * not to be started. (transfer full) */
VmctlConnection *
vmctl_connection_open (VmctlConnectionMode mode, GCancellable *cancellable, GError **error)
{
  const char *environment = g_getenv ("VMD_ADDRESS");
  g_autofree char *state_dir = vmctl_daemon_dup_state_dir ();
  g_autoptr (GError) local = NULL;
  VmctlConnection *self;

  if (environment != NULL && *environment != '\0')
    return open_environment (environment, cancellable, error);
  self = open_state_dir (state_dir, cancellable, &local);
  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  if (self == NULL)
    self = open_session_bus (state_dir, cancellable);
  if (self != NULL)
    return self;
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;
  if (mode == VMCTL_CONNECTION_START)
    return start_daemon (state_dir, cancellable, error);
  g_set_error (error, VMD_ERROR, VMD_ERROR_NOT_FOUND, "No vmd serves %s", state_dir);
  return NULL;
}
