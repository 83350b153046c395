/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config-hook.h"
#include "config-settings.h"
#include "config-snapshot.h"

/* Makes snapshots what this guest works with: files, then the hook. */

struct config_apply
{
  const struct config_settings *settings;
  /* @failure: why @version could not be applied; NULL: it was */
  void (*applied) (void *user, uint64_t version, const char *failure);
  void *user;

  struct config_snapshot *current; /* being applied, or applied last; NULL: none */
  struct config_snapshot *waiting; /* NULL: none */
  struct config_hook hook;
  bool is_busy;
  bool is_stopping;
};

void config_apply_begin (struct config_apply *apply);
void config_apply_take (struct config_apply *apply, struct config_snapshot *snapshot);
void config_apply_again (struct config_apply *apply);
void config_apply_stop (struct config_apply *apply);
