/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-fault-private.h"
#include "base/vmd-poll-private.h"
#include "base/vmd-state-dir-private.h"
#include "vmd-manager-call-private.h"
#include "vmd-manager-publish-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

/* A kernel's version is known only when it has been unpacked, so it is made in staging without a
 * lock, and its lock is taken to publish it. The default kernel is another matter: everybody who
 * creates a first VM needs it at once, and one of them is to fetch it while the others wait. They
 * meet at a lock whose name no version can have. */

#define DEFAULT_LOCK "default"
#define DEFAULT_PACKAGE "linux-image-cloud-amd64"
#define DEFAULT_PREFIX "linux-image-"

/* One kernel on its way. */
typedef struct
{
  VmdManager *manager;
  int fd; /* borrowed */
  int modules_fd; /* borrowed; -1: none */
  char *staging; /* (nullable) removed in the end */
  char *directory; /* (nullable) in it */
  VmdKernelRow *row;
  VmdVerb *verb;
} Making;

/* Before the verb ends: who sees that it has ended finds nothing left of it. */
static void
making_clear (Making *making)
{
  g_autoptr (GError) error = NULL;

  if (making->staging != NULL && !vmd_remove_tree (making->staging, &error))
    g_debug ("%s stays: %s", making->staging, error->message);
  g_clear_pointer (&making->staging, g_free);
  g_clear_pointer (&making->directory, g_free);
  g_clear_pointer (&making->row, vmd_kernel_row_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Making, making_clear)

/* How large the files @directory/@name is. 0: it is not there. */
static guint64
get_size (const char *directory, const char *name)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  struct stat status;

  return g_stat (path, &status) == 0 ? (guint64) status.st_size : 0;
}

static gboolean
make_in_staging (Making *making, const char *source, GError **error)
{
  VmdManager *self = making->manager;
  VmdKernelRow *row = g_new0 (VmdKernelRow, 1);

  making->row = row;
  making->staging = vmd_manager_make_staging (self, error);
  if (making->staging == NULL)
    return FALSE;
  making->directory = g_build_filename (making->staging, "kernel", NULL);
  if (!vmd_private_dir_ensure (making->directory, error) ||
      !vmd_kernel_write (making->directory, making->fd, making->modules_fd, &row->version,
                         vmd_verb_get_job (making->verb), vmd_verb_get_cancellable (making->verb),
                         error) ||
      !vmd_fsync_path (making->directory, error))
    return FALSE;
  row->source = g_strdup (source);
  row->size =
      get_size (making->directory, "vmlinuz") + get_size (making->directory, "modules.cpio");
  row->created = vmd_clock_get_wall (self->clock);
  return TRUE;
}

static VmdKernel *
publish (Making *making, GError **error)
{
  VmdKernel *kernel;

  vmd_job_set_phase (vmd_verb_get_job (making->verb), "publishing");
  if (!vmd_fault_point ("kernel-publish", error) ||
      !vmd_manager_publish_kernel (making->manager, making->directory, making->row, making->verb,
                                   error))
    return NULL;
  kernel = vmd_cache_lookup (making->manager->cache, VMD_ROW_KERNEL, making->row->version);
  /* Deleted as soon as it was made: it is what was made all the same. */
  return kernel != NULL ? kernel : vmd_kernel_new (making->manager, making->row);
}

static VmdKernel *
import_kernel (Making *making, const char *source, GError **error)
{
  g_autoptr (VmdHold) hold = NULL;

  if (!make_in_staging (making, source, error))
    return NULL;
  hold = vmd_hold_new (making->manager, NULL, VMD_LOCK_KERNEL, making->row->version,
                       VMD_LOCK_EXCLUSIVE, "import the kernel", vmd_verb_get_job (making->verb),
                       vmd_verb_get_cancellable (making->verb), error);
  return hold != NULL ? publish (making, error) : NULL;
}

/**
 * vmd_manager_import_kernel:
 * @fd: a Debian package of a kernel, or a kernel as it is booted (vmlinuz); taken
 * @modules_fd: -1, or a tar of its lib/modules/<version>; taken
 * @source: what to call where it came from, for people
 * @job: (nullable): a job of vmd_manager_begin_job(), which this runs and finishes
 * @cancellable: (nullable): gives up
 *
 * Takes a kernel, and of its modules those that a boot needs. A version that is there already is
 * replaced. The first kernel becomes the default. Holds the kernel's lock, exclusive, and
 * `publish`, for a moment. Not on a main loop.
 *
 * Returns: (transfer full) (nullable): the kernel; %VMD_ERROR_BAD_ARCHIVE when it is none, or
 *   damaged, %VMD_ERROR_INVALID_ARGUMENT when the modules are those of another one,
 *   %VMD_ERROR_NO_SPACE, %VMD_ERROR_CANCELLED. Then nothing is left of it
 *
 * Since: 0.1
 */
VmdKernel *
vmd_manager_import_kernel (VmdManager *self, int fd, int modules_fd, const char *source,
                           VmdJob *job, GCancellable *cancellable, GError **error)
{
  vmd_autofd int taken = fd;
  vmd_autofd int taken_modules = modules_fd;
  g_auto (Making) making = { .manager = self, .fd = fd, .modules_fd = modules_fd };
  g_autoptr (VmdVerb) verb = NULL;
  g_autoptr (VmdKernel) kernel = NULL;
  GError *failed = NULL;

  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  g_return_val_if_fail (taken >= 0, NULL);
  g_return_val_if_fail (source != NULL, NULL);
  verb = vmd_verb_begin (self, job, "import-kernel", source, cancellable, error);
  if (verb == NULL)
    return NULL;
  making.verb = verb;
  kernel = import_kernel (&making, source, &failed);
  making_clear (&making);
  return vmd_verb_end (verb, &failed, error) ? g_steal_pointer (&kernel) : NULL;
}

static GObject *
import_in_thread (GObject *object, VmdManagerCall *call, GCancellable *cancellable, GError **error)
{
  return (GObject *) vmd_manager_import_kernel (VMD_MANAGER (object), vmd_steal_fd (&call->fd),
                                                vmd_steal_fd (&call->modules_fd), call->source,
                                                call->job, cancellable, error);
}

/**
 * vmd_manager_import_kernel_async:
 *
 * vmd_manager_import_kernel() without blocking.
 *
 * Since: 0.1
 */
void
vmd_manager_import_kernel_async (VmdManager *self, int fd, int modules_fd, const char *source,
                                 VmdJob *job, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer user_data)
{
  const VmdManagerCall call = {
    .run = import_in_thread, .source = source, .fd = fd, .modules_fd = modules_fd, .job = job
  };

  g_return_if_fail (VMD_IS_MANAGER (self));
  g_return_if_fail (fd >= 0);
  g_return_if_fail (source != NULL);
  vmd_manager_call_async (self, self, &call, vmd_manager_import_kernel_async, cancellable, callback,
                          user_data);
}

/**
 * vmd_manager_import_kernel_finish:
 *
 * Returns: (transfer full) (nullable): as vmd_manager_import_kernel()
 *
 * Since: 0.1
 */
VmdKernel *
vmd_manager_import_kernel_finish (VmdManager *self, GAsyncResult *result, GError **error)
{
  return vmd_manager_call_finish (self, result, vmd_manager_import_kernel_async, error);
}

static gboolean
load_default_in_store (sqlite3 *db, gpointer data, GError **error)
{
  VmdKernelRow **found = data;
  g_autoptr (GPtrArray) rows = vmd_kernel_row_load_all (db, error);

  g_clear_pointer (found, vmd_kernel_row_free);
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    if (((VmdKernelRow *) rows->pdata[i])->is_default)
      *found = vmd_kernel_row_copy (rows->pdata[i]);
  return rows != NULL;
}

static VmdKernel *
fetch_default (Making *making, GError **error)
{
  VmdManager *self = making->manager;
  g_autofree char *cache = g_build_filename (self->state_dir, "cache", NULL);
  g_autofree char *package = NULL;
  g_autofree char *source = NULL;
  vmd_autofd int fd = -1;

  vmd_job_set_phase (vmd_verb_get_job (making->verb), "downloading");
  package = vmd_debian_download_dependency (DEFAULT_PACKAGE, DEFAULT_PREFIX, cache,
                                            vmd_verb_get_cancellable (making->verb), error);
  if (package == NULL)
    return NULL;
  fd = open (package, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    {
      vmd_fail_errno (error, errno, "Cannot open %s", package);
      return NULL;
    }
  making->fd = fd;
  source = g_path_get_basename (package);
  return make_in_staging (making, source, error) ? publish (making, error) : NULL;
}

static VmdKernel *
ensure (Making *making, GError **error)
{
  g_autoptr (VmdHold) hold =
      vmd_hold_new (making->manager, NULL, VMD_LOCK_KERNEL, DEFAULT_LOCK, VMD_LOCK_EXCLUSIVE,
                    "fetch the default kernel", vmd_verb_get_job (making->verb),
                    vmd_verb_get_cancellable (making->verb), error);
  g_autoptr (VmdKernelRow) row = NULL;

  if (hold == NULL || !vmd_store_transact (making->manager->store, load_default_in_store, &row,
                                           vmd_verb_get_cancellable (making->verb), error))
    return NULL;
  /* Fetched by another while we waited. */
  if (row != NULL)
    return vmd_kernel_new (making->manager, row);
  return fetch_default (making, error);
}

/**
 * vmd_manager_ensure_kernel:
 * @job: (nullable): a job of vmd_manager_begin_job(), which this runs and finishes
 * @cancellable: (nullable): gives up
 *
 * Finds the default kernel, or fetches that of Debian's package linux-image-cloud-amd64. Of several
 * who need it at once one fetches it. Holds the lock kernel/default meanwhile, exclusive, and for a
 * moment `publish`. Not on a main loop.
 *
 * Returns: (transfer full) (nullable): the kernel; %VMD_ERROR_MISSING_PROGRAM without apt,
 *   %VMD_ERROR_FAILED when it cannot be downloaded, %VMD_ERROR_NO_SPACE, %VMD_ERROR_CANCELLED
 *
 * Since: 0.1
 */
VmdKernel *
vmd_manager_ensure_kernel (VmdManager *self, VmdJob *job, GCancellable *cancellable, GError **error)
{
  g_auto (Making) making = { .manager = self, .fd = -1, .modules_fd = -1 };
  g_autoptr (VmdVerb) verb = NULL;
  g_autoptr (VmdKernel) kernel = NULL;
  GError *failed = NULL;

  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  kernel = vmd_manager_find_kernel (self, NULL, NULL);
  if (kernel != NULL && job == NULL)
    return g_steal_pointer (&kernel);
  verb = vmd_verb_begin (self, job, "fetch-kernel", DEFAULT_PACKAGE, cancellable, error);
  if (verb == NULL)
    return NULL;
  making.verb = verb;
  if (kernel == NULL)
    kernel = ensure (&making, &failed);
  making_clear (&making);
  return vmd_verb_end (verb, &failed, error) ? g_steal_pointer (&kernel) : NULL;
}
