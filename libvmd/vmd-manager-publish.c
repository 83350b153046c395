/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-fault-private.h"
#include "base/vmd-state-dir-private.h"
#include "vmd-manager-publish-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

/* A row never points at a file that is not there, whole: the file comes before its row, and goes
 * after it. In between there is a file that no row points at. That is harmless, but would stay for
 * ever after a crash, so whoever opens the state directory removes what has no row. Such a file may
 * just as well be one whose row is about to be written, by another process too. Hence the lock
 * `publish`: under it, there is no file without row but those left behind. It is held for a rename
 * and a transaction, and never while anything is made. */

#define IMAGE_ENDING ".raw"
#define DIGEST_LENGTH 64

static VmdHold *
lock_publish (VmdManager *self, const char *reason, VmdVerb *verb, GError **error)
{
  return vmd_hold_new (self, NULL, VMD_LOCK_PUBLISH, NULL, VMD_LOCK_EXCLUSIVE, reason,
                       vmd_verb_get_job (verb), vmd_verb_get_cancellable (verb), error);
}

static gboolean
sync_parent (const char *path, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (path);

  return vmd_fsync_path (parent, error);
}

/* -- images -- */

typedef struct
{
  const VmdImageRow *row; /* to put */
  const char *name; /* to remove */
  const char *digest; /* to count */
  char *old_digest; /* (out) (nullable) what the name pointed at */
  guint count; /* (out) how many names and VMs still need that */
} ImageChange;

static gboolean
count_in_store (sqlite3 *db, gpointer data, GError **error)
{
  ImageChange *change = data;

  return vmd_image_digest_count (db, change->digest, &change->count, error);
}

static gboolean
is_digest (const char *text)
{
  return text != NULL && strlen (text) == DIGEST_LENGTH &&
         strspn (text, "0123456789abcdef") == DIGEST_LENGTH;
}

/* Removes an image's file that nothing points at any more. Under `publish`. A digest comes from a
 * record that may be damaged, and becomes a path. */
static gboolean
drop_image_file (VmdManager *self, const char *digest, GError **error)
{
  g_autofree char *path = NULL;
  ImageChange change = { .digest = digest };

  if (!is_digest (digest))
    return vmd_fail (error, VMD_ERROR_STORE, "“%s” is the digest of no image",
                     digest != NULL ? digest : "");
  path = vmd_manager_dup_image_path (self, digest);
  if (!vmd_store_transact (self->store, count_in_store, &change, NULL, error))
    return FALSE;
  if (change.count > 0)
    return TRUE;
  return vmd_fault_point ("image-unlink", error) &&
         (g_unlink (path) == 0 || errno == ENOENT ||
          vmd_fail_errno (error, errno, "Cannot remove %s", path)) &&
         sync_parent (path, error);
}

static gboolean
put_in_store (sqlite3 *db, gpointer data, GError **error)
{
  ImageChange *change = data;
  g_autoptr (GError) failed = NULL;
  g_autoptr (VmdImageRow) old = vmd_image_row_load (db, change->row->name, &failed);

  if (failed != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failed));
      return FALSE;
    }
  g_free (change->old_digest);
  change->old_digest = old != NULL ? g_strdup (old->digest) : NULL;
  return vmd_fault_point ("image-insert", error) && vmd_image_row_put (db, change->row, error);
}

/* A file of this name has this content already: it stays, since VMs may have it open. */
static gboolean
move_image (VmdManager *self, const char *staged, const VmdImageRow *row, GError **error)
{
  g_autofree char *path = vmd_manager_dup_image_path (self, row->digest);

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  if (!vmd_fault_point ("image-rename", error))
    return FALSE;
  if (g_chmod (staged, 0400) < 0 || g_rename (staged, path) < 0)
    return vmd_fail_errno (error, errno, "Cannot make %s", path);
  return sync_parent (path, error);
}

/* Points the name at the staged file. What it pointed at before goes, if nothing else needs it;
 * that this failed is no reason to say that the image was not made. */
gboolean
vmd_manager_publish_image (VmdManager *self, const char *staged, const VmdImageRow *row,
                           VmdVerb *verb, GError **error)
{
  g_autoptr (VmdHold) hold = lock_publish (self, "publish an image", verb, error);
  g_autofree char *old_digest = NULL;
  ImageChange change = { .row = row };
  g_autoptr (GError) failed = NULL;
  gboolean good;

  if (hold == NULL)
    return FALSE;
  good = move_image (self, staged, row, &failed) &&
         vmd_store_transact (self->store, put_in_store, &change, vmd_verb_get_cancellable (verb),
                             &failed);
  old_digest = change.old_digest;
  if (!good)
    {
      g_autoptr (GError) undo = NULL;

      if (!drop_image_file (self, row->digest, &undo))
        vmd_error_join (&failed, g_steal_pointer (&undo));
      g_propagate_error (error, g_steal_pointer (&failed));
      return FALSE;
    }
  if (old_digest != NULL && !g_str_equal (old_digest, row->digest) &&
      !drop_image_file (self, old_digest, &failed))
    g_debug ("An image's file stays: %s", failed->message);
  return TRUE;
}

static gboolean
remove_image_in_store (sqlite3 *db, gpointer data, GError **error)
{
  ImageChange *change = data;
  g_autoptr (GError) failed = NULL;
  g_autoptr (VmdImageRow) old = vmd_image_row_load (db, change->name, &failed);

  if (failed != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failed));
      return FALSE;
    }
  g_free (change->old_digest);
  change->old_digest = old != NULL ? g_strdup (old->digest) : NULL;
  return vmd_fault_point ("image-remove", error) && vmd_image_row_remove (db, change->name, error);
}

/* IN_USE, naming the VMs; NOT_FOUND. */
gboolean
vmd_manager_withdraw_image (VmdManager *self, const char *name, VmdVerb *verb, GError **error)
{
  g_autoptr (VmdHold) hold = lock_publish (self, "delete an image", verb, error);
  g_autofree char *old_digest = NULL;
  ImageChange change = { .name = name };
  gboolean removed;

  if (hold == NULL)
    return FALSE;
  removed = vmd_store_transact (self->store, remove_image_in_store, &change,
                                vmd_verb_get_cancellable (verb), error);
  old_digest = change.old_digest;
  if (!removed)
    return FALSE;
  if (drop_image_file (self, old_digest, error))
    return TRUE;
  g_prefix_error (error, "The image “%s” is deleted, but its file is left: ", name);
  return FALSE;
}

/* When a VM is gone, its image may have been the last thing that the file was kept for. */
gboolean
vmd_manager_release_image (VmdManager *self, const char *digest, VmdVerb *verb, GError **error)
{
  g_autoptr (VmdHold) hold = lock_publish (self, "release an image", verb, error);

  return hold != NULL && drop_image_file (self, digest, error);
}

/* -- kernels -- */

typedef struct
{
  VmdKernelRow *row; /* to put; its is_default is filled in */
  const char *version; /* to remove, or to look for */
  gboolean found; /* (out) */
} KernelChange;

/* The row of the default one, or of the one that was imported last. */
static VmdKernelRow *
choose_kernel (GPtrArray *rows, gboolean by_default)
{
  VmdKernelRow *chosen = NULL;

  for (guint i = 0; i < rows->len; i++)
    {
      VmdKernelRow *row = rows->pdata[i];

      if (by_default && row->is_default)
        return row;
      if (!by_default && (chosen == NULL || row->created > chosen->created))
        chosen = row;
    }
  return chosen;
}

/* The first one becomes the default; a later one of the same version takes over what the earlier
 * one was. */
static gboolean
put_kernel_in_store (sqlite3 *db, gpointer data, GError **error)
{
  KernelChange *change = data;
  g_autoptr (GPtrArray) rows = vmd_kernel_row_load_all (db, error);
  const VmdKernelRow *was_default;

  if (rows == NULL || !vmd_fault_point ("kernel-insert", error))
    return FALSE;
  was_default = choose_kernel (rows, TRUE);
  change->row->is_default =
      was_default == NULL || g_str_equal (was_default->version, change->row->version);
  return vmd_kernel_row_put (db, change->row, error);
}

/* Puts the staged directory in the place of @path; what was there is in the place of @staged then.
 * Once more undoes it. */
static gboolean
exchange (const char *staged, const char *path, GError **error)
{
  return renameat2 (AT_FDCWD, staged, AT_FDCWD, path, RENAME_EXCHANGE) == 0 ||
         (errno == ENOENT && g_rename (staged, path) == 0) ||
         vmd_fail_errno (error, errno, "Cannot make %s", path);
}

static gboolean
find_kernel_in_store (sqlite3 *db, gpointer data, GError **error)
{
  KernelChange *change = data;
  g_autoptr (GError) failed = NULL;
  g_autoptr (VmdKernelRow) row = vmd_kernel_row_load (db, change->version, &failed);

  change->found = row != NULL;
  if (failed == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failed));
  return FALSE;
}

/* After a sync or a transaction that failed; of the latter that does not always mean that nothing
 * was committed. */
static void
unpublish_kernel (VmdManager *self, const char *staged, const char *version, gboolean existed,
                  GError **failed)
{
  g_autofree char *path = vmd_manager_dup_kernel_dir (self, version);
  KernelChange change = { .version = version };
  g_autoptr (GError) undo = NULL;

  if (existed && exchange (staged, path, &undo))
    sync_parent (path, &undo);
  else if (!existed &&
           vmd_store_transact (self->store, find_kernel_in_store, &change, NULL, &undo) &&
           !change.found)
    vmd_remove_tree (path, &undo);
  if (undo != NULL)
    vmd_error_join (failed, g_steal_pointer (&undo));
}

gboolean
vmd_manager_publish_kernel (VmdManager *self, const char *staged, VmdKernelRow *row, VmdVerb *verb,
                            GError **error)
{
  g_autoptr (VmdHold) hold = lock_publish (self, "publish a kernel", verb, error);
  g_autofree char *path = vmd_manager_dup_kernel_dir (self, row->version);
  gboolean existed = g_file_test (path, G_FILE_TEST_EXISTS);
  KernelChange change = { .row = row };
  g_autoptr (GError) failed = NULL;

  if (hold == NULL)
    return FALSE;
  if (!vmd_fault_point ("kernel-rename", error) || !exchange (staged, path, error))
    return FALSE;
  if (vmd_fault_point ("kernel-sync", &failed) && sync_parent (path, &failed) &&
      vmd_store_transact (self->store, put_kernel_in_store, &change,
                          vmd_verb_get_cancellable (verb), &failed))
    return TRUE;
  unpublish_kernel (self, staged, row->version, existed, &failed);
  g_propagate_error (error, g_steal_pointer (&failed));
  return FALSE;
}

/* When the default one goes, the newest of the others takes its place, rather than that one is
 * fetched unasked. */
static gboolean
remove_kernel_in_store (sqlite3 *db, gpointer data, GError **error)
{
  const KernelChange *change = data;
  g_autoptr (GPtrArray) rows = NULL;
  VmdKernelRow *heir;

  if (!vmd_fault_point ("kernel-remove", error) ||
      !vmd_kernel_row_remove (db, change->version, error))
    return FALSE;
  rows = vmd_kernel_row_load_all (db, error);
  if (rows == NULL)
    return FALSE;
  heir = choose_kernel (rows, FALSE);
  if (heir == NULL || choose_kernel (rows, TRUE) != NULL)
    return TRUE;
  heir->is_default = TRUE;
  return vmd_kernel_row_put (db, heir, error);
}

gboolean
vmd_manager_withdraw_kernel (VmdManager *self, const char *version, VmdVerb *verb, GError **error)
{
  g_autoptr (VmdHold) hold = lock_publish (self, "delete a kernel", verb, error);
  g_autofree char *path = vmd_manager_dup_kernel_dir (self, version);
  KernelChange change = { .version = version };

  if (hold == NULL || !vmd_store_transact (self->store, remove_kernel_in_store, &change,
                                           vmd_verb_get_cancellable (verb), error))
    return FALSE;
  if (vmd_fault_point ("kernel-unlink", error) && vmd_remove_tree (path, error))
    return TRUE;
  g_prefix_error (error, "The kernel %s is deleted, but its files are left: ", version);
  return FALSE;
}

/* -- what has no row -- */

static void
reap_image (VmdManager *self, const char *name, GError **error)
{
  g_autofree char *digest = g_strndup (name, strspn (name, "0123456789abcdef"));

  if (is_digest (digest) && g_str_equal (name + DIGEST_LENGTH, IMAGE_ENDING))
    drop_image_file (self, digest, error);
}

static void
reap_kernel (VmdManager *self, const char *version, GError **error)
{
  g_autofree char *path = vmd_manager_dup_kernel_dir (self, version);
  KernelChange change = { .version = version };

  if (vmd_store_transact (self->store, find_kernel_in_store, &change, NULL, error) && !change.found)
    vmd_remove_tree (path, error);
}

static void
reap_directory (VmdManager *self, const char *name,
                void (*reap) (VmdManager *self, const char *name, GError **error))
{
  g_autofree char *path = g_build_filename (self->state_dir, name, NULL);
  g_autoptr (GDir) entries = g_dir_open (path, 0, NULL);
  const char *entry;

  while (entries != NULL && (entry = g_dir_read_name (entries)) != NULL)
    {
      g_autoptr (GError) error = NULL;

      reap (self, entry, &error);
      if (error != NULL)
        g_debug ("%s/%s stays: %s", path, entry, error->message);
    }
}

void
vmd_manager_reap_unpublished (VmdManager *self)
{
  g_autoptr (VmdLockRequest) request = vmd_lock_request_new ("vmd open", "clear up images");
  g_autoptr (VmdLock) lock = NULL;

  vmd_lock_request_add (request, VMD_LOCK_PUBLISH, NULL, VMD_LOCK_EXCLUSIVE);
  lock = vmd_manager_try_lock (self, request, NULL);
  if (lock == NULL)
    return;
  reap_directory (self, "images", reap_image);
  reap_directory (self, "kernels", reap_kernel);
}
