/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

void mount_early (void);
void mount_for_own_init (void);
bool mount_over (const char *path, const char *source);
