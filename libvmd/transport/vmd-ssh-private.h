/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SSH from inside: what the files vmd-ssh-*.c share. */

#include "vmd-exec-private.h"

#include <libssh2.h>
#include <poll.h>

G_BEGIN_DECLS

/* -- vmd-ssh-wire.c: the socket under a session, and its memory -- */
typedef struct _VmdSshBlock VmdSshBlock;

typedef struct
{
  int fd;
  GByteArray *out; /* encrypted, not yet sent */
  gsize out_sent; /* the first bytes of it that are */
  gsize may_read; /* bytes that may be read before the next wait */
  VmdSshBlock *blocks; /* all that the session has allocated */
  gsize allocated; /* bytes of them */
  gint64 heard; /* when the guest last said something */
  int failure; /* errno of what broke it; 0: it is good */
} VmdSshWire;

void vmd_ssh_wire_init (VmdSshWire *self);
void vmd_ssh_wire_clear (VmdSshWire *self);
LIBSSH2_SESSION *vmd_ssh_wire_make_session (VmdSshWire *self);
gboolean vmd_ssh_wire_flush (VmdSshWire *self);
gsize vmd_ssh_wire_get_queued (const VmdSshWire *self);
void vmd_ssh_wire_allow (VmdSshWire *self, short events);
void vmd_ssh_wire_cut (VmdSshWire *self);

void vmd_ssh_session_free (LIBSSH2_SESSION *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LIBSSH2_SESSION, vmd_ssh_session_free)

/* -- vmd-ssh-connection.c -- */

/* What an operation waits with. */
typedef struct
{
  GCancellable *cancellable;
  gint64 deadline;
  const char *what; /* completes "timed out while …" */
} VmdSshWait;

/* Microseconds: less than what is prepared for the next command takes to be ready in a guest. */
#define VMD_SSH_HURRY 5000

/* What is done for the next command before there is one. */
typedef struct
{
  gboolean asked; /* the guest, for a channel; its answer was not read yet */
  LIBSSH2_CHANNEL *standby; /* (nullable): vmd's program is being started on it, or waits */
  gboolean started; /* that was granted */
  gboolean no_standby; /* it cannot be had here */
  gint64 ended; /* when the last command had; 0: there was none */
  gint64 hurry; /* microseconds: who comes sooner than that after it is in a hurry */
  gboolean in_hurry; /* so was the last one */
} VmdSshAhead;

#define VMD_TYPE_SSH_CONNECTION (vmd_ssh_connection_get_type ())
G_DECLARE_FINAL_TYPE (VmdSshConnection, vmd_ssh_connection, VMD, SSH_CONNECTION, GObject)

VmdSshConnection *vmd_ssh_connection_new (int fd, const char *program);
const char *vmd_ssh_connection_get_program (VmdSshConnection *self);
VmdSshWire *vmd_ssh_connection_get_wire (VmdSshConnection *self);
LIBSSH2_SESSION *vmd_ssh_connection_get_session (VmdSshConnection *self);
VmdSshAhead *vmd_ssh_connection_get_ahead (VmdSshConnection *self);
void vmd_ssh_connection_begin_keepalive (VmdSshConnection *self);
/* @fds[0] is the connection's own and is filled in; the others are the caller's. */
gboolean vmd_ssh_connection_wait (VmdSshConnection *self, const VmdSshWait *wait,
                                  struct pollfd *fds, nfds_t n_fds, GError **error);
gboolean vmd_ssh_connection_settle (VmdSshConnection *self, gssize result, const VmdSshWait *wait,
                                    gboolean *again, GError **error);
gboolean
vmd_ssh_connection_fail (VmdSshConnection *self, gssize result, const char *what, GError **error);

/* -- vmd-ssh-channel.c: one command, in the session's terms -- */
LIBSSH2_CHANNEL *
vmd_ssh_channel_open (VmdSshConnection *connection, const char *term, guint columns, guint rows,
                      const char *command, const VmdSshWait *wait, GError **error);
int vmd_ssh_channel_request (LIBSSH2_CHANNEL *channel, const char *command);
void vmd_ssh_channel_prepare_next (VmdSshConnection *connection);
LIBSSH2_CHANNEL *vmd_ssh_channel_take_next (VmdSshConnection *connection, const VmdSshWait *wait);
gboolean vmd_ssh_channel_listen (VmdSshConnection *connection, LIBSSH2_CHANNEL *channel,
                                 gboolean *closed, const char *what, GError **error);
VmdExecResult *vmd_ssh_channel_get_result (VmdSshConnection *connection, LIBSSH2_CHANNEL *channel);
void vmd_ssh_channel_end (VmdSshConnection *connection, LIBSSH2_CHANNEL *channel);

/* -- vmd-ssh-standby.c: a command that has begun before anybody knows which -- */
void vmd_ssh_standby_start (VmdSshConnection *connection);
/* Before a channel is opened for a command. */
gboolean
vmd_ssh_standby_leave (VmdSshConnection *connection, const VmdSshWait *wait, GError **error);
gboolean vmd_ssh_standby_begin (VmdSshConnection *connection, VmdExecSpec *spec,
                                const VmdSshWait *wait, LIBSSH2_CHANNEL **channel, GError **error);

/* -- vmd-ssh-process.c, vmd-ssh-exec.c -- */
VmdGuestProcess *vmd_ssh_process_new (VmdSshConnection *connection, const char *command,
                                      const VmdSshWait *wait, GError **error);
VmdExecResult *vmd_ssh_exec (VmdSshConnection *connection, VmdExecSpec *spec,
                             GCancellable *cancellable, GError **error);

/* Bytes of encrypted data that may queue before no more is put in. */
#define VMD_SSH_QUEUE_FULL (256 * 1024)

G_END_DECLS
