/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The working side of a job: what verbs do with it. */

#include "vmd-error.h"
#include "vmd-job.h"

G_BEGIN_DECLS

VmdJob *vmd_job_new (const char *kind, const char *target, const char *owner, const char *id);
GCancellable *vmd_job_get_cancellable (VmdJob *self);
void vmd_job_abort (VmdJob *self, VmdError code, const char *message);
void vmd_job_explain (VmdJob *self, GError **error);
void vmd_job_set_running (VmdJob *self);
void vmd_job_set_phase (VmdJob *self, const char *phase);
void vmd_job_set_bytes (VmdJob *self, guint64 done, guint64 total);
void vmd_job_finish (VmdJob *self, const GError *error);

G_END_DECLS
