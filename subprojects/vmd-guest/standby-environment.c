/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Not setenv(): that changes the one environment there is, which a shell must get as it was when
 * the program cannot be started without one. */

#include "standby-environment.h"

#include <stdlib.h>
#include <string.h>

bool
standby_environment_copy (struct standby_environment *self, char **entries, size_t more)
{
  size_t n = 0;

  while (entries[n] != NULL)
    n++;
  *self = (struct standby_environment){ .entries = calloc (n + more + 1, sizeof *entries) };
  if (self->entries == NULL)
    return false;
  memcpy (self->entries, entries, n * sizeof *entries);
  self->n = n;

  return true;
}

/* The place of the variable with that name, of @length bytes; the end when there is none. */
static size_t
find (const struct standby_environment *self, const char *name, size_t length)
{
  size_t i = 0;

  while (i < self->n &&
         (strncmp (self->entries[i], name, length) != 0 || self->entries[i][length] != '='))
    i++;

  return i;
}

void
standby_environment_set (struct standby_environment *self, char *entry)
{
  size_t i = find (self, entry, strcspn (entry, "="));

  self->entries[i] = entry;
  self->n += i == self->n;
}

const char *
standby_environment_get (const struct standby_environment *self, const char *name)
{
  size_t length = strlen (name);
  size_t i = find (self, name, length);

  return i < self->n ? self->entries[i] + length + 1 : NULL;
}
