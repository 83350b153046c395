/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "channel/vmd-config-values-private.h"

/* What one set costs in memory, before anything is written or sent: a group's set remakes the
 * snapshot of each of its devices. */

#define ROUNDS 100000

static char *
one_kibibyte (const char *prefix)
{
  GString *json = g_string_new ("{");

  for (guint i = 0; json->len < 990; i++)
    g_string_append_printf (json, "%s\"%s.key%02u\":%s", i > 0 ? "," : "", prefix, i,
                            i % 3 == 0   ? "12345"
                            : i % 3 == 1 ? "\"a text of some words\""
                                         : "[1,2,3]");
  g_string_append_c (json, '}');
  return g_string_free (json, FALSE);
}

static void
report (const char *what, gint64 start)
{
  g_print ("%s: %.2f microseconds\n", what,
           (double) (g_get_monotonic_time () - start) / (double) ROUNDS);
}

int
main (void)
{
  g_autofree char *left = one_kibibyte ("a"), *right = one_kibibyte ("b");
  g_autoptr (VmdConfigValues) under = vmd_config_values_parse (left, -1, NULL);
  g_autoptr (VmdConfigValues) over = vmd_config_values_parse (right, -1, NULL);
  gint64 start = g_get_monotonic_time ();

  for (guint i = 0; i < ROUNDS; i++)
    vmd_config_values_unref (vmd_config_values_parse (left, -1, NULL));
  report ("parse of 1 KiB", start);
  start = g_get_monotonic_time ();
  for (guint i = 0; i < ROUNDS; i++)
    vmd_config_values_unref (vmd_config_values_overlay (under, over));
  report ("overlay of 1 KiB on 1 KiB of other keys", start);
  start = g_get_monotonic_time ();
  for (guint i = 0; i < ROUNDS; i++)
    vmd_config_values_unref (vmd_config_values_patch (under, "{\"a.key01\":\"new\"}", NULL));
  report ("patch of one key in 1 KiB", start);
  return 0;
}
