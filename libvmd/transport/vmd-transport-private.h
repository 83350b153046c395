/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The seam to the guest's command line: SSH (vmd-ssh-*.c), or a fake that runs commands on the host
 * below a directory. A VmdGuestConnection is one SSH session. It belongs to one thread at a time:
 * whoever has it. */

#include "../vmd-exec.h"
#include "vmd-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* vmd's own program, in every guest of ours. */
#define VMD_GUEST_PROGRAM "/run/vmd/vmd-guest"

/* Where the guest is, and how both sides prove who they are. Plain data, one owner. */
typedef struct
{
  char *vm_id;
  guint64 launch;
  char *host; /* "127.0.0.1" */
  guint port;
  char *user; /* "root" */
  char *client_key; /* path of the private key, OpenSSH or PEM form, 0600 */
  char *host_key; /* the guest's public key: "ssh-ed25519 AAAA…" */
  char *server_software; /* "dropbear", "openssh": chooses the ciphers */
  char *fake_root; /* (nullable) only the fake transport: the directory that is its guest */
} VmdGuestAddress;

void vmd_guest_address_free (VmdGuestAddress *address);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdGuestAddress, vmd_guest_address_free)

#define VMD_TYPE_TRANSPORT (vmd_transport_get_type ())
G_DECLARE_INTERFACE (VmdTransport, vmd_transport, VMD, TRANSPORT, GObject)
#define VMD_TYPE_GUEST_CONNECTION (vmd_guest_connection_get_type ())
G_DECLARE_INTERFACE (VmdGuestConnection, vmd_guest_connection, VMD, GUEST_CONNECTION, GObject)
/* A command at work in the guest, its streams in our hands. Keeps its connection. */
#define VMD_TYPE_GUEST_PROCESS (vmd_guest_process_get_type ())
G_DECLARE_INTERFACE (VmdGuestProcess, vmd_guest_process, VMD, GUEST_PROCESS, GObject)

struct _VmdTransportInterface
{
  GTypeInterface parent;
  /* One attempt. UNREACHABLE (refused, reset, no banner), TIMED_OUT, HOST_KEY_MISMATCH,
   * PERMISSION_DENIED (key refused), CANCELLED. */
  VmdGuestConnection *(*connect) (VmdTransport *self, const VmdGuestAddress *address,
                                  GCancellable *cancellable, gint64 deadline, GError **error);
};
struct _VmdGuestConnectionInterface
{
  GTypeInterface parent;
  VmdGuestProcess *(*spawn) (VmdGuestConnection *self, const char *command,
                             GCancellable *cancellable, gint64 deadline, GError **error);
  /* The whole of an exec: streams pumped, PTY, resize, cancel (closes the channel), timeout. */
  VmdExecResult *(*exec) (VmdGuestConnection *self, VmdExecSpec *spec, GCancellable *cancellable,
                          GError **error);
  /* Still good for another command? Reads nothing from the network that is not there. */
  gboolean (*is_usable) (VmdGuestConnection *self);
};
struct _VmdGuestProcessInterface
{
  GTypeInterface parent;
  gboolean (*write) (VmdGuestProcess *self, const void *data, gsize length,
                     GCancellable *cancellable, gint64 deadline, GError **error);
  gboolean (*write_eof) (VmdGuestProcess *self, GCancellable *cancellable, gint64 deadline,
                         GError **error);
  /* Bytes of stdout (is_stderr FALSE) or stderr; 0 at the end; -1 on error. */
  gssize (*read) (VmdGuestProcess *self, gboolean is_stderr, void *data, gsize length,
                  GCancellable *cancellable, gint64 deadline, GError **error);
  /* After both streams ended. */
  VmdExecResult *(*wait) (VmdGuestProcess *self, GCancellable *cancellable, gint64 deadline,
                          GError **error);
  /* Ends it now, from its own thread; the connection is not usable afterwards if the guest does not
   * answer at once. */
  void (*abort) (VmdGuestProcess *self);
};

VmdGuestConnection *
vmd_transport_connect (VmdTransport *self, const VmdGuestAddress *address,
                       GCancellable *cancellable, gint64 deadline, GError **error);
VmdGuestProcess *
vmd_guest_connection_spawn (VmdGuestConnection *self, const char *command,
                            GCancellable *cancellable, gint64 deadline, GError **error);
VmdExecResult *vmd_guest_connection_exec (VmdGuestConnection *self, VmdExecSpec *spec,
                                          GCancellable *cancellable, GError **error);
gboolean vmd_guest_connection_is_usable (VmdGuestConnection *self);
gboolean vmd_guest_process_write (VmdGuestProcess *self, const void *data, gsize length,
                                  GCancellable *cancellable, gint64 deadline, GError **error);
gboolean vmd_guest_process_write_eof (VmdGuestProcess *self, GCancellable *cancellable,
                                      gint64 deadline, GError **error);
gssize vmd_guest_process_read (VmdGuestProcess *self, gboolean is_stderr, void *data, gsize length,
                               GCancellable *cancellable, gint64 deadline, GError **error);
VmdExecResult *vmd_guest_process_wait (VmdGuestProcess *self, GCancellable *cancellable,
                                       gint64 deadline, GError **error);
void vmd_guest_process_abort (VmdGuestProcess *self);

VmdTransport *vmd_ssh_transport_new (const char *program);
VmdTransport *vmd_fake_transport_new (void);

/* Idle connections of live VMs, so that an exec needs no new handshake. Thread-safe; at most
 * @max_idle for each VM; those of another launch, or not usable, are thrown away. */
#define VMD_TYPE_CONNECTION_POOL (vmd_connection_pool_get_type ())
G_DECLARE_FINAL_TYPE (VmdConnectionPool, vmd_connection_pool, VMD, CONNECTION_POOL, GObject)
VmdConnectionPool *vmd_connection_pool_new (VmdTransport *transport, guint max_idle);
VmdGuestConnection *
vmd_connection_pool_take (VmdConnectionPool *self, const VmdGuestAddress *address,
                          GCancellable *cancellable, gint64 deadline, GError **error);
void vmd_connection_pool_give (VmdConnectionPool *self, const VmdGuestAddress *address,
                               VmdGuestConnection *connection); /* takes the connection */
void vmd_connection_pool_forget (VmdConnectionPool *self, const char *vm_id);

/* argv → one command line for a POSIX shell in the guest: the one tested function (LESSONS 36).
 * Empty or NULL: NULL. */
char *vmd_shell_quote_argv (const char *const *argv);
/* What an exec sends: environment, directory and argv, quoted. */
char *vmd_exec_spec_dup_command (VmdExecSpec *spec);

G_END_DECLS
