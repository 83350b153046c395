/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config-settings.h"

/* Keeps this guest as the server has it, until SIGTERM or SIGINT. False: it could not begin. */
bool config_client_run (struct config_settings *settings, int64_t hook_deadline);
