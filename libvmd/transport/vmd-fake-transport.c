/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-fake-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-program-private.h"

#include <errno.h>
#include <string.h>

/* A guest that is a directory. Commands run on the host, as whoever runs this, through /bin/sh: in
 * the directory fake_root, which is their home too, with nothing else of the host's environment
 * than PATH, and $VMD_FAKE_ROOT to find it by. An exec's directory is taken below it. vmd's own
 * program in the guest is replaced by the host's copy, which is told by $VMD_GUEST_ROOT to do
 * everything below it.
 *
 * Its limits: other absolute paths are the host's, since nothing short of a mount namespace would
 * change that, and who tests with the fake need not be allowed one. There is no login to refuse and
 * no host key to compare. What a command leaves running is not ended with the VM.
 *
 * A test scripts it by files in <fake_root>/.vmd-fake:
 *   refuse            connections are refused
 *   stall-connect     connecting stands still until the file is gone
 *   slow-connect      connecting takes as many milliseconds as the file says
 *   stall-write       so does writing to a spawned command, once as many bytes are written
 *                     as the file says
 *   stall-read        so does reading from one
 *   cut-write         the connection breaks at that point instead
 * While something stands still, there is a file `stalled`. */

struct _VmdFakeTransport
{
  GObject parent;
};

#define VMD_TYPE_FAKE_TRANSPORT (vmd_fake_transport_get_type ())
G_DECLARE_FINAL_TYPE (VmdFakeTransport, vmd_fake_transport, VMD, FAKE_TRANSPORT, GObject)

struct _VmdFakeConnection
{
  GObject parent;

  char *root;
};

#define VMD_TYPE_FAKE_CONNECTION (vmd_fake_connection_get_type ())
G_DECLARE_FINAL_TYPE (VmdFakeConnection, vmd_fake_connection, VMD, FAKE_CONNECTION, GObject)

static void guest_connection_init (VmdGuestConnectionInterface *iface);
static void transport_init (VmdTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (VmdFakeConnection, vmd_fake_connection, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_GUEST_CONNECTION,
                                                      guest_connection_init))
G_DEFINE_FINAL_TYPE_WITH_CODE (VmdFakeTransport, vmd_fake_transport, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_TRANSPORT, transport_init))

/* Puts the host's copy of vmd-guest in the place of the guest's. */
static char *
translate (const char *command, GError **error)
{
  const char *const guest_argv[] = { VMD_GUEST_PROGRAM, NULL };
  g_autofree char *guest_program = vmd_shell_quote_argv (guest_argv);
  g_autofree char *host_path = NULL;
  g_autoptr (GString) line = NULL;

  if (!g_str_has_prefix (command, guest_program))
    return g_strdup (command);
  host_path = vmd_helper_find ("vmd-guest", error);
  if (host_path == NULL)
    return NULL;
  line = g_string_new ("exec ");
  vmd_shell_append_quoted (line, host_path);
  g_string_append (line, command + strlen (guest_program));
  return g_string_free (g_steal_pointer (&line), FALSE);
}

static VmdGuestProcess *
fake_connection_spawn (VmdGuestConnection *connection, const char *command,
                       GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_autofree char *translated = NULL;

  if (vmd_is_cancelled (cancellable, error))
    return NULL;
  translated = translate (command, error);
  if (translated == NULL)
    return NULL;
  return vmd_fake_process_new (VMD_FAKE_CONNECTION (connection)->root, translated, error);
}

static VmdExecResult *
fake_connection_exec (VmdGuestConnection *connection, VmdExecSpec *spec, GCancellable *cancellable,
                      GError **error)
{
  return vmd_fake_exec (VMD_FAKE_CONNECTION (connection)->root, spec, cancellable, error);
}

static gboolean
fake_connection_is_usable (VmdGuestConnection *connection)
{
  return !vmd_fake_guest_is_told (VMD_FAKE_CONNECTION (connection)->root, "refuse", NULL);
}

static void
guest_connection_init (VmdGuestConnectionInterface *iface)
{
  iface->spawn = fake_connection_spawn;
  iface->exec = fake_connection_exec;
  iface->is_usable = fake_connection_is_usable;
}

static void
vmd_fake_connection_finalize (GObject *object)
{
  g_free (VMD_FAKE_CONNECTION (object)->root);
  G_OBJECT_CLASS (vmd_fake_connection_parent_class)->finalize (object);
}

static void
vmd_fake_connection_class_init (VmdFakeConnectionClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_fake_connection_finalize;
}

static void
vmd_fake_connection_init (VmdFakeConnection *self)
{
}

static VmdGuestConnection *
fake_transport_connect (VmdTransport *transport, const VmdGuestAddress *address,
                        GCancellable *cancellable, gint64 deadline, GError **error)
{
  VmdFakeConnection *connection;

  if (vmd_is_cancelled (cancellable, error))
    return NULL;
  if (address->fake_root == NULL || vmd_fake_guest_is_told (address->fake_root, "refuse", NULL))
    {
      vmd_fail (error, VMD_ERROR_UNREACHABLE, "The fake guest of VM %s refuses connections",
                address->vm_id);
      return NULL;
    }
  if (g_mkdir_with_parents (address->fake_root, 0700) < 0)
    {
      vmd_fail_errno (error, errno, "Cannot make %s", address->fake_root);
      return NULL;
    }
  if (!vmd_fake_guest_stall (address->fake_root, "stall-connect", cancellable, deadline, error) ||
      !vmd_fake_guest_take_time (address->fake_root, "slow-connect", cancellable, deadline, error))
    return NULL;
  connection = g_object_new (VMD_TYPE_FAKE_CONNECTION, NULL);
  connection->root = g_strdup (address->fake_root);
  return VMD_GUEST_CONNECTION (connection);
}

static void
transport_init (VmdTransportInterface *iface)
{
  iface->connect = fake_transport_connect;
}

static void
vmd_fake_transport_class_init (VmdFakeTransportClass *klass)
{
}

static void
vmd_fake_transport_init (VmdFakeTransport *self)
{
}

/* Returns: (transfer full) */
VmdTransport *
vmd_fake_transport_new (void)
{
  return g_object_new (VMD_TYPE_FAKE_TRANSPORT, NULL);
}
