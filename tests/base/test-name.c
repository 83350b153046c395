/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-name-private.h"

#include <gio/gio.h>
#include <string.h>

/* LESSONS 41: names, by the whole table of characters. */

static gboolean
name_is_good (const char *name)
{
  g_autoptr (GError) error = NULL;
  gboolean good = vmd_name_validate (name, "VM", &error);

  g_assert_true (good == (error == NULL));
  if (!good)
    {
      g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, "VM"));
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      g_assert_cmpuint (strlen (error->message), <, 600);
    }
  return good;
}

static void
test_every_character (void)
{
  for (int c = 1; c < 256; c++)
    {
      gboolean inner = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
      gboolean edge = inner && c != '-';
      const char alone[] = { (char) c, 0 };
      const char first[] = { (char) c, 'a', 'a', 0 };
      const char middle[] = { 'a', (char) c, 'a', 0 };
      const char last[] = { 'a', 'a', (char) c, 0 };

      g_assert_cmpint (name_is_good (alone), ==, edge);
      g_assert_cmpint (name_is_good (first), ==, edge);
      g_assert_cmpint (name_is_good (middle), ==, inner);
      g_assert_cmpint (name_is_good (last), ==, edge);
    }
}

static void
test_length (void)
{
  for (gsize length = 0; length < 200; length++)
    {
      g_autofree char *name = g_strnfill (length, 'x');

      g_assert_cmpint (name_is_good (name), ==, length >= 1 && length <= 63);
    }
  g_assert_false (name_is_good (NULL));
}

static void
test_whole_names (void)
{
  const char *const good[] = { "a", "0", "42", "a-b", "a--b", "calm-otter-41", "x0" };
  const char *const bad[] = {
    "-", "--", "a.b", "a_b", "A", "a b", "a/b", "../a", "a\n", "\303\274"
  };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (name_is_good (good[i]));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (name_is_good (bad[i]));
}

static void
test_ids (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < 1000; i++)
    {
      char *id = vmd_id_new ();

      g_assert_true (vmd_id_is_valid (id));
      g_assert_true (g_hash_table_add (seen, id));
    }
  g_assert_false (vmd_id_is_valid (NULL));
  g_assert_false (vmd_id_is_valid (""));
  g_assert_false (vmd_id_is_valid ("0123456789abcdef0123456789abcde"));
  g_assert_false (vmd_id_is_valid ("0123456789abcdef0123456789abcdef0"));
  g_assert_false (vmd_id_is_valid ("0123456789ABCDEF0123456789abcdef"));
  g_assert_false (vmd_id_is_valid ("0123456789abcdeg0123456789abcdef"));
}

static gboolean
path_is_good (const char *path)
{
  g_autoptr (GError) error = NULL;
  gboolean good = vmd_guest_path_validate (path, &error);

  g_assert_true (good == (error == NULL));
  if (!good)
    {
      g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
  return good;
}

static void
test_guest_paths (void)
{
  const char *const good[] = { "/a",        "/root/work", "/a b/c'd\"e",  "/.a",
                               "/a..b/...", "/-rf",       "/m\303\274ll", "/$HOME/`x`" };
  const char *const bad[] = { NULL,    "",      "a",     "./a",   "/",        "//",   "//a",
                              "/a/",   "/a//b", "/.",    "/..",   "/a/../b",  "/a/.", "/a/..",
                              "/a\nb", "/a\tb", "/\177", "/\377", "/\302\205" };
  g_autofree char *fill = g_strnfill (4094, 'x');
  g_autofree char *longest = g_strconcat ("/", fill, NULL);
  g_autofree char *too_long = g_strconcat ("/x", fill, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (path_is_good (good[i]));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (path_is_good (bad[i]));
  g_assert_true (path_is_good (longest));
  g_assert_false (path_is_good (too_long));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/name/every-character", test_every_character);
  g_test_add_func ("/name/length", test_length);
  g_test_add_func ("/name/whole-names", test_whole_names);
  g_test_add_func ("/name/ids", test_ids);
  g_test_add_func ("/name/guest-paths", test_guest_paths);
  return g_test_run ();
}
