/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/* One file for each import under way, whose content is the absolute path of its staging
 * directory. On the guest's disk, so that the next boot can remove what a power failure left. */
#define STAGING_REGISTER "/var/lib/vmd/staging"
/* How the last component of a staging directory's path begins. Nothing else is ever removed. */
#define STAGING_PREFIX ".vmd-staging-"

bool staging_path_is_valid (const char *path);
void staging_clear (const char *register_path);
