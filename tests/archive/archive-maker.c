/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "archive-maker.h"

#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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
