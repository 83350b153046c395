/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "guest-images.h"

#include "base/vmd-state-dir-private.h"

static char *images;
static char *kernel;

static void
run_script (const char *name, const char *directory)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "guest", name, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) process =
      g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_SILENCE, &error, path, directory, NULL);

  g_assert_no_error (error);
  g_subprocess_wait_check (process, NULL, &error);
  g_assert_no_error (error);
}

void
guest_images_set_up (void)
{
  g_autoptr (GError) error = NULL;

  images = g_dir_make_tmp ("vmd-images-XXXXXX", &error);
  g_assert_no_error (error);
  kernel = g_test_build_filename (G_TEST_BUILT, "guest", "kernel", NULL);
  run_script ("make-guest-kernel.sh", kernel);
  run_script ("make-guest-disk.sh", images);
}

void
guest_images_tear_down (void)
{
  vmd_remove_tree (images, NULL);
  g_clear_pointer (&images, g_free);
  g_clear_pointer (&kernel, g_free);
}

GuestMachine *
guest_images_new_machine (const char *image, const char *hostname)
{
  g_autofree char *path = image != NULL ? g_build_filename (images, image, NULL) : NULL;

  return guest_machine_new (kernel, path, hostname);
}
