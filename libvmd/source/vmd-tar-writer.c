/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-tar-writer-private.h"

#include <string.h>

/* Of a tar a work tree needs little: names, sizes, times and the targets of links. libarchive
 * writes it too, but it brings libxml2, ICU and libstdc++ with it, and loading those was half of
 * the time that vmctl took to start. Content is read into the buffer that the sink gets, and so
 * copied once less.
 *
 * A member has an extended header only where a plain one cannot say it: a long name, a size of
 * 8 GiB, a time before 1970. Names are bytes, in both. */

#define BLOCK_SIZE 512
#define BUFFER_SIZE (256 * 1024)
#define MAX_OCTAL 077777777777 /* in a field of 12 */

typedef struct
{
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char target[100];
  char magic[8]; /* with the version */
  char user[32];
  char group[32];
  char major[8];
  char minor[8];
  char prefix[155];
  char unused[12];
} TarHeader;

G_STATIC_ASSERT (sizeof (TarHeader) == BLOCK_SIZE);

struct _VmdTarWriter
{
  VmdTarSink sink;
  gpointer data;
  char *buffer; /* BUFFER_SIZE */
  gsize length;
  guint64 left; /* of the member's content */
  gsize padding; /* after it, to whole blocks */
};

VmdTarWriter *
vmd_tar_writer_new (VmdTarSink sink, gpointer data)
{
  VmdTarWriter *self = g_new0 (VmdTarWriter, 1);

  self->sink = sink;
  self->data = data;
  self->buffer = g_malloc (BUFFER_SIZE);
  return self;
}

void
vmd_tar_writer_free (VmdTarWriter *self)
{
  g_free (self->buffer);
  g_free (self);
}

static gboolean
flush (VmdTarWriter *self, GError **error)
{
  gsize length = self->length;

  self->length = 0;
  return length == 0 || self->sink (self->buffer, length, self->data, error);
}

/* @bytes: NULL: zeros. */
static gboolean
append (VmdTarWriter *self, const void *bytes, gsize length, GError **error)
{
  gsize done = 0;

  while (done < length)
    {
      gsize n = MIN (length - done, BUFFER_SIZE - self->length);

      if (bytes != NULL)
        memcpy (self->buffer + self->length, (const char *) bytes + done, n);
      else
        memset (self->buffer + self->length, 0, n);
      self->length += n;
      done += n;
      if (self->length == BUFFER_SIZE && !flush (self, error))
        return FALSE;
    }
  return TRUE;
}

static gsize
get_padding (guint64 length)
{
  return (gsize) (-length % BLOCK_SIZE);
}

/* @width: with the NUL that ends it. */
static void
put_octal (char *field, gsize width, guint64 value)
{
  field[width - 1] = '\0';
  for (gsize i = width - 1; i > 0; i--, value /= 8)
    field[i - 1] = (char) ('0' + value % 8);
}

static gboolean
append_header (VmdTarWriter *self, TarHeader *header, char type, guint mode, guint64 size,
               guint64 mtime, GError **error)
{
  const guchar *bytes = (const guchar *) header;
  guint sum = 0;

  put_octal (header->mode, sizeof header->mode, mode);
  put_octal (header->uid, sizeof header->uid, 0);
  put_octal (header->gid, sizeof header->gid, 0);
  put_octal (header->size, sizeof header->size, size);
  put_octal (header->mtime, sizeof header->mtime, mtime);
  put_octal (header->major, sizeof header->major, 0);
  put_octal (header->minor, sizeof header->minor, 0);
  header->type = type;
  memcpy (header->magic, "ustar\00000", sizeof header->magic);
  memset (header->checksum, ' ', sizeof header->checksum);
  for (gsize i = 0; i < sizeof *header; i++)
    sum += bytes[i];
  /* Six digits, a NUL, and the space stays. */
  put_octal (header->checksum, sizeof header->checksum - 1, sum);
  return append (self, header, sizeof *header, error);
}

/* In two parts, where a slash is at the right place. */
static gboolean
put_name (TarHeader *header, const char *name)
{
  gsize length = strlen (name);
  const char *slash;

  if (length <= sizeof header->name)
    {
      memcpy (header->name, name, length);
      return TRUE;
    }
  /* The first one behind which the rest fits, so that the beginning is as short as can be. */
  slash = strchr (name + length - sizeof header->name - 1, '/');
  if (slash == NULL || slash == name || slash[1] == '\0' ||
      (gsize) (slash - name) > sizeof header->prefix)
    return FALSE;
  memcpy (header->prefix, name, slash - name);
  memcpy (header->name, slash + 1, strlen (slash + 1));
  return TRUE;
}

static gboolean
put_target (TarHeader *header, const char *target)
{
  gsize length = strlen (target);

  if (length > sizeof header->target)
    return FALSE;
  memcpy (header->target, target, length);
  return TRUE;
}

/* "LENGTH KEY=VALUE\n", where the length counts itself too. */
static void
add_record (GString *records, const char *key, const char *value)
{
  gsize rest = strlen (key) + strlen (value) + 3;
  gsize length = rest + 1;

  for (gsize power = 10; power <= length; power *= 10)
    length++;
  g_string_append_printf (records, "%" G_GSIZE_FORMAT " ", length);
  g_string_append (records, key);
  g_string_append_c (records, '=');
  g_string_append (records, value);
  g_string_append_c (records, '\n');
}

static void
add_number (GString *records, const char *key, gint64 value)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, value);

  add_record (records, key, text);
}

static gboolean
append_records (VmdTarWriter *self, const GString *records, GError **error)
{
  TarHeader header = { .name = "PaxHeader" };

  return append_header (self, &header, 'x', 0644, records->len, 0, error) &&
         append (self, records->str, records->len, error) &&
         append (self, NULL, get_padding (records->len), error);
}

gboolean
vmd_tar_writer_begin (VmdTarWriter *self, const char *name, guint mode, guint64 size, gint64 mtime,
                      const char *target, GError **error)
{
  g_autoptr (GString) records = g_string_new (NULL);
  gboolean has_time = mtime >= 0 && mtime <= MAX_OCTAL;
  TarHeader header = { 0 };

  g_return_val_if_fail (self->left == 0, FALSE);

  if (!put_name (&header, name))
    add_record (records, "path", name);
  if (target != NULL && !put_target (&header, target))
    add_record (records, "linkpath", target);
  if (size > MAX_OCTAL)
    add_number (records, "size", (gint64) size);
  if (!has_time)
    add_number (records, "mtime", mtime);
  if (!append (self, NULL, self->padding, error))
    return FALSE;
  self->padding = 0;
  if (records->len > 0 && !append_records (self, records, error))
    return FALSE;
  /* What the extended header says is of no interest here. */
  if (!append_header (self, &header, target != NULL ? '2' : '0', mode & 07777,
                      size <= MAX_OCTAL ? size : 0, has_time ? (guint64) mtime : 0, error))
    return FALSE;
  self->left = size;
  self->padding = get_padding (size);
  return TRUE;
}

char *
vmd_tar_writer_reserve (VmdTarWriter *self, gsize *length, GError **error)
{
  if (self->length == BUFFER_SIZE && !flush (self, error))
    return NULL;
  *length = (gsize) MIN (self->left, BUFFER_SIZE - self->length);
  return self->buffer + self->length;
}

void
vmd_tar_writer_advance (VmdTarWriter *self, gsize length)
{
  g_return_if_fail (length <= self->left && length <= BUFFER_SIZE - self->length);

  self->length += length;
  self->left -= length;
}

gboolean
vmd_tar_writer_finish (VmdTarWriter *self, GError **error)
{
  g_return_val_if_fail (self->left == 0, FALSE);

  return append (self, NULL, self->padding + (gsize) 2 * BLOCK_SIZE, error) && flush (self, error);
}
