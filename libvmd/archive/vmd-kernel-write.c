/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-archive-private.h"
#include "vmd-modules-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-fault-private.h"
#include "../base/vmd-poll-private.h"
#include "../vmd-job-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A kernel and its modules, out of a Debian package, or out of a kernel as it is booted and a tar
 * of modules. Which of the two it is is told from its first bytes. The version is what the kernel
 * itself has in it: not a file's name, which anybody can choose, and which would become a directory
 * of ours. */

#define COPY_SIZE (1024 * 1024)
#define KERNEL_MAX (512 * 1024 * 1024)
#define MODULE_MAX (128 * 1024 * 1024)
#define RELEASE_MAX 64

typedef struct
{
  const char *directory;
  char *vmlinuz; /* its path */
  gboolean has_kernel;
  VmdModules *modules;
  VmdArchiveInput input;
  VmdJob *job;
  guint64 total;
  GCancellable *cancellable;
} Kernel;

static void
kernel_clear (Kernel *kernel)
{
  g_clear_pointer (&kernel->vmlinuz, g_free);
  g_clear_pointer (&kernel->modules, vmd_modules_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Kernel, kernel_clear)

/* -- the version -- */

/* A release that can be the name of a directory. */
static char *
take_release (const char *text, gsize available)
{
  gsize length = 0;

  while (length < available && (g_ascii_isalnum (text[length]) || strchr (".-+_~", text[length])) &&
         text[length] != '\0')
    length++;
  if (length == 0 || length > RELEASE_MAX || !g_ascii_isdigit (text[0]))
    return NULL;
  return g_strndup (text, length);
}

/* Of the form that a PC boots: Documentation/arch/x86/boot.rst. */
static char *
find_boot_release (const char *file, gsize size)
{
  guint16 offset;

  if (size < 0x210 || memcmp (file + 0x202, "HdrS", 4) != 0)
    return NULL;
  memcpy (&offset, file + 0x20e, sizeof offset);
  offset = GUINT16_FROM_LE (offset);
  if (offset == 0 || size < 0x200 + (gsize) offset)
    return NULL;
  return take_release (file + 0x200 + offset, size - 0x200 - offset);
}

/* Of the form that is not compressed: the line that it greets with. */
static char *
find_banner_release (const char *file, gsize size)
{
  static const char banner[] = "Linux version ";
  const char *end = size > 0 ? file + size : file;
  const char *found = file;
  char *release = NULL;

  /* An empty file is mapped nowhere. */
  while (release == NULL && size > 0 &&
         (found = memmem (found, (gsize) (end - found), banner, strlen (banner))) != NULL)
    {
      found += strlen (banner);
      release = take_release (found, (gsize) (end - found));
    }

  return release;
}

static char *
read_release (const char *path, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, &local);
  char *release;

  if (file == NULL)
    {
      vmd_propagate_foreign (error, g_steal_pointer (&local), "cannot read the kernel");
      return NULL;
    }
  release = find_boot_release (g_mapped_file_get_contents (file), g_mapped_file_get_length (file));
  if (release == NULL)
    release =
        find_banner_release (g_mapped_file_get_contents (file), g_mapped_file_get_length (file));
  if (release == NULL)
    vmd_fail (error, VMD_ERROR_BAD_ARCHIVE,
              "this is no kernel: neither a Debian package nor a vmlinuz");

  return release;
}

/* -- the kernel -- */

static int
create_vmlinuz (Kernel *kernel, GError **error)
{
  int fd = open (kernel->vmlinuz, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

  if (fd < 0)
    vmd_fail_errno (error, errno, "cannot make %s", kernel->vmlinuz);
  return fd;
}

static gboolean
sync_vmlinuz (Kernel *kernel, int fd, GError **error)
{
  kernel->has_kernel = TRUE;
  return fsync (fd) == 0 || vmd_fail_errno (error, errno, "cannot write %s", kernel->vmlinuz);
}

static gboolean
fail_size (GError **error)
{
  return vmd_fail (error, VMD_ERROR_BAD_ARCHIVE, "the kernel is larger than %d MiB",
                   KERNEL_MAX / 1024 / 1024);
}

/* Copies all of @source, but no more than a kernel can have. */
static gboolean
copy (Kernel *kernel, int source, int target, GError **error)
{
  g_autofree char *buffer = g_malloc (COPY_SIZE);
  guint64 done = 0;
  gssize n = 1;

  while (n > 0)
    {
      n = vmd_archive_read_input (source, buffer, COPY_SIZE, kernel->cancellable, error);
      if (n < 0 ||
          !vmd_write_all (target, buffer, (gsize) n, kernel->cancellable, VMD_NO_DEADLINE, error))
        return FALSE;
      done += (guint64) n;
      if (done > KERNEL_MAX)
        return fail_size (error);
      vmd_job_set_bytes (kernel->job, done, kernel->total);
    }

  return TRUE;
}

static gboolean
copy_bare (Kernel *kernel, int source, GError **error)
{
  vmd_autofd int target = create_vmlinuz (kernel, error);

  return target >= 0 && copy (kernel, source, target, error) &&
         sync_vmlinuz (kernel, target, error);
}

static gboolean
unpack_vmlinuz (Kernel *kernel, VmdArchiveReader *reader, GError **error)
{
  vmd_autofd int target = create_vmlinuz (kernel, error);
  g_autoptr (GByteArray) content = NULL;

  if (target < 0)
    return FALSE;
  content = vmd_archive_read_all (reader, KERNEL_MAX, "the kernel", error);
  if (content == NULL || !vmd_write_all (target, content->data, content->len, kernel->cancellable,
                                         VMD_NO_DEADLINE, error))
    return FALSE;

  return sync_vmlinuz (kernel, target, error);
}

/* -- the members of an archive -- */

static gboolean
is_vmlinuz (const char *name)
{
  g_autofree char *base = g_path_get_basename (name);
  g_autofree char *parent = g_path_get_dirname (name);

  return g_str_has_prefix (base, "vmlinuz") && g_str_has_suffix (parent, "boot");
}

static gboolean
take_member (Kernel *kernel, VmdArchiveReader *reader, struct archive_entry *entry, GError **error)
{
  const char *name = vmd_archive_entry_name (entry, error);
  g_autofree char *module = NULL;
  g_autoptr (GByteArray) content = NULL;

  if (name == NULL)
    return FALSE;
  if (!S_ISREG (archive_entry_mode (entry)) || archive_entry_hardlink (entry) != NULL)
    return TRUE;
  if (!kernel->has_kernel && is_vmlinuz (name))
    return unpack_vmlinuz (kernel, reader, error);
  module = vmd_module_name_from_path (name);
  if (module == NULL)
    return TRUE;
  content = vmd_archive_read_all (reader, MODULE_MAX, name, error);
  return content != NULL && vmd_modules_add (kernel->modules, name, content, error);
}

static gboolean
take_members (Kernel *kernel, VmdArchiveReader *reader, GError **error)
{
  struct archive_entry *entry;

  while (vmd_archive_next (reader, &entry, error))
    {
      if (entry == NULL)
        return TRUE;
      if (vmd_is_cancelled (kernel->cancellable, error) ||
          !take_member (kernel, reader, entry, error))
        return FALSE;
      vmd_job_set_bytes (kernel->job, kernel->input.bytes, kernel->total);
    }

  return FALSE;
}

static gboolean
take_deb (Kernel *kernel, int fd, GError **error)
{
  g_autoptr (VmdDeb) deb =
      vmd_deb_open (fd, "data.tar", kernel->cancellable, &kernel->input, error);

  if (deb == NULL || !take_members (kernel, vmd_deb_get_reader (deb), error))
    return FALSE;
  return kernel->has_kernel ||
         vmd_fail (error, VMD_ERROR_BAD_ARCHIVE,
                   "the Debian package has no kernel: it has no /boot/vmlinuz");
}

static gboolean
take_modules (Kernel *kernel, int fd, GError **error)
{
  g_autoptr (VmdArchiveReader) reader = NULL;

  kernel->input = (VmdArchiveInput){ 0 };
  reader = vmd_archive_reader_open (fd, kernel->cancellable, &kernel->input, error);
  return reader != NULL && take_members (kernel, reader, error);
}

/* -- all of it -- */

/* The first bytes tell what it is, and are then needed again: what comes through a pipe is put into
 * a file first. */
static int
make_seekable (Kernel *kernel, int fd, GError **error)
{
  vmd_autofd int spool = -1;
  g_autofree char *path = NULL;

  if (lseek (fd, 0, SEEK_CUR) >= 0)
    return fcntl (fd, F_DUPFD_CLOEXEC, 0);
  path = g_build_filename (kernel->directory, "input-XXXXXX", NULL);
  spool = g_mkstemp_full (path, O_RDWR | O_CLOEXEC, 0600);
  if (spool < 0)
    {
      vmd_fail_errno (error, errno, "cannot make a file in %s", kernel->directory);
      return -1;
    }
  unlink (path);
  if (!copy (kernel, fd, spool, error))
    return -1;
  lseek (spool, 0, SEEK_SET);
  return vmd_steal_fd (&spool);
}

static gboolean
is_deb (int fd)
{
  static const char magic[] = "!<arch>\n";
  char begin[sizeof magic - 1];

  return pread (fd, begin, sizeof begin, lseek (fd, 0, SEEK_CUR)) == (gssize) sizeof begin &&
         memcmp (begin, magic, sizeof begin) == 0;
}

static guint64
get_size (int fd)
{
  struct stat status;

  return fstat (fd, &status) == 0 ? (guint64) status.st_size : 0;
}

static gboolean
take_all (Kernel *kernel, int fd, int modules_fd, GError **error)
{
  vmd_autofd int seekable = make_seekable (kernel, fd, error);

  if (seekable < 0)
    return FALSE;
  kernel->total = get_size (seekable);
  vmd_job_set_phase (kernel->job, "unpacking");
  if (is_deb (seekable) ? !take_deb (kernel, seekable, error)
                        : !copy_bare (kernel, seekable, error))
    return FALSE;
  if (modules_fd < 0)
    return TRUE;
  kernel->total = get_size (modules_fd);
  return take_modules (kernel, modules_fd, error);
}

gboolean
vmd_kernel_write (const char *directory, int fd, int modules_fd, char **version, VmdJob *job,
                  GCancellable *cancellable, GError **error)
{
  g_auto (Kernel) kernel = { .directory = directory, .job = job, .cancellable = cancellable };
  g_auto (VmdArchiveLocale) locale = { 0 };
  g_autofree char *modules = g_build_filename (directory, "modules.cpio", NULL);
  g_autofree char *release = NULL;

  vmd_archive_locale_enter (&locale);
  kernel.vmlinuz = g_build_filename (directory, "vmlinuz", NULL);
  kernel.modules = vmd_modules_new (directory, error);
  if (kernel.modules == NULL || !take_all (&kernel, fd, modules_fd, error))
    return FALSE;
  release = read_release (kernel.vmlinuz, error);
  if (release == NULL || !vmd_fault_point ("kernel", error))
    return FALSE;
  vmd_job_set_phase (job, "writing");
  if (!vmd_modules_write (kernel.modules, modules, release, cancellable, error))
    return FALSE;

  *version = g_steal_pointer (&release);
  return TRUE;
}
