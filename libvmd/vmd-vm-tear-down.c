/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "backend/vmd-left-child-private.h"
#include "base/vmd-fault-private.h"
#include "base/vmd-name-private.h"
#include "base/vmd-poll-private.h"
#include "vmd-vm-private.h"

#include <errno.h>
#include <signal.h>

/* Clearing away a launch: its process, then all that was recorded as made for it, last made first,
 * then the record. Every piece is idempotent and no error ends it early, so that it can stop
 * anywhere and be done again. What could not be cleared away stays recorded, and with it the
 * launch: the VM is stopped all the same, since state is derived, and the next start, delete or
 * open goes on here. */

#define EXIT_DEADLINE_MS 10000

/* Kills the process if it lives, and waits until it is gone: not even a zombie. Not cancellable:
 * what is killed is gone in a moment, and half an undoing helps nobody. */
static gboolean
end_process (const VmdProcessId *process, GError **error)
{
  struct pollfd fd = { .events = POLLIN };
  vmd_autofd int pidfd = -1;
  int wait_status;

  if (process->pid <= 0)
    return TRUE;
  pidfd = vmd_process_id_open (process);
  if (pidfd < 0 && errno == ESRCH)
    {
      vmd_left_child_reap (process, &wait_status);
      return TRUE;
    }
  if (pidfd < 0)
    return vmd_fail_errno (error, errno, "Cannot open process %d", (int) process->pid);
  if (!vmd_process_id_kill (process, SIGKILL, error))
    return FALSE;
  fd.fd = pidfd;
  if (!vmd_poll (&fd, 1, NULL, vmd_deadline_in (EXIT_DEADLINE_MS),
                 "waiting for the hypervisor to exit", error))
    return FALSE;
  /* The watcher does so too, but is told to look away when the row goes, which may be sooner. */
  vmd_left_child_reap (process, &wait_status);
  return TRUE;
}

typedef struct
{
  VmdVm *vm;
  const VmdLaunchRow *launch;
  const char *reason;
  GPtrArray *resources; /* VmdResource: loaded; later those that are gone */
} TearDown;

static gboolean
load_resources (sqlite3 *db, gpointer data, GError **error)
{
  TearDown *work = data;

  work->resources = vmd_resource_load (db, work->vm->id, work->launch->launch, error);
  return work->resources != NULL;
}

static gboolean
end_launch (sqlite3 *db, gpointer data, GError **error)
{
  TearDown *work = data;

  return vmd_launch_row_end (db, work->vm->id, work->launch->launch, work->reason, NULL, error);
}

static gboolean
forget_resources (sqlite3 *db, gpointer data, GError **error)
{
  TearDown *work = data;

  for (guint i = 0; i < work->resources->len; i++)
    {
      const VmdResource *resource = work->resources->pdata[i];

      if (!vmd_resource_forget (db, work->vm->id, work->launch->launch, resource->kind,
                                resource->name, error))
        return FALSE;
    }
  return TRUE;
}

/* A directory goes with all that is in it, so a damaged record must not lead elsewhere: what a
 * launch makes has the VM's name, wherever the runtime directory was at the time. */
static gboolean
check_resource (VmdVm *vm, const VmdResource *resource, GError **error)
{
  g_autofree char *expected = vmd_manager_dup_vm_runtime_dir (vm->manager, vm->id);
  g_autofree char *expected_name = g_path_get_basename (expected);
  g_autofree char *name = g_path_get_basename (resource->name);

  return !g_str_equal (resource->kind, "directory") ||
         (vmd_id_is_valid (vm->id) && g_path_is_absolute (resource->name) &&
          g_str_equal (name, expected_name)) ||
         vmd_fail (error, VMD_ERROR_STORE,
                   "The directory “%s”, recorded as made for VM %s, is none of vmd's: it stays",
                   resource->name, vm->id);
}

/* Removes the recorded things, and leaves those in the list that are gone. */
static void
remove_resources (TearDown *work, GError **failed)
{
  VmdBackend *backend = vmd_manager_get_backend (work->vm->manager);

  for (guint i = work->resources->len; i > 0; i--)
    {
      const VmdResource *resource = work->resources->pdata[i - 1];
      GError *error = NULL;

      if (vmd_fault_point ("tear-down-resource", &error) &&
          check_resource (work->vm, resource, &error) &&
          vmd_backend_remove_resource (backend, resource->kind, resource->name, &error))
        continue;
      vmd_error_join (failed, error);
      g_ptr_array_remove_index (work->resources, i - 1);
    }
}

/* Ends @launch: afterwards nothing of it is left and its row is gone, with @reason as the VM's; or
 * an error, with all the parts of it that failed. Needs a claim, or the VM lock. */
gboolean
vmd_vm_tear_down (VmdVm *self, const VmdLaunchRow *launch, const char *reason, GError **error)
{
  VmdStore *store = vmd_manager_get_store (self->manager);
  TearDown work = { .vm = self, .launch = launch, .reason = reason };
  g_autoptr (GPtrArray) resources = NULL;
  GError *failed = NULL;
  GError *more = NULL;

  vmd_vm_forget_machine (self);
  if (!vmd_fault_point ("tear-down-process", &more) || !end_process (&launch->process, &more))
    vmd_error_join (&failed, g_steal_pointer (&more));
  if (!vmd_store_transact (store, load_resources, &work, NULL, &more))
    {
      vmd_error_join (&failed, more);
      g_propagate_error (error, failed);
      return FALSE;
    }
  resources = work.resources;
  remove_resources (&work, &failed);
  if (!vmd_store_transact (store, failed == NULL ? end_launch : forget_resources, &work, NULL,
                           &more))
    vmd_error_join (&failed, more);
  if (failed == NULL)
    return TRUE;
  g_propagate_error (error, failed);
  return FALSE;
}
