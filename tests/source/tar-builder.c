/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tar-builder.h"

#include <stdio.h>
#include <string.h>

static void
pad (GByteArray *tar)
{
  static const guint8 zeros[512];

  g_byte_array_append (tar, zeros, (512 - tar->len % 512) % 512);
}

void
tar_seal (GByteArray *tar, gsize offset)
{
  char *header = (char *) tar->data + offset;
  guint sum = 0;

  memset (header + 148, ' ', 8);
  for (guint i = 0; i < 512; i++)
    sum += (guchar) header[i];
  g_snprintf (header + 148, 8, "%06o", sum);
}

void
tar_add (GByteArray *tar, char type, const char *name, const char *target, guint mode,
         const void *data, gsize length)
{
  gsize offset = tar->len;
  char header[512] = { 0 };

  strncpy (header, name, 100);
  g_snprintf (header + 100, 8, "%07o", mode);
  g_snprintf (header + 108, 8, "%07o", 0);
  g_snprintf (header + 116, 8, "%07o", 0);
  g_snprintf (header + 124, 12, "%011o", (guint) length);
  g_snprintf (header + 136, 12, "%011o", 1000000000);
  header[156] = type;
  if (target != NULL)
    strncpy (header + 157, target, 100);
  memcpy (header + 257, "ustar\00000", 8);
  g_byte_array_append (tar, (const guint8 *) header, sizeof header);
  tar_seal (tar, offset);
  g_byte_array_append (tar, data, length);
  pad (tar);
}

void
tar_add_record (GByteArray *tar, const char *key, const void *value, gsize length)
{
  g_autoptr (GString) record = g_string_new (NULL);
  gsize rest = strlen (key) + length + 3;
  gsize digits = 1;

  while (snprintf (NULL, 0, "%zu", rest + digits) > (int) digits)
    digits++;
  g_string_printf (record, "%zu %s=", rest + digits, key);
  g_string_append_len (record, value, length);
  g_string_append_c (record, '\n');
  tar_add (tar, 'x', "PaxHeader", NULL, 0644, record->str, record->len);
}

void
tar_end (GByteArray *tar)
{
  static const guint8 zeros[1024];

  g_byte_array_append (tar, zeros, sizeof zeros);
}
