/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-name-private.h"

#include <gio/gio.h>
#include <string.h>

/* LESSONS 41: sizes. */

static void
test_good (void)
{
  const struct
  {
    const char *text;
    guint64 bytes;
  } sizes[] = {
    { "1", 1 },
    { "65536", 65536 },
    { "0001", 1 },
    { "1K", 1024 },
    { "1k", 1024 },
    { "1KiB", 1024 },
    { "512M", G_GUINT64_CONSTANT (512) << 20 },
    { "512MiB", G_GUINT64_CONSTANT (512) << 20 },
    { "4G", G_GUINT64_CONSTANT (4) << 30 },
    { "4g", G_GUINT64_CONSTANT (4) << 30 },
    { "4GiB", G_GUINT64_CONSTANT (4) << 30 },
    { "16T", G_GUINT64_CONSTANT (16) << 40 },
    { "16777215TiB", G_GUINT64_CONSTANT (16777215) << 40 },
    { "18446744073709551615", G_MAXUINT64 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GError) error = NULL;
      guint64 bytes = 0;

      g_assert_true (vmd_size_parse (sizes[i].text, "memory", &bytes, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (bytes, ==, sizes[i].bytes);
    }
}

static void
test_bad (void)
{
  const char *const texts[] = {
    NULL,
    "",
    " ",
    "0",
    "0G",
    "00",
    "-1",
    "-4G",
    "+4G",
    "4 G",
    " 4G",
    "4G ",
    "4.5G",
    "4,5G",
    "0x10",
    "1e9",
    "G",
    "GiB",
    "4GB",
    "4Gi",
    "4GiBs",
    "4gib",
    "4P",
    "4E",
    "4G4",
    "4\n",
    "\xc3\xbc",
    "4\xff",
    "16777216T",
    "18446744073709551616",
    "99999999999999999999999999999999",
    "18014398509481984K",
    "four",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;
      guint64 bytes = 42;

      g_assert_false (vmd_size_parse (texts[i], "memory", &bytes, &error));
      g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, "memory"));
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      g_assert_cmpuint (bytes, ==, 42);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/size/good", test_good);
  g_test_add_func ("/size/bad", test_bad);
  return g_test_run ();
}
