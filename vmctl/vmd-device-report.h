/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-device-http.h"

G_BEGIN_DECLS

/* Tells the server which version was applied, or why it was not, until the server has it. */
typedef struct _VmdDeviceReport VmdDeviceReport;

/* Called when nothing is left to be told. @error: (nullable) the server does not want it. */
typedef void (*VmdDeviceReportedFunc) (const GError *error, gpointer data);

VmdDeviceReport *vmd_device_report_new (VmdDeviceHttp *http, const VmdDeviceOptions *options,
                                        VmdDeviceReportedFunc func, gpointer data);
void vmd_device_report_free (VmdDeviceReport *self);
void vmd_device_report_set_held (VmdDeviceReport *self, gboolean held);
void vmd_device_report_send (VmdDeviceReport *self, guint64 version, const GError *failure);
void vmd_device_report_stop (VmdDeviceReport *self);
gboolean vmd_device_report_is_busy (VmdDeviceReport *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdDeviceReport, vmd_device_report_free)

G_END_DECLS
