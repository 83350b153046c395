/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "unpack.h"

#include <stdbool.h>
#include <stddef.h>

/* The one failure of an unpacking: the first one counts, the rest is its consequence. All return
 * false. */
bool unpack_fail (enum unpack_status status, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));
bool unpack_fail_errno (const char *format, ...) __attribute__ ((format (printf, 1, 2)));
bool unpack_fail_member (const char *name, const char *reason);
bool unpack_fail_member_errno (const char *doing, const char *name);

enum unpack_status unpack_failure_status (void);
const char *unpack_failure_message (void);
