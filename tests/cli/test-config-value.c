/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-config-value.h"

#include <string.h>
#include <vmd-error.h>

static const char schema[] = "{\"fields\":{\"version\":{\"type\":\"string\"},"
                             "\"mode\":{\"type\":\"enum\",\"values\":[\"1\"]},"
                             "\"port\":{\"type\":\"integer\"}}}";

static void
test_values (void)
{
  static const struct
  {
    const char *assignment;
    const char *schema;
    const char *patch;
  } cases[] = {
    /* Without a schema, what reads as JSON is JSON. */
    { "a=1", "", "{\"a\":1}" },
    { "a=-1.5e3", "", "{\"a\":-1.5e3}" },
    { "a=0.1", "", "{\"a\":0.1}" },
    { "a=12345678901234567890123", "", "{\"a\":12345678901234567890123}" },
    { "a=true", "", "{\"a\":true}" },
    { "a=[1,2]", "", "{\"a\":[1,2]}" },
    { "a=\"1\"", "", "{\"a\":\"1\"}" },
    /* The rest is a string. */
    { "a=", "", "{\"a\":\"\"}" },
    { "a=b=c", "", "{\"a\":\"b=c\"}" },
    { "a=null", "", "{\"a\":\"null\"}" },
    { "a=True", "", "{\"a\":\"True\"}" },
    { "a=01", "", "{\"a\":\"01\"}" },
    { "a=+1", "", "{\"a\":\"+1\"}" },
    { "a=0x10", "", "{\"a\":\"0x10\"}" },
    { "a=1.", "", "{\"a\":\"1.\"}" },
    { "a=1\n", "", "{\"a\":\"1\\n\"}" },
    { "a=[1", "", "{\"a\":\"[1\"}" },
    { "a=\"x", "", "{\"a\":\"\\\"x\"}" },
    { "a={}", "", "{\"a\":\"{}\"}" },
    { "a=10.0.0.1", "", "{\"a\":\"10.0.0.1\"}" },
    { "a.b-c=x", "", "{\"a.b-c\":\"x\"}" },
    /* A schema that knows the field as text decides; one that does not changes nothing. */
    { "version=1.10", schema, "{\"version\":\"1.10\"}" },
    { "version=true", schema, "{\"version\":\"true\"}" },
    { "mode=1", schema, "{\"mode\":\"1\"}" },
    { "port=1", schema, "{\"port\":1}" },
    { "port=x", schema, "{\"port\":\"x\"}" },
    { "other=1", schema, "{\"other\":1}" },
    { "a=1", "nonsense", "{\"a\":1}" },
    { "a=1", "{\"fields\":7}", "{\"a\":1}" },
    { "version=1", "{\"fields\":{\"version\":[]}}", "{\"version\":1}" },
    /* JSON in any case. */
    { "version:=1", schema, "{\"version\":1}" },
    { "a:=\"1\"", "", "{\"a\":\"1\"}" },
    { "a:=null", "", "{\"a\":null}" },
    { "a:=", "", NULL },
    { "a:=x", "", NULL },
    { "a:=1,\"b\":2", "", NULL },
    { "a", "", NULL },
    { "=1", "", NULL },
    { ":=1", "", NULL },
    { "", "", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const char *const assignments[] = { cases[i].assignment, NULL };
      g_autofree char *escaped = g_strescape (cases[i].assignment, NULL);
      g_autofree char *patch = NULL;
      g_autoptr (GError) error = NULL;

      g_test_message ("“%s”", escaped);
      patch = vmctl_config_value_make_patch (assignments, cases[i].schema, &error);
      g_assert_cmpstr (patch, ==, cases[i].patch);
      g_assert_true (patch != NULL ||
                     g_error_matches (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT));
    }
}

static void
test_several (void)
{
  static const char *const good[] = { "a=1", "b:=[\"x\"]", NULL };
  static const char *const twice[] = { "a=1", "a:=2", NULL };
  static const char *const keys[] = { "a", "b\"", NULL };
  static const char *const keys_twice[] = { "a", "a", NULL };
  g_autofree char *patch = vmctl_config_value_make_patch (good, "", NULL);
  g_autofree char *unset = vmctl_config_value_make_unset (keys, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (patch, ==, "{\"a\":1,\"b\":[\"x\"]}");
  g_assert_cmpstr (unset, ==, "{\"a\":null,\"b\\\"\":null}");
  g_assert_null (vmctl_config_value_make_patch (twice, "", &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_null (vmctl_config_value_make_unset (keys_twice, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
}

/* What a member holds is its very text. */
static void
test_next (void)
{
  static const char *const members[][2] = {
    { "a", "0.1" },
    { "b", "[\"]\",\"}\",\"\\\"\"]" },
    { "c.d", "\"x,\\\\\"" },
    { "e", "true" },
  };
  const char *json = "{\"a\":0.1,\"b\":[\"]\",\"}\",\"\\\"\"],\"c.d\":\"x,\\\\\",\"e\":true}";

  for (guint i = 0; i < G_N_ELEMENTS (members); i++)
    {
      g_autofree char *key = NULL;
      g_autofree char *value = NULL;

      g_assert_true (vmctl_config_value_next (&json, &key, &value));
      g_assert_cmpstr (key, ==, members[i][0]);
      g_assert_cmpstr (value, ==, members[i][1]);
    }
  g_assert_cmpstr (json, ==, "}");
}

/* What is cut anywhere is read to its end, and not beyond. */
static void
test_cut (void)
{
  const char *whole = "{\"a\":\"x\\\"\",\"b\":[1,\"y\"]}";

  for (gsize length = 0; length <= strlen (whole); length++)
    {
      g_autofree char *cut = g_strndup (whole, length);
      const char *json = cut;
      char *key, *value;

      while (vmctl_config_value_next (&json, &key, &value))
        {
          g_free (key);
          g_free (value);
        }
      g_assert_cmpuint (json - cut, <=, length);
    }
}

static void
test_format (void)
{
  g_autofree char *text = vmctl_config_value_format ("\"a\\n\\u00fc\"");
  g_autofree char *number = vmctl_config_value_format ("0.1");
  g_autofree char *list = vmctl_config_value_format ("[\"a\"]");

  g_assert_cmpstr (text, ==, "a\nü");
  g_assert_cmpstr (number, ==, "0.1");
  g_assert_cmpstr (list, ==, "[\"a\"]");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vmctl/config-value/values", test_values);
  g_test_add_func ("/vmctl/config-value/several", test_several);
  g_test_add_func ("/vmctl/config-value/next", test_next);
  g_test_add_func ("/vmctl/config-value/cut", test_cut);
  g_test_add_func ("/vmctl/config-value/format", test_format);
  return g_test_run ();
}
