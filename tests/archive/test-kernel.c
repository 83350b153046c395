/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "archive-fixture.h"
#include "archive/vmd-modules-private.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RELEASE "6.1.0-9-test"

static void
add_bytes (Tar *tar, const char *name, GByteArray *bytes)
{
  g_autoptr (GByteArray) taken = bytes;

  tar_add (tar, tar_entry (name, S_IFREG | 0644), taken->data, taken->len);
}

static void
add_module (Tar *tar, const char *path, const char *name, const char *depends)
{
  g_autofree char *full = g_strconcat ("./lib/modules/" RELEASE "/kernel/", path, NULL);

  add_bytes (tar, full, make_module (name, depends, RELEASE));
}

/* As Debian has it: some built in, some not; files with hyphens; dependencies before and after. */
static void
add_modules (Tar *tar)
{
  add_module (tar, "drivers/net/virtio_net.ko", "virtio_net", "virtio_ring,virtio,net-failover");
  add_module (tar, "drivers/block/virtio_blk.ko", "virtio_blk", "virtio,virtio_ring");
  add_module (tar, "drivers/char/hw_random/virtio-rng.ko", "virtio_rng", "virtio_ring,virtio");
  add_module (tar, "drivers/virtio/virtio.ko", "virtio", "");
  add_module (tar, "drivers/virtio/virtio_ring.ko", "virtio_ring", "");
  add_module (tar, "drivers/virtio/virtio_pci.ko", "virtio_pci", "virtio,virtio_ring,built_in");
  add_module (tar, "drivers/net/net_failover.ko", "net_failover", "failover");
  add_module (tar, "net/core/failover.ko", "failover", "");
  add_module (tar, "sound/soundcore.ko", "soundcore", "");
}

static GByteArray *
compress (GByteArray *bytes, const char *filter)
{
  g_autoptr (GByteArray) plain = bytes;
  Tar raw;

  tar_open (&raw, "raw", filter);
  tar_add (&raw, tar_entry ("data", S_IFREG | 0644), plain->data, plain->len);
  return tar_close (&raw);
}

static char *
write_kernel (Fixture *fixture, int fd, int modules_fd, GError **error)
{
  char *version = NULL;

  vmd_kernel_write (fixture->directory, fd, modules_fd, &version, fixture->job, NULL, error);
  close (fd);
  if (modules_fd >= 0)
    close (modules_fd);
  return version;
}

/* The order that a guest would load modules in, as words. */
static char *
read_order (Fixture *fixture)
{
  g_autofree char *path = fixture_path (fixture, "modules.cpio");
  g_autofree char *content = NULL;
  g_autoptr (VmdArchiveReader) reader = NULL;
  g_autoptr (GError) error = NULL;
  struct archive_entry *entry;
  vmd_autofd int fd = -1;
  gsize length;

  g_file_get_contents (path, &content, &length, &error);
  g_assert_no_error (error);
  fd = make_file (content, length);
  reader = vmd_archive_reader_open (fd, NULL, NULL, &error);
  while (vmd_archive_next (reader, &entry, &error) && entry != NULL)
    {
      g_autoptr (GByteArray) order = NULL;

      if (!g_str_equal (archive_entry_pathname (entry), "lib/vmd-modules/modules.order"))
        continue;
      order = vmd_archive_read_all (reader, 8191, "modules.order", &error);
      g_assert_no_error (error);
      g_byte_array_append (order, (const guint8 *) "", 1);
      return g_strdelimit (g_strdup ((char *) order->data), "\n", ' ');
    }
  g_assert_not_reached ();
}

static void
test_deb (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) kernel = make_kernel (RELEASE);
  g_autoptr (GByteArray) data_tar = NULL;
  g_autoptr (GByteArray) deb = NULL;
  g_autofree char *path = fixture_path (fixture, "vmlinuz");
  g_autofree char *version = NULL;
  g_autofree char *order = NULL;
  g_autofree char *content = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;
  Tar tar;

  tar_open (&tar, "pax", NULL);
  add_bytes (&tar, "./boot/vmlinuz-" RELEASE, g_byte_array_ref (kernel));
  add_modules (&tar);
  tar_add_file (&tar, "./lib/modules/" RELEASE "/modules.builtin", "x");
  data_tar = tar_close (&tar);
  deb = make_deb ("Package: linux-image\n", data_tar);
  version = write_kernel (fixture, make_file_of (deb), -1, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (version, ==, RELEASE);
  g_file_get_contents (path, &content, &length, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (content, length, kernel->data, kernel->len);
  order = read_order (fixture);
  g_assert_cmpstr (order, ==,
                   "virtio.ko virtio_ring.ko virtio_pci.ko virtio_blk.ko failover.ko "
                   "net_failover.ko virtio_net.ko virtio_rng.ko ");
}

/* A kernel by itself, and modules in a tar, compressed each in its own way; through pipes. */
static void
test_bare (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) kernel = make_kernel (RELEASE);
  g_autoptr (GByteArray) modules = NULL;
  g_autofree char *version = NULL;
  g_autofree char *order = NULL;
  g_autoptr (GError) error = NULL;
  int fds[2];
  Tar tar;

  tar_open (&tar, "pax", "gzip");
  add_bytes (&tar, RELEASE "/virtio_blk.ko.xz",
             compress (make_module ("virtio_blk", "virtio", RELEASE), "xz"));
  add_bytes (&tar, RELEASE "/virtio.ko.zst",
             compress (make_module ("virtio", "", RELEASE), "zstd"));
  add_bytes (&tar, RELEASE "/ext4.ko.gz",
             compress (make_module ("ext4", "jbd2,mbcache", RELEASE), "gzip"));
  add_bytes (&tar, RELEASE "/jbd2.ko", make_module ("jbd2", "", RELEASE));
  add_bytes (&tar, RELEASE "/crc32c_generic.ko", make_module ("crc32c_generic", "", RELEASE));
  modules = tar_close (&tar);
  g_assert_cmpint (pipe (fds), ==, 0);
  g_assert_cmpint (write (fds[1], kernel->data, kernel->len), ==, kernel->len);
  close (fds[1]);
  version = write_kernel (fixture, fds[0], make_file_of (modules), &error);
  g_assert_no_error (error);
  g_assert_cmpstr (version, ==, RELEASE);
  order = read_order (fixture);
  g_assert_cmpstr (order, ==, "crc32c_generic.ko jbd2.ko ext4.ko virtio.ko virtio_blk.ko ");
}

static void
test_no_modules (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) kernel = make_kernel (RELEASE);
  g_autofree char *version = NULL;
  g_autofree char *order = NULL;
  g_autoptr (GError) error = NULL;

  version = write_kernel (fixture, make_file_of (kernel), -1, &error);
  g_assert_no_error (error);
  order = read_order (fixture);
  g_assert_cmpstr (order, ==, "");
}

/* One that is not compressed says so in its greeting; a format of that greeting may come first. */
static void
test_banner (Fixture *fixture, gconstpointer data)
{
  static const char text[] = "\177ELF....Linux version %s (%s)\0Linux version 5.10.1+ (me@here)";
  g_autofree char *version = NULL;
  g_autoptr (GError) error = NULL;

  version = write_kernel (fixture, make_file (text, sizeof text), -1, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (version, ==, "5.10.1+");
}

/* A version becomes the name of a directory. */
static void
test_no_kernel (Fixture *fixture, gconstpointer data)
{
  static const char *const releases[] = { "", "../../etc", "/etc", ".", "..", "default", " 6.1" };
  g_autofree char *text = g_strnfill (100000, 'x');
  g_autofree char *version = NULL;
  g_autoptr (GError) error = NULL;

  version = write_kernel (fixture, make_file (text, 100000), -1, &error);
  assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
  g_clear_error (&error);
  version = write_kernel (fixture, make_file ("", 0), -1, &error);
  assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
  for (gsize i = 0; i < G_N_ELEMENTS (releases); i++)
    {
      g_autoptr (GByteArray) kernel = make_kernel (releases[i]);

      g_clear_error (&error);
      version = write_kernel (fixture, make_file_of (kernel), -1, &error);
      g_assert_null (version);
      assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
    }
}

static void
test_other_release (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) kernel = make_kernel ("6.6.6");
  g_autoptr (GByteArray) modules = NULL;
  g_autofree char *version = NULL;
  g_autoptr (GError) error = NULL;
  Tar tar;

  tar_open (&tar, "pax", NULL);
  add_modules (&tar);
  modules = tar_close (&tar);
  version = write_kernel (fixture, make_file_of (kernel), make_file_of (modules), &error);
  g_assert_null (version);
  assert_vmd_error (error, VMD_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, RELEASE));
}

static void
test_deb_without_kernel (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) data_tar = NULL;
  g_autoptr (GByteArray) deb = NULL;
  g_autofree char *version = NULL;
  g_autoptr (GError) error = NULL;
  Tar tar;

  tar_open (&tar, "pax", NULL);
  add_modules (&tar);
  data_tar = tar_close (&tar);
  deb = make_deb ("Package: linux-modules\n", data_tar);
  version = write_kernel (fixture, make_file_of (deb), -1, &error);
  assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
  for (guint cut = 10; cut < deb->len; cut += 97)
    {
      g_clear_error (&error);
      version = write_kernel (fixture, make_file (deb->data, cut), -1, &error);
      g_assert_null (version);
      assert_vmd_error (error, VMD_ERROR_BAD_ARCHIVE);
    }
}

/* Two that depend on each other would never end. */
static void
test_circle (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) kernel = make_kernel (RELEASE);
  g_autoptr (GByteArray) modules = NULL;
  g_autofree char *version = NULL;
  g_autofree char *order = NULL;
  g_autoptr (GError) error = NULL;
  Tar tar;

  tar_open (&tar, "pax", NULL);
  add_module (&tar, "virtio_blk.ko", "virtio_blk", "virtio_net,virtio_blk");
  add_module (&tar, "virtio_net.ko", "virtio_net", "virtio_blk");
  modules = tar_close (&tar);
  version = write_kernel (fixture, make_file_of (kernel), make_file_of (modules), &error);
  g_assert_no_error (error);
  order = read_order (fixture);
  g_assert_cmpstr (order, ==, "virtio_net.ko virtio_blk.ko ");
}

/* What is cut, or has any one byte wrong, may be understood or not, but never leads out of the
 * file. */
static void
test_hostile_modules (void)
{
  g_autoptr (GByteArray) module = make_module ("name-of-it", "a,b-c", RELEASE);
  g_auto (VmdModuleInfo) info = { 0 };

  g_assert_true (vmd_module_info_read (module->data, module->len, &info));
  g_assert_cmpstr (info.name, ==, "name_of_it");
  g_assert_cmpstr (info.depends[1], ==, "b_c");
  g_assert_cmpstr (info.release, ==, RELEASE);
  for (guint length = 0; length < module->len; length++)
    {
      g_auto (VmdModuleInfo) cut = { 0 };
      g_autofree guint8 *copy = g_memdup2 (module->data, length);

      g_assert_false (vmd_module_info_read (copy, length, &cut));
    }
  for (guint i = 0; i < module->len * 8; i++)
    {
      g_auto (VmdModuleInfo) changed = { 0 };
      g_autofree guint8 *copy = g_memdup2 (module->data, module->len);

      copy[i / 8] ^= 1 << i % 8;
      vmd_module_info_read (copy, module->len, &changed);
    }
}

static void
test_module_names (void)
{
  static const char *const cases[][2] = {
    { "a/virtio-rng.ko", "virtio_rng" },
    { "ext4.ko.xz", "ext4" },
    { "x.ko.zst", "x" },
    { ".ko", NULL },
    { "modules.dep", NULL },
    { "x.ko.bak", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *name = vmd_module_name_from_path (cases[i][0]);

      g_assert_cmpstr (name, ==, cases[i][1]);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/kernel/deb", test_deb);
  add_test ("/kernel/bare", test_bare);
  add_test ("/kernel/no-modules", test_no_modules);
  add_test ("/kernel/banner", test_banner);
  add_test ("/kernel/no-kernel", test_no_kernel);
  add_test ("/kernel/other-release", test_other_release);
  add_test ("/kernel/deb-without-kernel", test_deb_without_kernel);
  add_test ("/kernel/circle", test_circle);
  g_test_add_func ("/kernel/hostile-modules", test_hostile_modules);
  g_test_add_func ("/kernel/module-names", test_module_names);
  return g_test_run ();
}
