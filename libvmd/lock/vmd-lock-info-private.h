/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-lock-set-private.h"

G_BEGIN_DECLS

/* Text is (transfer full). */
typedef struct
{
  VmdLockSet *set;
  gboolean held;
  char *owner;
  char *reason;
  char *job; /* (nullable) */
  char *sender; /* (nullable) */
  gint64 pid;
  gint64 since; /* wall clock, microseconds */
} VmdLockFacts;

void vmd_lock_facts_clear (VmdLockFacts *facts);
/* Takes what @facts has, and leaves it empty. */
VmdLockInfo *vmd_lock_info_new (VmdLockFacts *facts);
const VmdLockSet *vmd_lock_info_get_set (VmdLockInfo *self);
/* “import” (pid 4711, :1.42, job 12) since 2026-01-31 12:00:05 */
char *vmd_lock_info_describe (VmdLockInfo *self);

G_END_DECLS
