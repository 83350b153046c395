/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A regular expression that all of a text must match, bounded in time and memory whatever they
 * are. */

#include "vmd-error.h"

G_BEGIN_DECLS

#define VMD_PATTERN_MAX 256 /* bytes of an expression */
#define VMD_PATTERN_MAX_SUBJECT 1024 /* bytes of what is held against it */

/* INVALID_ARGUMENT. (transfer full) */
GRegex *vmd_config_pattern_new (const char *expression, GError **error);
/* INVALID_ARGUMENT: it does not match, or nobody can afford to know. */
gboolean vmd_config_pattern_check (const GRegex *pattern, const char *text, GError **error);

G_END_DECLS
