/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-snapshot.h"

#include <string.h>
#include <vmd-error.h>

static void
assert_entry (VmdDeviceSnapshot *snapshot, guint i, const char *key, const char *content,
              gsize length)
{
  const VmdDeviceEntry *entry = snapshot->entries->pdata[i];
  gsize got_length;
  const char *got = g_bytes_get_data (entry->content, &got_length);

  g_assert_cmpstr (entry->key, ==, key);
  g_assert_cmpmem (got, got_length, content, length);
}

/* What the file of a key has in it. */
static void
test_contents (void)
{
  static const struct
  {
    const char *value;
    const char *content;
    gsize length;
  } cases[] = {
    { "\"\"", "", 0 },
    { "\"plain text\"", "plain text", 10 },
    { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8 },
    { "\"F\xc3\xbc\\u00dfe\"",
      "F\xc3\xbc\xc3\x9f"
      "e",
      6 },
    { "\"\\ud83d\\uDE00\"", "\xf0\x9f\x98\x80", 4 },
    { "\"a\\u0000b\"", "a\0b", 3 },
    { "0", "0", 1 },
    { "-0", "-0", 2 },
    { "9223372036854775807", "9223372036854775807", 19 },
    /* As it was sent: not 0.10000000000000001. */
    { "0.1", "0.1", 3 },
    { "-1.50e+10", "-1.50e+10", 9 },
    { "true", "true", 4 },
    { "false", "false", 5 },
    { "null", "null", 4 },
    { "[]", "[]", 2 },
    { "[1,2]", "[1,2]", 5 },
    { "[\"a\",\"\\u00df\"]", "[\"a\",\"\\u00df\"]", 14 },
    { "{\"a\":[{}]}", "{\"a\":[{}]}", 10 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *json = g_strdup_printf (
          " { \"version\" : 12 , \"values\" : { \"key\" : %s } } ", cases[i].value);
      g_autoptr (GError) error = NULL;
      g_autoptr (VmdDeviceSnapshot) snapshot =
          vmd_device_snapshot_parse (json, strlen (json), &error);

      g_assert_no_error (error);
      g_assert_cmpuint (snapshot->version, ==, 12);
      g_assert_cmpuint (snapshot->entries->len, ==, 1);
      assert_entry (snapshot, 0, "key", cases[i].content, cases[i].length);
    }
}

static void
test_whole (void)
{
  static const char json[] = "{\"future\":[{\"version\":1}],\"values\":{\"_A.b-c\":1,\"b\":\"x\"},"
                             "\"version\":18446744073709551615}";
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdDeviceSnapshot) snapshot = vmd_device_snapshot_parse (json, strlen (json), &error);

  g_assert_no_error (error);
  g_assert_cmpuint (snapshot->version, ==, G_MAXUINT64);
  g_assert_cmpuint (snapshot->entries->len, ==, 2);
  assert_entry (snapshot, 0, "_A.b-c", "1", 1);
  assert_entry (snapshot, 1, "b", "x", 1);
  g_assert_cmpmem (g_bytes_get_data (snapshot->payload, NULL), g_bytes_get_size (snapshot->payload),
                   json, strlen (json));
}

static void
assert_refused (const char *json)
{
  g_autofree char *shown = g_strescape (json, NULL);
  g_autoptr (GError) error = NULL;

  g_test_message ("%.100s", shown);
  g_assert_null (vmd_device_snapshot_parse (json, strlen (json), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_PROTOCOL);
}

static void
test_bad (void)
{
  static const char *const texts[] = {
    "",
    "{}",
    "[]",
    "null",
    "{\"version\":1}",
    "{\"values\":{}}",
    "{\"version\":0,\"values\":{}}",
    "{\"version\":-1,\"values\":{}}",
    "{\"version\":1.0,\"values\":{}}",
    "{\"version\":\"1\",\"values\":{}}",
    "{\"version\":18446744073709551616,\"values\":{}}",
    "{\"version\":1,\"version\":2,\"values\":{}}",
    "{\"version\":1,\"values\":{},\"values\":{}}",
    "{\"version\":1,\"values\":[]}",
    "{\"version\":1,\"values\":null}",
    "{\"version\":1,\"values\":{}}x",
    "{\"version\":1,\"values\":{},}",
    "{\"version\":1,\"values\":{}",
    "{\"version\":1,\"values\":{\"a\":1,\"a\":2}}",
    "{\"version\":1,\"values\":{\"a\":1,}}",
    "{\"version\":1,\"values\":{\"a\" 1}}",
    "{\"version\":1,\"values\":{a:1}}",
    "{\"version\":1,\"values\":{'a':1}}",
    "{\"version\":1,\"values\":{/**/}}",
    "{\"version\":1,\"values\":{\"a\":}}",
    "{\"version\":1,\"values\":{\"a\":tru}}",
    "{\"version\":1,\"values\":{\"a\":01}}",
    "{\"version\":1,\"values\":{\"a\":+1}}",
    "{\"version\":1,\"values\":{\"a\":1.}}",
    "{\"version\":1,\"values\":{\"a\":.1}}",
    "{\"version\":1,\"values\":{\"a\":1e}}",
    "{\"version\":1,\"values\":{\"a\":-}}",
    "{\"version\":1,\"values\":{\"a\":NaN}}",
    "{\"version\":1,\"values\":{\"a\":[1,]}}",
    "{\"version\":1,\"values\":{\"a\":[1}}}",
    "{\"version\":1,\"values\":{\"a\":\"\n\"}}",
    "{\"version\":1,\"values\":{\"a\":\"\\x\"}}",
    "{\"version\":1,\"values\":{\"a\":\"\\u12\"}}",
    "{\"version\":1,\"values\":{\"a\":\"\\ud83d\"}}",
    "{\"version\":1,\"values\":{\"a\":\"\\ud83dx\"}}",
    "{\"version\":1,\"values\":{\"a\":\"\\ude00\"}}",
    "{\"version\":1,\"values\":{\"a\":\"\\ud83d\\u0041\"}}",
    "{\"version\":1,\"values\":{\"a\":\"",
    "{\"version\":1,\"values\":{\"a\":\"\xff\"}}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    assert_refused (texts[i]);
}

/* A key becomes the name of a file. */
static void
test_bad_keys (void)
{
  static const char *const keys[] = { "",         ".",     "..",       ".hidden",  "-option",
                                      "a/b",      "../a",  "a b",      "a\\u0000", "\\u002e\\u002e",
                                      "\xc3\xbc", "a\\nb", "/etc/key", "a\\/b" };
  g_autofree char *long_key = g_strnfill (VMD_DEVICE_SNAPSHOT_MAX_KEY + 1, 'k');

  for (guint i = 0; i <= G_N_ELEMENTS (keys); i++)
    {
      g_autofree char *json = g_strdup_printf ("{\"version\":1,\"values\":{\"%s\":1}}",
                                               i < G_N_ELEMENTS (keys) ? keys[i] : long_key);

      assert_refused (json);
    }
}

static void
test_too_many_keys (void)
{
  g_autoptr (GString) json = g_string_new ("{\"version\":1,\"values\":{\"k\":0");

  for (guint i = 0; i < VMD_DEVICE_SNAPSHOT_MAX_KEYS; i++)
    g_string_append_printf (json, ",\"k%u\":0", i);
  g_string_append (json, "}}");
  assert_refused (json->str);
}

/* Brackets without end: the program's stack has one. */
static void
test_deep (void)
{
  static const char *const openings[] = { "[", "{\"a\":" };

  for (guint i = 0; i < G_N_ELEMENTS (openings); i++)
    {
      g_autoptr (GString) json = g_string_new ("{\"version\":1,\"values\":{\"a\":");

      for (guint n = 0; n < 1000000; n++)
        g_string_append (json, openings[i]);
      assert_refused (json->str);
    }
}

/* Cut at any byte it is refused; with any byte changed it is refused or read, and that is all. */
static void
test_damaged (void)
{
  static const char good[] = "{\"version\":12,\"values\":{\"a\":\"x\\u00df\\n\",\"b\":[1,-2.5e3,"
                             "true],\"c\":{\"d\":null}}}";
  gsize length = strlen (good);

  for (gsize cut = 0; cut < length; cut++)
    {
      g_autofree char *copy = g_memdup2 (good, MAX (cut, 1));

      g_assert_null (vmd_device_snapshot_parse (copy, cut, NULL));
    }
  for (gsize i = 0; i < length; i++)
    for (guint byte = 0; byte < 256; byte++)
      {
        g_autofree char *copy = g_memdup2 (good, length);
        g_autoptr (VmdDeviceSnapshot) snapshot = NULL;

        copy[i] = (char) byte;
        snapshot = vmd_device_snapshot_parse (copy, length, NULL);
        g_assert_true (snapshot == NULL || snapshot->version > 0);
      }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/device-snapshot/contents", test_contents);
  g_test_add_func ("/device-snapshot/whole", test_whole);
  g_test_add_func ("/device-snapshot/bad", test_bad);
  g_test_add_func ("/device-snapshot/bad-keys", test_bad_keys);
  g_test_add_func ("/device-snapshot/too-many-keys", test_too_many_keys);
  g_test_add_func ("/device-snapshot/deep", test_deep);
  g_test_add_func ("/device-snapshot/damaged", test_damaged);
  return g_test_run ();
}
