/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "qemu-fixture.h"

#include "archive/vmd-archive-private.h"
#include "base/vmd-program-private.h"
#include "base/vmd-poll-private.h"
#include "base/vmd-state-dir-private.h"
#include "vmd-job-private.h"

#include <fcntl.h>
#include <glib/gstdio.h>

static char *
find_kernel_package (const char *cache)
{
  const char *given = g_getenv ("VMD_TEST_KERNEL_DEB");
  g_autoptr (GError) error = NULL;
  char *path;

  if (given != NULL)
    return g_strdup (given);
  path = vmd_debian_download_dependency ("linux-image-cloud-amd64", "linux-image-", cache, NULL,
                                         &error);
  g_assert_no_error (error);

  return path;
}

GuestParts *
guest_parts_new (void)
{
  GuestParts *self = g_new0 (GuestParts, 1);
  g_autofree char *cache = g_test_build_filename (G_TEST_BUILT, "packages", NULL);
  g_autofree char *package = NULL;
  g_autofree char *version = NULL;
  g_autoptr (VmdJob) job = vmd_job_new ("test", "guest", "test", NULL);
  g_autoptr (GError) error = NULL;
  vmd_autofd int fd = -1;

  g_assert_cmpint (g_mkdir_with_parents (cache, 0755), ==, 0);
  package = find_kernel_package (cache);
  self->directory = g_dir_make_tmp ("vmd-parts-XXXXXX", &error);
  g_assert_no_error (error);
  self->kernel = g_build_filename (self->directory, "vmlinuz", NULL);
  self->modules = g_build_filename (self->directory, "modules.cpio", NULL);
  self->image = g_build_filename (self->directory, "tiny.raw", NULL);
  fd = open (package, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  vmd_kernel_write (self->directory, fd, -1, &version, job, NULL, &error);
  g_assert_no_error (error);
  vmd_tiny_image_write (self->image, cache, job, NULL, &error);
  g_assert_no_error (error);

  return self;
}

void
guest_parts_free (GuestParts *self)
{
  vmd_remove_tree (self->directory, NULL);
  g_free (self->directory);
  g_free (self->kernel);
  g_free (self->modules);
  g_free (self->image);
  g_free (self);
}

static void
make_overlay (const char *image, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *program = vmd_program_find ("qemu-img", &error);
  const char *const argv[] = { program, "create", "-q",  "-f", "qcow2", "-F",
                               "raw",   "-b",     image, path, NULL };

  g_assert_no_error (error);
  vmd_program_run (argv, NULL, NULL, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error);
  g_assert_no_error (error);
}

void
guest_parts_furnish (GuestParts *self, BackendFixture *fixture, const char *network)
{
  const VmdSeed seed = { .vm_id = fixture->plan.vm_id,
                         .hostname = fixture->plan.vm_name,
                         .launch = fixture->plan.launch,
                         .network = network,
                         .vm_dir = fixture->vm_dir,
                         .ssh_server = "dropbear" };
  g_autoptr (GError) error = NULL;

  fixture->disk = g_build_filename (fixture->vm_dir, "disk.qcow2", NULL);
  fixture->initramfs = g_build_filename (fixture->vm_dir, "initramfs", NULL);
  make_overlay (self->image, fixture->disk);
  vmd_guest_keys_ensure (fixture->vm_dir, NULL, &error);
  g_assert_no_error (error);
  vmd_initramfs_write (fixture->initramfs, self->modules, &seed, NULL, &error);
  g_assert_no_error (error);
  fixture->plan.kernel = self->kernel;
  fixture->plan.initramfs = fixture->initramfs;
  fixture->plan.disk = fixture->disk;
  fixture->plan.network = network;
}
