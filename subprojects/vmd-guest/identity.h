/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "seed.h"

void identity_add_entropy (void);
void identity_set_clock (const struct seed *seed);
void identity_apply (const struct seed *seed);
