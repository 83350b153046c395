/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "guest/vmd-guest-private.h"

#include "base/vmd-state-dir-private.h"
#include "guest/vmd-cpio-private.h"

#include <archive.h>
#include <archive_entry.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#define VM_ID "0123456789abcdef0123456789abcdef"
#define OTHER_VM_ID "fedcba9876543210fedcba9876543210"

typedef struct
{
  char *vm_dir;
  char *path;
  VmdSeed seed;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  static const char *const names[] = { "client.pub", "host", "host.pub", "host.dropbear" };
  g_autoptr (GError) error = NULL;
  g_autofree char *keys = NULL;

  fixture->vm_dir = g_dir_make_tmp ("vmd-initramfs-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->path = g_build_filename (fixture->vm_dir, "initramfs", NULL);
  keys = g_build_filename (fixture->vm_dir, "keys", NULL);
  g_assert_cmpint (g_mkdir (keys, 0700), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (keys, names[i], NULL);

      g_file_set_contents (path, names[i], -1, &error);
      g_assert_no_error (error);
    }
  fixture->seed = (VmdSeed){
    .vm_id = VM_ID,
    .hostname = "one",
    .launch = 7,
    .network = "user",
    .vm_dir = fixture->vm_dir,
    .ssh_server = "dropbear",
    .channel_token = "0123456789abcdef.secret",
  };
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  vmd_remove_tree (fixture->vm_dir, &error);
  g_assert_no_error (error);
  g_free (fixture->vm_dir);
  g_free (fixture->path);
}

/* Reads the cpio archives that @path is made of; the values are contents, directories have "".
 * Concatenated archives are found as the kernel finds them: at the next multiple of four after
 * zeros. */
static GHashTable *
read_members (const char *path)
{
  GHashTable *members =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  g_autofree char *content = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;
  gsize offset = 0;

  g_file_get_contents (path, &content, &length, &error);
  g_assert_no_error (error);
  while (offset < length)
    {
      struct archive *archive = archive_read_new ();
      struct archive_entry *entry;
      const char *trailer;

      g_assert_cmpuint (offset % 4, ==, 0);
      g_assert_cmpint (memcmp (content + offset, "070701", 6), ==, 0);
      trailer = memmem (content + offset, length - offset, "TRAILER!!!", 11);
      g_assert_nonnull (trailer);
      archive_read_support_format_cpio (archive);
      g_assert_cmpint (archive_read_open_memory (archive, content + offset, length - offset), ==,
                       ARCHIVE_OK);
      while (archive_read_next_header (archive, &entry) == ARCHIVE_OK)
        {
          gsize size = (gsize) archive_entry_size (entry);
          g_autofree char *data = g_malloc (size + 1);

          g_assert_cmpint (archive_entry_uid (entry), ==, 0);
          g_assert_cmpint (archive_read_data (archive, data, size), ==, (la_ssize_t) size);
          g_hash_table_insert (members, g_strdup (archive_entry_pathname (entry)),
                               g_bytes_new (data, size));
        }
      g_assert_cmpint (archive_errno (archive), ==, 0);
      archive_read_free (archive);
      offset = (gsize) (trailer - content) + 11;
      while (offset < length && content[offset] == '\0')
        offset++;
    }

  return members;
}

static const char *
get_text (GHashTable *members, const char *name)
{
  GBytes *bytes = g_hash_table_lookup (members, name);
  static char text[4096];
  gsize length;
  const char *data;

  g_assert_nonnull (bytes);
  data = g_bytes_get_data (bytes, &length);
  g_assert_cmpuint (length, <, sizeof text);
  memcpy (text, data, length);
  text[length] = '\0';
  return text;
}

static void
assert_written (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;

  vmd_initramfs_write (fixture->path, NULL, &fixture->seed, NULL, &error);
  g_assert_no_error (error);
}

static char *
write_modules (Fixture *fixture, gsize cut)
{
  g_autoptr (GByteArray) archive = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (fixture->vm_dir, "modules.cpio", NULL);

  vmd_cpio_add_directory (archive, "lib", 0755);
  vmd_cpio_add_file (archive, "lib/odd", 0644, "abc", 3);
  vmd_cpio_finish (archive);
  g_file_set_contents (path, (char *) archive->data, (gssize) (archive->len - cut), &error);
  g_assert_no_error (error);
  return path;
}

/* The kernel's archive may end anywhere; ours must begin at a multiple of four. */
static void
test_modules_first (Fixture *fixture, gconstpointer data)
{
  for (gsize cut = 0; cut < 2; cut++)
    {
      g_autofree char *modules = write_modules (fixture, cut);
      g_autoptr (GHashTable) members = NULL;
      g_autoptr (GError) error = NULL;
      struct stat status;

      vmd_initramfs_write (fixture->path, modules, &fixture->seed, NULL, &error);
      g_assert_no_error (error);
      members = read_members (fixture->path);
      g_assert_cmpstr (get_text (members, "lib/odd"), ==, "abc");
      g_assert_cmpuint (g_bytes_get_size (g_hash_table_lookup (members, "init")), >, 1000);
      g_assert_cmpint (stat (fixture->path, &status), ==, 0);
      g_assert_cmpint (status.st_mode & 07777, ==, 0600);
      g_assert_cmpint (status.st_size % 4, ==, 0);
    }
}

static void
test_seed (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GHashTable) members = NULL;
  const char *text;

  assert_written (fixture);
  members = read_members (fixture->path);
  text = get_text (members, "seed/seed");
  g_assert_nonnull (strstr (text, "vm_id=" VM_ID "\n"));
  g_assert_nonnull (strstr (text, "launch=7\n"));
  g_assert_nonnull (strstr (text, "hostname=one\n"));
  g_assert_nonnull (strstr (text, "nic=52:54:00:76:6d:01 10.0.2.15/24\n"));
  g_assert_nonnull (strstr (text, "nic=52:54:00:76:6d:02 10.0.3.15/24 10.0.3.2\n"));
  g_assert_nonnull (strstr (text, "resolver=10.0.3.3\n"));
  g_assert_nonnull (strstr (text, "\ndevice=" VM_ID "\nchannel_url=vport:org.vmd.channel.0\n"
                                  "channel_token=0123456789abcdef.secret\n"));
  g_assert_cmpstr (get_text (members, "seed/authorized_keys"), ==, "client.pub");
  g_assert_cmpstr (get_text (members, "seed/host.dropbear"), ==, "host.dropbear");
  g_assert_null (g_hash_table_lookup (members, "seed/ssh_host_ed25519_key"));
}

static void
test_network_none (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GHashTable) members = NULL;
  const char *text;

  fixture->seed.network = "none";
  fixture->seed.channel_token = NULL;
  assert_written (fixture);
  members = read_members (fixture->path);
  text = get_text (members, "seed/seed");
  g_assert_nonnull (strstr (text, "nic=52:54:00:76:6d:01 "));
  g_assert_null (strstr (text, "nic=52:54:00:76:6d:02"));
  g_assert_null (strstr (text, "resolver="));
  g_assert_null (strstr (text, "channel_"));
}

static void
test_openssh (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GHashTable) members = NULL;

  fixture->seed.ssh_server = "openssh";
  assert_written (fixture);
  members = read_members (fixture->path);
  g_assert_cmpstr (get_text (members, "seed/ssh_host_ed25519_key"), ==, "host");
  g_assert_cmpstr (get_text (members, "seed/ssh_host_ed25519_key.pub"), ==, "host.pub");
  g_assert_null (g_hash_table_lookup (members, "seed/host.dropbear"));
}

static char *
dup_line (GHashTable *members, const char *key)
{
  const char *begin = strstr (get_text (members, "seed/seed"), key);

  g_assert_nonnull (begin);
  return g_strndup (begin, strcspn (begin, "\n"));
}

/* Clones have neither one machine id nor one state of their random numbers. */
static void
test_lesson_40 (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GHashTable) one = NULL;
  g_autoptr (GHashTable) again = NULL;
  g_autoptr (GHashTable) other = NULL;
  g_autofree char *one_id = NULL;
  g_autofree char *again_id = NULL;
  g_autofree char *other_id = NULL;

  assert_written (fixture);
  one = read_members (fixture->path);
  assert_written (fixture);
  again = read_members (fixture->path);
  fixture->seed.vm_id = OTHER_VM_ID;
  assert_written (fixture);
  other = read_members (fixture->path);

  one_id = dup_line (one, "machine_id=");
  again_id = dup_line (again, "machine_id=");
  other_id = dup_line (other, "machine_id=");
  g_assert_cmpuint (strlen (one_id), ==, strlen ("machine_id=") + 32);
  g_assert_cmpstr (one_id, ==, again_id);
  g_assert_cmpstr (one_id, !=, other_id);
  g_assert_null (strstr (one_id, VM_ID));
  g_assert_cmpuint (g_bytes_get_size (g_hash_table_lookup (one, "seed/entropy")), >=, 32);
  g_assert_false (g_bytes_equal (g_hash_table_lookup (one, "seed/entropy"),
                                 g_hash_table_lookup (again, "seed/entropy")));
}

/* A value that would break out of its line, or that nothing in the guest knows. */
static void
test_bad_values (Fixture *fixture, gconstpointer data)
{
  const VmdSeed good = fixture->seed;
  VmdSeed bad[6] = { good, good, good, good, good, good };

  bad[0].hostname = "one\nssh_server=none";
  bad[1].hostname = "";
  bad[2].vm_id = "short";
  bad[3].network = "bridge";
  bad[4].ssh_server = NULL;
  bad[5].channel_token = "token\nlaunch=9";
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (vmd_initramfs_write (fixture->path, NULL, &bad[i], NULL, &error));
      g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
      g_assert_false (g_file_test (fixture->path, G_FILE_TEST_EXISTS));
    }
}

/* The old file stays whole, nothing half-made is left, and the next try works. */
static void
test_failed (Fixture *fixture, gconstpointer data)
{
  g_autofree char *staged = g_strconcat (fixture->path, ".new", NULL);
  g_autofree char *modules = g_build_filename (fixture->vm_dir, "missing.cpio", NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) cancelled = NULL;

  g_file_set_contents (fixture->path, "old", -1, NULL);
  g_file_set_contents (staged, "left by a crash", -1, NULL);
  g_assert_false (vmd_initramfs_write (fixture->path, modules, &fixture->seed, NULL, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "missing.cpio"));
  g_assert_false (g_file_test (staged, G_FILE_TEST_EXISTS));

  g_cancellable_cancel (cancellable);
  g_assert_false (
      vmd_initramfs_write (fixture->path, NULL, &fixture->seed, cancellable, &cancelled));
  g_assert_error (cancelled, VMD_ERROR, VMD_ERROR_CANCELLED);
  g_assert_false (g_file_test (staged, G_FILE_TEST_EXISTS));
  assert_written (fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(path, function)                                                                        \
  g_test_add ("/initramfs/" path, Fixture, NULL, set_up, function, tear_down)
  ADD ("modules-first", test_modules_first);
  ADD ("seed", test_seed);
  ADD ("network-none", test_network_none);
  ADD ("openssh", test_openssh);
  ADD ("lesson-40-clones-differ", test_lesson_40);
  ADD ("bad-values", test_bad_values);
  ADD ("failed", test_failed);
#undef ADD

  return g_test_run ();
}
