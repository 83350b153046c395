/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the stress tests ask for: random requests over a few resources, so few that nearly all
 * conflict. */

#include "vmd-lock.h"

#define N_STRESSED 6

typedef struct
{
  VmdLockKind kind;
  const char *name;
} StressedResource;

extern const StressedResource stressed[N_STRESSED];

typedef struct
{
  guint wanted; /* bit i: stressed[i] */
  guint exclusive; /* bit i: and nobody else */
  gint64 timeout; /* milliseconds, -1: none, 0: does not wait */
} StressRequest;

void stress_request_make (StressRequest *self, GRand *random);
VmdLockRequest *stress_request_build (const StressRequest *self, const char *owner);
