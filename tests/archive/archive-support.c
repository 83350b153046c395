/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "archive-support.h"

#include "base/vmd-helper-private.h"
#include "base/vmd-state-dir-private.h"

#include <elf.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HANG_MILLISECONDS (120 * 1000)

void
fixture_set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->directory = g_dir_make_tmp ("vmd-archive-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->disk = fixture_path (fixture, "disk.raw");
  fixture->job = vmd_job_new ("test", "test", NULL, "test");
}

void
fixture_tear_down (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  vmd_remove_tree (fixture->directory, &error);
  g_assert_no_error (error);
  g_free (fixture->directory);
  g_free (fixture->disk);
  g_object_unref (fixture->job);
}

char *
fixture_path (Fixture *fixture, const char *name)
{
  return g_build_filename (fixture->directory, name, NULL);
}

/* -- archives in memory -- */

static la_ssize_t
append_cb (struct archive *archive, void *data, const void *bytes, size_t length)
{
  g_byte_array_append (data, bytes, (guint) length);
  return (la_ssize_t) length;
}

void
tar_open (Tar *tar, const char *format, const char *filter)
{
  tar->archive = archive_write_new ();
  tar->bytes = g_byte_array_new ();
  if (g_str_equal (format, "ar"))
    g_assert_cmpint (archive_write_set_format_ar_bsd (tar->archive), ==, ARCHIVE_OK);
  else
    g_assert_cmpint (archive_write_set_format_by_name (tar->archive, format), ==, ARCHIVE_OK);
  if (filter != NULL)
    g_assert_cmpint (archive_write_add_filter_by_name (tar->archive, filter), ==, ARCHIVE_OK);
  archive_write_set_bytes_in_last_block (tar->archive, 1);
  g_assert_cmpint (archive_write_open (tar->archive, tar->bytes, NULL, append_cb, NULL), ==,
                   ARCHIVE_OK);
}

struct archive_entry *
tar_entry (const char *name, guint mode)
{
  struct archive_entry *entry = archive_entry_new ();

  archive_entry_copy_pathname (entry, name);
  archive_entry_set_mode (entry, mode);
  archive_entry_set_mtime (entry, 1000000000, 0);
  return entry;
}

/* Takes @entry. */
void
tar_add (Tar *tar, struct archive_entry *entry, const void *data, gsize length)
{
  if (!archive_entry_size_is_set (entry))
    archive_entry_set_size (entry, (la_int64_t) length);
  /* A warning: the name is no text of this locale. */
  g_assert_cmpint (archive_write_header (tar->archive, entry), >=, ARCHIVE_WARN);
  if (length > 0)
    g_assert_cmpint (archive_write_data (tar->archive, data, length), ==, length);
  archive_entry_free (entry);
}

void
tar_add_file (Tar *tar, const char *name, const char *content)
{
  tar_add (tar, tar_entry (name, S_IFREG | 0644), content, strlen (content));
}

void
tar_add_directory (Tar *tar, const char *name)
{
  tar_add (tar, tar_entry (name, S_IFDIR | 0755), NULL, 0);
}

void
tar_add_symlink (Tar *tar, const char *name, const char *target)
{
  struct archive_entry *entry = tar_entry (name, S_IFLNK | 0777);

  archive_entry_copy_symlink (entry, target);
  tar_add (tar, entry, NULL, 0);
}

void
tar_add_hard_link (Tar *tar, const char *name, const char *target)
{
  struct archive_entry *entry = tar_entry (name, S_IFREG | 0644);

  archive_entry_copy_hardlink (entry, target);
  tar_add (tar, entry, NULL, 0);
}

GByteArray *
tar_close (Tar *tar)
{
  g_assert_cmpint (archive_write_close (tar->archive), ==, ARCHIVE_OK);
  archive_write_free (tar->archive);
  return tar->bytes;
}

static void
add_member (Tar *ar, const char *name, const void *data, gsize length)
{
  tar_add (ar, tar_entry (name, S_IFREG | 0644), data, length);
}

static GByteArray *
compress (GByteArray *plain)
{
  Tar raw;

  tar_open (&raw, "raw", "xz");
  add_member (&raw, "data", plain->data, plain->len);
  return tar_close (&raw);
}

GByteArray *
make_deb (const char *control, GByteArray *data_tar)
{
  g_autoptr (GByteArray) control_tar = NULL;
  g_autoptr (GByteArray) data = compress (data_tar);
  Tar tar;

  tar_open (&tar, "pax", "gzip");
  tar_add_directory (&tar, "./");
  tar_add_file (&tar, "./md5sums", "");
  tar_add_file (&tar, "./control", control);
  control_tar = tar_close (&tar);
  tar_open (&tar, "ar", NULL);
  add_member (&tar, "debian-binary", "2.0\n", 4);
  add_member (&tar, "control.tar.gz", control_tar->data, control_tar->len);
  add_member (&tar, "data.tar.xz", data->data, data->len);
  return tar_close (&tar);
}

int
make_file (const void *data, gsize length)
{
  int fd = memfd_create ("test", MFD_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  g_assert_true (vmd_write_all (fd, data, length, NULL, VMD_NO_DEADLINE, NULL));
  g_assert_cmpint (lseek (fd, 0, SEEK_SET), ==, 0);
  return fd;
}

int
make_file_of (GByteArray *bytes)
{
  return make_file (bytes->data, bytes->len);
}

void
write_file (const char *path, const void *data, gsize length)
{
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, data, (gssize) length, &error);
  g_assert_no_error (error);
}

/* -- kernels -- */

GByteArray *
make_kernel (const char *release)
{
  GByteArray *kernel = g_byte_array_new ();
  g_autofree char *version = g_strdup_printf ("%s (builder@host) #1 SMP", release);
  guint16 offset = GUINT16_TO_LE (0x100);

  g_byte_array_set_size (kernel, 4096);
  memset (kernel->data, 0, kernel->len);
  memcpy (kernel->data + 0x202, "HdrS", 4);
  memcpy (kernel->data + 0x20e, &offset, sizeof offset);
  memcpy (kernel->data + 0x300, version, strlen (version));
  return kernel;
}

GByteArray *
make_module (const char *name, const char *depends, const char *release)
{
  static const char names[] = "\0.shstrtab\0.modinfo";
  g_autofree char *text =
      g_strdup_printf ("license=GPL%cname=%s%cdepends=%s%cvermagic=%s SMP mod_unload %c", 0, name,
                       0, depends, 0, release, 0);
  gsize text_length = strlen ("license=GPL") + 1 + strlen ("name=") + strlen (name) + 1 +
                      strlen ("depends=") + strlen (depends) + 1 + strlen ("vermagic=") +
                      strlen (release) + strlen (" SMP mod_unload ") + 1;
  Elf64_Ehdr header = {
    .e_shoff = sizeof header, .e_shentsize = sizeof (Elf64_Shdr), .e_shnum = 3, .e_shstrndx = 1
  };
  Elf64_Shdr sections[3] = { 0 };
  guint64 offset = sizeof header + sizeof sections;
  GByteArray *module = g_byte_array_new ();

  memcpy (header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  sections[1] = (Elf64_Shdr){
    .sh_name = 1, .sh_type = SHT_STRTAB, .sh_offset = offset, .sh_size = sizeof names
  };
  sections[2] = (Elf64_Shdr){ .sh_name = 11,
                              .sh_type = SHT_PROGBITS,
                              .sh_offset = offset + sizeof names,
                              .sh_size = text_length };
  g_byte_array_append (module, (const guint8 *) &header, sizeof header);
  g_byte_array_append (module, (const guint8 *) sections, sizeof sections);
  g_byte_array_append (module, (const guint8 *) names, sizeof names);
  g_byte_array_append (module, (const guint8 *) text, (guint) text_length);
  return module;
}

/* -- file systems -- */

static char *
run (const char *program, const char *option, const char *request, const char *disk)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = vmd_program_find (program, &error);
  const char *argv[5] = { path, option };
  char *output = NULL;
  guint n = 2;

  g_assert_no_error (error);
  if (request != NULL)
    argv[n++] = request;
  argv[n] = disk;
  vmd_program_run (argv, NULL, &output, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error);
  g_assert_no_error (error);
  return output;
}

void
assert_clean (const char *disk)
{
  g_autofree char *output = run ("e2fsck", "-fn", NULL, disk);

  g_assert_null (strstr (output, "WARNING"));
  g_assert_null (strstr (output, "Fix?"));
}

char *
debugfs (const char *disk, const char *request)
{
  return run ("debugfs", "-R", request, disk);
}

void
assert_content (const char *disk, const char *path, const void *data, gsize length)
{
  g_autofree char *request = NULL;
  g_autofree char *output = NULL;
  g_autofree char *dump = g_strconcat (disk, ".dump", NULL);
  g_autofree char *content = NULL;
  g_autoptr (GError) error = NULL;
  gsize got;

  request = g_strdup_printf ("dump \"%s\" %s", path, dump);
  output = debugfs (disk, request);
  g_file_get_contents (dump, &content, &got, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (content, got, data, length);
  g_unlink (dump);
}

void
assert_stat_has (const char *disk, const char *path, const char *words)
{
  g_autofree char *request = g_strdup_printf ("stat \"%s\"", path);
  g_autofree char *output = debugfs (disk, request);

  if (strstr (output, words) == NULL)
    g_error ("stat %s does not say \"%s\": %s", path, words, output);
}

gboolean
is_in (const char *disk, const char *path)
{
  g_autofree char *request = g_strdup_printf ("stat \"%s\"", path);
  g_autofree char *output = debugfs (disk, request);

  return strstr (output, "Inode:") != NULL;
}
