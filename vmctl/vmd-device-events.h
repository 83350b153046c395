/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Out of the bytes of an event stream come its events, wherever the bytes are cut. */

/* Of a line, and of the data of an event; doc/config-channel.md promises less. */
#define VMD_DEVICE_EVENTS_MAX (128 * 1024)

/* Valid within the call. */
typedef struct
{
  const char *name; /* "message" where the stream gives none */
  const char *id; /* (nullable) */
  const char *data; /* NUL-terminated, and has no NUL in it */
  gsize length;
} VmdDeviceEvent;

typedef struct _VmdDeviceEvents VmdDeviceEvents;

/* FALSE, with @error set, ends the stream. */
typedef gboolean (*VmdDeviceEventFunc) (const VmdDeviceEvent *event, gpointer data, GError **error);

VmdDeviceEvents *vmd_device_events_new (VmdDeviceEventFunc func, gpointer data);
void vmd_device_events_free (VmdDeviceEvents *self);
gboolean
vmd_device_events_feed (VmdDeviceEvents *self, const char *bytes, gsize length, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdDeviceEvents, vmd_device_events_free)

G_END_DECLS
