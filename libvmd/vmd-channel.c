/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-channel.h"

#include "base/vmd-poll-private.h"
#include "channel/vmd-channel-server-private.h"
#include "vmd-admin-token-private.h"
#include "vmd-channel-guests-private.h"
#include "vmd-manager-devices-private.h"
#include "vmd-manager-directory-private.h"
#include "vmd-presence-storage-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/**
 * VmdChannel:
 *
 * Brings devices their configuration: each has one live connection, by which it gets what is set on
 * it as soon as that is durable. While it is open, the devices of its manager show who is
 * connected. There is one for a state directory, whatever processes use that: two would each have a
 * connection of the same device.
 *
 * Thread-safe. It has threads of its own, and needs no main loop.
 *
 * Since: 0.1
 */
struct _VmdChannel
{
  GObject parent;

  /* Made at open, and not changed until close. */
  VmdManager *manager; /* owned */
  int lock_fd; /* closed, it is no lock any more */
  char *lock_path;
  VmdPresenceStorage *presence;
  VmdBroker *broker;
  VmdChannelServer *server;
  VmdChannelGuests *guests;
  char *address; /* (nullable) */
};

G_DEFINE_FINAL_TYPE (VmdChannel, vmd_channel, G_TYPE_OBJECT)

static void
vmd_channel_finalize (GObject *object)
{
  VmdChannel *self = VMD_CHANNEL (object);

  vmd_channel_close (self);
  g_clear_object (&self->server);
  g_clear_object (&self->broker);
  g_clear_object (&self->presence);
  g_clear_object (&self->manager);
  g_free (self->lock_path);
  g_free (self->address);
  G_OBJECT_CLASS (vmd_channel_parent_class)->finalize (object);
}

static void
vmd_channel_class_init (VmdChannelClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_channel_finalize;
}

static void
vmd_channel_init (VmdChannel *self)
{
  self->lock_fd = -1;
}

/* -- One for a state directory -- */

/* The file says where the channel is, for whoever finds it locked. */
static gboolean
take_lock (VmdChannel *self, GError **error)
{
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
  char other[256] = "";

  self->lock_path = g_build_filename (vmd_manager_get_state_dir (self->manager), "channel", NULL);
  self->lock_fd =
      open (self->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
  if (self->lock_fd < 0)
    return vmd_fail_errno (error, errno, "Cannot open %s", self->lock_path);
  if (fcntl (self->lock_fd, F_OFD_SETLK, &lock) == 0)
    return TRUE;
  if (pread (self->lock_fd, other, sizeof other - 1, 0) <= 0)
    g_strlcpy (other, "for guests only", sizeof other);
  return vmd_fail (error, VMD_ERROR_BUSY, "Another process serves the devices of %s already, %s",
                   vmd_manager_get_state_dir (self->manager), g_strchomp (other));
}

static gboolean
write_address (VmdChannel *self, GError **error)
{
  const char *text = self->address != NULL ? self->address : "";

  return (ftruncate (self->lock_fd, 0) == 0 &&
          pwrite (self->lock_fd, text, strlen (text), 0) == (gssize) strlen (text)) ||
         vmd_fail_errno (error, errno, "Cannot write %s", self->lock_path);
}

/* -- What the store tells, on its thread -- */

static void
changed_cb (const char *device, VmdConfigSnapshot *snapshot, gpointer data)
{
  VmdChannel *self = data;

  vmd_broker_publish (self->broker, device, snapshot);
}

static void
removed_cb (const char *device, gpointer data)
{
  VmdChannel *self = data;

  vmd_broker_end_device (self->broker, device, NULL, VMD_SUBSCRIPTION_DELETED);
}

static void
token_removed_cb (const char *device, const char *token, gpointer data)
{
  VmdChannel *self = data;

  vmd_broker_end_device (self->broker, device, token, VMD_SUBSCRIPTION_REVOKED);
}

/* -- Opening -- */

/* Whoever was connected to the channel before this one is so no more. */
static gboolean
make_broker (VmdChannel *self, const VmdChannelOptions *options, GError **error)
{
  const VmdContestLimits limits = { .takeovers = options->contest_takeovers,
                                    .window = (gint64) options->contest_window * G_USEC_PER_SEC };
  guint32 epoch;

  self->presence = vmd_manager_open_presence (self->manager, &epoch, error);
  if (self->presence == NULL)
    return FALSE;
  self->broker = vmd_broker_new (VMD_BROKER_STORAGE (self->presence),
                                 vmd_manager_get_clock (self->manager), epoch, &limits);
  return TRUE;
}

static gboolean
make_server (VmdChannel *self, const VmdChannelOptions *options, GError **error)
{
  g_autofree char *token =
      vmd_admin_token_ensure (vmd_manager_get_state_dir (self->manager), error);
  g_autoptr (VmdManagerDirectory) directory = NULL;

  if (token != NULL)
    directory = vmd_manager_directory_new (self->manager, token, error);
  if (directory == NULL)
    return FALSE;
  self->server = vmd_channel_server_new (VMD_DEVICE_DIRECTORY (directory), self->broker, options);
  return TRUE;
}

/* Changes are published from before the first that asks for one can be there. */
static gboolean
start (VmdChannel *self, const VmdChannelOptions *options, GError **error)
{
  const VmdDeviceServer server = {
    .changed = changed_cb, .removed = removed_cb, .token_removed = token_removed_cb, .data = self
  };

  if (!vmd_manager_set_device_server (self->manager, &server, self->broker, error) ||
      !vmd_channel_server_start (self->server, error))
    return FALSE;
  self->guests = vmd_channel_guests_new (self->manager, self->server, self->broker,
                                         (gint64) options->lease * G_USEC_PER_SEC, error);
  if (self->guests == NULL)
    return FALSE;
  self->address = g_strdup (vmd_channel_server_get_address (self->server));
  return write_address (self, error);
}

/**
 * vmd_channel_open:
 * @manager: whose devices it serves; to be closed after the channel
 * @options: (nullable): where it listens, and its limits; %NULL: for guests only
 *
 * Serves the devices of a state directory, until vmd_channel_close(). An administrator's requests
 * need the token in the file `channel-admin-token` there, which is made when it is missing. Blocks
 * for as long as the store takes. Needs no lock.
 *
 * Returns: (transfer full) (nullable): the channel; %VMD_ERROR_BUSY when another one, in whatever
 *   process, serves them already, %VMD_ERROR_INVALID_ARGUMENT when the address is none or must not
 *   be served without TLS, %VMD_ERROR_IN_USE when something else listens there,
 *   %VMD_ERROR_PERMISSION_DENIED when others can read the administrator's token, %VMD_ERROR_STORE,
 *   %VMD_ERROR_FAILED
 *
 * Since: 0.1
 */
VmdChannel *
vmd_channel_open (VmdManager *manager, const VmdChannelOptions *options, GError **error)
{
  g_autoptr (VmdChannel) self = NULL;
  VmdChannelOptions defaults;

  g_return_val_if_fail (VMD_IS_MANAGER (manager), NULL);
  vmd_channel_options_init (&defaults);
  if (options == NULL)
    options = &defaults;
  self = g_object_new (VMD_TYPE_CHANNEL, NULL);
  self->manager = g_object_ref (manager);
  if (!take_lock (self, error) || !make_broker (self, options, error) ||
      !make_server (self, options, error) || !start (self, options, error))
    return NULL;
  return g_steal_pointer (&self);
}

/**
 * vmd_channel_close:
 *
 * Ends every connection, tells each why where it takes that at once, and writes down that none of
 * them is connected. Within a second or so, whatever the devices do. Twice is as good as once.
 *
 * Since: 0.1
 */
void
vmd_channel_close (VmdChannel *self)
{
  g_return_if_fail (VMD_IS_CHANNEL (self));
  if (self->lock_fd < 0)
    return;
  if (self->server != NULL)
    vmd_channel_server_stop (self->server);
  /* By them the last words have come to the guests. */
  g_clear_pointer (&self->guests, vmd_channel_guests_free);
  if (self->presence != NULL)
    vmd_presence_storage_close (self->presence);
  /* When the manager was closed first, there is nobody left to tell anything. */
  if (self->broker != NULL)
    vmd_manager_set_device_server (self->manager, NULL, NULL, NULL);
  if (ftruncate (self->lock_fd, 0) < 0)
    g_debug ("cannot empty %s", self->lock_path);
  vmd_clear_fd (&self->lock_fd);
}

/**
 * vmd_channel_reload_certificate:
 *
 * Reads the certificate and its key again, from the files that the channel was opened with. Whoever
 * connects after this returns is shown the new one; who is connected already keeps what it has, and
 * its stream. When it fails nothing has changed. Blocks for as long as two small files take to be
 * read. Any thread. Needs no lock.
 *
 * Returns: whether it was read; %VMD_ERROR_INVALID_ARGUMENT when a file is not what it should be,
 *   or the two do not belong together, %VMD_ERROR_NOT_FOUND, %VMD_ERROR_PERMISSION_DENIED when one
 *   cannot be read, %VMD_ERROR_WRONG_STATE when the channel was opened without, %VMD_ERROR_FAILED
 *
 * Since: 0.1
 */
gboolean
vmd_channel_reload_certificate (VmdChannel *self, GError **error)
{
  g_return_val_if_fail (VMD_IS_CHANNEL (self), FALSE);
  return vmd_channel_server_reload_certificate (self->server, error);
}

/**
 * vmd_channel_get_address:
 *
 * Returns: (nullable): "http://127.0.0.1:4711" or the like; %NULL: it listens nowhere
 *
 * Since: 0.1
 */
const char *
vmd_channel_get_address (VmdChannel *self)
{
  g_return_val_if_fail (VMD_IS_CHANNEL (self), NULL);
  return self->address;
}

/**
 * vmd_channel_get_n_connected:
 *
 * Returns: how many devices are connected now
 *
 * Since: 0.1
 */
guint
vmd_channel_get_n_connected (VmdChannel *self)
{
  g_return_val_if_fail (VMD_IS_CHANNEL (self), 0);
  return vmd_broker_get_n_live (self->broker);
}
