/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-peer-server.h"

#include "vmd-export.h"

#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct _VmdPeerServer
{
  GObject parent;

  VmdService *service;
  GDBusServer *server;
  GDBusAuthObserver *observer;
  char *path;
  char *address;
  GHashTable *exports; /* GDBusConnection (owned) → VmdExport (owned) */
  guint64 count; /* of peers so far: they are named p1, p2… */
};

G_DEFINE_FINAL_TYPE (VmdPeerServer, vmd_peer_server, G_TYPE_OBJECT)

static void
vmd_peer_server_finalize (GObject *object)
{
  VmdPeerServer *self = VMD_PEER_SERVER (object);

  g_clear_object (&self->server);
  g_clear_object (&self->observer);
  g_clear_pointer (&self->exports, g_hash_table_unref);
  g_clear_object (&self->service);
  g_free (self->path);
  g_free (self->address);
  G_OBJECT_CLASS (vmd_peer_server_parent_class)->finalize (object);
}

static void
vmd_peer_server_class_init (VmdPeerServerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_peer_server_finalize;
}

static void
vmd_peer_server_init (VmdPeerServer *self)
{
  self->exports = g_hash_table_new_full (NULL, NULL, g_object_unref, g_object_unref);
}

static void
closed_cb (GDBusConnection *connection, gboolean by_peer, GError *error, VmdPeerServer *self)
{
  VmdExport *export = g_hash_table_lookup (self->exports, connection);

  if (export == NULL)
    return;
  vmd_export_stop (export);
  g_hash_table_remove (self->exports, connection);
  vmd_service_release (self->service);
}

static gboolean
new_connection_cb (GDBusServer *server, GDBusConnection *connection, VmdPeerServer *self)
{
  g_autofree char *peer = g_strdup_printf ("p%" G_GUINT64_FORMAT, ++self->count);

  g_hash_table_insert (self->exports, g_object_ref (connection),
                       vmd_export_new (self->service, connection, peer));
  vmd_service_hold (self->service);
  g_signal_connect_object (connection, "closed", G_CALLBACK (closed_cb), self, 0);
  return TRUE;
}

/* The socket's mode and its directory's keep others out; the uid is checked all the same, since a
 * descriptor can be handed on. */
static gboolean
authorize_peer_cb (GDBusAuthObserver *observer, GIOStream *stream, GCredentials *credentials,
                   VmdPeerServer *self)
{
  return credentials != NULL && g_credentials_get_unix_user (credentials, NULL) == geteuid ();
}

static gboolean
check_path (const char *path, GError **error)
{
  struct stat status;

  if (strlen (path) >= sizeof ((struct sockaddr_un *) NULL)->sun_path)
    {
      g_set_error (
          error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
          "The socket's path %s is longer than a socket's can be: let XDG_RUNTIME_DIR name a"
          " directory with a shorter path",
          path);
      return FALSE;
    }
  if (lstat (path, &status) < 0)
    return TRUE;
  if (!S_ISSOCK (status.st_mode) || status.st_uid != geteuid ())
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_PERMISSION_DENIED,
                   "%s is in the way, and is no socket of yours", path);
      return FALSE;
    }
  g_unlink (path);
  return TRUE;
}

VmdPeerServer *
vmd_peer_server_new (VmdService *service, const char *path, GError **error)
{
  g_autoptr (VmdPeerServer) self = g_object_new (VMD_TYPE_PEER_SERVER, NULL);
  g_autofree char *guid = g_dbus_generate_guid ();
  g_autofree char *escaped = g_dbus_address_escape_value (path);
  g_autoptr (GError) local = NULL;
  mode_t mask;

  if (!check_path (path, error))
    return NULL;
  self->service = g_object_ref (service);
  self->path = g_strdup (path);
  self->address = g_strconcat ("unix:path=", escaped, NULL);
  self->observer = g_dbus_auth_observer_new ();
  g_signal_connect_object (self->observer, "authorize-authenticated-peer",
                           G_CALLBACK (authorize_peer_cb), self, 0);
  /* The mask is the whole process's: with 0177 a directory that another thread makes just now would
   * be one that nobody can look into. */
  mask = umask (077);
  self->server =
      g_dbus_server_new_sync (self->address, G_DBUS_SERVER_FLAGS_AUTHENTICATION_REQUIRE_SAME_USER,
                              guid, self->observer, NULL, &local);
  umask (mask);
  if (self->server == NULL)
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_FAILED, "Cannot listen on %s: %s", path,
                   local->message);
      return NULL;
    }
  g_chmod (path, 0600);
  g_signal_connect_object (self->server, "new-connection", G_CALLBACK (new_connection_cb), self, 0);
  g_dbus_server_start (self->server);
  return g_steal_pointer (&self);
}

const char *
vmd_peer_server_get_address (VmdPeerServer *self)
{
  return self->address;
}

void
vmd_peer_server_stop (VmdPeerServer *self)
{
  g_autoptr (GList) connections = g_hash_table_get_keys (self->exports);

  g_dbus_server_stop (self->server);
  for (GList *l = connections; l != NULL; l = l->next)
    {
      g_autoptr (GDBusConnection) connection = g_object_ref (l->data);

      closed_cb (connection, FALSE, NULL, self);
      g_dbus_connection_close (connection, NULL, NULL, NULL);
    }
  g_unlink (self->path);
}
