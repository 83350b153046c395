/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "channel/vmd-config-schema-private.h"

#include <string.h>

static VmdConfigSchema *
parse (const char *json)
{
  g_autoptr (GError) error = NULL;
  VmdConfigSchema *schema = vmd_config_schema_parse (json, -1, &error);

  g_assert_no_error (error);
  return schema;
}

/* {"fields":{"f":@field}} */
static VmdConfigSchema *
parse_field (const char *field)
{
  g_autofree char *json = g_strdup_printf ("{\"fields\":{\"f\":%s}}", field);

  return parse (json);
}

static void
assert_says (GError *error, const char *message)
{
  g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
  if (strstr (error->message, message) == NULL)
    g_error ("“%s” does not say “%s”", error->message, message);
}

/* @message NULL: they are good. */
static void
assert_check (VmdConfigSchema *schema, const char *json, const char *message)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdConfigValues) values = vmd_config_values_parse (json, -1, &error);

  g_assert_no_error (error);
  if (vmd_config_schema_check (schema, values, &error))
    g_assert_null (message);
  else if (message == NULL)
    g_assert_no_error (error);
  else
    assert_says (error, message);
}

static const struct
{
  const char *json, *canonical;
} good[] = {
  { "{\"fields\":{}}", "{\"fields\":{}}" },
  { " { \"fields\" : { \"b\" : { \"type\" : \"string\" } , \"a\":{\"type\":\"boolean\"} } } ",
    "{\"fields\":{\"a\":{\"type\":\"boolean\"},\"b\":{\"type\":\"string\"}}}" },
  { "{\"fields\":{\"a\":{\"type\":\"integer\",\"required\":false}}}",
    "{\"fields\":{\"a\":{\"type\":\"integer\"}}}" },
  { "{\"fields\":{\"a\":{\"type\":\"integer\",\"required\":true,\"minimum\":1.0,\"maximum\":1e1,"
    "\"default\":5}}}",
    "{\"fields\":{\"a\":{\"default\":5,\"maximum\":10,\"minimum\":1,\"required\":true,\"type\":"
    "\"integer\"}}}" },
  { "{\"fields\":{\"a\":{\"values\":[\"x\",\"y\"],\"type\":\"enum\",\"default\":\"y\"}}}",
    "{\"fields\":{\"a\":{\"default\":\"y\",\"type\":\"enum\",\"values\":[\"x\",\"y\"]}}}" },
  { "{\"fields\":{\"a\":{\"type\":\"list\",\"max_items\":3,\"min_items\":1,\"items\":{\"type\":"
    "\"string\",\"pattern\":\"a+\",\"max_length\":4,\"min_length\":0}}}}",
    "{\"fields\":{\"a\":{\"items\":{\"max_length\":4,\"min_length\":0,\"pattern\":\"a+\",\"type\":"
    "\"string\"},\"max_items\":3,\"min_items\":1,\"type\":\"list\"}}}" },
};

static void
test_canonical (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (VmdConfigSchema) schema = parse (good[i].json);
      g_autoptr (VmdConfigSchema) again = parse (vmd_config_schema_get_text (schema));

      g_assert_cmpstr (vmd_config_schema_get_text (schema), ==, good[i].canonical);
      g_assert_cmpstr (vmd_config_schema_get_text (again), ==, good[i].canonical);
    }
}

static const struct
{
  const char *json, *message;
} bad[] = {
  { "", "an object must be here" },
  { "{}", "must have “fields”" },
  { "{\"fields\":[]}", "an object must be here" },
  { "{\"fields\":{},\"fields\":{}}", "“fields” is there twice" },
  { "{\"title\":1}", "a schema has “fields”, and nothing else" },
  { "{\"fields\":{}} x", "nothing may follow" },
  { "{\"fields\":{\"/\":{\"type\":\"string\"}}}", "“/” is no key" },
  { "{\"fields\":{\"a\":{\"type\":\"string\"},\"a\":{\"type\":\"string\"}}}",
    "“a” is there twice" },
  { "{\"fields\":{\"a\":\"string\"}}", "“a”: at byte 15: an object must be here" },
};

static const struct
{
  const char *field, *message;
} bad_fields[] = {
  { "{}", "“f”: “type” must be string" },
  { "{\"type\":\"strong\"}", "“type” must be" },
  { "{\"type\":\"string2\"}", "“type” must be" },
  { "{\"type\":1}", "“type”: must be a string" },
  { "{\"type\":[\"string\"]}", "“type”: must be a string" },
  { "{\"type\":\"string\",\"type\":\"string\"}", "“type” is there twice" },
  { "{\"type\":\"string\",\"title\":\"x\"}", "a field has no keyword “title”" },
  { "{\"type\":\"string\",\"\\u001b[31m\":1}", "a field has no keyword “\\u001b[31m”" },
  { "{\"type\":\"string\",\"required\":1}", "“required”: must be true or false" },
  { "{\"type\":\"string\",\"min_length\":-1}", "“min_length”: must be a whole number" },
  { "{\"type\":\"string\",\"min_length\":1.5}", "“min_length”: must be a whole number" },
  { "{\"type\":\"string\",\"max_length\":\"1\"}", "“max_length”: must be a whole number" },
  { "{\"type\":\"string\",\"max_length\":1e30}", "“max_length”: must be a whole number" },
  { "{\"type\":\"string\",\"min_length\":2,\"max_length\":1}",
    "“min_length” is more than “max_length”" },
  { "{\"type\":\"integer\",\"minimum\":2,\"maximum\":1}", "“minimum” is more than “maximum”" },
  { "{\"type\":\"integer\",\"minimum\":\"2\"}", "“minimum”: must be a number" },
  { "{\"type\":\"integer\",\"minimum\":null}", "“minimum”: at byte" },
  { "{\"type\":\"string\",\"minimum\":2}", "“minimum” is nothing for a field of type string" },
  { "{\"type\":\"integer\",\"min_length\":2}", "“min_length” is nothing for" },
  { "{\"type\":\"boolean\",\"pattern\":\"a\"}", "“pattern” is nothing for" },
  { "{\"type\":\"number\",\"values\":[1]}", "“values” is nothing for" },
  { "{\"type\":\"string\",\"items\":{\"type\":\"string\"}}", "“items” is nothing for" },
  { "{\"type\":\"string\",\"max_items\":1}", "“max_items” is nothing for" },
  { "{\"type\":\"enum\"}", "an enum must have “values”" },
  { "{\"type\":\"enum\",\"values\":[]}", "an enum must have “values”" },
  { "{\"type\":\"enum\",\"values\":\"a\"}", "“values”: must be a list" },
  { "{\"type\":\"list\"}", "a list must have “items”" },
  { "{\"type\":\"list\",\"items\":1}", "“items”: at byte" },
  { "{\"type\":\"list\",\"items\":{\"type\":\"list\"}}",
    "“items”: “type” must be string, integer, number, boolean or enum" },
  { "{\"type\":\"list\",\"items\":{\"type\":\"string\",\"default\":\"a\"}}",
    "the items of a list have no keyword" },
  { "{\"type\":\"list\",\"items\":{\"type\":\"string\",\"required\":true}}",
    "the items of a list have no keyword" },
  { "{\"type\":\"list\",\"items\":{\"items\":{\"items\":{}}}}",
    "the items of a list have no keyword" },
  { "{\"type\":\"list\",\"items\":{\"type\":\"string\"},\"min_items\":2,\"max_items\":1}",
    "“min_items” is more than “max_items”" },
  { "{\"type\":\"string\",\"pattern\":\"(\"}", "“pattern”: " },
  { "{\"type\":\"string\",\"pattern\":\"a)|(?:b\"}", "“pattern”: " },
  { "{\"type\":\"string\",\"pattern\":\"\\\\\\\\\\\\C\"}", "must not have \\C" },
  { "{\"type\":\"string\",\"pattern\":\"(?<n>a)\"}", "must not have named groups" },
  { "{\"type\":\"string\",\"pattern\":\"(*UTF)a\"}", "“pattern”: " },
  { "{\"type\":\"string\",\"pattern\":\"(*LIMIT_MATCH=4000000000)a\"}", "“pattern”: " },
  { "{\"type\":\"string\",\"pattern\":\"(?x)a # b\"}", "“pattern”: " },
  { "{\"type\":\"string\",\"pattern\":\"((a{1,500}){1,500}){1,500}\"}", "“pattern”: " },
  { "{\"type\":\"integer\",\"default\":\"5\"}", "“default”: it is \"5\", and must be an integer" },
  { "{\"type\":\"integer\",\"minimum\":6,\"default\":5}",
    "“default”: it is 5, and must be at least 6" },
  { "{\"type\":\"enum\",\"values\":[\"a\"],\"default\":\"b\"}",
    "“default”: it is \"b\", and must" },
};

static void
test_refused (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (vmd_config_schema_parse (bad[i].json, -1, &error));
      assert_says (error, bad[i].message);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad_fields); i++)
    {
      g_autofree char *json = g_strdup_printf ("{\"fields\":{\"f\":%s}}", bad_fields[i].field);
      g_autoptr (GError) error = NULL;

      g_assert_null (vmd_config_schema_parse (json, -1, &error));
      assert_says (error, bad_fields[i].message);
      g_assert_nonnull (strstr (error->message, "“f”: "));
    }
}

/* @message NULL: the value is good. */
static const struct
{
  const char *field, *value, *message;
} checks[] = {
  { "{\"type\":\"string\"}", "\"\"", NULL },
  { "{\"type\":\"string\"}", "1", "“f”: it is 1, and must be a string" },
  { "{\"type\":\"string\"}", "[\"a\"]", "must be a string" },
  { "{\"type\":\"string\",\"min_length\":2}", "\"é\"",
    "it has 1 character, and must have at least 2" },
  { "{\"type\":\"string\",\"min_length\":2}", "\"é€\"", NULL },
  { "{\"type\":\"string\",\"max_length\":2}", "\"é€\"", NULL },
  { "{\"type\":\"string\",\"max_length\":2}", "\"\\n\\u0001\"", NULL },
  { "{\"type\":\"string\",\"max_length\":2}", "\"\\n\\\"\\\\\"", "it has 3 characters" },
  { "{\"type\":\"string\",\"pattern\":\"a|b+\"}", "\"a\"", NULL },
  { "{\"type\":\"string\",\"pattern\":\"a|b+\"}", "\"bbb\"", NULL },
  { "{\"type\":\"string\",\"pattern\":\"a|b+\"}", "\"ab\"", "pattern \"a|b+\": it does not match" },
  { "{\"type\":\"string\",\"pattern\":\"a|b+\"}", "\"a\\n\"", "it does not match" },
  { "{\"type\":\"string\",\"pattern\":\"^a$\"}", "\"a\"", NULL },
  { "{\"type\":\"string\",\"pattern\":\"^a$\"}", "\"a\\n\"", "it does not match" },
  { "{\"type\":\"string\",\"pattern\":\"\\\\d{2}\\t\\\"\"}", "\"12\\t\\\"\"", NULL },
  { "{\"type\":\"string\",\"pattern\":\".\"}", "\"€\"", NULL },
  { "{\"type\":\"string\",\"pattern\":\"\\\\\\\\C\"}", "\"\\\\C\"", NULL },
  { "{\"type\":\"string\",\"pattern\":\"\\\\x01\"}", "\"\\u0001\"", NULL },
  { "{\"type\":\"integer\"}", "0", NULL },
  { "{\"type\":\"integer\"}", "5.0", NULL },
  { "{\"type\":\"integer\"}", "5.5", "it is 5.5, and must be an integer" },
  { "{\"type\":\"integer\"}", "1e300", "must be an integer" },
  { "{\"type\":\"integer\"}", "true", "it is true, and must be an integer" },
  { "{\"type\":\"integer\"}", "\"5\"", "must be an integer" },
  { "{\"type\":\"integer\",\"minimum\":-3}", "-3", NULL },
  { "{\"type\":\"integer\",\"minimum\":-3}", "-4", "must be at least -3" },
  { "{\"type\":\"integer\",\"maximum\":9223372036854775806}", "9223372036854775806", NULL },
  { "{\"type\":\"integer\",\"maximum\":9223372036854775806}", "9223372036854775807",
    "must be at most 9223372036854775806" },
  { "{\"type\":\"integer\",\"minimum\":0.5}", "1", NULL },
  { "{\"type\":\"integer\",\"minimum\":0.5}", "0", "must be at least 0.5" },
  { "{\"type\":\"integer\",\"maximum\":-0.5}", "-1", NULL },
  { "{\"type\":\"integer\",\"maximum\":-0.5}", "0", "must be at most -0.5" },
  { "{\"type\":\"integer\",\"minimum\":1e19}", "9223372036854775807", "must be at least 1e+19" },
  { "{\"type\":\"integer\",\"minimum\":9.3e18}", "9223372036854775807",
    "must be at least 9.3e+18" },
  { "{\"type\":\"integer\",\"maximum\":-1e19}", "-9223372036854775808", "must be at most -1e+19" },
  { "{\"type\":\"number\"}", "5", NULL },
  { "{\"type\":\"number\"}", "-5.25e-3", NULL },
  { "{\"type\":\"number\"}", "\"5\"", "must be a number" },
  { "{\"type\":\"number\",\"minimum\":0.1}", "0.1", NULL },
  { "{\"type\":\"number\",\"minimum\":0.1}", "0.09", "it is 0.09, and must be at least 0.1" },
  { "{\"type\":\"number\",\"maximum\":1}", "1.0000001", "must be at most 1" },
  { "{\"type\":\"number\",\"maximum\":1}", "1e300", "it is 1e+300, and must be at most 1" },
  { "{\"type\":\"number\",\"minimum\":1e300}", "1e300", NULL },
  { "{\"type\":\"boolean\"}", "false", NULL },
  { "{\"type\":\"boolean\"}", "0", "it is 0, and must be true or false" },
  { "{\"type\":\"boolean\"}", "\"true\"", "must be true or false" },
  { "{\"type\":\"enum\",\"values\":[\"a\",\"ab\",\"x,]\\\"\"]}", "\"ab\"", NULL },
  { "{\"type\":\"enum\",\"values\":[\"a\",\"ab\",\"x,]\\\"\"]}", "\"x,]\\\"\"", NULL },
  { "{\"type\":\"enum\",\"values\":[\"a\",\"ab\"]}", "\"b\"",
    "it is \"b\", and must be one of [\"a\",\"ab\"]" },
  { "{\"type\":\"enum\",\"values\":[\"a\",\"ab\"]}", "[\"a\"]", "must be one of" },
  { "{\"type\":\"enum\",\"values\":[1,2.5]}", "2.50", NULL },
  { "{\"type\":\"enum\",\"values\":[1,2.5]}", "2", "must be one of [1,2.5]" },
  { "{\"type\":\"list\",\"items\":{\"type\":\"integer\"}}", "[]", NULL },
  { "{\"type\":\"list\",\"items\":{\"type\":\"integer\"}}", "[1,2]", NULL },
  { "{\"type\":\"list\",\"items\":{\"type\":\"integer\"}}", "[1,2.5]",
    "“f”: item 2: it is 2.5, and must be an integer" },
  { "{\"type\":\"list\",\"items\":{\"type\":\"integer\",\"maximum\":9}}", "[1,10]",
    "item 2: it is 10, and must be at most 9" },
  { "{\"type\":\"list\",\"items\":{\"type\":\"integer\"}}", "1", "it is 1, and must be a list" },
  { "{\"type\":\"list\",\"items\":{\"type\":\"string\",\"pattern\":\"[a,]+\"}}", "[\"a,\",\",]\"]",
    "item 2: pattern" },
  { "{\"type\":\"list\",\"items\":{\"type\":\"boolean\"},\"min_items\":1}", "[]",
    "it has 0 items, and must have at least 1" },
  { "{\"type\":\"list\",\"items\":{\"type\":\"boolean\"},\"max_items\":1}", "[true,true]",
    "it has 2 items, and must have at most 1" },
  { "{\"type\":\"list\",\"items\":{\"type\":\"enum\",\"values\":[\"a\"]}}", "[\"a\",\"b\"]",
    "item 2: it is \"b\"" },
};

static void
test_check (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (checks); i++)
    {
      g_autoptr (VmdConfigSchema) schema = parse_field (checks[i].field);
      g_autofree char *json = g_strdup_printf ("{\"f\":%s}", checks[i].value);

      assert_check (schema, json, checks[i].message);
    }
}

static void
test_keys (void)
{
  g_autoptr (VmdConfigSchema) schema =
      parse ("{\"fields\":{\"a\":{\"type\":\"integer\",\"required\":true},"
             "\"ab\":{\"type\":\"integer\",\"default\":3},"
             "\"c\":{\"type\":\"boolean\",\"required\":true,\"default\":true},"
             "\"d\":{\"type\":\"string\"}}}");
  g_autoptr (VmdConfigValues) defaults = vmd_config_schema_ref_defaults (schema);

  g_assert_cmpstr (vmd_config_values_get_text (defaults, NULL), ==, "{\"ab\":3,\"c\":true}");
  /* Nothing is set yet. */
  assert_check (schema, "{}", NULL);
  assert_check (schema, "{\"ab\":3,\"c\":true}", NULL);
  assert_check (schema, "{\"ab\":4,\"c\":true}", "“a” must be set");
  assert_check (schema, "{\"a\":1,\"ab\":4}", "“c” must be set");
  assert_check (schema, "{\"a\":1,\"c\":false}", NULL);
  assert_check (schema, "{\"a\":1,\"c\":false,\"d\":\"x\"}", NULL);
  assert_check (schema, "{\"a\":1,\"c\":false,\"e\":\"x\"}", "the schema has no field “e”");
  assert_check (schema, "{\"A\":1,\"a\":1,\"c\":false}", "the schema has no field “A”");
  assert_check (schema, "{\"a\":1,\"aa\":1,\"c\":false}", "the schema has no field “aa”");
}

static void
test_part (void)
{
  g_autoptr (VmdConfigSchema) schema =
      parse ("{\"fields\":{\"a\":{\"type\":\"integer\",\"required\":true},"
             "\"b\":{\"type\":\"boolean\",\"required\":true}}}");
  g_autoptr (VmdConfigValues) good_part = vmd_config_values_parse ("{\"a\":1}", -1, NULL);
  g_autoptr (VmdConfigValues) bad_part = vmd_config_values_parse ("{\"a\":true}", -1, NULL);
  g_autoptr (VmdConfigValues) unknown = vmd_config_values_parse ("{\"c\":true}", -1, NULL);
  g_autoptr (VmdConfigValues) none = vmd_config_values_new_empty ();
  g_autoptr (GError) error = NULL;

  g_assert_true (vmd_config_schema_check_part (schema, none, &error));
  g_assert_true (vmd_config_schema_check_part (schema, good_part, &error));
  g_assert_false (vmd_config_schema_check_part (schema, bad_part, &error));
  assert_says (error, "“a”: it is true, and must be an integer");
  g_clear_error (&error);
  g_assert_false (vmd_config_schema_check_part (schema, unknown, &error));
  assert_says (error, "the schema has no field “c”");
}

static void
test_limits (void)
{
  g_autoptr (GString) fields = g_string_new ("{\"fields\":{");
  g_autofree char *long_pattern = g_strnfill (257, 'a');
  g_autofree char *text = g_strnfill (1025, 'a');
  g_autofree char *field = g_strdup_printf (
      "{\"fields\":{\"f\":{\"type\":\"string\",\"pattern\":\"%s\"}}}", long_pattern);
  g_autofree char *values = g_strdup_printf ("{\"f\":\"%s\"}", text);
  g_autoptr (VmdConfigSchema) schema = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i <= VMD_CONFIG_MAX_KEYS; i++)
    g_string_append_printf (fields, "%s\"k%u\":{\"type\":\"string\"}", i > 0 ? "," : "", i);
  g_string_append (fields, "}}");
  g_assert_null (vmd_config_schema_parse (fields->str, fields->len, &error));
  assert_says (error, "“k256” is one field too many");
  g_clear_error (&error);

  g_assert_null (vmd_config_schema_parse (field, -1, &error));
  assert_says (error, "a pattern has at most 256 bytes");
  schema = parse_field ("{\"type\":\"string\",\"pattern\":\"a+\"}");
  assert_check (schema, values, "longer than the 1024 bytes");
  memcpy (strchr (values, '}') - 2, "\"} ", 3);
  assert_check (schema, values, NULL);
}

static void
test_too_large_a_schema (void)
{
  g_autofree char *word = g_strnfill (VMD_CONFIG_MAX_SIZE, 'a');
  g_autofree char *json =
      g_strdup_printf ("{\"fields\":{\"f\":{\"type\":\"enum\",\"values\":[\"%s\"]}}}", word);
  g_autoptr (GError) error = NULL;

  g_assert_null (vmd_config_schema_parse (json, -1, &error));
  assert_says (error, "the schema takes 65");
}

/* Each of these has more ways to fail on many letters than anybody can try. All of them together
 * take hundredths of a second; without limits of our own, more than one. */
static void
test_hostile_patterns (void)
{
  static const char *const patterns[] = {
    "(a+)+$",       "(a|aa)+$",         "(a*)*b",           "(?:a?){60}a{60}",
    "(a|a)*c",      "(.*)*x",           "(?:.*a){20}",      "((a*)*)*b",
    "(?=(a+)+b)a*", "(?:(?R)|a)+",      "(a+?)+?b",         "(?:a{0,9}){0,9}(?:a{0,9}){0,9}c",
    "(?>a+)+b",     "(?<=a)(?:a|aa)+c", "(?i)(A|AA)*\\xff",
  };
  g_autofree char *letters = g_strnfill (1000, 'a');
  g_autofree char *values = g_strdup_printf ("{\"f\":\"%s!\"}", letters);
  gint64 start = g_get_monotonic_time (), taken;

  for (gsize i = 0; i < G_N_ELEMENTS (patterns); i++)
    {
      g_autofree char *escaped = g_strescape (patterns[i], NULL);
      g_autofree char *field =
          g_strdup_printf ("{\"type\":\"string\",\"pattern\":\"%s\"}", escaped);
      g_autoptr (VmdConfigSchema) schema = parse_field (field);

      assert_check (schema, values, "“f”: pattern ");
    }
  taken = g_get_monotonic_time () - start;
  g_test_message ("%" G_GSIZE_FORMAT " patterns in %" G_GINT64_FORMAT " microseconds",
                  G_N_ELEMENTS (patterns), taken);
  g_assert_cmpint (taken, <, G_USEC_PER_SEC);
}

/* As many as fit, of which each takes nearly all the steps that it may: all is bounded too. */
static void
test_hostile_list (void)
{
  g_autoptr (VmdConfigSchema) schema = parse_field (
      "{\"type\":\"list\",\"items\":{\"type\":\"string\",\"pattern\":\"(?:(a|a)*c|a*)\"}}");
  g_autoptr (GString) json = g_string_new ("{\"f\":[");
  gint64 start = g_get_monotonic_time ();

  for (guint i = 0; json->len < VMD_CONFIG_MAX_SIZE - 20; i++)
    g_string_append_printf (json, "%s\"aaaaaaaaa\"", i > 0 ? "," : "");
  g_string_append (json, "]}");
  assert_check (schema, json->str, NULL);
  g_test_message ("%" G_GINT64_FORMAT " microseconds", g_get_monotonic_time () - start);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/config-schema/canonical", test_canonical);
  g_test_add_func ("/config-schema/refused", test_refused);
  g_test_add_func ("/config-schema/check", test_check);
  g_test_add_func ("/config-schema/keys", test_keys);
  g_test_add_func ("/config-schema/part", test_part);
  g_test_add_func ("/config-schema/limits", test_limits);
  g_test_add_func ("/config-schema/too-large-a-schema", test_too_large_a_schema);
  g_test_add_func ("/config-schema/hostile-patterns", test_hostile_patterns);
  g_test_add_func ("/config-schema/hostile-list", test_hostile_list);
  return g_test_run ();
}
