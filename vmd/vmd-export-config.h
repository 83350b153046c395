/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config.h"

#include "vmd-call.h"

G_BEGIN_DECLS

/* Methods that devices and groups have alike, and the options that they take. */
void vmd_export_config_run_change (VmdCall *call);
void vmd_export_config_run_roll_back (VmdCall *call);
void vmd_export_config_run_history (VmdCall *call);

#define VMD_EXPORT_CONFIG_METHODS                                                                  \
  { "handle-change-config",                                                                        \
    NULL,                                                                                          \
    vmd_export_config_run_change,                                                                  \
    { { "if-version", "t" }, { "note", "s" } } },                                                  \
      { "handle-roll-back",                                                                        \
        NULL,                                                                                      \
        vmd_export_config_run_roll_back,                                                           \
        { { "if-version", "t" }, { "note", "s" } } },                                              \
  {                                                                                                \
    "handle-history", NULL, vmd_export_config_run_history,                                         \
    {                                                                                              \
      {                                                                                            \
        "limit", "u"                                                                               \
      }                                                                                            \
    }                                                                                              \
  }

G_END_DECLS
