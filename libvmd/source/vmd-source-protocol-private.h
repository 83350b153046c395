/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How the library's end of a workspace import and a VmdSource speak over a socket.
 * A frame: 4 bytes length of the payload (big endian), 1 byte type, payload of at most 1 MiB. The
 * library asks, the source answers:
 *   H HELLO    library → source: {"version":1}; source → library: {"version":1,"repository":…,
 *              "head":…,"branch":…|null,"files":N,"bytes":N}
 *   S STREAM   library → source: {"mode":"full-copy"}; then source → library: D frames (a pax
 *              tar, members relative, sorted), then E END {"files":N,"bytes":N,
 *              "manifest":"<sha256 of the manifest, see vmd-source-stream.c>"}
 *   X ERROR    source → library: {"code":"<bus name>","message":…}; ends it
 *   B BYE      library → source; both close
 * Later questions (the manifest for incremental pushes, history for shallow-overlay) are new frame
 * types; an unknown one is answered by ERROR, not ignored. Each side treats the other as hostile.
 */

#include "vmd-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define VMD_SOURCE_FRAME_MAX (1024 * 1024)

typedef enum
{
  VMD_FRAME_HELLO = 'H',
  VMD_FRAME_STREAM = 'S',
  VMD_FRAME_DATA = 'D',
  VMD_FRAME_END = 'E',
  VMD_FRAME_ERROR = 'X',
  VMD_FRAME_BYE = 'B',
} VmdFrameType;

gboolean vmd_frame_write (int fd, VmdFrameType type, const void *payload, gsize length,
                          GCancellable *cancellable, gint64 deadline, GError **error);
/* @payload is resized; PROTOCOL on a bad frame or an early end. */
gboolean vmd_frame_read (int fd, VmdFrameType *type, GByteArray *payload, GCancellable *cancellable,
                         gint64 deadline, GError **error);

typedef struct
{
  char *repository;
  char *head;
  char *branch; /* (nullable) */
  guint64 files;
  guint64 bytes;
  char *manifest; /* (nullable) known after the stream */
} VmdSourceDescription;
void vmd_source_description_free (VmdSourceDescription *description);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdSourceDescription, vmd_source_description_free)

/* The library's end. */
VmdSourceDescription *
vmd_source_client_hello (int fd, GCancellable *cancellable, gint64 deadline, GError **error);
gboolean vmd_source_client_begin_stream (int fd, const char *mode, GCancellable *cancellable,
                                         gint64 deadline, GError **error);
/* Next piece of the tar in @buffer; *@ended at its end, with @description completed. */
gboolean vmd_source_client_next (int fd, GByteArray *buffer, gboolean *ended,
                                 VmdSourceDescription *description, GCancellable *cancellable,
                                 gint64 deadline, GError **error);
void vmd_source_client_bye (int fd);

G_END_DECLS
