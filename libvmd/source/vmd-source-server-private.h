/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The source's end of the protocol. */

#include "vmd-source-tree-private.h"

G_BEGIN_DECLS

/* What a source says of itself; borrowed. */
typedef struct
{
  const VmdSourceTree *tree;
  const char *head;
  const char *branch; /* (nullable) */
} VmdSourceIdentity;

gboolean vmd_source_answer_all (const VmdSourceIdentity *self, int fd, GCancellable *cancellable,
                                GError **error);

G_END_DECLS
