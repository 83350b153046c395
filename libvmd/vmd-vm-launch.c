/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-fault-private.h"
#include "base/vmd-poll-private.h"
#include "base/vmd-state-dir-private.h"
#include "guest/vmd-guest-private.h"
#include "vmd-console-log-private.h"
#include "vmd-device-private.h"
#include "vmd-vm-disk-private.h"
#include "vmd-vm-launch-private.h"

/* Bringing a hypervisor up: a list of steps, each with its undo. The one that fails, and all before
 * it, are undone in reverse, and what goes wrong in that is joined to the cause. From `record` on,
 * all that is made has its row first, so undoing, and clearing up after a crash at any moment, are
 * the same thing: vmd_vm_tear_down(). What comes before `record` belongs to the VM and not to the
 * launch, and stays, but for the directory of a VM that never ran. */

#define LAUNCH_DEADLINE_MS 60000

typedef struct
{
  VmdVm *vm;
  VmdManager *manager;
  const VmdVmRow *row;
  GCancellable *cancellable;
  gint64 deadline;
  VmdLaunchPlan plan; /* points at what follows */
  char *kernel_dir;
  char *kernel;
  char *vm_dir;
  char *runtime_dir;
  char *initramfs;
  char *disk;
  char *socket;
  char *token; /* the guest's, for the channel; never in a message */
  gboolean made_vm_dir;
  VmdLaunchRow *launch; /* (nullable) once it is recorded */
  VmdMachine *machine; /* (nullable) once it runs */
  const char *cause; /* (nullable) why it is undone */
} Launching;

static void
launching_clear (Launching *work)
{
  g_clear_pointer (&work->kernel_dir, g_free);
  g_clear_pointer (&work->kernel, g_free);
  g_clear_pointer (&work->vm_dir, g_free);
  g_clear_pointer (&work->runtime_dir, g_free);
  g_clear_pointer (&work->initramfs, g_free);
  g_clear_pointer (&work->disk, g_free);
  g_clear_pointer (&work->socket, g_free);
  g_clear_pointer (&work->token, g_free);
  g_clear_pointer (&work->launch, vmd_launch_row_free);
  g_clear_object (&work->machine);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Launching, launching_clear)

/* The claim keeps others from launching, so the number is known beforehand. */
static void
make_plan (Launching *work)
{
  const VmdVmRow *row = work->row;

  work->vm_dir = vmd_vm_dup_dir (work->vm);
  work->runtime_dir = vmd_manager_dup_vm_runtime_dir (work->manager, row->id);
  if (vmd_manager_is_real (work->manager))
    {
      work->kernel_dir = vmd_manager_dup_kernel_dir (work->manager, row->kernel);
      work->kernel = g_build_filename (work->kernel_dir, "vmlinuz", NULL);
      work->initramfs = g_build_filename (work->vm_dir, "initramfs", NULL);
      work->disk = g_build_filename (work->vm_dir, "disk.qcow2", NULL);
    }
  work->plan = (VmdLaunchPlan){ .vm_id = row->id,
                                .vm_name = row->name,
                                .launch = row->launch + 1,
                                .vcpus = row->vcpus,
                                .memory = row->memory,
                                .network = row->network,
                                .kernel = work->kernel,
                                .initramfs = work->initramfs,
                                .disk = work->disk,
                                .vm_dir = work->vm_dir,
                                .runtime_dir = work->runtime_dir };
}

static gboolean
check (Launching *work, GError **error)
{
  VmdBackend *backend = vmd_manager_get_backend (work->manager);
  const char *name = vmd_backend_get_name (backend);

  if (g_strcmp0 (work->row->backend, name) != 0)
    return vmd_fail (error, VMD_ERROR_UNSUPPORTED,
                     "VM “%s” was created with the backend %s, but this is %s: vmd --backend %s",
                     work->row->name, work->row->backend, name, work->row->backend);
  return vmd_backend_check (backend, error);
}

static gboolean
make_directory (Launching *work, GError **error)
{
  work->made_vm_dir = !g_file_test (work->vm_dir, G_FILE_TEST_EXISTS);
  return vmd_private_dir_ensure (work->vm_dir, error);
}

static gboolean
remove_directory (Launching *work, GError **error)
{
  /* A launch that could not be cleared away may still use it. */
  if (!work->made_vm_dir || work->launch != NULL)
    return TRUE;
  return vmd_remove_tree (work->vm_dir, error);
}

static gboolean
trim_console (Launching *work, GError **error)
{
  return vmd_console_log_trim (work->vm_dir, error);
}

static gboolean
make_keys (Launching *work, GError **error)
{
  return !vmd_manager_is_real (work->manager) ||
         vmd_guest_keys_ensure (work->vm_dir, work->cancellable, error);
}

/* One for each launch, so that what a guest gave away is no good when it has been started again. */
static gboolean
renew_token (Launching *work, GError **error)
{
  work->token = vmd_manager_renew_guest_token (work->manager, work->row->id, error);
  return work->token != NULL;
}

static gboolean
revoke_token (Launching *work, GError **error)
{
  return vmd_manager_revoke_guest_token (work->manager, work->row->id, error);
}

static gboolean
write_initramfs (Launching *work, GError **error)
{
  const VmdVmRow *row = work->row;
  g_autofree char *modules = NULL;
  const VmdSeed seed = { .vm_id = row->id,
                         .hostname = row->name,
                         .launch = work->plan.launch,
                         .network = row->network,
                         .vm_dir = work->vm_dir,
                         .ssh_server = row->ssh_server != NULL ? row->ssh_server : "none",
                         .channel_token = work->token };

  if (!vmd_manager_is_real (work->manager))
    return TRUE;
  modules = g_build_filename (work->kernel_dir, "modules.cpio", NULL);
  return vmd_initramfs_write (work->initramfs, modules, &seed, work->cancellable, error);
}

static gboolean
make_disk (Launching *work, GError **error)
{
  g_autofree char *base = NULL;

  if (!vmd_manager_is_real (work->manager))
    return TRUE;
  base = vmd_manager_dup_image_path (work->manager, work->row->image);
  return vmd_vm_disk_ensure (work->disk, base, work->row->disk_size, work->cancellable, error);
}

static gboolean
record_in_store (sqlite3 *db, gpointer data, GError **error)
{
  Launching *work = data;
  const char *vm = work->row->id;
  gint64 now = vmd_clock_get_wall (vmd_manager_get_clock (work->manager));
  guint64 launch = vmd_launch_row_begin (db, vm, work->socket, now, error);

  if (launch == 0)
    return FALSE;
  g_clear_pointer (&work->launch, vmd_launch_row_free);
  work->launch = vmd_launch_row_load (db, vm, error);
  return work->launch != NULL &&
         vmd_resource_record (db, vm, launch, "directory", work->runtime_dir, error);
}

static gboolean
record (Launching *work, GError **error)
{
  work->socket =
      vmd_backend_dup_control_socket (vmd_manager_get_backend (work->manager), &work->plan);
  /* A failure keeps what was loaded: a disk may report an error of what it has written, and to tear
   * down what was not written does no harm. */
  return vmd_store_transact (vmd_manager_get_store (work->manager), record_in_store, work,
                             work->cancellable, error);
}

static gboolean
reload_in_store (sqlite3 *db, gpointer data, GError **error)
{
  Launching *work = data;
  VmdLaunchRow *launch = vmd_launch_row_load (db, work->row->id, error);

  if (launch == NULL)
    return error == NULL || *error == NULL;
  g_clear_pointer (&work->launch, vmd_launch_row_free);
  work->launch = launch;
  return TRUE;
}

/* The row may know more by now than when it was made: the process. */
static gboolean
tear_down (Launching *work, GError **error)
{
  g_autoptr (GError) unread = NULL;
  g_autofree char *reason = NULL;

  if (work->launch == NULL)
    return TRUE;
  if (!vmd_store_transact (vmd_manager_get_store (work->manager), reload_in_store, work, NULL,
                           &unread))
    g_debug ("The launch of VM %s cannot be read: %s", work->row->id, unread->message);
  reason = g_strdup_printf ("it could not be started: %s", work->cause);
  if (!vmd_vm_tear_down (work->vm, work->launch, reason, error))
    return FALSE;
  g_clear_pointer (&work->launch, vmd_launch_row_free);
  return TRUE;
}

static gboolean
make_runtime_directory (Launching *work, GError **error)
{
  return vmd_private_dir_ensure (work->runtime_dir, error);
}

typedef struct
{
  const Launching *work;
  const char *kind;
  const char *name;
  const VmdProcessId *process;
  guint port;
} Record;

static gboolean
record_resource_in_store (sqlite3 *db, gpointer data, GError **error)
{
  const Record *entry = data;

  return vmd_resource_record (db, entry->work->row->id, entry->work->launch->launch, entry->kind,
                              entry->name, error);
}

static gboolean
record_process_in_store (sqlite3 *db, gpointer data, GError **error)
{
  const Record *entry = data;

  return vmd_launch_row_set_process (db, entry->work->row->id, entry->work->launch->launch,
                                     entry->process, error);
}

static gboolean
record_port_in_store (sqlite3 *db, gpointer data, GError **error)
{
  const Record *entry = data;

  return vmd_launch_row_set_port (db, entry->work->row->id, entry->work->launch->launch,
                                  entry->port, error);
}

static gboolean
commit_record (const Launching *work, VmdStoreFunc func, Record *entry, GError **error)
{
  return vmd_store_transact (vmd_manager_get_store (work->manager), func, entry, work->cancellable,
                             error);
}

static gboolean
record_resource_cb (gpointer data, const char *kind, const char *name, GError **error)
{
  Record entry = { .work = data, .kind = kind, .name = name };

  return commit_record (data, record_resource_in_store, &entry, error);
}

static gboolean
record_process_cb (gpointer data, const VmdProcessId *process, GError **error)
{
  Record entry = { .work = data, .process = process };

  return commit_record (data, record_process_in_store, &entry, error);
}

static gboolean
spawn (Launching *work, GError **error)
{
  const VmdLaunchRecorder recorder = { record_resource_cb, record_process_cb, work };

  work->machine = vmd_backend_spawn (vmd_manager_get_backend (work->manager), &work->plan,
                                     &recorder, work->cancellable, work->deadline, error);
  return work->machine != NULL;
}

/* The host's port is chosen by the one that binds it, and asked for afterwards. Guests without a
 * network have one too: the link to their SSH leads nowhere else. */
static gboolean
record_port (Launching *work, GError **error)
{
  Record entry = { .work = work };

  return vmd_machine_query_ssh_port (work->machine, &entry.port, work->cancellable, work->deadline,
                                     error) &&
         commit_record (work, record_port_in_store, &entry, error);
}

static const struct
{
  const char *fault; /* passed before it is done */
  const char *undo_fault;
  gboolean (*run) (Launching *work, GError **error);
  gboolean (*undo) (Launching *work, GError **error); /* (nullable); also of one that failed */
} steps[] = {
  { "launch-check", "undo-check", check, NULL },
  { "launch-directory", "undo-directory", make_directory, remove_directory },
  { "launch-console", "undo-console", trim_console, NULL },
  { "launch-keys", "undo-keys", make_keys, NULL },
  { "launch-token", "undo-token", renew_token, revoke_token },
  { "launch-initramfs", "undo-initramfs", write_initramfs, NULL },
  { "launch-disk", "undo-disk", make_disk, NULL },
  { "launch-record", "undo-record", record, tear_down },
  { "launch-runtime", "undo-runtime", make_runtime_directory, NULL },
  { "launch-spawn", "undo-spawn", spawn, NULL },
  { "launch-port", "undo-port", record_port, NULL },
};

static void
undo (Launching *work, guint n_steps, GError **failed)
{
  g_autofree char *cause = g_strdup ((*failed)->message);

  work->cause = cause;
  g_clear_object (&work->machine);
  for (guint i = n_steps; i > 0; i--)
    {
      GError *error = NULL;

      if (steps[i - 1].undo == NULL)
        continue;
      if (!vmd_fault_point (steps[i - 1].undo_fault, &error) || !steps[i - 1].undo (work, &error))
        vmd_error_join (failed, error);
    }
}

static gboolean
run_steps (Launching *work, GError **error)
{
  GError *failed = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      if (!vmd_is_cancelled (work->cancellable, &failed) &&
          vmd_fault_point (steps[i].fault, &failed) && steps[i].run (work, &failed))
        continue;
      undo (work, i + 1, &failed);
      g_propagate_error (error, failed);
      return FALSE;
    }
  return TRUE;
}

/**
 * vmd_vm_launch:
 * @claim: of this VM, which does not run
 * @launch: (out): the number of the launch that is made
 *
 * Makes what a launch needs, and the hypervisor. The guest is not waited for.
 *
 * Returns: TRUE: the hypervisor runs and answers; FALSE: nothing of it is left, or it is recorded
 *   for the next start or delete to clear away, and the error says so
 */
gboolean
vmd_vm_launch (VmdVm *self, VmdClaim *claim, VmdVerb *verb, guint64 *launch, GError **error)
{
  g_auto (Launching) work = { .vm = self,
                              .manager = vmd_vm_get_manager (self),
                              .row = vmd_claim_get_row (claim),
                              .cancellable = vmd_verb_get_cancellable (verb),
                              .deadline = vmd_deadline_in (LAUNCH_DEADLINE_MS) };

  vmd_job_set_phase (vmd_verb_get_job (verb), "launching");
  make_plan (&work);
  if (!run_steps (&work, error))
    {
      g_prefix_error (error, "Cannot start VM “%s”: ", work.row->name);
      return FALSE;
    }
  *launch = work.launch->launch;
  vmd_vm_take_machine (self, *launch, work.machine);
  return TRUE;
}
