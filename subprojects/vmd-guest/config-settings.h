/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "connection.h"
#include "exchange.h"
#include "seed.h"

/* What the client was told on its command line and in its seed. */

#define CONFIG_MAX_INSTANCE 32

struct config_settings
{
  const char *seed; /* the file */
  const char *output;
  const char *directory;
  const char *hook;
  int64_t second; /* milliseconds that a second takes; tests are in a hurry */

  char device[SEED_MAX_DEVICE + 1];
  char url[SEED_MAX_CHANNEL + 1];
  char token[SEED_MAX_CHANNEL + 1];
  char instance[CONFIG_MAX_INSTANCE + 1]; /* of this process */
  struct route route;
};

bool config_settings_load (struct config_settings *settings);
bool config_settings_begin (struct config_settings *settings);
int64_t config_settings_scale (const struct config_settings *settings, int64_t milliseconds);
bool config_settings_write_head (struct config_settings *settings, struct exchange *exchange,
                                 const char *method, const char *resource);
uint32_t config_settings_chance (void);
