/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-fault-private.h"
#include "base/vmd-name-private.h"
#include "vmd-manager-state-private.h"
#include "vmd-vm-limits-private.h"

/* A new VM is one row and nothing else: its directory, keys and disk are made at its first start.
 * So nothing can be left half-made, and a create takes one commit. The kernel may have to be
 * fetched first, which takes as long as it takes and holds no lock of ours; so the image is looked
 * for before that, when that would be in vain, and once more after it. */

#define DEFAULT_IMAGE "tiny"
#define DEFAULT_VCPUS 1
#define DEFAULT_MEMORY (G_GUINT64_CONSTANT (512) << 20)
#define DEFAULT_DISK_SIZE (G_GUINT64_CONSTANT (4) << 30)

/* Of names that are chosen here: how often one that is taken may be met. */
#define NAME_TRIES 100

static const char *const adjectives[] = {
  "able",  "amber", "bold",   "brave", "brief", "bright", "brisk", "calm",  "clear", "clever",
  "cool",  "crisp", "deft",   "eager", "early", "fair",   "fast",  "fine",  "fond",  "free",
  "fresh", "glad",  "golden", "good",  "happy", "hardy",  "keen",  "kind",  "light", "lively",
  "lucky", "merry", "mild",   "neat",  "noble", "plain",  "proud", "quick", "quiet", "ready",
  "round", "sharp", "shiny",  "smart", "snug",  "solid",  "still", "sunny", "swift", "warm",
};

static const char *const animals[] = {
  "badger", "bear",  "beaver", "bee",   "bison",  "bobcat", "crane", "crow",  "deer", "dove",
  "duck",   "eagle", "egret",  "elk",   "falcon", "ferret", "finch", "fox",   "frog", "gecko",
  "goose",  "hare",  "hawk",   "heron", "horse",  "ibex",   "jay",   "koala", "lark", "lion",
  "llama",  "lynx",  "marten", "mole",  "moose",  "mouse",  "newt",  "otter", "owl",  "panda",
  "puma",   "raven", "robin",  "seal",  "shrew",  "stork",  "swan",  "tapir", "tern", "wren",
};

static char *
make_name (void)
{
  return g_strdup_printf ("%s-%s-%d", adjectives[g_random_int_range (0, G_N_ELEMENTS (adjectives))],
                          animals[g_random_int_range (0, G_N_ELEMENTS (animals))],
                          g_random_int_range (1, 100));
}

typedef struct
{
  const char *image_name; /* (nullable) */
  VmdImageRow *image; /* loaded */
} ImageQuery;

static gboolean
load_image_in_store (sqlite3 *db, gpointer data, GError **error)
{
  ImageQuery *query = data;
  GError *failed = NULL;

  query->image = vmd_image_row_load (db, query->image_name, &failed);
  if (failed == NULL)
    return TRUE;
  g_propagate_error (error, failed);
  return FALSE;
}

/* The file that the name points at now is the VM's for ever. Under the image's lock, so it
 * stays. */
static gboolean
choose_image (VmdManager *self, const char *name, VmdVmRow *row, GCancellable *cancellable,
              GError **error)
{
  g_autoptr (VmdImageRow) image = NULL;
  ImageQuery query = { .image_name = name };

  if (!vmd_store_transact (self->store, load_image_in_store, &query, cancellable, error))
    return FALSE;
  image = query.image;
  if (image == NULL)
    return vmd_fail (error, VMD_ERROR_NOT_FOUND,
                     "There is no image “%s”: vmctl image list shows those there are, and vmctl "
                     "image build --tiny %s makes one",
                     name, name);
  row->image_name = g_strdup (image->name);
  row->image = g_strdup (image->digest);
  row->ssh_server = g_strdup (image->ssh_server);
  row->disk_size = vmd_vm_round_size (image->virtual_size);
  return TRUE;
}

typedef struct
{
  VmdVmRow *row;
  gboolean is_taken; /* (out) the name that was tried */
} Insertion;

static gboolean
insert_in_store (sqlite3 *db, gpointer data, GError **error)
{
  Insertion *insertion = data;
  GError *failed = NULL;

  insertion->is_taken = FALSE;
  if (!vmd_fault_point ("create-insert", error))
    return FALSE;
  if (vmd_vm_row_insert (db, insertion->row, &failed))
    return TRUE;
  insertion->is_taken = g_error_matches (failed, VMD_ERROR, VMD_ERROR_EXISTS);
  g_propagate_error (error, failed);
  return FALSE;
}

static gboolean
remove_in_store (sqlite3 *db, gpointer data, GError **error)
{
  return vmd_vm_row_remove (db, data, error);
}

/* A disk may report an error of what it has written. The id is new, so no other VM can be meant. */
static void
withdraw (VmdManager *self, VmdVmRow *row)
{
  g_autoptr (GError) error = NULL;

  if (!vmd_store_transact (self->store, remove_in_store, row->id, NULL, &error))
    g_debug ("VM %s may have been created: %s", row->id, error->message);
}

/* Under `create`, which keeps two who choose a name from choosing the same. */
static gboolean
insert (VmdManager *self, VmdVmRow *row, const char *name, VmdVerb *verb, GError **error)
{
  GCancellable *cancellable = vmd_verb_get_cancellable (verb);
  Insertion insertion = { .row = row };
  g_autoptr (VmdHold) hold = NULL;
  g_autoptr (GError) failed = NULL;
  gboolean inserted = FALSE;

  hold = vmd_hold_new (self, NULL, VMD_LOCK_CREATE, NULL, VMD_LOCK_EXCLUSIVE, "create a VM",
                       vmd_verb_get_job (verb), cancellable, error);
  if (hold == NULL)
    return FALSE;
  for (guint i = 0; !inserted && i < NAME_TRIES; i++)
    {
      g_clear_error (&failed);
      g_free (row->name);
      row->name = name != NULL ? g_strdup (name) : make_name ();
      inserted =
          vmd_store_transact (self->store, insert_in_store, &insertion, cancellable, &failed);
      if (!inserted && (name != NULL || !insertion.is_taken))
        break;
    }
  if (inserted)
    return TRUE;
  withdraw (self, row);
  g_propagate_error (error, g_steal_pointer (&failed));
  return FALSE;
}

static VmdVmRow *
new_row (VmdManager *self)
{
  VmdVmRow *row = g_new0 (VmdVmRow, 1);

  row->id = vmd_id_new ();
  row->vcpus = DEFAULT_VCPUS;
  row->memory = DEFAULT_MEMORY;
  row->network = g_strdup ("user");
  row->backend = g_strdup (vmd_backend_get_name (self->backend));
  row->created = vmd_clock_get_wall (self->clock);
  return row;
}

/* What can be wrong without looking anything up is said first: before a kernel is fetched. */
static gboolean
check_spec (const VmdVmSpec *spec, GError **error)
{
  const char *name = vmd_vm_spec_get_name (spec);
  const char *image = vmd_vm_spec_get_image (spec);
  g_autoptr (VmdVmRow) scratch = g_new0 (VmdVmRow, 1);

  return (name == NULL || vmd_name_validate (name, "VM", error)) &&
         (image == NULL || vmd_name_validate (image, "image", error)) &&
         vmd_vm_spec_apply (spec, scratch, error);
}

/* Returns: (nullable): the name; the fake backend needs no image */
static const char *
get_image_name (VmdManager *self, const VmdVmSpec *spec)
{
  const char *image = vmd_vm_spec_get_image (spec);

  return image == NULL && vmd_manager_is_real (self) ? DEFAULT_IMAGE : image;
}

static VmdHold *
hold_image (VmdManager *self, const char *image, VmdVerb *verb, GError **error)
{
  return vmd_hold_new (self, NULL, VMD_LOCK_IMAGE, image, VMD_LOCK_SHARED, "create a VM from it",
                       vmd_verb_get_job (verb), vmd_verb_get_cancellable (verb), error);
}

/* One that is being made is waited for, and then it is there. */
static gboolean
check_image (VmdManager *self, const char *image, VmdVerb *verb, GError **error)
{
  g_autoptr (VmdVmRow) scratch = g_new0 (VmdVmRow, 1);
  g_autoptr (VmdHold) hold = hold_image (self, image, verb, error);

  return hold != NULL &&
         choose_image (self, image, scratch, vmd_verb_get_cancellable (verb), error);
}

static VmdKernel *
get_default_kernel (VmdManager *self, const char *image, VmdVerb *verb, GError **error)
{
  VmdKernel *kernel = vmd_manager_find_kernel (self, NULL, NULL);

  if (kernel != NULL || !check_image (self, image, verb, error))
    return kernel;
  vmd_job_set_phase (vmd_verb_get_job (verb), "getting the kernel");
  return vmd_manager_ensure_kernel (self, NULL, vmd_verb_get_cancellable (verb), error);
}

static gboolean
choose_kernel (VmdManager *self, const VmdVmSpec *spec, VmdVmRow *row, VmdVerb *verb,
               GError **error)
{
  const char *version = vmd_vm_spec_get_kernel (spec);
  g_autoptr (VmdKernel) kernel = NULL;

  if (version == NULL && !vmd_manager_is_real (self))
    return TRUE;
  if (version != NULL)
    kernel = vmd_manager_find_kernel (self, version, error);
  else
    kernel = get_default_kernel (self, get_image_name (self, spec), verb, error);
  if (kernel == NULL)
    return FALSE;
  row->kernel = g_strdup (vmd_kernel_get_version (kernel));
  return TRUE;
}

static gboolean
fill_and_insert (VmdManager *self, const VmdVmSpec *spec, VmdVmRow *row, VmdVerb *verb,
                 GError **error)
{
  const char *image = get_image_name (self, spec);
  g_autoptr (VmdHold) hold = NULL;
  gboolean has_size;

  if (image != NULL)
    {
      hold = hold_image (self, image, verb, error);
      if (hold == NULL || !choose_image (self, image, row, vmd_verb_get_cancellable (verb), error))
        return FALSE;
    }
  vmd_vm_spec_get_disk_size (spec, &has_size);
  if (!has_size)
    row->disk_size = MAX (row->disk_size, DEFAULT_DISK_SIZE);
  return vmd_vm_spec_apply (spec, row, error) &&
         insert (self, row, vmd_vm_spec_get_name (spec), verb, error);
}

static VmdVm *
create (VmdManager *self, const VmdVmSpec *spec, VmdVerb *verb, GError **error)
{
  g_autoptr (VmdVmRow) row = new_row (self);
  VmdVm *vm;

  if (!check_spec (spec, error) || !choose_kernel (self, spec, row, verb, error) ||
      !fill_and_insert (self, spec, row, verb, error))
    return NULL;
  vm = vmd_manager_lookup_vm (self, row->id);
  if (vm == NULL)
    vmd_fail (error, VMD_ERROR_NOT_FOUND, "VM “%s” was deleted as soon as it was created",
              row->name);
  return vm;
}

/**
 * vmd_manager_create_vm:
 * @spec: what it is to be. Absent: a random name, the image "tiny", the default kernel (fetched
 *   when there is none), 1 vcpu, 512 MiB, a disk of 4 GiB or of the image's size if that is more,
 *   network "user"
 * @job: (nullable): a job of vmd_manager_begin_job(), which this runs and finishes
 * @cancellable: (nullable): gives up
 *
 * Creates a VM, which is not started. It keeps the image that the name points at now. Takes the
 * image's lock, shared, and `create`, for a moment; waits while the image is being replaced, and
 * for no other image. Not on a main loop.
 *
 * Returns: (transfer full) (nullable): the VM; %VMD_ERROR_INVALID_ARGUMENT, %VMD_ERROR_EXISTS when
 *   the name is taken, %VMD_ERROR_NOT_FOUND without that image or kernel, %VMD_ERROR_CANCELLED, or
 *   what made fetching the kernel fail. On failure nothing was made, but perhaps the kernel
 *
 * Since: 0.1
 */
VmdVm *
vmd_manager_create_vm (VmdManager *self, const VmdVmSpec *spec, VmdJob *job,
                       GCancellable *cancellable, GError **error)
{
  g_autoptr (VmdVerb) verb = NULL;
  g_autoptr (VmdVm) vm = NULL;
  GError *failed = NULL;
  const char *name;

  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  g_return_val_if_fail (spec != NULL, NULL);
  name = vmd_vm_spec_get_name (spec);
  verb = vmd_verb_begin (self, job, "create", name != NULL ? name : "", cancellable, error);
  if (verb == NULL)
    return NULL;
  vm = create (self, spec, verb, &failed);
  return vmd_verb_end (verb, &failed, error) ? g_steal_pointer (&vm) : NULL;
}

typedef struct
{
  VmdVmSpec *spec;
  VmdJob *job; /* (nullable) */
} CreateCall;

static void
create_call_free (gpointer data)
{
  CreateCall *call = data;

  /* One that was cancelled before it had a thread never began its job. */
  if (call->job != NULL)
    {
      g_autoptr (GError) cancelled = g_error_new (VMD_ERROR, VMD_ERROR_CANCELLED, "Cancelled");

      vmd_job_finish (call->job, cancelled);
    }
  g_clear_object (&call->job);
  vmd_vm_spec_free (call->spec);
  g_free (call);
}

static void
create_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const CreateCall *call = data;
  GError *error = NULL;
  VmdVm *vm = vmd_manager_create_vm (source, call->spec, call->job, cancellable, &error);

  if (vm != NULL)
    g_task_return_pointer (task, vm, g_object_unref);
  else
    g_task_return_error (task, error);
}

/**
 * vmd_manager_create_vm_async:
 *
 * vmd_manager_create_vm() without blocking.
 *
 * Since: 0.1
 */
void
vmd_manager_create_vm_async (VmdManager *self, const VmdVmSpec *spec, VmdJob *job,
                             GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer user_data)
{
  g_autoptr (GTask) task = NULL;
  CreateCall *call;

  g_return_if_fail (VMD_IS_MANAGER (self));
  g_return_if_fail (spec != NULL);
  call = g_new0 (CreateCall, 1);
  call->spec = vmd_vm_spec_copy (spec);
  call->job = job != NULL ? g_object_ref (job) : NULL;
  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, vmd_manager_create_vm_async);
  g_task_set_task_data (task, call, create_call_free);
  g_task_set_check_cancellable (task, FALSE);
  vmd_worker_run (self->worker, VMD_WORKER_LIFECYCLE, task, create_in_thread);
}

/**
 * vmd_manager_create_vm_finish:
 *
 * Returns: (transfer full) (nullable): as vmd_manager_create_vm()
 *
 * Since: 0.1
 */
VmdVm *
vmd_manager_create_vm_finish (VmdManager *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, vmd_manager_create_vm_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
