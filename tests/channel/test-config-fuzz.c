/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "channel/vmd-config-schema-private.h"

#include "scale.h"

#include <json-glib/json-glib.h>
#include <string.h>

/* Bytes that nobody meant, and good texts with a few of them changed. Under the sanitizers nothing
 * may be read or written that is not there; and what is taken must keep what the canonical form
 * promises. Run with --seed to have the same bytes again. */

static const char *const values_seeds[] = {
  "{}",
  "{\"a\":1,\"b\":\"two\",\"c\":[1,2,3.5],\"d\":true,\"e\":[\"x\",\"y\"],\"f\":-0.125e-3}",
  "{\"key.one\":\"\\u00e9\\ud83d\\ude00\\n\\\"\\\\\",\"key_2\":9223372036854775807,\"k-3\":[]}",
  "{ \"z\" : null , \"y\" : [ false ] , \"x\" : 1e308 }",
};

static const char *const schema_seeds[] = {
  "{\"fields\":{}}",
  "{\"fields\":{\"a\":{\"type\":\"integer\",\"minimum\":-5,\"maximum\":10,\"default\":3},"
  "\"b\":{\"type\":\"string\",\"min_length\":1,\"max_length\":9,\"pattern\":\"[a-z]+(\\\\.x)?\"},"
  "\"c\":{\"type\":\"list\",\"items\":{\"type\":\"number\"},\"min_items\":0,\"max_items\":4},"
  "\"d\":{\"type\":\"boolean\",\"required\":true},"
  "\"e\":{\"type\":\"list\",\"items\":{\"type\":\"enum\",\"values\":[\"x\",\"y\"]}}}}",
};

/* Of which JSON is made, so that changes often make what is nearly good. */
static const char *const pieces[] = {
  "{",    "}",     "[",      "]",       ",",        ":",         "\"",        "\\",     "\\u",
  "null", "true",  "false",  "0",       "-",        "1e",        ".5",        "1e999",  " ",
  "\n",   "\"a\"", "\"b\":", "\\ud800", "\\u0000",  "\xc3",      "\xe2\x82",  "\xff",   "[[",
  "{\"",  "]]",    "\"\"",   "fields",  "\"type\"", "\"items\"", "\"list\":", "(a+)+$", "(?",
};

static GString *
mutate (GRand *random, const char *seed)
{
  GString *text = g_string_new (seed);

  for (int n = g_rand_int_range (random, 0, 6); n > 0; n--)
    {
      gsize at = (gsize) g_rand_int_range (random, 0, (int) text->len + 1);
      gsize length = (gsize) g_rand_int_range (random, 1, 9);

      switch (g_rand_int_range (random, 0, 4))
        {
        case 0:
          g_string_insert (text, at, pieces[g_rand_int_range (random, 0, G_N_ELEMENTS (pieces))]);
          break;
        case 1:
          g_string_erase (text, at, MIN (length, text->len - at));
          break;
        case 2:
          if (at < text->len)
            text->str[at] = (char) g_rand_int_range (random, 0, 256);
          break;
        default:
          g_string_truncate (text, at);
          break;
        }
    }
  return text;
}

static GString *
random_bytes (GRand *random)
{
  int length = g_rand_int_range (random, 0, 64);
  GString *text = g_string_sized_new (length);

  for (int i = 0; i < length; i++)
    g_string_append_c (text, (char) g_rand_int_range (random, 0, 256));
  return text;
}

static GString *
next_text (GRand *random, const char *const *seeds, int n_seeds)
{
  if (g_rand_int_range (random, 0, 8) == 0)
    return random_bytes (random);
  return mutate (random, seeds[g_rand_int_range (random, 0, n_seeds)]);
}

/* In a piece of memory of just its length, so that one byte too far is seen. */
static char *
tight (const GString *text)
{
  return text->len > 0 ? g_memdup2 (text->str, text->len) : g_malloc (1);
}

static void
assert_is_canonical (VmdConfigValues *values)
{
  gsize length;
  const char *text = vmd_config_values_get_text (values, &length);
  g_autoptr (VmdConfigValues) again = vmd_config_values_parse (text, length, NULL);
  g_autoptr (VmdConfigValues) same = vmd_config_values_overlay (values, again);
  g_autoptr (VmdConfigValues) patched = vmd_config_values_patch (values, text, NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (vmd_config_values_get_text (again, NULL), ==, text);
  g_assert_true (vmd_config_values_equal (same, values));
  g_assert_true (vmd_config_values_equal (patched, values));
  /* Somebody else reads the same object. */
  json_parser_load_from_data (parser, text, (gssize) length, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (json_object_get_size (json_node_get_object (json_parser_get_root (parser))), ==,
                    vmd_config_values_get_n_keys (values));
}

/* Whatever is said of it must be fit to be shown. */
static void
assert_is_refusal (GError *error)
{
  g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

static gboolean
try_values (const GString *text)
{
  g_autofree char *bytes = tight (text);
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdConfigValues) values = vmd_config_values_parse (bytes, (gssize) text->len, &error);
  g_autoptr (VmdConfigValues) base = vmd_config_values_parse ("{\"a\":1,\"zz\":2}", -1, NULL);
  g_autoptr (VmdConfigValues) patched = vmd_config_values_patch (base, text->str, NULL);

  if (patched != NULL)
    assert_is_canonical (patched);
  if (values == NULL)
    {
      assert_is_refusal (error);
      return FALSE;
    }
  assert_is_canonical (values);
  return TRUE;
}

static gboolean
try_schema (const GString *text, const GString *values_text)
{
  g_autofree char *bytes = tight (text);
  g_autoptr (GError) error = NULL;
  g_autoptr (VmdConfigSchema) schema = vmd_config_schema_parse (bytes, (gssize) text->len, &error);
  g_autoptr (VmdConfigSchema) again = NULL;
  g_autoptr (VmdConfigValues) values =
      vmd_config_values_parse (values_text->str, (gssize) values_text->len, NULL);
  g_autoptr (VmdConfigValues) defaults = NULL;

  if (schema == NULL)
    {
      assert_is_refusal (error);
      return FALSE;
    }
  again = vmd_config_schema_parse (vmd_config_schema_get_text (schema), -1, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (vmd_config_schema_get_text (again), ==, vmd_config_schema_get_text (schema));
  defaults = vmd_config_schema_ref_defaults (schema);
  g_assert_true (vmd_config_schema_check (schema, defaults, NULL));
  if (values != NULL && !vmd_config_schema_check (schema, values, &error))
    assert_is_refusal (error);
  return TRUE;
}

static void
test_values (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed ((guint32) g_test_rand_int ());
  guint n_good = 0, n = scaled (40000);

  for (guint i = 0; i < n; i++)
    {
      GString *text = next_text (random, values_seeds, G_N_ELEMENTS (values_seeds));

      n_good += try_values (text);
      g_string_free (text, TRUE);
    }
  g_test_message ("%u of %u were good", n_good, n);
  g_assert_cmpuint (n_good, >, n / 50);
  g_assert_cmpuint (n_good, <, n);
}

static void
test_schemas (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed ((guint32) g_test_rand_int ());
  guint n_good = 0, n = scaled (20000);

  for (guint i = 0; i < n; i++)
    {
      GString *text = next_text (random, schema_seeds, G_N_ELEMENTS (schema_seeds));
      GString *values = next_text (random, values_seeds, G_N_ELEMENTS (values_seeds));

      n_good += try_schema (text, values);
      g_string_free (text, TRUE);
      g_string_free (values, TRUE);
    }
  g_test_message ("%u of %u were good", n_good, n);
  g_assert_cmpuint (n_good, >, n / 50);
  g_assert_cmpuint (n_good, <, n);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/config-fuzz/values", test_values);
  g_test_add_func ("/config-fuzz/schemas", test_schemas);
  return g_test_run ();
}
