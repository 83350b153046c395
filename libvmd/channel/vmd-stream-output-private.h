/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is being put on a stream: one message at a time, and how far it went. */

#include "vmd-subscription-private.h"

#include <sys/uio.h>

G_BEGIN_DECLS

#define VMD_STREAM_PIECES 4
#define VMD_STREAM_HEAD_SIZE 96

/* All zero: nothing. Nothing of it is copied, so a stream that is blocked costs no memory. */
typedef struct
{
  const char *text; /* (nullable) static: what goes before */
  VmdConfigSnapshot *snapshot; /* (nullable) a reference */
  gsize offset; /* of what was taken */
} VmdStreamOutput;

extern const char vmd_stream_heartbeat[];
const char *vmd_stream_get_header (void);
const char *vmd_stream_get_farewell (VmdSubscriptionEnd end);

static inline gboolean
vmd_stream_output_is_empty (const VmdStreamOutput *self)
{
  return self->text == NULL && self->snapshot == NULL;
}

guint vmd_stream_output_get_pieces (const VmdStreamOutput *self, char head[VMD_STREAM_HEAD_SIZE],
                                    struct iovec pieces[VMD_STREAM_PIECES]);
void vmd_stream_output_clear (VmdStreamOutput *self);

G_END_DECLS
