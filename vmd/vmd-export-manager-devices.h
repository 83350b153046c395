/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config.h"

#include "vmd-call.h"
#include "vmd-dbus.h"

G_BEGIN_DECLS

/* What org.vmd.Vmd1.Manager has of devices and groups. */
void vmd_export_manager_add_devices (VmdExport *export, VmdDbusManager *skeleton);

G_END_DECLS
