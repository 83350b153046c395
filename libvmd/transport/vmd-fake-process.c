/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-fake-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <unistd.h>

/* Bytes written between two looks into the script. */
#define PIECE (32 * 1024)

#define VMD_TYPE_FAKE_PROCESS (vmd_fake_process_get_type ())
G_DECLARE_FINAL_TYPE (VmdFakeProcess, vmd_fake_process, VMD, FAKE_PROCESS, GObject)

struct _VmdFakeProcess
{
  GObject parent; /* belongs to one thread */

  char *root;
  VmdFakeChild child;
  int fds[VMD_N_STREAMS]; /* our ends, non-blocking */
  guint64 written;
};

static void guest_process_init (VmdGuestProcessInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (VmdFakeProcess, vmd_fake_process, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_GUEST_PROCESS, guest_process_init))

static void
fake_process_abort (VmdGuestProcess *process)
{
  VmdFakeProcess *self = VMD_FAKE_PROCESS (process);

  for (guint i = 0; i < VMD_N_STREAMS; i++)
    vmd_clear_fd (&self->fds[i]);
  vmd_fake_child_end (&self->child);
}

static void
vmd_fake_process_finalize (GObject *object)
{
  VmdFakeProcess *self = VMD_FAKE_PROCESS (object);

  fake_process_abort (VMD_GUEST_PROCESS (object));
  g_free (self->root);
  G_OBJECT_CLASS (vmd_fake_process_parent_class)->finalize (object);
}

/* Stands still, or breaks, when as many bytes are written as the script says. */
static gboolean
follow_script (VmdFakeProcess *self, GCancellable *cancellable, gint64 deadline, GError **error)
{
  guint64 limit = 0;

  if (vmd_fake_guest_is_told (self->root, "cut-write", &limit) && self->written >= limit)
    {
      fake_process_abort (VMD_GUEST_PROCESS (self));
      return vmd_fail (error, VMD_ERROR_UNREACHABLE, "The fake guest cut the connection");
    }
  if (!vmd_fake_guest_is_told (self->root, "stall-write", &limit) || self->written < limit)
    return TRUE;
  return vmd_fake_guest_stall (self->root, "stall-write", cancellable, deadline, error);
}

static gboolean
is_from_waiting (const GError *error)
{
  return g_error_matches (error, VMD_ERROR, VMD_ERROR_CANCELLED) ||
         g_error_matches (error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
}

static gboolean
write_piece (VmdFakeProcess *self, const guint8 *data, gsize length, GCancellable *cancellable,
             gint64 deadline, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (!follow_script (self, cancellable, deadline, error))
    return FALSE;
  if (vmd_write_all (self->fds[0], data, length, cancellable, deadline, &local))
    {
      self->written += length;
      return TRUE;
    }
  if (!is_from_waiting (local))
    return vmd_fail (error, VMD_ERROR_GUEST,
                     "The command in the guest ended before it had read its input");
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
fake_process_write (VmdGuestProcess *process, const void *data, gsize length,
                    GCancellable *cancellable, gint64 deadline, GError **error)
{
  VmdFakeProcess *self = VMD_FAKE_PROCESS (process);
  const guint8 *rest = data;

  while (length > 0)
    {
      gsize piece = MIN (length, PIECE);

      if (!write_piece (self, rest, piece, cancellable, deadline, error))
        return FALSE;
      rest += piece;
      length -= piece;
    }
  return TRUE;
}

static gboolean
fake_process_write_eof (VmdGuestProcess *process, GCancellable *cancellable, gint64 deadline,
                        GError **error)
{
  VmdFakeProcess *self = VMD_FAKE_PROCESS (process);

  if (vmd_is_cancelled (cancellable, error) || !follow_script (self, cancellable, deadline, error))
    return FALSE;
  vmd_clear_fd (&self->fds[0]);
  return TRUE;
}

static gssize
fake_process_read (VmdGuestProcess *process, gboolean is_stderr, void *data, gsize length,
                   GCancellable *cancellable, gint64 deadline, GError **error)
{
  VmdFakeProcess *self = VMD_FAKE_PROCESS (process);

  if (!vmd_fake_guest_stall (self->root, "stall-read", cancellable, deadline, error))
    return -1;
  return vmd_read_some (self->fds[is_stderr ? 2 : 1], data, length, cancellable, deadline, error);
}

static VmdExecResult *
fake_process_wait (VmdGuestProcess *process, GCancellable *cancellable, gint64 deadline,
                   GError **error)
{
  return vmd_fake_child_wait (&VMD_FAKE_PROCESS (process)->child, cancellable, deadline, error);
}

static void
guest_process_init (VmdGuestProcessInterface *iface)
{
  iface->write = fake_process_write;
  iface->write_eof = fake_process_write_eof;
  iface->read = fake_process_read;
  iface->wait = fake_process_wait;
  iface->abort = fake_process_abort;
}

static void
vmd_fake_process_class_init (VmdFakeProcessClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_fake_process_finalize;
}

static void
vmd_fake_process_init (VmdFakeProcess *self)
{
  self->child = (VmdFakeChild) VMD_FAKE_CHILD_INIT;
  for (guint i = 0; i < VMD_N_STREAMS; i++)
    self->fds[i] = -1;
}

/* A pipe for each stream: our ends do not block. */
static gboolean
make_pipes (VmdFakeProcess *self, int *theirs, GError **error)
{
  for (guint i = 0; i < VMD_N_STREAMS; i++)
    {
      int ends[2];

      if (pipe2 (ends, O_CLOEXEC) < 0)
        return vmd_fail_errno (error, errno, "Cannot make a pipe");
      self->fds[i] = ends[i == 0 ? 1 : 0];
      theirs[i] = ends[i == 0 ? 0 : 1];
      g_unix_set_fd_nonblocking (self->fds[i], TRUE, NULL);
    }
  return TRUE;
}

/* Returns: (transfer full) (nullable): @command, begun */
VmdGuestProcess *
vmd_fake_process_new (const char *root, const char *command, GError **error)
{
  g_autoptr (VmdFakeProcess) self = g_object_new (VMD_TYPE_FAKE_PROCESS, NULL);
  VmdFakeStreams streams = { .fds = { -1, -1, -1 } };
  gboolean started;

  self->root = g_strdup (root);
  started = make_pipes (self, streams.fds, error) &&
            vmd_fake_child_start (&self->child, root, command, &streams, error);
  for (guint i = 0; i < VMD_N_STREAMS; i++)
    vmd_clear_fd (&streams.fds[i]);
  return started ? VMD_GUEST_PROCESS (g_steal_pointer (&self)) : NULL;
}
