/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config-settings.h"

/* Tells the server which version was applied, or why it was not, until the server has it. */

#define CONFIG_REPORT_MAX_MESSAGE 1024 /* bytes, as the protocol has it */
#define CONFIG_REPORT_MAX_BODY (CONFIG_REPORT_MAX_MESSAGE * 6 + 128)

struct config_report
{
  struct config_settings *settings;

  char body[CONFIG_REPORT_MAX_BODY]; /* to be told; "": nothing is */
  bool is_newer; /* it came while the one before was under way */
  unsigned int n_failures; /* in a row */
  bool is_held;
  struct loop_timer retry;
  struct exchange exchange;
};

size_t config_report_write_body (char *body, uint64_t version, const char *failure);
void config_report_begin (struct config_report *report);
void config_report_set_held (struct config_report *report, bool is_held);
void config_report_send (struct config_report *report, uint64_t version, const char *failure);
void config_report_route_ready (struct config_report *report);
void config_report_stop (struct config_report *report);
