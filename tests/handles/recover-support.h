/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of recovery share: closing and opening again, and processes that are killed. */

#include "handles-support.h"

void close_manager (Fixture *fixture);
void open_again (Fixture *fixture);
VmdVm *find (Fixture *fixture, const char *name);
gboolean is_provisioned (const VmdVmSnapshot *now, gconstpointer data);
/* Rows of launches, of what they made, of claims. */
gint64 count_left_over (Fixture *fixture);

/* This program, with @verb and the state directory. @fault and @fault_log: (nullable): its
 * VMD_FAULT and VMD_FAULT_LOG. */
GSubprocess *
run_self (Fixture *fixture, const char *verb, const char *fault, const char *fault_log);
void kill_and_wait (GSubprocess *process);
/* Hypervisors whose parent is killed become children of this process, so that none can hide. */
void adopt_orphans (void);
/* All that the killed have left us have ended too; one that does not end ends the test. */
void wait_for_orphans (void);
