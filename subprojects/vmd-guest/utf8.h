/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* How many bytes at the beginning are whole UTF-8 characters. */
size_t utf8_valid_length (const char *bytes, size_t length);
