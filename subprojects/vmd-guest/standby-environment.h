/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* An environment that is made while another is in use: a list of "NAME=value" that ends with NULL.
 * The strings are the caller's. */
struct standby_environment
{
  char **entries;
  size_t n;
};

/* A copy of @entries, with room for @more. */
bool standby_environment_copy (struct standby_environment *self, char **entries, size_t more);
void standby_environment_set (struct standby_environment *self, char *entry);
/* NULL: there is none of that name. */
const char *standby_environment_get (const struct standby_environment *self, const char *name);
