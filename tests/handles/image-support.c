/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "image-support.h"

#include "archive-maker.h"

#include <sys/stat.h>

int
make_root_tar (const char *content)
{
  g_autoptr (GByteArray) bytes = NULL;
  Tar tar;

  tar_open (&tar, "pax", "gzip");
  tar_add_directory (&tar, "./");
  tar_add_file (&tar, "./usr/sbin/dropbear", content);
  bytes = tar_close (&tar);
  return make_file_of (bytes);
}

GByteArray *
make_kernel_deb_bytes (const char *release)
{
  g_autoptr (GByteArray) kernel = make_kernel (release);
  g_autoptr (GByteArray) module = make_module ("virtio_blk", "", release);
  g_autoptr (GByteArray) data = NULL;
  Tar tar;

  tar_open (&tar, "pax", NULL);
  tar_add (&tar, tar_entry ("./boot/vmlinuz-x", S_IFREG | 0644), kernel->data, kernel->len);
  tar_add (&tar, tar_entry ("./lib/modules/x/virtio_blk.ko", S_IFREG | 0644), module->data,
           module->len);
  data = tar_close (&tar);
  return make_deb ("Package: linux-image-x\n", data);
}

int
make_kernel_deb (const char *release)
{
  g_autoptr (GByteArray) deb = make_kernel_deb_bytes (release);

  return make_file_of (deb);
}

VmdImage *
import_image (VmdManager *manager, const char *name, const char *content)
{
  g_autoptr (GError) error = NULL;
  VmdImage *image =
      vmd_manager_import_image (manager, name, make_root_tar (content), "test", NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (image);
  return image;
}

VmdKernel *
import_kernel (VmdManager *manager, const char *release)
{
  g_autoptr (GError) error = NULL;
  VmdKernel *kernel = vmd_manager_import_kernel (manager, make_kernel_deb (release), -1, "test",
                                                 NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (kernel);
  return kernel;
}

guint
count_files (Fixture *fixture, const char *name)
{
  g_autofree char *path = g_build_filename (fixture->state_dir, name, NULL);
  g_autoptr (GDir) directory = g_dir_open (path, 0, NULL);
  guint n = 0;

  g_assert_nonnull (directory);
  while (g_dir_read_name (directory) != NULL)
    n++;
  return n;
}

gboolean
has_image_file (Fixture *fixture, const char *digest)
{
  g_autofree char *path = g_strdup_printf ("%s/images/%s.raw", fixture->state_dir, digest);

  return g_file_test (path, G_FILE_TEST_IS_REGULAR);
}

void
assert_tidy (Fixture *fixture)
{
  g_autoptr (GListModel) locks = vmd_manager_list_locks (fixture->manager);

  g_assert_cmpuint (count_files (fixture, "staging"), ==, 0);
  g_assert_cmpuint (g_list_model_get_n_items (locks), ==, 0);
}

gboolean
run_import_image (Call *call, GError **error)
{
  MakeCall *make = (MakeCall *) call;

  make->made = (GObject *) vmd_manager_import_image (make->manager, make->name, make->fd, "test",
                                                     call->job, call->cancellable, error);
  return make->made != NULL;
}

gboolean
run_build_image (Call *call, GError **error)
{
  MakeCall *make = (MakeCall *) call;

  make->made = (GObject *) vmd_manager_build_tiny_image (make->manager, make->name, call->job,
                                                         call->cancellable, error);
  return make->made != NULL;
}

gboolean
run_ensure_kernel (Call *call, GError **error)
{
  MakeCall *make = (MakeCall *) call;

  make->made =
      (GObject *) vmd_manager_ensure_kernel (make->manager, call->job, call->cancellable, error);
  return make->made != NULL;
}

void
make_call_clear (MakeCall *call)
{
  call_clear (&call->call);
  g_clear_object (&call->made);
}

VmdJob *
begin_job (VmdManager *manager, const char *kind)
{
  g_autoptr (GError) error = NULL;
  VmdJob *job = vmd_manager_begin_job (manager, kind, "test", NULL, NULL, &error);

  g_assert_no_error (error);
  return job;
}
