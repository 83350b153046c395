/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-archive-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* A .deb is an ar archive of tar archives, each compressed in its own way. The inner one is read
 * through the outer one as it comes, so neither is ever whole on a disk or in memory. */

#define BUFFER_SIZE (256 * 1024)

/* Debian's own are a few KiB. */
#define CONTROL_MAX (1024 * 1024)

struct _VmdDeb
{
  VmdArchiveReader *outer;
  VmdArchiveReader *inner; /* reads from the outer one: freed first */
  char buffer[BUFFER_SIZE];
};

static la_ssize_t
read_cb (struct archive *archive, void *data, const void **bytes)
{
  VmdDeb *self = data;
  la_ssize_t n = archive_read_data (self->outer, self->buffer, sizeof self->buffer);

  if (n < 0)
    {
      archive_set_error (archive, archive_errno (self->outer), "%s",
                         archive_error_string (self->outer));
      return -1;
    }
  *bytes = self->buffer;
  return n;
}

/* Is the ar member @name the tar @member, whatever it is compressed with? */
static gboolean
is_member (const char *name, const char *member)
{
  gsize length = strlen (member);

  return strncmp (name, member, length) == 0 && (name[length] == '\0' || name[length] == '.');
}

static gboolean
find_member (VmdDeb *self, const char *member, GError **error)
{
  struct archive_entry *entry;

  for (;;)
    {
      const char *name;

      if (!vmd_archive_next (self->outer, &entry, error))
        return FALSE;
      if (entry == NULL)
        return vmd_fail (error, VMD_ERROR_BAD_ARCHIVE, "this is no Debian package: it has no %s",
                         member);
      name = archive_entry_pathname (entry);
      if (name != NULL && is_member (name, member))
        return TRUE;
    }
}

VmdDeb *
vmd_deb_open (int fd, const char *member, GCancellable *cancellable, VmdArchiveInput *input,
              GError **error)
{
  g_autoptr (VmdDeb) self = g_new0 (VmdDeb, 1);

  self->outer = vmd_archive_reader_open (fd, cancellable, input, error);
  if (self->outer == NULL || !find_member (self, member, error))
    return NULL;

  self->inner = archive_read_new ();
  vmd_archive_support_filters (self->inner);
  archive_read_support_format_tar (self->inner);
  if (archive_read_open (self->inner, self, NULL, read_cb, NULL) != ARCHIVE_OK)
    {
      vmd_archive_fail (self->inner, error, "cannot read the Debian package");
      return NULL;
    }

  return g_steal_pointer (&self);
}

VmdArchiveReader *
vmd_deb_get_reader (VmdDeb *self)
{
  return self->inner;
}

void
vmd_deb_free (VmdDeb *self)
{
  g_clear_pointer (&self->inner, archive_read_free);
  g_clear_pointer (&self->outer, archive_read_free);
  g_free (self);
}

/* The value of a field that stands on one line, as all those do that vmd asks for. */
static char *
find_field (const char *control, const char *field)
{
  g_auto (GStrv) lines = g_strsplit (control, "\n", -1);
  gsize length = strlen (field);

  for (gsize i = 0; lines[i] != NULL; i++)
    if (g_ascii_strncasecmp (lines[i], field, length) == 0 && lines[i][length] == ':')
      return g_strstrip (g_strdup (lines[i] + length + 1));

  return NULL;
}

char *
vmd_deb_read_field (const char *path, const char *field, GCancellable *cancellable, GError **error)
{
  vmd_autofd int fd = open (path, O_RDONLY | O_CLOEXEC);
  g_autoptr (VmdDeb) deb = NULL;
  struct archive_entry *entry;

  if (fd < 0)
    {
      vmd_fail_errno (error, errno, "cannot open %s", path);
      return NULL;
    }
  deb = vmd_deb_open (fd, "control.tar", cancellable, NULL, error);
  while (deb != NULL && vmd_archive_next (deb->inner, &entry, error))
    {
      g_autoptr (GByteArray) control = NULL;
      const char *name;

      if (entry == NULL)
        {
          vmd_fail (error, VMD_ERROR_BAD_ARCHIVE, "%s has no control file", path);
          return NULL;
        }
      name = archive_entry_pathname (entry);
      if (name == NULL || (!g_str_equal (name, "./control") && !g_str_equal (name, "control")))
        continue;
      control = vmd_archive_read_all (deb->inner, CONTROL_MAX, "the control file", error);
      if (control == NULL)
        return NULL;
      g_byte_array_append (control, (const guint8 *) "", 1);
      return find_field ((const char *) control->data, field);
    }

  return NULL;
}
