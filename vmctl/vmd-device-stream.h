/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-device-http.h"
#include "vmd-device-snapshot.h"

G_BEGIN_DECLS

/* One connection to the server, from the request to its end. */

typedef enum
{
  VMD_DEVICE_STREAM_CUT, /* for whatever reason */
  VMD_DEVICE_STREAM_SUPERSEDED, /* another client has the device now */
  VMD_DEVICE_STREAM_TOLD, /* the server said why: revoked, deleted, shutdown */
} VmdDeviceStreamEnd;

typedef struct
{
  void (*opened) (gpointer data);
  void (*snapshot) (VmdDeviceSnapshot *snapshot, gpointer data); /* (transfer full) */
} VmdDeviceStreamFuncs;

void vmd_device_stream_run_async (VmdDeviceHttp *http, const VmdDeviceOptions *options,
                                  guint64 last_version, const VmdDeviceStreamFuncs *funcs,
                                  gpointer funcs_data, GCancellable *cancellable,
                                  GAsyncReadyCallback callback, gpointer data);
VmdDeviceStreamEnd vmd_device_stream_run_finish (GAsyncResult *result, SoupMessage **message,
                                                 gint64 *duration, GError **error);

G_END_DECLS
