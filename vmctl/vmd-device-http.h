/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-device-options.h"

#include <libsoup/soup.h>

G_BEGIN_DECLS

#define VMD_DEVICE_HTTP_TOO_MANY_REQUESTS 429 /* libsoup has no name for it */

/* Requests of this device's, and what the answers mean to it. */
typedef struct _VmdDeviceHttp VmdDeviceHttp;

VmdDeviceHttp *vmd_device_http_new (const VmdDeviceOptions *options, GError **error);
void vmd_device_http_free (VmdDeviceHttp *self);
SoupSession *vmd_device_http_get_session (VmdDeviceHttp *self);
SoupMessage *vmd_device_http_new_message (VmdDeviceHttp *self, const char *method,
                                          const char *resource, GError **error);
GInputStream *
vmd_device_http_send_finish (SoupSession *session, SoupMessage *message,
                             const VmdDeviceOptions *options, GAsyncResult *result, GError **error);
gboolean vmd_device_http_check (SoupMessage *message, guint expected, GError **error);
gint64 vmd_device_http_get_wait (SoupMessage *message, guint n_failures);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdDeviceHttp, vmd_device_http_free)

G_END_DECLS
