/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a peer sends, looked at before libsoup has it. */

#include <glib.h>

G_BEGIN_DECLS

#define VMD_REQUEST_LINE_SIZE 64

/* All zero at first. */
typedef struct
{
  char line[VMD_REQUEST_LINE_SIZE]; /* how the one under way begins */
  gsize length; /* of it, so far */
  gboolean was_framing; /* the line before it said how long a body is */
} VmdRequestLines;

/* FALSE: somebody says how long a body is in a way that libsoup must not see. */
gboolean vmd_request_lines_take (VmdRequestLines *self, const char *bytes, gsize n_bytes);

G_END_DECLS
