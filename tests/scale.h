/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How often stress tests repeat: the environment's VMD_TEST_SCALE, in percent, makes it less where
 * every instruction costs more (a thread checker), or more. */

#include <glib.h>

static inline guint
scaled (guint n)
{
  const char *percent = g_getenv ("VMD_TEST_SCALE");
  guint64 value = 100;

  if (percent != NULL && !g_ascii_string_to_unsigned (percent, 10, 1, 10000, &value, NULL))
    g_error ("VMD_TEST_SCALE is a percentage, not “%s”", percent);
  return MAX (n * value / 100, 2);
}
