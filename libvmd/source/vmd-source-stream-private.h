/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The files of a tree as a tar. */

#include "vmd-source-tree-private.h"

G_BEGIN_DECLS

/* Takes a piece of the tar. FALSE ends the stream. */
typedef gboolean (*VmdSourceSink) (const void *bytes, gsize length, gpointer data, GError **error);

/* What went through. */
typedef struct
{
  guint64 files;
  guint64 bytes;
  char manifest[65]; /* sha256, hex */
} VmdSourceTotals;

gboolean vmd_source_stream (const VmdSourceTree *tree, VmdSourceSink sink, gpointer data,
                            VmdSourceTotals *totals, GCancellable *cancellable, GError **error);

G_END_DECLS
