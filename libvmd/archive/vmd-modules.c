/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-modules-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-fault-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A package has thousands of modules in no order, and which of them are needed is known when all
 * have been seen. So they are put one behind the other into a file without a name, which is gone
 * however this ends, and only where each is there is kept in memory. */

/* The largest in Debian's kernels has 15 MiB. */
#define MODULE_MAX (128 * 1024 * 1024)
#define MODULES_MAX 50000

#define DIRECTORY "lib/vmd-modules"

typedef struct
{
  char *name;
  GStrv depends; /* (nullable) */
  char *release; /* (nullable) */
  goffset offset;
  gsize length;
  gboolean chosen;
} Module;

struct _VmdModules
{
  int spool;
  goffset end; /* of the spool */
  GHashTable *table; /* name → Module */
};

/* In this order: the guest loads as many as the root disk needs, mounts it, and loads the others
 * while the SSH server starts. Those that the kernel has built in are not there, and not missed.
 * ext4 asks for its checksum by what it does, not by a module's name, so that one is named here. */
static const char *const wanted[] = {
  "crc32c_generic", "ext4",           "virtio_pci", "virtio_mmio",
  "virtio_blk",     "virtio_console", "virtio_net", "virtio_rng",
};

static void
module_free (gpointer data)
{
  Module *module = data;

  g_free (module->name);
  g_strfreev (module->depends);
  g_free (module->release);
  g_free (module);
}

VmdModules *
vmd_modules_new (const char *directory, GError **error)
{
  int spool = open (directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  VmdModules *self;

  /* Not every file system can make a file without a name. */
  if (spool < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
    {
      g_autofree char *path = g_build_filename (directory, "spool-XXXXXX", NULL);

      spool = g_mkstemp_full (path, O_RDWR | O_CLOEXEC, 0600);
      if (spool >= 0)
        unlink (path);
    }
  if (spool < 0)
    {
      vmd_fail_errno (error, errno, "cannot make a file in %s", directory);
      return NULL;
    }
  self = g_new0 (VmdModules, 1);
  self->spool = spool;
  self->table = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, module_free);
  return self;
}

void
vmd_modules_free (VmdModules *self)
{
  vmd_clear_fd (&self->spool);
  g_hash_table_unref (self->table);
  g_free (self);
}

/* Returns: (transfer full): @content itself, or what it is compressed from */
static GByteArray *
decompress (const char *path, GByteArray *content, GError **error)
{
  g_autoptr (VmdArchiveReader) reader = NULL;
  struct archive_entry *entry;

  if (g_str_has_suffix (path, ".ko"))
    return g_byte_array_ref (content);
  reader = vmd_archive_reader_open_raw (content->data, content->len, error);
  if (reader == NULL || !vmd_archive_next (reader, &entry, error))
    return NULL;
  if (entry == NULL)
    {
      vmd_fail (error, VMD_ERROR_BAD_ARCHIVE, "the module %s is empty", path);
      return NULL;
    }
  return vmd_archive_read_all (reader, MODULE_MAX, path, error);
}

static Module *
make_module (VmdModules *self, const char *path, GByteArray *plain)
{
  g_auto (VmdModuleInfo) info = { 0 };
  Module *module;

  if (!vmd_module_info_read (plain->data, plain->len, &info))
    return NULL;
  module = g_new0 (Module, 1);
  module->name =
      info.name != NULL ? g_steal_pointer (&info.name) : vmd_module_name_from_path (path);
  module->depends = g_steal_pointer (&info.depends);
  module->release = g_steal_pointer (&info.release);
  module->offset = self->end;
  module->length = plain->len;
  return module;
}

gboolean
vmd_modules_add (VmdModules *self, const char *path, GByteArray *content, GError **error)
{
  g_autoptr (GByteArray) plain = decompress (path, content, error);
  Module *module;

  if (plain == NULL)
    return FALSE;
  if (g_hash_table_size (self->table) >= MODULES_MAX)
    return vmd_fail (error, VMD_ERROR_BAD_ARCHIVE, "there are more than %d modules", MODULES_MAX);
  module = make_module (self, path, plain);
  if (module == NULL)
    return vmd_fail (error, VMD_ERROR_BAD_ARCHIVE, "%s is no kernel module", path);
  g_hash_table_replace (self->table, module->name, module);
  self->end += plain->len;

  return vmd_write_all (self->spool, plain->data, plain->len, NULL, VMD_NO_DEADLINE, error);
}

/* Adds @name to @order after what it depends on. A name that depends on itself comes to its end,
 * since it is marked first. */
static void
choose (VmdModules *self, const char *name, GPtrArray *order)
{
  Module *module = g_hash_table_lookup (self->table, name);

  if (module == NULL || module->chosen)
    return;
  module->chosen = TRUE;
  for (guint i = 0; module->depends != NULL && module->depends[i] != NULL; i++)
    choose (self, module->depends[i], order);
  g_ptr_array_add (order, module);
}

/* A module of another kernel would be refused by the guest, when it is too late to say so well. */
static gboolean
check_release (const Module *module, const char *release, GError **error)
{
  if (module->release == NULL || g_str_equal (module->release, release))
    return TRUE;
  return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                   "the modules are those of Linux %s, the kernel is %s", module->release, release);
}

static gboolean
begin_member (struct archive *archive, const char *name, guint mode, gsize length, GError **error)
{
  g_autoptr (VmdArchiveEntry) entry = archive_entry_new ();

  archive_entry_copy_pathname (entry, name);
  archive_entry_set_mode (entry, mode);
  archive_entry_set_size (entry, (la_int64_t) length);
  archive_entry_set_mtime (entry, 0, 0);
  archive_entry_set_nlink (entry, 1);
  return archive_write_header (archive, entry) == ARCHIVE_OK ||
         vmd_archive_fail (archive, error, "cannot write the modules");
}

static gboolean
write_data (struct archive *archive, const void *data, gsize length, GError **error)
{
  return archive_write_data (archive, data, length) == (la_ssize_t) length ||
         vmd_archive_fail (archive, error, "cannot write the modules");
}

static gboolean
write_module (VmdModules *self, struct archive *archive, const Module *module, GError **error)
{
  g_autofree char *name = g_strdup_printf (DIRECTORY "/%s.ko", module->name);
  g_autofree char *content = g_malloc (module->length);
  gsize got = 0;

  while (got < module->length)
    {
      gssize n =
          pread (self->spool, content + got, module->length - got, module->offset + (goffset) got);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return vmd_fail_errno (error, n < 0 ? errno : EIO, "cannot read the modules");
      got += (gsize) n;
    }

  return begin_member (archive, name, S_IFREG | 0644, module->length, error) &&
         write_data (archive, content, module->length, error);
}

static gboolean
write_members (VmdModules *self, struct archive *archive, GPtrArray *order,
               GCancellable *cancellable, GError **error)
{
  g_autoptr (GString) list = g_string_new (NULL);

  if (!begin_member (archive, "lib", S_IFDIR | 0755, 0, error) ||
      !begin_member (archive, DIRECTORY, S_IFDIR | 0755, 0, error))
    return FALSE;
  for (guint i = 0; i < order->len; i++)
    {
      const Module *module = order->pdata[i];

      g_string_append_printf (list, "%s.ko\n", module->name);
      if (vmd_is_cancelled (cancellable, error) || !write_module (self, archive, module, error))
        return FALSE;
    }

  return begin_member (archive, DIRECTORY "/modules.order", S_IFREG | 0644, list->len, error) &&
         write_data (archive, list->str, list->len, error);
}

static gboolean
write_archive (VmdModules *self, int fd, GPtrArray *order, GCancellable *cancellable,
               GError **error)
{
  struct archive *archive = archive_write_new ();
  gboolean good;

  archive_write_set_format_cpio_newc (archive);
  archive_write_set_bytes_in_last_block (archive, 1);
  good = archive_write_open_fd (archive, fd) == ARCHIVE_OK ||
         vmd_archive_fail (archive, error, "cannot write the modules");
  good = good && write_members (self, archive, order, cancellable, error);
  if (!good)
    archive_write_fail (archive);
  else
    good = archive_write_close (archive) == ARCHIVE_OK ||
           vmd_archive_fail (archive, error, "cannot write the modules");
  archive_write_free (archive);

  return good;
}

gboolean
vmd_modules_write (VmdModules *self, const char *path, const char *release,
                   GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) order = g_ptr_array_new ();
  vmd_autofd int fd = -1;

  for (gsize i = 0; i < G_N_ELEMENTS (wanted); i++)
    choose (self, wanted[i], order);
  for (guint i = 0; i < order->len; i++)
    if (!check_release (order->pdata[i], release, error))
      return FALSE;

  fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0)
    return vmd_fail_errno (error, errno, "cannot make %s", path);
  if (!vmd_fault_point ("modules", error) || !write_archive (self, fd, order, cancellable, error))
    return FALSE;

  return fsync (fd) == 0 || vmd_fail_errno (error, errno, "cannot write %s", path);
}
