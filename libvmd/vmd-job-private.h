/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The working side of a job: what verbs do with it. */

#include "vmd-error.h"
#include "vmd-job.h"

G_BEGIN_DECLS

VmdJob *vmd_job_new (const char *kind, const char *target, const char *owner, const char *id);
/* The cancellable that the work waits on. (transfer none). */
GCancellable *vmd_job_get_cancellable (VmdJob *self);
/* Cancels with a reason of the library's own: the work ends with @code and @message instead of CANCELLED. First one counts. */
void vmd_job_abort (VmdJob *self, VmdError code, const char *message);
/* If the job was aborted and *@error is CANCELLED, puts the abort's error in its place. */
void vmd_job_explain (VmdJob *self, GError **error);
void vmd_job_set_running (VmdJob *self);
/* @phase: static string. */
void vmd_job_set_phase (VmdJob *self, const char *phase);
void vmd_job_set_bytes (VmdJob *self, guint64 done, guint64 total);
/* @error NULL: done. Copies @error. Only the first call counts. */
void vmd_job_finish (VmdJob *self, const GError *error);

G_END_DECLS
