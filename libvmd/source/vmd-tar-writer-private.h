/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writes a pax tar of files and symbolic links, all of root's. */

#include <glib.h>

G_BEGIN_DECLS

/* Takes a piece of the tar; not after it has returned FALSE. */
typedef gboolean (*VmdTarSink) (const void *bytes, gsize length, gpointer data, GError **error);

typedef struct _VmdTarWriter VmdTarWriter;

VmdTarWriter *vmd_tar_writer_new (VmdTarSink sink, gpointer data);
/* Nothing more is written: an archive that was not finished stays without an end. */
void vmd_tar_writer_free (VmdTarWriter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdTarWriter, vmd_tar_writer_free)

/* Begins a member, when all of the one before is there. @target: (nullable): of a symbolic link,
 * which has no content. */
gboolean vmd_tar_writer_begin (VmdTarWriter *self, const char *name, guint mode, guint64 size,
                               gint64 mtime, const char *target, GError **error);
/* Where the next bytes of the member's content may be put, *@length of them at most and at least
 * one unless all are there; NULL: the sink failed. Then how many were put there. (transfer none) */
char *vmd_tar_writer_reserve (VmdTarWriter *self, gsize *length, GError **error);
void vmd_tar_writer_advance (VmdTarWriter *self, gsize length);
/* Writes the end. */
gboolean vmd_tar_writer_finish (VmdTarWriter *self, GError **error);

G_END_DECLS
