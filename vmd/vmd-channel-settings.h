/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config.h"

#include <vmd.h>

G_BEGIN_DECLS

/* What the command line says of the channel, completed by the file vmd.conf. All are owned, and
 * NULL where nothing is said. */
typedef struct
{
  char *listen;
  char *certificate;
  char *key;
  char **limits; /* "NAME=VALUE" */
} VmdChannelSettings;

void vmd_channel_settings_clear (VmdChannelSettings *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmdChannelSettings, vmd_channel_settings_clear)

/* Fills in @options, whose text is @self's. INVALID_ARGUMENT names what cannot be understood, and
 * where it stands. */
gboolean vmd_channel_settings_load (VmdChannelSettings *self, const char *state_dir,
                                    VmdChannelOptions *options, GError **error);

G_END_DECLS
