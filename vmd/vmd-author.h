/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config.h"

#include "vmd-call.h"

G_BEGIN_DECLS

/* Who makes a change: "alice (pid 4711)", as the kernel or the bus says, and behind it ": " and the
 * caller's own option `note` where there is one. What cannot be found out is left out. */
void vmd_author_find_async (VmdCall *call, GAsyncReadyCallback callback, gpointer data);
/* (transfer full); INVALID_ARGUMENT when the note will not do. */
char *vmd_author_find_finish (GAsyncResult *result, GError **error);

G_END_DECLS
