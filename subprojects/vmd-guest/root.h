/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

bool root_is_there (void);
bool root_wait (int milliseconds);
bool root_mount (void);
void root_grow (void);
bool root_enter (void);
void root_forget_initramfs (void);
