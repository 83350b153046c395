/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/* Where what went wrong is kept for the agent, one line for each problem. */
#define REPORT_MESSAGE_PATH "/run/vmd/message"

void report_open (const char *who);
void report_note (const char *format, ...) __attribute__ ((format (printf, 1, 2)));
bool report_problem (const char *format, ...) __attribute__ ((format (printf, 1, 2)));
bool report_errno (const char *format, ...) __attribute__ ((format (printf, 1, 2)));
