/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmd.h>

G_BEGIN_DECLS

/* Tells of a job's changes on the main loop, at a pace that people can follow. */
typedef struct _VmdJobPace VmdJobPace;

typedef void (*VmdJobPaceFunc) (VmdJob *job, gpointer data);

/* Calls @func in the caller's main context: soon, then at most four times a second for as long as
 * the job changes, and without delay when it has ended; never after vmd_job_pace_stop(). */
VmdJobPace *vmd_job_pace_start (VmdJob *job, VmdJobPaceFunc func, gpointer data);
void vmd_job_pace_stop (VmdJobPace *self);

G_END_DECLS
