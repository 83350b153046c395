/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#define MODULES_DIRECTORY "/lib/vmd-modules"

void modules_open (const char *directory);
void modules_load (bool (*is_enough) (void));
void modules_close (void);
