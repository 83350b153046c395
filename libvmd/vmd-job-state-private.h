/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a job consists of: for vmd-job.c, which shows it, and vmd-job-work.c, which changes it. */

#include "vmd-job-private.h"

G_BEGIN_DECLS

struct _VmdJob
{
  GObject parent;

  char *id; /* these five never change */
  char *kind;
  char *target; /* nullable */
  char *owner; /* nullable */
  GCancellable *cancellable;

  GMutex mutex; /* protects all below */
  VmdJobState state;
  const char *phase; /* static */
  guint64 bytes_done;
  guint64 bytes_total; /* 0: not known */
  gint64 started; /* wall clock, 0: not yet */
  gint64 ended;
  gboolean asked_to_end; /* by a cancel or an abort: the first one gives the reason */
  GError *abort_error; /* nullable */
  GError *error; /* nullable: how it ended */
};

static inline gboolean
vmd_job_is_over_locked (VmdJob *self)
{
  return self->state != VMD_JOB_QUEUED && self->state != VMD_JOB_RUNNING;
}

guint vmd_job_get_changed_signal (void);

G_END_DECLS
