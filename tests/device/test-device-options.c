/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-options.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include <vmd-error.h>

/* @line: words, apart by blanks. (nullable) (transfer full) */
static VmdDeviceOptions *
parse (const char *line, GError **error)
{
  g_autofree char *whole = g_strconcat ("vmd-device ", line, NULL);
  g_auto (GStrv) argv = g_strsplit (g_strchomp (whole), " ", -1);

  return vmd_device_options_parse (argv, error);
}

static void
assert_refused (const char *line, const char *part)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (parse (line, &error));
  g_assert_nonnull (error);
  if (strstr (error->message, part) == NULL)
    g_error ("“%s” does not name “%s”", error->message, part);
}

static void
test_good (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdDeviceOptions) options =
      parse ("--url https://host.example:8443/ --id lamp-1 --token-file /t --output /a/b/../c "
             "--directory /d/ --hook /h --hook-deadline 5 --ca /ca --once --verbose",
             &error);

  g_assert_no_error (error);
  g_assert_cmpstr (options->url, ==, "https://host.example:8443");
  g_assert_cmpstr (options->id, ==, "lamp-1");
  g_assert_cmpstr (options->token_file, ==, "/t");
  g_assert_cmpstr (options->output, ==, "/a/c");
  g_assert_cmpstr (options->directory, ==, "/d");
  g_assert_cmpstr (options->hook, ==, "/h");
  g_assert_cmpuint (options->hook_deadline, ==, 5);
  g_assert_cmpstr (options->ca, ==, "/ca");
  g_assert_true (options->once && options->verbose);
  g_assert_cmpuint (vmd_device_options_scale (options, 25000), ==, 25000);
}

static void
test_missing (void)
{
  assert_refused ("", "--url");
  assert_refused ("--url https://h --token-file t --output o", "--id");
  assert_refused ("--url https://h --id a --output o", "--token-file");
  assert_refused ("--url https://h --id a --token-file t", "--output");
  assert_refused ("--url https://h --id a --token-file t --output o rest", "rest");
  assert_refused ("--url https://h --id a --token 123", "--token");
}

static void
test_urls (void)
{
  static const char *const good[] = { "http://127.0.0.1:1", "http://127.9.9.9",
                                      "http://[::1]:80",    "http://localhost:80",
                                      "https://h",          "https://h/base/path" };
  static const char *const bad[] = { "h", "//h", "https://", "https:///path", "ftp://h",
                                     "file:///etc/passwd", "https://user@h", "https://user:word@h",
                                     "https://h?query", "https://h#fragment", "https://h:99999",
                                     /* In the clear, to somewhere else. */
                                     "http://h", "http://10.0.0.1", "http://127.0.0.1.example",
                                     "http://localhost.example", "http://[fe80::1]",
                                     "http://0.0.0.0" };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autofree char *line =
          g_strconcat ("--id a --token-file t --output o --url ", good[i], NULL);
      g_autoptr (GError) error = NULL;
      g_autoptr (VmdDeviceOptions) options = parse (line, &error);

      g_assert_no_error (error);
      g_assert_nonnull (options);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *line = g_strconcat ("--id a --token-file t --output o --url ", bad[i], NULL);

      assert_refused (line, bad[i]);
    }
}

static void
test_bad_values (void)
{
#define REST " --url https://h --token-file t --output /o/f"
  assert_refused ("--id A" REST, "“A”");
  assert_refused ("--id a/b" REST, "a/b");
  assert_refused ("--id .." REST, "..");
  assert_refused ("--id a%2fb" REST, "a%2fb");
  assert_refused ("--id 0123456789012345678901234567890123456789012345678901234567890123" REST,
                  "63");
  assert_refused ("--id a --hook-deadline -1" REST, "-1");
  assert_refused ("--id a --hook-deadline 86401" REST, "86401");
  assert_refused ("--id a --hook-deadline x" REST, "x");
  assert_refused ("--id a --directory /" REST, "--directory");
  assert_refused ("--id a --directory /o" REST, "--output");
  assert_refused ("--id a --directory /o/f/.." REST, "--output");
#undef REST
}

static char *
write_key_file (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp ("vmd-device-XXXXXX", &path, &error);

  g_assert_no_error (error);
  close (fd);
  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
  return g_steal_pointer (&path);
}

static void
test_key_file (void)
{
  g_autofree char *path = write_key_file ("[Device]\nUrl=https://h\nId=a\nTokenFile=/t\n"
                                          "Output=/o\nDirectory=/d\nHook=/h\nHookDeadline=7\n"
                                          "Ca=/ca\n");
  g_autofree char *line = g_strconcat ("--id b --config ", path, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdDeviceOptions) options = parse (line, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (options->url, ==, "https://h");
  g_assert_cmpstr (options->id, ==, "b");
  g_assert_cmpstr (options->token_file, ==, "/t");
  g_assert_cmpstr (options->output, ==, "/o");
  g_assert_cmpstr (options->directory, ==, "/d");
  g_assert_cmpstr (options->hook, ==, "/h");
  g_assert_cmpuint (options->hook_deadline, ==, 7);
  g_assert_cmpstr (options->ca, ==, "/ca");
  g_unlink (path);
}

static void
test_bad_key_file (void)
{
  static const struct
  {
    const char *text;
    const char *part;
  } cases[] = {
    { "[Device]\nUrl=https://h\nId=a\nTokenFile=/t\nOutput=/o\nUlr=x\n", "Ulr" },
    { "[Device]\nToken=0123\n", "Token" },
    { "[Device]\nHookDeadline=0\n", "HookDeadline" },
    { "[Other]\nUrl=https://h\n", "Device" },
    { "Url=https://h\n", "" },
    { "", "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = write_key_file (cases[i].text);
      g_autofree char *line = g_strconcat ("--config ", path, NULL);

      assert_refused (line, cases[i].part);
      assert_refused (line, path);
      g_unlink (path);
    }
  assert_refused ("--config /nowhere/at/all", "/nowhere/at/all");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/device-options/good", test_good);
  g_test_add_func ("/device-options/missing", test_missing);
  g_test_add_func ("/device-options/urls", test_urls);
  g_test_add_func ("/device-options/bad-values", test_bad_values);
  g_test_add_func ("/device-options/key-file", test_key_file);
  g_test_add_func ("/device-options/bad-key-file", test_bad_key_file);
  return g_test_run ();
}
