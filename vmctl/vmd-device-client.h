/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-device-options.h"

G_BEGIN_DECLS

/* Keeps this device as the server has it, until SIGTERM or SIGINT. */
gboolean vmd_device_client_run (const VmdDeviceOptions *options, GError **error);

G_END_DECLS
