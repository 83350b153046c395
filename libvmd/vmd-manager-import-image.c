/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-fault-private.h"
#include "base/vmd-name-private.h"
#include "base/vmd-poll-private.h"
#include "base/vmd-state-dir-private.h"
#include "vmd-manager-call-private.h"
#include "vmd-manager-publish-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

/* An image is made whole in staging, under the lock of its name and of no other, for as long as
 * that takes: whoever wants this very name waits, and nobody else. */

#define SOURCE_TINY "tiny"

/* One image on its way. */
typedef struct
{
  VmdManager *manager;
  const char *name;
  int fd; /* of the tar; -1: the tiny image is built */
  gint64
      /* when the name was last published, as seen before the lock was asked for; 0: not there */
      known;
  char *staging; /* (nullable) removed in the end */
  char *disk; /* (nullable) the file in it */
  VmdImageRow *row;
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
  g_clear_pointer (&making->disk, g_free);
  g_clear_pointer (&making->row, vmd_image_row_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Making, making_clear)

static gint64
get_known (VmdManager *self, const char *name)
{
  g_autoptr (VmdImage) image = vmd_cache_lookup (self->cache, VMD_ROW_IMAGE, name);

  return image != NULL ? vmd_image_get_created (image) : 0;
}

static gboolean
load_in_store (sqlite3 *db, gpointer data, GError **error)
{
  Making *making = data;
  g_autoptr (GError) failed = NULL;

  g_clear_pointer (&making->row, vmd_image_row_free);
  making->row = vmd_image_row_load (db, making->name, &failed);
  if (failed == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failed));
  return FALSE;
}

/* Has somebody built the same thing while we waited for the lock? Two who want one image at once
 * get one that was built once. *@done: TRUE: it is there. */
static gboolean
look_if_done (Making *making, gboolean *done, GError **error)
{
  *done = FALSE;
  if (!vmd_store_transact (making->manager->store, load_in_store, making,
                           vmd_verb_get_cancellable (making->verb), error))
    return FALSE;
  *done = making->fd < 0 && making->row != NULL && making->row->created != making->known &&
          g_str_equal (making->row->source, SOURCE_TINY);
  return TRUE;
}

static gboolean
write_disk (Making *making, char **ssh_server, GError **error)
{
  VmdJob *job = vmd_verb_get_job (making->verb);
  GCancellable *cancellable = vmd_verb_get_cancellable (making->verb);
  g_autofree char *cache = g_build_filename (making->manager->state_dir, "cache", NULL);

  if (making->fd >= 0)
    return vmd_image_write_from_tar (making->disk, making->fd, ssh_server, job, cancellable, error);
  *ssh_server = g_strdup ("dropbear");
  return vmd_tiny_image_write (making->disk, cache, job, cancellable, error);
}

static gboolean
fill_row (Making *making, const char *source, const char *ssh_server, GError **error)
{
  VmdImageRow *row = g_new0 (VmdImageRow, 1);
  struct stat status;

  g_clear_pointer (&making->row, vmd_image_row_free);
  making->row = row;
  if (g_stat (making->disk, &status) < 0)
    return vmd_fail_errno (error, errno, "Cannot look at %s", making->disk);
  row->name = g_strdup (making->name);
  row->size = (guint64) status.st_blocks * 512;
  row->virtual_size = (guint64) status.st_size;
  row->source = g_strdup (source);
  row->ssh_server = g_strdup (ssh_server);
  row->created = vmd_clock_get_wall (making->manager->clock);
  vmd_job_set_phase (vmd_verb_get_job (making->verb), "checking");
  row->digest = vmd_digest_file (making->disk, vmd_verb_get_cancellable (making->verb), error);
  return row->digest != NULL;
}

static gboolean
make_and_publish (Making *making, const char *source, GError **error)
{
  g_autofree char *ssh_server = NULL;

  making->staging = vmd_manager_make_staging (making->manager, error);
  if (making->staging == NULL)
    return FALSE;
  making->disk = g_build_filename (making->staging, "disk.raw", NULL);
  if (!write_disk (making, &ssh_server, error) || !fill_row (making, source, ssh_server, error))
    return FALSE;
  vmd_job_set_phase (vmd_verb_get_job (making->verb), "publishing");
  return vmd_fault_point ("image-publish", error) &&
         vmd_manager_publish_image (making->manager, making->disk, making->row, making->verb,
                                    error);
}

static VmdImage *
make_image (Making *making, const char *source, GError **error)
{
  VmdJob *job = vmd_verb_get_job (making->verb);
  g_autoptr (VmdHold) hold = NULL;
  VmdImage *image;
  gboolean done;

  making->known = get_known (making->manager, making->name);
  vmd_job_set_phase (job, "waiting");
  hold = vmd_hold_new (making->manager, NULL, VMD_LOCK_IMAGE, making->name, VMD_LOCK_EXCLUSIVE,
                       making->fd >= 0 ? "import the image" : "build the image", job,
                       vmd_verb_get_cancellable (making->verb), error);
  if (hold == NULL || !look_if_done (making, &done, error) ||
      (!done && !make_and_publish (making, source, error)))
    return NULL;
  image = vmd_cache_lookup (making->manager->cache, VMD_ROW_IMAGE, making->name);
  /* Deleted as soon as it was made: it is what was made all the same. */
  return image != NULL ? image : vmd_image_new (making->manager, making->row);
}

/* @fd: borrowed; -1: the tiny image. */
static VmdImage *
run_making (VmdManager *self, const char *name, int fd, const char *source, VmdJob *job,
            GCancellable *cancellable, GError **error)
{
  g_auto (Making) making = { .manager = self, .name = name, .fd = fd };
  g_autoptr (VmdVerb) verb = NULL;
  g_autoptr (VmdImage) image = NULL;
  GError *failed = NULL;

  verb = vmd_verb_begin (self, job, fd >= 0 ? "import-image" : "build-image", name, cancellable,
                         error);
  if (verb == NULL)
    return NULL;
  making.verb = verb;
  if (vmd_name_validate (name, "image", &failed))
    image = make_image (&making, source, &failed);
  making_clear (&making);
  return vmd_verb_end (verb, &failed, error) ? g_steal_pointer (&image) : NULL;
}

/**
 * vmd_manager_import_image:
 * @name: what it is called; a name that is taken points at the new image afterwards, and VMs keep
 *   the one that they were made from
 * @fd: a root file system as a tar, compressed in any of the usual ways; taken
 * @source: what to call where it came from, for people
 * @job: (nullable): a job of vmd_manager_begin_job(), which this runs and finishes
 * @cancellable: (nullable): gives up
 *
 * Makes an image of a root file system. Owners, modes, extended attributes, links and device nodes
 * are kept; nothing of it becomes a file of the host. Holds the image's lock, exclusive, and for a
 * moment `publish`. Not on a main loop.
 *
 * Returns: (transfer full) (nullable): the image; %VMD_ERROR_INVALID_ARGUMENT for a bad name,
 *   %VMD_ERROR_BAD_ARCHIVE when it is damaged, cut short, or has members that lead out of it,
 *   %VMD_ERROR_NO_SPACE, %VMD_ERROR_CANCELLED. Then nothing is left of it, and the name is what it
 *   was
 *
 * Since: 0.1
 */
VmdImage *
vmd_manager_import_image (VmdManager *self, const char *name, int fd, const char *source,
                          VmdJob *job, GCancellable *cancellable, GError **error)
{
  vmd_autofd int taken = fd;

  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);
  g_return_val_if_fail (fd >= 0, NULL);
  g_return_val_if_fail (source != NULL, NULL);
  return run_making (self, name, taken, source, job, cancellable, error);
}

static GObject *
import_in_thread (GObject *object, VmdManagerCall *call, GCancellable *cancellable, GError **error)
{
  return (GObject *) vmd_manager_import_image (VMD_MANAGER (object), call->name,
                                               vmd_steal_fd (&call->fd), call->source, call->job,
                                               cancellable, error);
}

/**
 * vmd_manager_import_image_async:
 *
 * vmd_manager_import_image() without blocking.
 *
 * Since: 0.1
 */
void
vmd_manager_import_image_async (VmdManager *self, const char *name, int fd, const char *source,
                                VmdJob *job, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data)
{
  const VmdManagerCall call = {
    .run = import_in_thread, .name = name, .source = source, .fd = fd, .modules_fd = -1, .job = job
  };

  g_return_if_fail (VMD_IS_MANAGER (self));
  g_return_if_fail (name != NULL);
  g_return_if_fail (fd >= 0);
  g_return_if_fail (source != NULL);
  vmd_manager_call_async (self, self, &call, vmd_manager_import_image_async, cancellable, callback,
                          user_data);
}

/**
 * vmd_manager_import_image_finish:
 *
 * Returns: (transfer full) (nullable): as vmd_manager_import_image()
 *
 * Since: 0.1
 */
VmdImage *
vmd_manager_import_image_finish (VmdManager *self, GAsyncResult *result, GError **error)
{
  return vmd_manager_call_finish (self, result, vmd_manager_import_image_async, error);
}

/**
 * vmd_manager_build_tiny_image:
 * @name: what it is called; a name that is taken points at the new image afterwards
 * @job: (nullable): a job of vmd_manager_begin_job(), which this runs and finishes
 * @cancellable: (nullable): gives up
 *
 * Makes an image with busybox and dropbear, out of Debian's packages, which are downloaded once and
 * kept. Who asks for an image that another is building gets that one. Holds the image's lock,
 * exclusive, and for a moment `publish`. Not on a main loop.
 *
 * Returns: (transfer full) (nullable): the image; as vmd_manager_import_image(), and
 *   %VMD_ERROR_MISSING_PROGRAM without apt, %VMD_ERROR_FAILED when the packages cannot be
 *   downloaded
 *
 * Since: 0.1
 */
VmdImage *
vmd_manager_build_tiny_image (VmdManager *self, const char *name, VmdJob *job,
                              GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (VMD_IS_MANAGER (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);
  return run_making (self, name, -1, SOURCE_TINY, job, cancellable, error);
}

static GObject *
build_in_thread (GObject *object, VmdManagerCall *call, GCancellable *cancellable, GError **error)
{
  return (GObject *) vmd_manager_build_tiny_image (VMD_MANAGER (object), call->name, call->job,
                                                   cancellable, error);
}

/**
 * vmd_manager_build_tiny_image_async:
 *
 * vmd_manager_build_tiny_image() without blocking.
 *
 * Since: 0.1
 */
void
vmd_manager_build_tiny_image_async (VmdManager *self, const char *name, VmdJob *job,
                                    GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer user_data)
{
  const VmdManagerCall call = {
    .run = build_in_thread, .name = name, .fd = -1, .modules_fd = -1, .job = job
  };

  g_return_if_fail (VMD_IS_MANAGER (self));
  g_return_if_fail (name != NULL);
  vmd_manager_call_async (self, self, &call, vmd_manager_build_tiny_image_async, cancellable,
                          callback, user_data);
}

/**
 * vmd_manager_build_tiny_image_finish:
 *
 * Returns: (transfer full) (nullable): as vmd_manager_build_tiny_image()
 *
 * Since: 0.1
 */
VmdImage *
vmd_manager_build_tiny_image_finish (VmdManager *self, GAsyncResult *result, GError **error)
{
  return vmd_manager_call_finish (self, result, vmd_manager_build_tiny_image_async, error);
}
