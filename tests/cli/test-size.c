/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-size.h"

#include <vmd-error.h>

/* TAP is UTF-8, and not all of these are. */
static void
tell (const char *text)
{
  g_autofree char *escaped = g_strescape (text, NULL);

  g_test_message ("“%s”", escaped);
}

/* LESSONS 41. */
static const struct
{
  const char *text;
  guint64 bytes; /* 0: refused */
} sizes[] = {
  { "1", 1 },
  { "65536", 65536 },
  { "1K", 1024 },
  { "1KiB", 1024 },
  { "512M", G_GUINT64_CONSTANT (512) << 20 },
  { "512MiB", G_GUINT64_CONSTANT (512) << 20 },
  { "4G", G_GUINT64_CONSTANT (4) << 30 },
  { "4g", G_GUINT64_CONSTANT (4) << 30 },
  { "4GiB", G_GUINT64_CONSTANT (4) << 30 },
  { "2T", G_GUINT64_CONSTANT (2) << 40 },
  { "0004G", G_GUINT64_CONSTANT (4) << 30 },
  { "18446744073709551615", G_MAXUINT64 },
  { "16777215T", G_GUINT64_CONSTANT (16777215) << 40 },
  { "18446744073709551616", 0 },
  { "16777216T", 0 },
  { "99999999999999999999999999", 0 },
  { "0", 0 },
  { "0G", 0 },
  { "", 0 },
  { "G", 0 },
  { "-1", 0 },
  { "+1", 0 },
  { "1.5G", 0 },
  { " 4G", 0 },
  { "4G ", 0 },
  { "4 G", 0 },
  { "4GB", 0 },
  { "4GIB", 0 },
  { "4Gi", 0 },
  { "4GiBs", 0 },
  { "4P", 0 },
  { "0x10", 0 },
  { "4\xff", 0 },
  { "0001", 1 },
  { "1k", 1024 },
  { "16777215TiB", G_GUINT64_CONSTANT (16777215) << 40 },
  { "18014398509481984K", 0 },
  { "00", 0 },
  { "-4G", 0 },
  { "+4G", 0 },
  { "4,5G", 0 },
  { "1e9", 0 },
  { "GiB", 0 },
  { "4gib", 0 },
  { "4E", 0 },
  { "4G4", 0 },
  { "4\n", 0 },
  { "\xc3\xbc", 0 },
  { "four", 0 },
};

static void
test_size (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GError) error = NULL;
      guint64 bytes = 77;
      gboolean parsed = vmctl_size_parse (sizes[i].text, "--memory", &bytes, &error);

      tell (sizes[i].text);
      g_assert_cmpint (parsed, ==, sizes[i].bytes != 0);
      g_assert_cmpuint (bytes, ==, parsed ? sizes[i].bytes : 77);
      if (parsed)
        continue;
      g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
      g_assert_true (g_str_has_prefix (error->message, "--memory: "));
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
}

static void
test_count (void)
{
  static const struct
  {
    const char *text;
    guint count;
  } counts[] = {
    { "1", 1 },          { "4294967295", G_MAXUINT32 },
    { "4294967296", 0 }, { "0", 0 },
    { "-1", 0 },         { "2x", 0 },
    { "", 0 },           { "1.0", 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (counts); i++)
    {
      g_autoptr (GError) error = NULL;
      guint count = 77;

      tell (counts[i].text);
      g_assert_cmpint (vmctl_count_parse (counts[i].text, "--vcpus", &count, &error), ==,
                       counts[i].count != 0);
      g_assert_cmpuint (count, ==, counts[i].count != 0 ? counts[i].count : 77);
      if (counts[i].count == 0)
        g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_duration (void)
{
  static const struct
  {
    const char *text;
    gboolean valid;
    guint milliseconds;
  } durations[] = {
    { "10", TRUE, 10000 },
    { "0", TRUE, 0 },
    { "500ms", TRUE, 500 },
    { "2s", TRUE, 2000 },
    { "3m", TRUE, 180000 },
    { "1h", TRUE, 3600000 },
    { "4294967", TRUE, 4294967000u },
    { "4294968", FALSE, 0 },
    { "", FALSE, 0 },
    { "s", FALSE, 0 },
    { "-1", FALSE, 0 },
    { "1.5s", FALSE, 0 },
    { "1d", FALSE, 0 },
    { "1 s", FALSE, 0 },
    { "99999999999999999999s", FALSE, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (durations); i++)
    {
      g_autoptr (GError) error = NULL;
      guint milliseconds = 77;

      tell (durations[i].text);
      g_assert_cmpint (vmctl_duration_parse (durations[i].text, "--grace", &milliseconds, &error),
                       ==, durations[i].valid);
      g_assert_cmpuint (milliseconds, ==, durations[i].valid ? durations[i].milliseconds : 77);
    }
}

static void
test_lifetime (void)
{
  static const struct
  {
    const char *text;
    gboolean valid;
    guint seconds;
  } lifetimes[] = {
    { "90", TRUE, 90 },
    { "90s", TRUE, 90 },
    { "45m", TRUE, 2700 },
    { "12h", TRUE, 43200 },
    { "365d", TRUE, 31536000 },
    { "49710d", TRUE, 4294944000u },
    { "49711d", FALSE, 0 },
    { "0", FALSE, 0 },
    { "0d", FALSE, 0 },
    { "", FALSE, 0 },
    { "d", FALSE, 0 },
    { "-1d", FALSE, 0 },
    { "1.5d", FALSE, 0 },
    { "1w", FALSE, 0 },
    { "5ms", FALSE, 0 },
    { "1 d", FALSE, 0 },
    { "99999999999999999999d", FALSE, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (lifetimes); i++)
    {
      g_autoptr (GError) error = NULL;
      guint seconds = 77;

      tell (lifetimes[i].text);
      g_assert_cmpint (vmctl_lifetime_parse (lifetimes[i].text, "--expires", &seconds, &error), ==,
                       lifetimes[i].valid);
      g_assert_cmpuint (seconds, ==, lifetimes[i].valid ? lifetimes[i].seconds : 77);
    }
}

static void
test_version (void)
{
  static const struct
  {
    const char *text;
    gboolean valid;
    guint64 version;
  } versions[] = {
    { "0", TRUE, 0 },
    { "17", TRUE, 17 },
    { "18446744073709551615", TRUE, G_MAXUINT64 },
    { "18446744073709551616", FALSE, 0 },
    { "", FALSE, 0 },
    { "-1", FALSE, 0 },
    { "1x", FALSE, 0 },
    { " 1", FALSE, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (versions); i++)
    {
      g_autoptr (GError) error = NULL;
      guint64 version = 77;

      tell (versions[i].text);
      g_assert_cmpint (vmctl_version_parse (versions[i].text, "VERSION", &version, &error), ==,
                       versions[i].valid);
      g_assert_cmpuint (version, ==, versions[i].valid ? versions[i].version : 77);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vmctl/size", test_size);
  g_test_add_func ("/vmctl/count", test_count);
  g_test_add_func ("/vmctl/duration", test_duration);
  g_test_add_func ("/vmctl/lifetime", test_lifetime);
  g_test_add_func ("/vmctl/version", test_version);
  return g_test_run ();
}
