/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* When to try again. Times are in milliseconds; @chance is drawn from all numbers of 32 bits. */

#define CONFIG_RETRY_FIRST 1000
#define CONFIG_RETRY_LONGEST (60 * 1000)
/* After a stream of this length the failures before it count no more. */
#define CONFIG_RETRY_GOOD (10 * 1000)
/* Of what a server may ask for. */
#define CONFIG_RETRY_AFTER_LONGEST (60 * 60 * 1000)
/* How long to leave a device to the client that took it. */
#define CONFIG_RETRY_SUPERSEDED (300 * 1000)

int64_t config_retry_after_failures (unsigned int n_failures, uint32_t chance);
int64_t config_retry_when_superseded (uint32_t chance);
int64_t config_retry_when_answered (unsigned int status, int64_t retry_after,
                                    unsigned int n_failures, uint32_t chance);
bool config_retry_is_refusal (unsigned int status);
