/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "lock/vmd-lock-request-private.h"

#include "base/vmd-failure-private.h"

#include <string.h>
#include <unistd.h>

/**
 * VmdLockRequest:
 *
 * What somebody asks to lock: everything at once, with modes, a reason for people to read, and an
 * owner.
 *
 * A request is built by one thread and then handed to vmd_manager_lock() or its relatives. From
 * then on it does not change, and may be handed in again when what it got is released.
 *
 * Refused with %VMD_ERROR_INVALID_ARGUMENT when it is handed in: a request that names nothing; a
 * name that cannot be; the VM and the workspace of one VM together; a leaf (create, publish)
 * together with anything but leaves. A resource named twice counts once, exclusive if either was.
 *
 * Since: 0.1
 */
struct _VmdLockRequest
{
  GObject parent_instance;

  char *owner;
  char *reason;
  char *job; /* (nullable) */
  char *sender; /* (nullable) */
  gint64 timeout; /* milliseconds, -1: none */
  VmdLockSet *set;
  GError *invalid; /* (nullable) the first thing that is wrong with it */
  gsize sealed; /* g_once_init: after it, all of the above is constant and read by any thread */
};

G_DEFINE_FINAL_TYPE (VmdLockRequest, vmd_lock_request, G_TYPE_OBJECT)

static void
vmd_lock_request_finalize (GObject *object)
{
  VmdLockRequest *self = VMD_LOCK_REQUEST (object);

  g_free (self->owner);
  g_free (self->reason);
  g_free (self->job);
  g_free (self->sender);
  g_clear_error (&self->invalid);
  vmd_lock_set_free (self->set);
  G_OBJECT_CLASS (vmd_lock_request_parent_class)->finalize (object);
}

static void
vmd_lock_request_class_init (VmdLockRequestClass *class)
{
  G_OBJECT_CLASS (class)->finalize = vmd_lock_request_finalize;
}

static void
vmd_lock_request_init (VmdLockRequest *self)
{
  self->set = vmd_lock_set_new ();
  self->timeout = -1;
}

/* Of a text for people that comes from a client, so much is kept: what keeps others waiting has to
 * fit into their message, and into a record that they read. */
#define MAX_TEXT 1000

static char *
dup_text (const char *text)
{
  return text != NULL ? g_utf8_make_valid (text, (gssize) strnlen (text, MAX_TEXT)) : NULL;
}

static gboolean
is_open (VmdLockRequest *self)
{
  return g_atomic_pointer_get (&self->sealed) == 0;
}

/**
 * vmd_lock_request_new:
 * @owner: (nullable): who asks: a D-Bus sender, a proof token, or what the program calls the thing
 *   on whose behalf it asks. Who holds a lock may not ask for another under the same owner, so that
 *   nobody can wait for itself. Owners are told apart within one process. %NULL: an owner that
 *   nobody else has
 * @reason: why, for people: shown to those whom this keeps waiting ("import of ./repo"); the first
 *   1000 bytes of it
 *
 * Makes an empty request, which waits as long as it takes.
 *
 * Returns: (transfer full): a new request
 * Since: 0.1
 */
VmdLockRequest *
vmd_lock_request_new (const char *owner, const char *reason)
{
  static guint n_anonymous; /* atomic */
  VmdLockRequest *self;

  g_return_val_if_fail (reason != NULL, NULL);

  self = g_object_new (VMD_TYPE_LOCK_REQUEST, NULL);
  if (owner != NULL)
    self->owner = g_utf8_make_valid (owner, -1);
  else
    self->owner = g_strdup_printf ("anonymous-%d-%u", (int) getpid (),
                                   (guint) g_atomic_int_add (&n_anonymous, 1));
  self->reason = dup_text (reason);
  return self;
}

/**
 * vmd_lock_request_add:
 * @self: a request that was not handed in yet
 * @kind: what kind of thing to lock
 * @name: (nullable): which one: a VM's id (for its workspace too), an image's name, a kernel's
 *   version; 1 to 255 printable ASCII characters. %NULL for %VMD_LOCK_CREATE and %VMD_LOCK_PUBLISH
 * @mode: whether others may hold it too, if they want it shared as well
 *
 * Names one more thing. What is wrong with it is said when the request is handed in.
 *
 * Since: 0.1
 */
void
vmd_lock_request_add (VmdLockRequest *self, VmdLockKind kind, const char *name, VmdLockMode mode)
{
  g_autoptr (GError) error = NULL;

  g_return_if_fail (VMD_IS_LOCK_REQUEST (self));
  g_return_if_fail (is_open (self));

  if (!vmd_lock_set_add (self->set, kind, name, mode, &error) && self->invalid == NULL)
    self->invalid = g_steal_pointer (&error);
}

/**
 * vmd_lock_request_set_timeout:
 * @self: a request that was not handed in yet
 * @milliseconds: how long to wait; 0: not at all; -1, as it is at first: as long as it takes
 *
 * A request that waited so long fails with %VMD_ERROR_BUSY, and the message names who is in the
 * way.
 *
 * Since: 0.1
 */
void
vmd_lock_request_set_timeout (VmdLockRequest *self, gint64 milliseconds)
{
  g_return_if_fail (VMD_IS_LOCK_REQUEST (self));
  g_return_if_fail (is_open (self));
  g_return_if_fail (milliseconds >= -1);

  self->timeout = milliseconds;
}

/**
 * vmd_lock_request_set_job:
 * @self: a request that was not handed in yet
 * @job_id: (nullable): the job for which this is, see vmd_job_get_id()
 *
 * Names the job, for lists and messages.
 *
 * Since: 0.1
 */
void
vmd_lock_request_set_job (VmdLockRequest *self, const char *job_id)
{
  g_return_if_fail (VMD_IS_LOCK_REQUEST (self));
  g_return_if_fail (is_open (self));

  g_free (self->job);
  self->job = dup_text (job_id);
}

/**
 * vmd_lock_request_set_sender:
 * @self: a request that was not handed in yet
 * @sender: (nullable): the bus name, or the name of the peer, on whose behalf this is
 *
 * Names the client, for lists and messages. It decides nothing: the owner does.
 *
 * Since: 0.1
 */
void
vmd_lock_request_set_sender (VmdLockRequest *self, const char *sender)
{
  g_return_if_fail (VMD_IS_LOCK_REQUEST (self));
  g_return_if_fail (is_open (self));

  g_free (self->sender);
  self->sender = dup_text (sender);
}

/* vmd_lock_request_seal:
 *
 * Ends the building. Any thread, any number of times.
 *
 * Returns: FALSE with INVALID_ARGUMENT if what was built cannot be asked for */
gboolean
vmd_lock_request_seal (VmdLockRequest *self, GError **error)
{
  if (g_once_init_enter (&self->sealed))
    {
      if (self->invalid == NULL)
        vmd_lock_set_seal (self->set, &self->invalid);
      g_once_init_leave (&self->sealed, 1);
    }
  if (self->invalid != NULL)
    g_propagate_error (error, g_error_copy (self->invalid));
  return self->invalid == NULL;
}

const VmdLockSet *
vmd_lock_request_get_set (VmdLockRequest *self)
{
  return self->set;
}

const char *
vmd_lock_request_get_owner (VmdLockRequest *self)
{
  return self->owner;
}

const char *
vmd_lock_request_get_reason (VmdLockRequest *self)
{
  return self->reason;
}

const char *
vmd_lock_request_get_job (VmdLockRequest *self)
{
  return self->job;
}

const char *
vmd_lock_request_get_sender (VmdLockRequest *self)
{
  return self->sender;
}

gint64
vmd_lock_request_get_timeout (VmdLockRequest *self)
{
  return self->timeout;
}
