/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "channel/vmd-config-values-private.h"

#include <locale.h>
#include <string.h>

static VmdConfigValues *
parse (const char *json)
{
  g_autoptr (GError) error = NULL;
  VmdConfigValues *values = vmd_config_values_parse (json, -1, &error);

  g_assert_no_error (error);
  return values;
}

static const char *
text_of (VmdConfigValues *values)
{
  gsize length;
  const char *text = vmd_config_values_get_text (values, &length);

  g_assert_cmpuint (length, ==, strlen (text));
  return text;
}

static void
assert_refused (const char *json, gssize length, const char *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vmd_config_values_parse (json, length, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
  if (strstr (error->message, message) == NULL)
    g_error ("“%s” does not say “%s”", error->message, message);
}

static const struct
{
  const char *json, *canonical;
} good[] = {
  { "{}", "{}" },
  { " { } \n", "{}" },
  { "{\"b\":1,\"a\":2}", "{\"a\":2,\"b\":1}" },
  { "{ \"a\" : [ ] , \"b\" : [ 1 , 2 ] }", "{\"a\":[],\"b\":[1,2]}" },
  { "{\"a\":true,\"b\":false}", "{\"a\":true,\"b\":false}" },
  { "{\"a\":[true,false]}", "{\"a\":[true,false]}" },
  { "{\"a\":[\"x\",\"y,]\",\"\\\"\"]}", "{\"a\":[\"x\",\"y,]\",\"\\\"\"]}" },
  /* A key that begins another sorts before it, whatever follows. */
  { "{\"a-\":1,\"a\":2,\"a.b\":3,\"a0\":4,\"A\":5,\"_\":6,\"aa\":7}",
    "{\"A\":5,\"_\":6,\"a\":2,\"a-\":1,\"a.b\":3,\"a0\":4,\"aa\":7}" },
  { "{\"\\u0061b\":1}", "{\"ab\":1}" },
  /* Strings */
  { "{\"a\":\"\"}", "{\"a\":\"\"}" },
  { "{\"a\":\"\\u00e9\\u20ac\\ud83d\\ude00\"}", "{\"a\":\"é€😀\"}" },
  { "{\"a\":\"é€😀\"}", "{\"a\":\"é€😀\"}" },
  { "{\"a\":\"\\/\\\"\\\\\\b\\f\\n\\r\\t\"}", "{\"a\":\"/\\\"\\\\\\b\\f\\n\\r\\t\"}" },
  { "{\"a\":\"\\u0022\\u005C\\u002f\\u000A\\u001F\\u007f\"}",
    "{\"a\":\"\\\"\\\\/\\n\\u001f\x7f\"}" },
  /* Numbers */
  { "{\"a\":0,\"b\":-0,\"c\":-0.0,\"d\":0e5,\"e\":0.000}",
    "{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0}" },
  { "{\"a\":9223372036854775807}", "{\"a\":9223372036854775807}" },
  { "{\"a\":-9223372036854775808}", "{\"a\":-9223372036854775808}" },
  { "{\"a\":9007199254740993}", "{\"a\":9007199254740993}" },
  { "{\"a\":1.0,\"b\":1e3,\"c\":1E+3,\"d\":1000e-3,\"e\":1e18}",
    "{\"a\":1,\"b\":1000,\"c\":1000,\"d\":1,\"e\":1000000000000000000}" },
  { "{\"a\":-9223372036854775808.0}", "{\"a\":-9223372036854775808}" },
  { "{\"a\":9223372036854775808.0}", "{\"a\":9.223372036854776e+18}" },
  { "{\"a\":0.1,\"b\":0.10,\"c\":1e-1}", "{\"a\":0.1,\"b\":0.1,\"c\":0.1}" },
  { "{\"a\":0.30000000000000004}", "{\"a\":0.30000000000000004}" },
  { "{\"a\":1.7976931348623157e308}", "{\"a\":1.7976931348623157e+308}" },
  { "{\"a\":5e-324}", "{\"a\":4.94065645841247e-324}" },
  { "{\"a\":1e-400}", "{\"a\":0}" },
  { "{\"a\":[1,2.5,-3]}", "{\"a\":[1,2.5,-3]}" },
};

static void
test_canonical (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (VmdConfigValues) values = parse (good[i].json);
      g_autoptr (VmdConfigValues) again = parse (text_of (values));

      g_assert_cmpstr (text_of (values), ==, good[i].canonical);
      g_assert_cmpstr (text_of (again), ==, good[i].canonical);
      g_assert_true (vmd_config_values_equal (values, again));
    }
}

static const struct
{
  const char *json, *message;
} bad[] = {
  { "", "at byte 0: an object must be here" },
  { "[]", "an object must be here" },
  { "null", "an object must be here" },
  { "{", "a string must be here" },
  { "{}x", "at byte 2: nothing may follow" },
  { "{}{}", "nothing may follow" },
  { "{\"a\"}", "“:” must be here" },
  { "{\"a\":}", "“a”: at byte 5: a value must be here" },
  { "{\"a\":1,}", "a string must be here" },
  { "{\"a\":1", "“,” or “}” must be here" },
  { "{\"a\":1 \"b\":2}", "“,” or “}” must be here" },
  { "{a:1}", "a string must be here" },
  { "{'a':1}", "a string must be here" },
  { "{/**/}", "a string must be here" },
  { "{\"a\":1,\"a\":1}", "“a” is there twice" },
  { "{\"a\":1,\"b\":1,\"\\u0061\":2}", "“a” is there twice" },
  /* Types */
  { "{\"a\":null}", "“a”: at byte 5: null cannot be set" },
  { "{\"a\":[null]}", "null cannot be set" },
  { "{\"a\":{}}", "“a”: at byte 5: values are scalars, or lists of scalars" },
  { "{\"a\":[[]]}", "values are scalars" },
  { "{\"a\":[{}]}", "values are scalars" },
  { "{\"a\":[1,\"b\"]}", "all of a list must be of one type" },
  { "{\"a\":[true,1]}", "all of a list must be of one type" },
  { "{\"a\":[1,]}", "a value must be here" },
  { "{\"a\":[,]}", "a value must be here" },
  { "{\"a\":[1 2]}", "“,” or “]” must be here" },
  { "{\"a\":[", "a value must be here" },
  { "{\"a\":truth}", "a value must be here" },
  { "{\"a\":True}", "a value must be here" },
  { "{\"a\":tr", "a value must be here" },
  { "{\"a\":NaN}", "a value must be here" },
  { "{\"a\":Infinity}", "a value must be here" },
  { "{\"a\":-Infinity}", "a digit must be here" },
  /* Numbers */
  { "{\"a\":9223372036854775808}", "does not fit in 64 bits" },
  { "{\"a\":-9223372036854775809}", "does not fit in 64 bits" },
  { "{\"a\":1e309}", "the number is too large" },
  { "{\"a\":-1e309}", "the number is too large" },
  { "{\"a\":01}", "must be here" },
  { "{\"a\":+1}", "must be here" },
  { "{\"a\":.5}", "must be here" },
  { "{\"a\":1.}", "a digit must be here" },
  { "{\"a\":1.e5}", "a digit must be here" },
  { "{\"a\":1e}", "a digit must be here" },
  { "{\"a\":1e+}", "a digit must be here" },
  { "{\"a\":-}", "a digit must be here" },
  { "{\"a\":--1}", "a digit must be here" },
  { "{\"a\":0x10}", "must be here" },
  { "{\"a\":1,5}", "a string must be here" },
  /* Strings */
  { "{\"a\":\"", "the string does not end" },
  { "{\"a\":\"\\", "no such escape" },
  { "{\"a\":\"\\x41\"}", "no such escape" },
  { "{\"a\":\"\\u12\"}", "four hexadecimal digits" },
  { "{\"a\":\"\\u12", "four hexadecimal digits" },
  { "{\"a\":\"\\u0000\"}", "must not have a NUL" },
  { "{\"a\":\"\\ud800\"}", "half a surrogate pair" },
  { "{\"a\":\"\\ud800\\u0041\"}", "half a surrogate pair" },
  { "{\"a\":\"\\ud800\\ud800\"}", "half a surrogate pair" },
  { "{\"a\":\"\\udc00\\ud800\"}", "half a surrogate pair" },
  { "{\"a\":\"\\ud800\\u00", "half a surrogate pair" },
  { "{\"a\":\"\n\"}", "control character" },
  { "{\"a\":\"\x1f\"}", "control character" },
  { "{\"a\":\"\xff\"}", "at byte 6: this is not UTF-8" },
  { "{\"a\":\"\xc0\x80\"}", "this is not UTF-8" },
  { "{\"a\":\"\xed\xa0\x80\"}", "this is not UTF-8" },
  { "{\"a\":\"\xe2\x82", "this is not UTF-8" },
  { "\xef\xbb\xbf{}", "an object must be here" },
  /* Keys */
  { "{\"\":1}", "“” is no key" },
  { "{\".a\":1}", "“.a” is no key" },
  { "{\"-a\":1}", "“-a” is no key" },
  { "{\"..\":1}", "“..” is no key" },
  { "{\"a/b\":1}", "“a/b” is no key" },
  { "{\"a b\":1}", "is no key" },
  { "{\"é\":1}", "“é” is no key" },
  { "{\"a\\nb\":1}", "“a\\nb” is no key" },
  { "{\"a\\\"b\":1}", "is no key" },
};

static void
test_refused (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_refused (bad[i].json, -1, bad[i].message);
  assert_refused ("{\"a\":\"\0\"}", 9, "at byte 6: this is not UTF-8, or a NUL");
  assert_refused ("{}\0", 3, "or a NUL");
}

/* Whatever the language of the process writes between the digits. */
static void
test_locale (void)
{
  const char *locales[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8", "C" };

  for (gsize i = 0; i < G_N_ELEMENTS (locales); i++)
    if (setlocale (LC_ALL, locales[i]) != NULL)
      test_canonical ();
}

static void
test_doubles_round_trip (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (1);

  for (guint i = 0; i < 20000; i++)
    {
      union
      {
        guint64 bits;
        double number;
      } value = { .bits = (guint64) g_rand_int (random) << 32 | g_rand_int (random) };
      char digits[G_ASCII_DTOSTR_BUF_SIZE];
      g_autoptr (VmdConfigValues) values = NULL;
      g_autofree char *json = NULL, *text = NULL;

      if (value.number - value.number != 0) /* infinite, or none */
        continue;
      g_ascii_dtostr (digits, sizeof digits, value.number);
      json = g_strdup_printf ("{\"a\":%s}", digits);
      values = parse (json);
      text = vmd_config_values_dup_value (values, "a");
      g_assert_true (g_ascii_strtod (text, NULL) == value.number);
    }
}

static char *
many (guint n_keys, guint string_length)
{
  GString *json = g_string_new ("{");
  g_autofree char *string = g_strnfill (string_length, 'x');

  for (guint i = 0; i < n_keys; i++)
    g_string_append_printf (json, "%s\"k%03u\":\"%s\"", i > 0 ? "," : "", i, string);
  g_string_append_c (json, '}');
  return g_string_free (json, FALSE);
}

static void
test_limits (void)
{
  g_autofree char *most = many (VMD_CONFIG_MAX_KEYS, 1);
  g_autofree char *too_many = many (VMD_CONFIG_MAX_KEYS + 1, 1);
  g_autofree char *largest = many (1, VMD_CONFIG_MAX_SIZE - strlen ("{\"k000\":\"\"}"));
  g_autofree char *too_large = many (1, VMD_CONFIG_MAX_SIZE - strlen ("{\"k000\":\"\"}") + 1);
  g_autofree char *blanks = g_strnfill (VMD_CONFIG_MAX_SIZE * 8, ' ');
  g_autofree char *key = g_strnfill (VMD_CONFIG_MAX_KEY, 'k');
  g_autofree char *long_key = g_strdup_printf ("{\"%sk\":1}", key);
  g_autofree char *longest_key = g_strdup_printf ("{\"%s\":1}", key);
  g_autofree char *digits = g_strnfill (129, '1');
  g_autofree char *long_number = g_strdup_printf ("{\"a\":%s}", digits);
  g_autofree char *brackets = g_strnfill (VMD_CONFIG_MAX_SIZE, '[');
  g_autofree char *deep = g_strdup_printf ("{\"a\":%s", brackets);
  g_autofree char *braces = g_strnfill (VMD_CONFIG_MAX_SIZE, '{');
  g_autoptr (VmdConfigValues) a = parse (most);
  g_autoptr (VmdConfigValues) b = parse (largest);
  g_autoptr (VmdConfigValues) c = parse (longest_key);

  g_assert_cmpuint (vmd_config_values_get_n_keys (a), ==, VMD_CONFIG_MAX_KEYS);
  g_assert_cmpuint (strlen (text_of (b)), ==, VMD_CONFIG_MAX_SIZE);
  g_assert_cmpuint (vmd_config_values_get_n_keys (c), ==, 1);
  assert_refused (too_many, -1, "“k256” is one key too many: 256 is the most");
  assert_refused (too_large, -1, "65537 bytes of JSON: 65536 is the most");
  assert_refused (blanks, -1, "an object must be here");
  memcpy (blanks, "{}", 2);
  g_assert_cmpstr ("{}", ==, (vmd_config_values_unref (a), a = parse (blanks), text_of (a)));
  assert_refused (long_key, -1, "is no key");
  assert_refused (long_number, -1, "the number has too many digits");
  assert_refused (deep, -1, "values are scalars");
  assert_refused (braces, -1, "a string must be here");
}

static void
test_too_long_a_text (void)
{
  g_autofree char *blanks = g_strnfill (VMD_CONFIG_MAX_SIZE * 8 + 1, ' ');

  memcpy (blanks, "{}", 2);
  assert_refused (blanks, -1, "the text is too long");
}

static void
test_pairs (void)
{
  g_autoptr (VmdConfigValues) values = parse ("{\"b\":[1,2],\"aa\":\"x\",\"c\":true}");
  const char *keys[] = { "aa", "b", "c" }, *texts[] = { "\"x\"", "[1,2]", "true" };

  g_assert_cmpuint (vmd_config_values_get_n_keys (values), ==, 3);
  for (guint i = 0; i < 3; i++)
    {
      const char *key, *value;
      gsize key_length, value_length;
      g_autofree char *copy = vmd_config_values_dup_value (values, keys[i]);

      vmd_config_values_get_pair (values, i, &key, &key_length, &value, &value_length);
      g_assert_cmpmem (key, key_length, keys[i], strlen (keys[i]));
      g_assert_cmpmem (value, value_length, texts[i], strlen (texts[i]));
      g_assert_cmpstr (copy, ==, texts[i]);
    }
  g_assert_null (vmd_config_values_dup_value (values, "a"));
  g_assert_null (vmd_config_values_dup_value (values, "aaa"));
  g_assert_null (vmd_config_values_dup_value (values, ""));
  g_assert_null (vmd_config_values_dup_value (values, "d"));
}

static const struct
{
  const char *under, *over, *result;
} overlays[] = {
  { "{}", "{}", "{}" },
  { "{\"a\":1}", "{}", "{\"a\":1}" },
  { "{}", "{\"a\":1}", "{\"a\":1}" },
  { "{\"a\":1}", "{\"a\":2}", "{\"a\":2}" },
  { "{\"a\":1,\"c\":3}", "{\"b\":2}", "{\"a\":1,\"b\":2,\"c\":3}" },
  { "{\"b\":2}", "{\"a\":1,\"c\":3}", "{\"a\":1,\"b\":2,\"c\":3}" },
  { "{\"a\":1,\"b\":[1,2]}", "{\"b\":[3]}", "{\"a\":1,\"b\":[3]}" },
  { "{\"a\":1,\"a-b\":2}", "{\"a.b\":3,\"a-b\":4}", "{\"a\":1,\"a-b\":4,\"a.b\":3}" },
};

static void
test_overlay (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (overlays); i++)
    {
      g_autoptr (VmdConfigValues) under = parse (overlays[i].under);
      g_autoptr (VmdConfigValues) over = parse (overlays[i].over);
      g_autoptr (VmdConfigValues) result = vmd_config_values_overlay (under, over);
      g_autoptr (VmdConfigValues) expected = parse (overlays[i].result);

      g_assert_cmpstr (text_of (result), ==, overlays[i].result);
      g_assert_true (vmd_config_values_equal (result, expected));
      g_assert_cmpuint (vmd_config_values_get_n_keys (result), ==,
                        vmd_config_values_get_n_keys (expected));
    }
}

static void
test_overlay_may_be_too_large (void)
{
  g_autofree char *most = many (VMD_CONFIG_MAX_KEYS, 1);
  g_autofree char *half = many (1, VMD_CONFIG_MAX_SIZE / 2);
  g_autofree char *other = g_strdup (half);
  g_autoptr (VmdConfigValues) full = parse (most);
  g_autoptr (VmdConfigValues) one = parse ("{\"a\":1}");
  g_autoptr (VmdConfigValues) large = NULL;
  g_autoptr (VmdConfigValues) larger = NULL;
  g_autoptr (VmdConfigValues) a = vmd_config_values_overlay (full, one);
  g_autoptr (VmdConfigValues) b = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (vmd_config_values_check_size (full, &error));
  g_assert_false (vmd_config_values_check_size (a, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  other[2] = 'j';
  large = parse (half);
  larger = parse (other);
  b = vmd_config_values_overlay (large, larger);
  g_assert_cmpuint (vmd_config_values_get_n_keys (b), ==, 2);
  g_assert_false (vmd_config_values_check_size (b, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
}

static const struct
{
  const char *under, *patch, *result;
} patches[] = {
  { "{}", "{}", "{}" },
  { "{}", "{\"a\":null}", "{}" },
  { "{\"a\":1}", "{\"a\":null}", "{}" },
  { "{\"a\":1,\"b\":2,\"c\":3}", "{\"d\":4,\"b\":null,\"c\":\"x\"}",
    "{\"a\":1,\"c\":\"x\",\"d\":4}" },
  { "{\"a\":1}", "{\"a\":1.0}", "{\"a\":1}" },
  { "{\"n\":true}", "{\"m\":null}", "{\"n\":true}" },
};

static void
test_patch (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (patches); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VmdConfigValues) under = parse (patches[i].under);
      g_autoptr (VmdConfigValues) result =
          vmd_config_values_patch (under, patches[i].patch, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (text_of (result), ==, patches[i].result);
      g_assert_cmpstr (text_of (under), ==, patches[i].under);
    }
}

static void
test_patch_refused (void)
{
  const char *refused[] = {
    "", "[]", "{\"a\":[null]}", "{\"a\":nul}", "{\"a\":null,\"a\":1}", "{\"a\":{\"b\":null}}"
  };
  g_autofree char *most = many (VMD_CONFIG_MAX_KEYS, 1);
  g_autoptr (VmdConfigValues) full = parse (most);
  g_autoptr (VmdConfigValues) same = NULL;
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_assert_null (vmd_config_values_patch (full, refused[i], &error));
      g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
    }
  g_assert_null (vmd_config_values_patch (full, "{\"a\":1}", &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  same = vmd_config_values_patch (full, "{\"a\":1,\"k000\":null}", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (vmd_config_values_get_n_keys (same), ==, VMD_CONFIG_MAX_KEYS);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/config-values/canonical", test_canonical);
  g_test_add_func ("/config-values/refused", test_refused);
  g_test_add_func ("/config-values/locale", test_locale);
  g_test_add_func ("/config-values/doubles-round-trip", test_doubles_round_trip);
  g_test_add_func ("/config-values/limits", test_limits);
  g_test_add_func ("/config-values/too-long-a-text", test_too_long_a_text);
  g_test_add_func ("/config-values/pairs", test_pairs);
  g_test_add_func ("/config-values/overlay", test_overlay);
  g_test_add_func ("/config-values/overlay-may-be-too-large", test_overlay_may_be_too_large);
  g_test_add_func ("/config-values/patch", test_patch);
  g_test_add_func ("/config-values/patch-refused", test_patch_refused);
  return g_test_run ();
}
