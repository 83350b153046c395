/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A place in JSON text, which is UTF-8. A function that returns FALSE found something else there,
 * and the place is not to be used any more. */
typedef struct
{
  const char *at;
  const char *end;
} VmdDeviceJson;

void vmd_device_json_skip_space (VmdDeviceJson *self);
gboolean vmd_device_json_take (VmdDeviceJson *self, char byte);
gboolean vmd_device_json_read_string (VmdDeviceJson *self, GString *text);
gboolean vmd_device_json_skip_value (VmdDeviceJson *self);

G_END_DECLS
