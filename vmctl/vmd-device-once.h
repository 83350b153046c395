/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-device-options.h"

G_BEGIN_DECLS

/* Fetches and applies the values once, and takes no stream from anybody. */
gboolean vmd_device_once_run (const VmdDeviceOptions *options, GError **error);

G_END_DECLS
