/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-guest-private.h"

G_BEGIN_DECLS

gboolean vmd_seed_add (GByteArray *archive, const VmdSeed *seed, GError **error);

G_END_DECLS
