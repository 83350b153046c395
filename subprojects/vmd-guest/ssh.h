/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "seed.h"

void ssh_apply (const struct seed *seed);
char *const *ssh_server_argv (const struct seed *seed);
