/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config.h"

#include "vmd-call.h"

G_BEGIN_DECLS

/* org.vmd.Vmd1.Manager.Lock() */
void vmd_bus_lock_run (VmdCall *call);

G_END_DECLS
