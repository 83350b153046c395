/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config-snapshot.h"

/* A snapshot on disk. Whoever reads sees one version or another, whole, never a mixture. */

bool config_files_write_output (const char *path, const struct config_snapshot *snapshot);
bool config_files_write_directory (const char *path, const struct config_snapshot *snapshot);
