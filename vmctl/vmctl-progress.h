/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What is under way, on standard error: a line with a bar on a terminal; elsewhere a plain line
 * for each phase, and only of what takes longer than a second. */
typedef struct _VmctlProgress VmctlProgress;
typedef struct _VmctlProgressItem VmctlProgressItem;

VmctlProgress *vmctl_progress_new (int fd);
void vmctl_progress_free (VmctlProgress *self);
/* Takes the line away, so that something else can be printed. */
void vmctl_progress_clear (VmctlProgress *self);

VmctlProgressItem *vmctl_progress_begin (VmctlProgress *self, const char *label);
void vmctl_progress_update (VmctlProgressItem *item, GVariant *job_properties);
void vmctl_progress_end (VmctlProgressItem *item);

char *vmctl_progress_format (VmctlProgressItem *item, guint columns);

G_END_DECLS
