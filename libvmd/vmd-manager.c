/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-state-dir-private.h"
#include "vmd-manager-state-private.h"

#define DEFAULT_BOOT_TIMEOUT_S 120
#define DEFAULT_CONSOLE_INTERVAL_MS 5000
#define DEFAULT_GUEST_THREADS 64
#define IDLE_CONNECTIONS 4

/**
 * VmdManager:
 *
 * One state directory, opened: its VMs, images, kernels, workspaces, jobs and locks. Several
 * processes may have the same one open. Every manager that was opened must be closed with
 * vmd_manager_close(), which also lets go of the handles it keeps.
 *
 * Signals come in the main context that was the thread's default at vmd_manager_open(): "vm-added",
 * "vm-removed", "image-added", "image-removed", "kernel-added", "kernel-removed",
 * "workspace-added", "workspace-removed", "job-added", "job-removed", "device-added",
 * "device-removed", "group-added" and "group-removed", each with the object. An image or a
 * workspace that was updated is removed and added. A list and a signal that was on its way may both
 * tell of one object. "device-changed" and "group-changed" tell what "changed" of the object tells:
 * one handler for ten thousand devices.
 *
 * Since: 0.1
 */

static const struct
{
  const char *name;
  GType (*get_type) (void);
} signal_table[VMD_MANAGER_N_SIGNALS] = {
  [VMD_MANAGER_VM_ADDED] = { "vm-added", vmd_vm_get_type },
  [VMD_MANAGER_VM_REMOVED] = { "vm-removed", vmd_vm_get_type },
  [VMD_MANAGER_IMAGE_ADDED] = { "image-added", vmd_image_get_type },
  [VMD_MANAGER_IMAGE_REMOVED] = { "image-removed", vmd_image_get_type },
  [VMD_MANAGER_KERNEL_ADDED] = { "kernel-added", vmd_kernel_get_type },
  [VMD_MANAGER_KERNEL_REMOVED] = { "kernel-removed", vmd_kernel_get_type },
  [VMD_MANAGER_WORKSPACE_ADDED] = { "workspace-added", vmd_workspace_get_type },
  [VMD_MANAGER_WORKSPACE_REMOVED] = { "workspace-removed", vmd_workspace_get_type },
  [VMD_MANAGER_JOB_ADDED] = { "job-added", vmd_job_get_type },
  [VMD_MANAGER_JOB_REMOVED] = { "job-removed", vmd_job_get_type },
  [VMD_MANAGER_DEVICE_ADDED] = { "device-added", vmd_device_get_type },
  [VMD_MANAGER_DEVICE_REMOVED] = { "device-removed", vmd_device_get_type },
  [VMD_MANAGER_DEVICE_CHANGED] = { "device-changed", vmd_device_get_type },
  [VMD_MANAGER_GROUP_ADDED] = { "group-added", vmd_device_group_get_type },
  [VMD_MANAGER_GROUP_REMOVED] = { "group-removed", vmd_device_group_get_type },
  [VMD_MANAGER_GROUP_CHANGED] = { "group-changed", vmd_device_group_get_type },
};

static guint signals[VMD_MANAGER_N_SIGNALS];

G_DEFINE_FINAL_TYPE (VmdManager, vmd_manager, G_TYPE_OBJECT)

static void
vmd_manager_finalize (GObject *object)
{
  VmdManager *self = VMD_MANAGER (object);

  g_clear_pointer (&self->cache, vmd_cache_free);
  g_clear_pointer (&self->devices, vmd_manager_devices_free);
  g_clear_pointer (&self->jobs, vmd_manager_jobs_free);
  g_clear_pointer (&self->following, vmd_manager_following_free);
  vmd_signal_queue_close (self->signals);
  g_clear_pointer (&self->signals, vmd_signal_queue_unref);
  g_clear_object (&self->connection_pool);
  g_clear_object (&self->transport);
  g_clear_object (&self->backend);
  g_clear_object (&self->process_watcher);
  g_clear_object (&self->store);
  g_clear_object (&self->lock_table);
  g_clear_object (&self->worker);
  g_clear_object (&self->clock);
  g_clear_object (&self->cancellable);
  g_cond_clear (&self->verbs_changed);
  g_mutex_clear (&self->verbs_mutex);
  g_free (self->state_dir);
  g_free (self->runtime_dir);
  G_OBJECT_CLASS (vmd_manager_parent_class)->finalize (object);
}

static void
vmd_manager_class_init (VmdManagerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = vmd_manager_finalize;
  for (guint i = 0; i < VMD_MANAGER_N_SIGNALS; i++)
    signals[i] = g_signal_new (signal_table[i].name, VMD_TYPE_MANAGER, G_SIGNAL_RUN_LAST, 0, NULL,
                               NULL, NULL, G_TYPE_NONE, 1, signal_table[i].get_type ());
}

static void
vmd_manager_init (VmdManager *self)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();

  g_mutex_init (&self->verbs_mutex);
  g_cond_init (&self->verbs_changed);
  self->cancellable = g_cancellable_new ();
  self->signals = vmd_signal_queue_new (context);
  self->cache = vmd_cache_new ();
  self->devices = vmd_manager_devices_new ();
  self->jobs = vmd_manager_jobs_new ();
  self->following = vmd_manager_following_new ();
  self->clock = vmd_system_clock_new ();
}

static gboolean
choose_backend (VmdManager *self, const char *name, GError **error)
{
  if (name == NULL || g_str_equal (name, "qemu"))
    {
      self->backend = vmd_qemu_backend_new ();
      self->transport = vmd_ssh_transport_new (VMD_GUEST_PROGRAM);
      return TRUE;
    }
  if (g_str_equal (name, "fake"))
    {
      self->backend = vmd_fake_backend_new ();
      self->transport = vmd_fake_transport_new ();
      return TRUE;
    }
  return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                   "There is no backend “%s”; there are “qemu” and “fake”", name);
}

/* A number of the environment, if it is one from 1 to @maximum; else @fallback. */
static guint
get_limit (const char *variable, guint fallback, guint maximum)
{
  const char *text = g_getenv (variable);
  guint64 value;

  if (text == NULL || !g_ascii_string_to_unsigned (text, 10, 1, maximum, &value, NULL))
    return fallback;
  return value;
}

static gboolean
make_directories (VmdManager *self, GError **error)
{
  static const char *const names[] = { "vms", "images", "kernels", "staging", "cache" };

  if (!vmd_private_dir_ensure (self->state_dir, error) ||
      !vmd_private_dir_ensure (self->runtime_dir, error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (self->state_dir, names[i], NULL);

      if (!vmd_private_dir_ensure (path, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
open_services (VmdManager *self, GError **error)
{
  self->worker = vmd_worker_new (get_limit ("VMD_GUEST_THREADS", DEFAULT_GUEST_THREADS, 4096));
  self->boot_timeout = 1000 * get_limit ("VMD_BOOT_TIMEOUT", DEFAULT_BOOT_TIMEOUT_S, 86400);
  self->connection_pool = vmd_connection_pool_new (self->transport, IDLE_CONNECTIONS);
  self->process_watcher = vmd_pidfd_watcher_new (error);
  if (self->process_watcher == NULL)
    return FALSE;
  self->lock_table = vmd_lock_table_new (self->state_dir, error);
  if (self->lock_table == NULL)
    return FALSE;
  self->store = vmd_store_open (self->state_dir, error);
  if (self->store == NULL)
    return FALSE;
  vmd_store_observe (self->store, vmd_manager_observe_cb, vmd_manager_observed_cb, self);
  self->consoles = vmd_manager_consoles_new (
      self, get_limit ("VMD_CONSOLE_INTERVAL", DEFAULT_CONSOLE_INTERVAL_MS, 3600000), error);
  return self->consoles != NULL;
}

/**
 * vmd_manager_open:
 * @state_dir: (nullable): the state directory, made if need be; NULL: $VMD_STATE_DIR, else the
 *   user's own below $XDG_STATE_HOME
 * @backend: (nullable): "qemu" (also NULL), or "fake", which needs no hypervisor, no image and no
 *   kernel
 * @cancellable: (nullable): gives up
 *
 * Opens a state directory, clears up what a crash left, and re-adopts the VMs that run. Blocks for
 * as long as that takes; no guest and no hypervisor is waited for. Of the environment it reads
 * VMD_BOOT_TIMEOUT (seconds that a guest has to become ready; 120), VMD_GUEST_THREADS (how many
 * pieces of work in guests run at once; 64) and VMD_CONSOLE_INTERVAL (milliseconds between two
 * looks at what guests have written to their consoles; 5000).
 *
 * Returns: (transfer full) (nullable): the manager; %VMD_ERROR_INVALID_ARGUMENT for an unknown
 *   backend, %VMD_ERROR_STORE or %VMD_ERROR_STORE_CORRUPT when the directory or its database cannot
 *   be used, %VMD_ERROR_PERMISSION_DENIED, %VMD_ERROR_NO_SPACE, %VMD_ERROR_CANCELLED
 *
 * Since: 0.1
 */
VmdManager *
vmd_manager_open (const char *state_dir, const char *backend, GCancellable *cancellable,
                  GError **error)
{
  g_autoptr (VmdManager) self = NULL;

  if (vmd_is_cancelled (cancellable, error))
    return NULL;
  self = g_object_new (VMD_TYPE_MANAGER, NULL);
  self->state_dir = vmd_state_dir_resolve (state_dir);
  self->runtime_dir = vmd_runtime_dir_resolve (self->state_dir);
  if (!choose_backend (self, backend, error) || !make_directories (self, error) ||
      !open_services (self, error))
    {
      vmd_manager_close (self);
      return NULL;
    }
  vmd_manager_recover (self);
  return g_steal_pointer (&self);
}

void
vmd_manager_enter_verb (VmdManager *self)
{
  g_mutex_lock (&self->verbs_mutex);
  self->n_verbs++;
  g_mutex_unlock (&self->verbs_mutex);
}

void
vmd_manager_leave_verb (VmdManager *self)
{
  g_mutex_lock (&self->verbs_mutex);
  self->n_verbs--;
  g_cond_broadcast (&self->verbs_changed);
  g_mutex_unlock (&self->verbs_mutex);
}

/* Those that were called on the caller's own threads too, which the worker knows nothing of. All
 * are cancelled, and what they do after that, to undo themselves, has an end. */
static void
wait_for_verbs (VmdManager *self)
{
  g_mutex_lock (&self->verbs_mutex);
  while (self->n_verbs > 0)
    g_cond_wait (&self->verbs_changed, &self->verbs_mutex);
  g_mutex_unlock (&self->verbs_mutex);
}

/**
 * vmd_manager_close:
 *
 * Cancels what this process has under way, waits until that has undone itself, and closes the state
 * directory. VMs that run go on running. Handles that are still around can be read, no more. Twice
 * is as good as once. Not from within a verb, such as from a job's “changed”.
 *
 * Since: 0.1
 */
void
vmd_manager_close (VmdManager *self)
{
  g_autoptr (GPtrArray) vms = NULL;
  VmdCache *emptied;

  g_return_if_fail (VMD_IS_MANAGER (self));
  g_cancellable_cancel (self->cancellable);
  g_clear_pointer (&self->consoles, vmd_manager_consoles_free);
  if (self->worker != NULL)
    vmd_worker_drain (self->worker);
  wait_for_verbs (self);
  if (self->store != NULL)
    vmd_store_close (self->store);
  vms = vmd_cache_dup_all (self->cache, VMD_ROW_VM);
  for (guint i = 0; i < vms->len; i++)
    {
      vmd_vm_unwatch (vms->pdata[i]);
      vmd_vm_forget_machine (vms->pdata[i]);
    }
  vmd_signal_queue_close (self->signals);
  emptied = vmd_cache_steal (self->cache);
  vmd_cache_free (emptied);
}

void
vmd_manager_emit (VmdManager *self, VmdManagerSignal signal, gpointer object)
{
  vmd_signal_queue_push (self->signals, self, signals[signal], object);
}

void
vmd_manager_emit_once (VmdManager *self, VmdManagerSignal signal, gpointer object)
{
  vmd_signal_queue_push_once (self->signals, self, signals[signal], object);
}

void
vmd_manager_emit_changed (VmdManager *self, VmdVm *vm)
{
  vmd_signal_queue_push (self->signals, vm, vmd_vm_get_changed_signal (), NULL);
}

/* FALSE for the fake backend: there are no keys, no initramfs and no disk to make. */
gboolean
vmd_manager_is_real (VmdManager *self)
{
  return !g_str_equal (vmd_backend_get_name (self->backend), "fake");
}

/* Milliseconds. */
guint
vmd_manager_get_boot_timeout (VmdManager *self)
{
  return self->boot_timeout;
}

/**
 * vmd_manager_get_state_dir:
 *
 * Returns: the state directory's absolute path
 *
 * Since: 0.1
 */
const char *
vmd_manager_get_state_dir (VmdManager *self)
{
  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  return self->state_dir;
}

/**
 * vmd_manager_get_runtime_dir:
 *
 * Returns: the private directory in which the sockets of this state directory lie
 *
 * Since: 0.1
 */
const char *
vmd_manager_get_runtime_dir (VmdManager *self)
{
  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  return self->runtime_dir;
}

/**
 * vmd_manager_get_backend_name:
 *
 * Returns: "qemu" or "fake"
 *
 * Since: 0.1
 */
const char *
vmd_manager_get_backend_name (VmdManager *self)
{
  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  return vmd_backend_get_name (self->backend);
}

VmdStore *
vmd_manager_get_store (VmdManager *self)
{
  return self->store;
}

VmdLockTable *
vmd_manager_get_lock_table (VmdManager *self)
{
  return self->lock_table;
}

VmdWorker *
vmd_manager_get_worker (VmdManager *self)
{
  return self->worker;
}

VmdBackend *
vmd_manager_get_backend (VmdManager *self)
{
  return self->backend;
}

VmdTransport *
vmd_manager_get_transport (VmdManager *self)
{
  return self->transport;
}

VmdConnectionPool *
vmd_manager_get_connection_pool (VmdManager *self)
{
  return self->connection_pool;
}

VmdProcessWatcher *
vmd_manager_get_process_watcher (VmdManager *self)
{
  return self->process_watcher;
}

VmdClock *
vmd_manager_get_clock (VmdManager *self)
{
  return self->clock;
}

/* Cancelled at close: what every wait of this manager ends with. */
GCancellable *
vmd_manager_get_cancellable (VmdManager *self)
{
  return self->cancellable;
}

char *
vmd_manager_dup_vm_dir (VmdManager *self, const char *vm_id)
{
  return g_build_filename (self->state_dir, "vms", vm_id, NULL);
}

/* Twelve digits of the id, since a socket's path has little room. */
char *
vmd_manager_dup_vm_runtime_dir (VmdManager *self, const char *vm_id)
{
  return g_strdup_printf ("%s/%.12s", self->runtime_dir, vm_id);
}

char *
vmd_manager_dup_image_path (VmdManager *self, const char *digest)
{
  g_autofree char *name = g_strconcat (digest, ".raw", NULL);

  return g_build_filename (self->state_dir, "images", name, NULL);
}

char *
vmd_manager_dup_kernel_dir (VmdManager *self, const char *version)
{
  return g_build_filename (self->state_dir, "kernels", version, NULL);
}
