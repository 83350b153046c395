/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How the agent is called; see agent.c for the '@'. */
#define SUPERVISE_AGENT_NAME "@vmd-guest"

void supervise_begin (void);
void supervise_end (void);
void supervise_start_ssh (char *const *argv);
void supervise_start_agent (const char *program);
void supervise_start_config (const char *program);
void supervise_run (void) __attribute__ ((noreturn));
