/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What both ends of the protocol share beside the frames of vmd-source-protocol-private.h: their
 * JSON. */

#include "vmd-source-protocol-private.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

#define VMD_SOURCE_PROTOCOL_VERSION 1

gboolean vmd_frame_read_or_end (int fd, VmdFrameType *type, GByteArray *payload, gboolean *ended,
                                GCancellable *cancellable, gint64 deadline, GError **error);

/* What a frame other than DATA says: an object, of the known members only. */
JsonObject *vmd_frame_parse_object (const GByteArray *payload, GError **error);
gboolean vmd_frame_get_string (JsonObject *object, const char *name, gsize max_length,
                               const char **value, GError **error);
gboolean vmd_frame_get_count (JsonObject *object, const char *name, guint64 *value, GError **error);
/* @object: consumed. */
gboolean vmd_frame_write_object (int fd, VmdFrameType type, JsonObject *object,
                                 GCancellable *cancellable, gint64 deadline, GError **error);

G_END_DECLS
