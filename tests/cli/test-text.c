/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-progress.h"
#include "vmctl-table.h"
#include "vmctl-text.h"

#include <locale.h>
#include <string.h>
#include <unistd.h>

/* What is foreign must not steer a terminal. */
static void
test_printable (void)
{
  static const struct
  {
    const char *bytes;
    gssize length;
    const char *text;
  } cases[] = {
    { "plain", -1, "plain" },
    { "Füße 你好", -1, "Füße 你好" },
    { "a\nb\tc", -1, "a\\nb\\tc" },
    { "\033[31mred", -1, "\\x1b[31mred" },
    { "\xff\xfe", -1, "\\xff\\xfe" },
    { "half \xc3", -1, "half \\xc3" },
    { "a\0b", 3, "a\\x00b" },
    { "\xc2\x9b", -1, "\\xc2\\x9b" }, /* CSI as one character */
    { "\x7f", -1, "\\x7f" },
    { "", -1, "" },
    { "1\xe2\x80\xaez", -1, "1\\xe2\\x80\\xaez" }, /* U+202E, what follows from right to left */
    { "1\xe2\x80\x8dz", -1, "1\xe2\x80\x8dz" }, /* U+200D joins, and steers nothing */
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = vmctl_text_make_printable (cases[i].bytes, cases[i].length);

      g_assert_cmpstr (text, ==, cases[i].text);
    }
}

/* A stream of foreign text, cut anywhere. */
static void
test_filter (void)
{
  static const struct
  {
    const char *bytes;
    const char *text;
  } cases[] = {
    { "plain\ttext\n", "plain\ttext\n" },
    { "Füße 你好 \xf0\x9f\x98\x80", "Füße 你好 \xf0\x9f\x98\x80" },
    { "\xc2\xa0\xc2\xbf", "\xc2\xa0\xc2\xbf" },
    { "\033[31mred\r\a\x7f", "[31mred" },
    { "\xc2\x9b"
      "31mred",
      "31mred" }, /* CSI as one character */
    { "\x9b"
      "31mred",
      "31mred" }, /* and as one byte */
    { "\xc0\x9b"
      "31mred",
      "31mred" },
    { "ü\x9b"
      "31mred",
      "ü31mred" },
    { "\xc2\xc2\x9b\xc2", "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    for (gsize piece = 1; piece <= 16; piece++)
      {
        g_autoptr (GString) text = g_string_new (NULL);
        VmctlTextFilter filter = { 0 };
        gsize length = strlen (cases[i].bytes);

        for (gsize done = 0; done < length; done += piece)
          vmctl_text_filter (&filter, cases[i].bytes + done, MIN (piece, length - done), text);
        g_assert_cmpstr (text->str, ==, cases[i].text);
      }
}

static void
test_width (void)
{
  g_assert_cmpuint (vmctl_text_get_width (""), ==, 0);
  g_assert_cmpuint (vmctl_text_get_width ("abc"), ==, 3);
  g_assert_cmpuint (vmctl_text_get_width ("Füße"), ==, 4);
  g_assert_cmpuint (vmctl_text_get_width ("你好"), ==, 4);
  g_assert_cmpuint (vmctl_text_get_width ("e\xcc\x81"), ==, 1);
}

static void
test_size (void)
{
  static const struct
  {
    guint64 bytes;
    const char *text;
  } cases[] = {
    { 0, "0 B" },
    { 1023, "1023 B" },
    { 1024, "1 KiB" },
    { 1536, "1.5 KiB" },
    { G_GUINT64_CONSTANT (512) << 20, "512 MiB" },
    { (G_GUINT64_CONSTANT (1) << 30) - 1, "1 GiB" },
    { G_GUINT64_CONSTANT (8) << 30, "8 GiB" },
    { G_MAXUINT64, "16 EiB" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = vmctl_text_format_size (cases[i].bytes);

      g_assert_cmpstr (text, ==, cases[i].text);
    }
}

static void
test_time (void)
{
  g_autofree char *never = vmctl_text_format_time (0);
  g_autofree char *once = vmctl_text_format_time (G_GINT64_CONSTANT (1764072000) * G_USEC_PER_SEC);
  g_autofree char *short_one = vmctl_text_format_duration (1500000);
  g_autofree char *minutes = vmctl_text_format_duration (G_GINT64_CONSTANT (185) * G_USEC_PER_SEC);
  g_autofree char *hours = vmctl_text_format_duration (G_GINT64_CONSTANT (7800) * G_USEC_PER_SEC);

  g_assert_cmpstr (never, ==, "-");
  g_assert_cmpstr (once, ==, "2025-11-25 12:00:00");
  g_assert_cmpstr (short_one, ==, "1.5 s");
  g_assert_cmpstr (minutes, ==, "3 min 5 s");
  g_assert_cmpstr (hours, ==, "2 h 10 min");
}

static void
test_table (void)
{
  static const char *const titles[] = { "NAME", "STATE", "IMAGE", NULL };
  g_autoptr (VmctlTable) table = vmctl_table_new (titles);
  g_autofree char *empty = vmctl_table_format (table, FALSE);
  g_autofree char *plain = NULL;
  g_autofree char *coloured = NULL;

  g_assert_cmpstr (empty, ==, "NAME  STATE  IMAGE\n");
  vmctl_table_add (table, "web", "running", "tiny", NULL);
  vmctl_table_add (table, "a-long-name", "", "\033]0;x\007", NULL);
  plain = vmctl_table_format (table, FALSE);
  coloured = vmctl_table_format (table, TRUE);
  g_assert_cmpstr (plain, ==,
                   "NAME         STATE    IMAGE\n"
                   "web          running  tiny\n"
                   "a-long-name  -        \\x1b]0;x\\x07\n");
  g_assert_cmpstr (coloured, ==,
                   "\033[1mNAME\033[0m         \033[1mSTATE\033[0m    \033[1mIMAGE\033[0m\n"
                   "web          \033[32mrunning\033[0m  tiny\n"
                   "a-long-name  -        \\x1b]0;x\\x07\n");
}

static GVariant *
job_properties (const char *phase, double progress, guint64 done, guint64 total)
{
  GVariantDict properties;

  g_variant_dict_init (&properties, NULL);
  g_variant_dict_insert (&properties, "Phase", "s", phase);
  g_variant_dict_insert (&properties, "Progress", "d", progress);
  g_variant_dict_insert (&properties, "BytesDone", "t", done);
  g_variant_dict_insert (&properties, "BytesTotal", "t", total);
  return g_variant_ref_sink (g_variant_dict_end (&properties));
}

static void
assert_progress (VmctlProgressItem *item, guint columns, const char *expected)
{
  g_autofree char *line = vmctl_progress_format (item, columns);

  g_assert_cmpstr (line, ==, expected);
}

static void
test_progress (void)
{
  VmctlProgress *progress = vmctl_progress_new (STDERR_FILENO);
  VmctlProgressItem *item = vmctl_progress_begin (progress, "import into web");
  g_autoptr (GVariant) half = job_properties ("copying\033", 0.5, 1 << 20, 2 << 20);
  g_autoptr (GVariant) unknown = job_properties ("waiting", -1, 0, 0);
  g_autoptr (GVariant) endless = job_properties ("copying", -1, 1 << 20, 0);
  g_autoptr (GVariant) too_far = job_properties ("copying", 7, 0, 0);

  assert_progress (item, 0, "import into web");
  vmctl_progress_update (item, half);
  assert_progress (item, 0, "import into web: copying\\x1b 1 MiB of 2 MiB");
  assert_progress (item, 100,
                   "import into web: copying\\x1b [##########..........]  50 % 1 MiB of 2 MiB");
  assert_progress (item, 20, "import into web: cop");
  vmctl_progress_update (item, unknown);
  assert_progress (item, 100, "import into web: waiting");
  vmctl_progress_update (item, endless);
  assert_progress (item, 100, "import into web: copying 1 MiB");
  vmctl_progress_update (item, too_far);
  assert_progress (item, 100, "import into web: copying [####################] 100 %");
  vmctl_progress_end (item);
  vmctl_progress_free (progress);
}

int
main (int argc, char **argv)
{
  g_setenv ("TZ", "UTC", TRUE);
  setlocale (LC_ALL, "C.UTF-8");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vmctl/text/printable", test_printable);
  g_test_add_func ("/vmctl/text/filter", test_filter);
  g_test_add_func ("/vmctl/text/width", test_width);
  g_test_add_func ("/vmctl/text/size", test_size);
  g_test_add_func ("/vmctl/text/time", test_time);
  g_test_add_func ("/vmctl/table", test_table);
  g_test_add_func ("/vmctl/progress", test_progress);
  return g_test_run ();
}
