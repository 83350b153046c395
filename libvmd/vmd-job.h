/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-macros.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum
{
  VMD_JOB_QUEUED,
  VMD_JOB_RUNNING,
  VMD_JOB_DONE,
  VMD_JOB_FAILED,
  VMD_JOB_CANCELLED,
} VmdJobState;

#define VMD_TYPE_JOB (vmd_job_get_type ())
VMD_AVAILABLE_IN_0_1 G_DECLARE_FINAL_TYPE (VmdJob, vmd_job, VMD, JOB, GObject)

VMD_AVAILABLE_IN_0_1 const char *vmd_job_get_id (VmdJob *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_job_get_kind (VmdJob *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_job_get_target (VmdJob *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_job_get_owner (VmdJob *self);
VMD_AVAILABLE_IN_0_1 VmdJobState vmd_job_get_state (VmdJob *self);
VMD_AVAILABLE_IN_0_1 const char *vmd_job_get_phase (VmdJob *self);
VMD_AVAILABLE_IN_0_1 double vmd_job_get_progress (VmdJob *self);
VMD_AVAILABLE_IN_0_1 guint64 vmd_job_get_bytes_done (VmdJob *self);
VMD_AVAILABLE_IN_0_1 guint64 vmd_job_get_bytes_total (VmdJob *self);
VMD_AVAILABLE_IN_0_1 gint64 vmd_job_get_started (VmdJob *self);
VMD_AVAILABLE_IN_0_1 gint64 vmd_job_get_ended (VmdJob *self);
VMD_AVAILABLE_IN_0_1 gboolean vmd_job_get_cancellable_by_user (VmdJob *self);
VMD_AVAILABLE_IN_0_1 GError *vmd_job_dup_error (VmdJob *self);
VMD_AVAILABLE_IN_0_1 void vmd_job_cancel (VmdJob *self);

G_END_DECLS
