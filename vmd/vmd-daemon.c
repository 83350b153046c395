/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-daemon.h"

#include "vmd-daemon-lock.h"
#include "vmd-export.h"
#include "vmd-peer-server.h"

#include <glib-unix.h>
#include <unistd.h>

#define BUS_NAME "org.vmd.Vmd1"

/* The daemon's life: one manager, served to peers on a socket and, where there is one, on a bus.
 * Nothing here waits, but for opening and closing the manager. Hypervisors outlive it. */
struct _VmdDaemon
{
  GObject parent;

  GMainLoop *loop;
  VmdManager *manager;
  VmdChannel *channel;
  VmdService *service;
  VmdPeerServer *peers;
  GDBusConnection *bus; /* (nullable) */
  VmdExport *export; /* (nullable) on the bus */
  guint name;
  guint idle_source;
  int idle_exit; /* seconds, 0: never */
};

G_DEFINE_FINAL_TYPE (VmdDaemon, vmd_daemon, G_TYPE_OBJECT)

static void
vmd_daemon_finalize (GObject *object)
{
  VmdDaemon *self = VMD_DAEMON (object);

  g_clear_handle_id (&self->idle_source, g_source_remove);
  g_clear_object (&self->export);
  g_clear_object (&self->bus);
  g_clear_object (&self->peers);
  g_clear_object (&self->service);
  if (self->channel != NULL)
    vmd_channel_close (self->channel);
  g_clear_object (&self->channel);
  /* Also when it never came to serve: another daemon may have been faster. */
  if (self->manager != NULL)
    vmd_manager_close (self->manager);
  g_clear_object (&self->manager);
  g_main_loop_unref (self->loop);
  G_OBJECT_CLASS (vmd_daemon_parent_class)->finalize (object);
}

static void
vmd_daemon_class_init (VmdDaemonClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_daemon_finalize;
}

static void
vmd_daemon_init (VmdDaemon *self)
{
  self->loop = g_main_loop_new (NULL, FALSE);
}

static gboolean
has_jobs (VmdDaemon *self)
{
  g_autoptr (GListModel) jobs = vmd_manager_list_jobs (self->manager);

  for (guint i = 0; i < g_list_model_get_n_items (jobs); i++)
    {
      g_autoptr (VmdJob) job = g_list_model_get_item (jobs, i);

      if (vmd_job_get_state (job) <= VMD_JOB_RUNNING)
        return TRUE;
    }
  return FALSE;
}

static gboolean
idle_cb (gpointer data)
{
  VmdDaemon *self = data;

  if (has_jobs (self) || vmd_channel_get_n_connected (self->channel) > 0)
    return G_SOURCE_CONTINUE;
  self->idle_source = 0;
  g_main_loop_quit (self->loop);
  return G_SOURCE_REMOVE;
}

static void
service_idle_cb (VmdService *service, VmdDaemon *self)
{
  if (self->idle_exit > 0 && self->idle_source == 0)
    self->idle_source = g_timeout_add_seconds (self->idle_exit, idle_cb, self);
}

static void
service_busy_cb (VmdService *service, VmdDaemon *self)
{
  g_clear_handle_id (&self->idle_source, g_source_remove);
}

static gboolean
quit_cb (gpointer data)
{
  VmdDaemon *self = data;

  g_main_loop_quit (self->loop);
  return G_SOURCE_CONTINUE;
}

/* SIGHUP: a renewed certificate is there. One that is no good is not worth ending for. */
static gboolean
reload_cb (gpointer data)
{
  VmdDaemon *self = data;
  g_autoptr (GError) error = NULL;

  if (vmd_channel_reload_certificate (self->channel, &error))
    g_message ("the channel's certificate and key were read again");
  else
    g_message ("the channel's certificate stays as it was: %s", error->message);
  return G_SOURCE_CONTINUE;
}

static void
name_lost_cb (GDBusConnection *connection, const char *name, gpointer data)
{
  VmdDaemon *self = data;

  if (connection == NULL || g_dbus_connection_is_closed (connection))
    g_debug ("the bus has gone; %s goes on on its socket",
             vmd_peer_server_get_address (self->peers));
  else
    g_message ("%s is owned by another daemon: reach this one at %s", name,
               vmd_peer_server_get_address (self->peers));
}

static gboolean
connect_bus (VmdDaemon *self, const VmdDaemonOptions *options, GError **error)
{
  GBusType type = options->system_bus ? G_BUS_TYPE_SYSTEM : G_BUS_TYPE_SESSION;
  g_autoptr (GError) local = NULL;

  if (options->no_bus)
    return TRUE;
  self->bus = g_bus_get_sync (type, NULL, &local);
  if (self->bus == NULL && options->system_bus)
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_FAILED, "Cannot connect to the system bus: %s",
                   local->message);
      return FALSE;
    }
  /* No session bus is no fault: the socket is enough. */
  if (self->bus == NULL)
    return TRUE;
  g_dbus_connection_set_exit_on_close (self->bus, FALSE);
  if (options->system_bus)
    vmd_service_set_polkit (self->service, self->bus);
  self->export = vmd_export_new (self->service, self->bus, NULL);
  self->name = g_bus_own_name_on_connection (self->bus, BUS_NAME, G_BUS_NAME_OWNER_FLAGS_NONE, NULL,
                                             name_lost_cb, self, NULL);
  return TRUE;
}

/* Of a D-Bus address only this form has a use here; its path may be escaped, as in all of them. */
static char *
dup_socket_path (VmdManager *manager, const VmdDaemonOptions *options, GError **error)
{
  const char *value;
  char *path = NULL;

  if (options->address == NULL)
    return g_build_filename (vmd_manager_get_runtime_dir (manager), "vmd.sock", NULL);
  value = options->address + strlen ("unix:path=");
  if (g_str_has_prefix (options->address, "unix:path=/") && value[strcspn (value, ",;")] == '\0')
    path = g_uri_unescape_string (value, NULL);
  if (path == NULL)
    g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                 "--address %s is not of the form unix:path=/…", options->address);
  return path;
}

/* The other way round. */
static char *
dup_address (const char *path)
{
  g_autofree char *escaped = g_dbus_address_escape_value (path);

  return g_strconcat ("unix:path=", escaped, NULL);
}

static gboolean
open_channel (VmdDaemon *self, const VmdDaemonOptions *options, GError **error)
{
  VmdChannelOptions channel;

  if (!vmd_channel_settings_load (options->channel, vmd_manager_get_state_dir (self->manager),
                                  &channel, error))
    return FALSE;
  self->channel = vmd_channel_open (self->manager, &channel, error);
  return self->channel != NULL;
}

VmdDaemon *
vmd_daemon_new (const VmdDaemonOptions *options, GError **error)
{
  g_autoptr (VmdDaemon) self = g_object_new (VMD_TYPE_DAEMON, NULL);
  g_autofree char *path = NULL;
  g_autofree char *address = NULL;

  vmd_error_register_bus_names ();
  self->idle_exit = options->idle_exit;
  self->manager = vmd_manager_open (options->state_dir, options->backend, NULL, error);
  if (self->manager == NULL)
    return NULL;
  path = dup_socket_path (self->manager, options, error);
  if (path == NULL)
    return NULL;
  address = dup_address (path);
  if (!vmd_daemon_lock_take (vmd_manager_get_state_dir (self->manager), address, error))
    return NULL;
  if (!open_channel (self, options, error))
    return NULL;
  self->service = vmd_service_new (self->manager);
  vmd_service_set_channel_address (self->service, vmd_channel_get_address (self->channel));
  g_signal_connect_object (self->service, "idle", G_CALLBACK (service_idle_cb), self, 0);
  g_signal_connect_object (self->service, "busy", G_CALLBACK (service_busy_cb), self, 0);
  self->peers = vmd_peer_server_new (self->service, path, error);
  if (self->peers == NULL || !connect_bus (self, options, error))
    return NULL;
  service_idle_cb (self->service, self);
  return g_steal_pointer (&self);
}

void
vmd_daemon_run (VmdDaemon *self)
{
  g_unix_signal_add (SIGTERM, quit_cb, self);
  g_unix_signal_add (SIGINT, quit_cb, self);
  g_unix_signal_add (SIGHUP, reload_cb, self);
  g_main_loop_run (self->loop);

  g_clear_handle_id (&self->name, g_bus_unown_name);
  if (self->export != NULL)
    vmd_export_stop (self->export);
  vmd_peer_server_stop (self->peers);
}
