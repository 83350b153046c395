/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-fault-private.h"
#include "base/vmd-name-private.h"
#include "base/vmd-poll-private.h"
#include "source/vmd-source-protocol-private.h"
#include "vmd-guest-call-private.h"
#include "vmd-guest-visit-private.h"
#include "vmd-workspace-unpack-private.h"

/* An import takes as long as it takes, and the VM must not wait for it. Hence no VM lock at any
 * time:
 *
 *   (a) one look from memory: does it run, where is its guest, which launch is it;
 *   (b) the source says who it is, while nobody waits for us;
 *   (c) the workspace lock, which keeps other imports out and nobody else; a second look; all the
 *   guest I/O; (d) the row, in one transaction with the third look: a VM that was stopped,
 *   restarted, replaced or
 *       deleted, or is about to be, gets none.
 *
 * Whoever stops the VM meanwhile claims that first, and the guard of the visit ends the job.
 *
 * Nothing of a failed import stays, in the guest or in the store. The two cannot be changed in one
 * step, so one of them decides, and it is the store:
 *
 *   1. the guest has the whole tree and puts it in its place, on its disk, but holds it: it will
 *      take it back, and bring the old one back, unless it is told to keep it. Whatever ends the
 *      connection ends the holding too, our own death included;
 *   2. the row is written under the re-check. If that fails, the connection is closed, and the
 *      guest takes the tree back;
 *   3. the guest is told to keep it. That is not cancelled any more: a stop that is claimed now
 *      comes after the import, and stops a VM that has it. If the guest is lost before it can hear,
 *      the row goes, or the old row returns.
 *
 * Rejected: the row after the tree is final, where a failing store or a stop in between leaves a
 * tree that nobody knows of; and the row first, where a reader would see a workspace that is not
 * there. What remains are the milliseconds of 2 and 3: a guest that is killed in them can take
 * nothing back, and has the tree at its next boot, though the import failed. Flushing after the
 * word instead would leave a row without a tree when the host's power fails in them, which is
 * worse: the one asks to be replaced, the other is not there.
 *
 * A row promises a tree whatever happens next, to the hypervisor or to the host's power. It is
 * durable itself, so the tree is flushed before it, and QEMU's cache mode for the disk is the
 * default, "writeback": what the guest has flushed is in the image file together with qcow2's
 * tables, and the file is synced. Without the flush a kill of QEMU loses the whole tree, row or no
 * row: the data may be in the host's page cache, but the tables that lead to it are in QEMU's
 * memory. "unsafe", which writes the tables and syncs nothing, would survive that but not the
 * host's power; "none" syncs just as often, and loses the host's cache. */

#define HELLO_TIMEOUT 30000
/* For the source to come up with the next piece: it may be reading a large file from a slow
 * disk. */
#define PIECE_TIMEOUT (10 * 60 * 1000)

typedef struct
{
  VmdVm *vm;
  VmdManager *manager;
  VmdVerb *verb;
  const char *path;
  const char *mode;
  gboolean replace;
  int source_fd;
  VmdSourceDescription *description; /* owned */
  VmdWorkspaceRow *row; /* owned; what is written */
  VmdWorkspaceRow *previous; /* (nullable) owned; what was there */
  gboolean written; /* perhaps, though its transaction failed */
} Import;

static void
import_clear (Import *self)
{
  g_clear_pointer (&self->description, vmd_source_description_free);
  g_clear_pointer (&self->row, vmd_workspace_row_free);
  g_clear_pointer (&self->previous, vmd_workspace_row_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Import, import_clear)

static void
set_phase (Import *self, const char *phase)
{
  vmd_job_set_phase (vmd_verb_get_job (self->verb), phase);
}

static gboolean
check_arguments (const Import *self, GError **error)
{
  if (g_strcmp0 (self->mode, "full-copy") != 0)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "“%s” is no mode of a workspace; there is “full-copy”",
                     self->mode != NULL ? self->mode : "");
  return vmd_guest_path_validate (self->path, error);
}

static gboolean
fail_exists (const Import *self, GError **error)
{
  g_autofree char *name = vmd_vm_dup_name (self->vm);

  return vmd_fail (error, VMD_ERROR_EXISTS,
                   "VM “%s” has a workspace at %s already: replace it (--replace), or choose "
                   "another place (--path)",
                   name, self->path);
}

/* Told before the tree travels. What is written is checked again. */
static gboolean
check_way (const Import *self, GError **error)
{
  g_autoptr (VmdWorkspace) there =
      vmd_manager_lookup_workspace (self->manager, vmd_vm_get_id (self->vm), self->path);

  return there == NULL || self->replace || fail_exists (self, error);
}

static gboolean
greet_source (Import *self, GError **error)
{
  set_phase (self, "asking the source");
  self->description =
      vmd_source_client_hello (self->source_fd, vmd_verb_get_cancellable (self->verb),
                               vmd_deadline_in (HELLO_TIMEOUT), error);
  return self->description != NULL;
}

/* From the source to the guest, piece by piece. */
static gboolean
carry_stream (Import *self, VmdUnpack *unpack, GError **error)
{
  GCancellable *cancellable = vmd_verb_get_cancellable (self->verb);
  VmdJob *job = vmd_verb_get_job (self->verb);
  g_autoptr (GByteArray) piece = g_byte_array_new ();
  guint64 total = self->description->bytes, done = 0;
  gboolean ended = FALSE;

  set_phase (self, "sending");
  vmd_job_set_bytes (job, 0, total);
  if (!vmd_source_client_begin_stream (self->source_fd, self->mode, cancellable,
                                       vmd_deadline_in (HELLO_TIMEOUT), error))
    return FALSE;
  while (!ended)
    {
      if (!vmd_source_client_next (self->source_fd, piece, &ended, self->description, cancellable,
                                   vmd_deadline_in (PIECE_TIMEOUT), error) ||
          !vmd_unpack_write (unpack, piece->data, piece->len, cancellable, error))
        return FALSE;
      /* The tar is a little more than the files. */
      done += piece->len;
      vmd_job_set_bytes (job, MIN (done, total), total);
    }
  vmd_source_client_bye (self->source_fd);
  return TRUE;
}

static VmdWorkspaceRow *
make_row (const Import *self, guint64 launch)
{
  const VmdSourceDescription *description = self->description;
  VmdWorkspaceRow *row = g_new0 (VmdWorkspaceRow, 1);

  row->vm = g_strdup (vmd_vm_get_id (self->vm));
  row->path = g_strdup (self->path);
  row->repository = g_strdup (description->repository);
  row->head = g_strdup (description->head);
  row->branch = g_strdup (description->branch);
  row->mode = g_strdup (self->mode);
  row->manifest = g_strdup (description->manifest);
  row->launch = launch;
  row->files = description->files;
  row->bytes = description->bytes;
  row->imported = vmd_clock_get_wall (vmd_manager_get_clock (self->manager));
  return row;
}

/* On the store's thread. */
static gboolean
record (sqlite3 *db, gpointer data, GError **error)
{
  Import *self = data;
  g_autoptr (GError) local = NULL;

  g_clear_pointer (&self->previous, vmd_workspace_row_free);
  self->previous = vmd_workspace_row_load (db, self->row->vm, self->row->path, &local);
  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  if (self->previous != NULL && !self->replace)
    return fail_exists (self, error);
  self->written = vmd_workspace_row_write (db, self->row, error);
  return self->written;
}

/* On the store's thread. */
static gboolean
take_back (sqlite3 *db, gpointer data, GError **error)
{
  const Import *self = data;

  if (self->previous != NULL)
    return vmd_workspace_row_restore (db, self->previous, error);
  return vmd_workspace_row_remove (db, self->row->vm, self->row->path, error);
}

/* A disk may report an error of what it has written: then the row is there all the same. */
static void
undo_record (Import *self, GError **error)
{
  g_autoptr (GError) undo_error = NULL;

  if (self->written && !vmd_store_transact (vmd_manager_get_store (self->manager), take_back, self,
                                            NULL, &undo_error))
    vmd_error_join (error, g_steal_pointer (&undo_error));
}

/* The tree is in its place, and held. */
static gboolean
commit (Import *self, VmdUnpack *unpack, GError **error)
{
  set_phase (self, "recording");
  if (vmd_fault_point ("workspace-record", error) &&
      vmd_store_transact (vmd_manager_get_store (self->manager), record, self,
                          vmd_verb_get_cancellable (self->verb), error) &&
      vmd_fault_point ("workspace-keep", error) && vmd_unpack_keep (unpack, error))
    return TRUE;
  undo_record (self, error);
  return FALSE;
}

/* With the workspace lock held. */
static gboolean
import_locked (Import *self, VmdGuestVisit *visit, GError **error)
{
  GCancellable *cancellable = vmd_verb_get_cancellable (self->verb);
  g_autoptr (VmdUnpack) unpack = NULL;
  VmdGuestConnection *connection;

  if (!vmd_guest_visit_check (visit, error) || !check_way (self, error))
    return FALSE;
  connection = vmd_guest_visit_connect (visit, error);
  if (connection == NULL)
    return FALSE;
  unpack = vmd_unpack_begin (connection, self->path, self->replace, cancellable, error);
  if (unpack == NULL || !carry_stream (self, unpack, error))
    return FALSE;
  set_phase (self, "flushing");
  if (!vmd_unpack_publish (unpack, cancellable, error))
    return FALSE;
  self->row = make_row (self, vmd_guest_visit_get_launch (visit));
  return commit (self, unpack, error);
}

static gboolean
import (Import *self, VmdLock *lock, GError **error)
{
  g_autoptr (VmdGuestVisit) visit = NULL;
  g_autoptr (VmdHold) hold = NULL;

  if (!check_arguments (self, error) || !check_way (self, error))
    return FALSE;
  visit = vmd_guest_visit_begin (self->vm, self->verb, error);
  if (visit == NULL || !greet_source (self, error))
    return FALSE;
  set_phase (self, "waiting for the workspace lock");
  hold = vmd_hold_new (self->manager, lock, VMD_LOCK_WORKSPACE, vmd_vm_get_id (self->vm),
                       VMD_LOCK_EXCLUSIVE, "import", vmd_verb_get_job (self->verb),
                       vmd_verb_get_cancellable (self->verb), error);
  if (hold == NULL)
    return FALSE;
  if (import_locked (self, visit, error))
    {
      vmd_guest_visit_keep_connection (visit);
      return TRUE;
    }
  vmd_guest_visit_explain (visit, error);
  return FALSE;
}

static VmdWorkspace *
find_result (const Import *self, GError **error)
{
  VmdWorkspace *workspace =
      vmd_manager_lookup_workspace (self->manager, vmd_vm_get_id (self->vm), self->path);

  if (workspace == NULL)
    vmd_fail (error, VMD_ERROR_VM_STOPPED, "The VM was deleted just after the import");
  return workspace;
}

/**
 * vmd_workspace_prepare:
 * @vm: a running VM
 * @guest_path: where in the guest: absolute, missing parents are made
 * @source_fd: a socket at whose other end a #VmdSource serves
 * @mode: "full-copy"
 * @replace: put the new tree in the place of the workspace that is there
 * @lock: (nullable): a lock on @vm's workspace, exclusive; %NULL: it is taken
 * @job: (nullable): its job, one of vmd_manager_begin_job()
 * @cancellable: (nullable): ends the import
 *
 * Imports what the source has into the guest. It is there as a whole when the call returns well;
 * else what was there before is, and nothing else. A VM that boots is waited for. Needs no VM lock,
 * and hinders nobody who does: a stop, kill, restart or delete of the VM ends the import. Blocks:
 * not on a main loop.
 *
 * Returns: (transfer full) (nullable): the workspace; %VMD_ERROR_WRONG_STATE when the VM does not
 *   run, %VMD_ERROR_VM_STOPPED when it was stopped, killed, restarted or deleted meanwhile,
 *   %VMD_ERROR_EXISTS when something is in the way, %VMD_ERROR_NO_SPACE when the guest's disk is
 *   full, %VMD_ERROR_NOT_LOCKED, %VMD_ERROR_CANCELLED, %VMD_ERROR_UNREACHABLE, %VMD_ERROR_GUEST,
 *   %VMD_ERROR_INVALID_ARGUMENT, or what the source reports
 *
 * Since: 0.1
 */
VmdWorkspace *
vmd_workspace_prepare (VmdVm *vm, const char *guest_path, int source_fd, const char *mode,
                       gboolean replace, VmdLock *lock, VmdJob *job, GCancellable *cancellable,
                       GError **error)
{
  vmd_autofd int taken_fd = source_fd;
  g_auto (Import) self = {
    .vm = vm, .path = guest_path, .mode = mode, .replace = replace, .source_fd = source_fd
  };
  g_autofree char *name = NULL;
  g_autoptr (VmdVerb) verb = NULL;
  g_autoptr (VmdWorkspace) workspace = NULL;
  GError *local = NULL;

  g_return_val_if_fail (VMD_IS_VM (vm), NULL);
  g_return_val_if_fail (lock == NULL || VMD_IS_LOCK (lock), NULL);
  self.manager = vmd_vm_get_manager (vm);
  name = vmd_vm_dup_name (vm);
  verb = vmd_verb_begin (self.manager, job, "import", name, cancellable, error);
  if (verb == NULL)
    return NULL;
  self.verb = verb;
  if (import (&self, lock, &local))
    workspace = find_result (&self, &local);
  return vmd_verb_end (verb, &local, error) ? g_steal_pointer (&workspace) : NULL;
}

/* The arguments of the asynchronous form. */
typedef struct
{
  char *guest_path;
  int source_fd;
  char *mode;
  gboolean replace;
  VmdLock *lock; /* (nullable) */
} Arguments;

static void
arguments_free (gpointer data)
{
  Arguments *self = data;

  vmd_clear_fd (&self->source_fd);
  g_free (self->guest_path);
  g_free (self->mode);
  g_clear_object (&self->lock);
  g_free (self);
}

static gpointer
prepare_in_thread (VmdVm *vm, gpointer data, VmdJob *job, GCancellable *cancellable, GError **error)
{
  Arguments *self = data;

  return vmd_workspace_prepare (vm, self->guest_path, vmd_steal_fd (&self->source_fd), self->mode,
                                self->replace, self->lock, job, cancellable, error);
}

/**
 * vmd_workspace_prepare_async:
 *
 * vmd_workspace_prepare() without blocking.
 *
 * Since: 0.1
 */
void
vmd_workspace_prepare_async (VmdVm *vm, const char *guest_path, int source_fd, const char *mode,
                             gboolean replace, VmdLock *lock, VmdJob *job,
                             GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer user_data)
{
  VmdGuestCall call = { .kind = "import",
                        .func = prepare_in_thread,
                        .free_arguments = arguments_free,
                        .tag = vmd_workspace_prepare_async };
  Arguments *arguments;

  g_return_if_fail (VMD_IS_VM (vm));
  arguments = g_new0 (Arguments, 1);
  *arguments = (Arguments){ .guest_path = g_strdup (guest_path),
                            .source_fd = source_fd,
                            .mode = g_strdup (mode),
                            .replace = replace,
                            .lock = lock != NULL ? g_object_ref (lock) : NULL };
  call.arguments = arguments;
  vmd_guest_call_async (vm, &call, job, cancellable, callback, user_data);
}

/**
 * vmd_workspace_prepare_finish:
 *
 * Returns: (transfer full) (nullable): as vmd_workspace_prepare()
 *
 * Since: 0.1
 */
VmdWorkspace *
vmd_workspace_prepare_finish (VmdVm *vm, GAsyncResult *result, GError **error)
{
  return vmd_guest_call_finish (vm, result, vmd_workspace_prepare_async, error);
}
