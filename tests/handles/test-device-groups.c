/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "device-support.h"

/* Values of groups: whom they reach, what wins, and what is refused. */

#define ANY VMD_CONFIG_ANY_VERSION
#define SCHEMA                                                                                     \
  "{\"fields\":{\"name\":{\"type\":\"string\",\"required\":true},"                                 \
  "\"interval\":{\"type\":\"integer\",\"minimum\":1,\"default\":60}}}"

static VmdDevice *
add (Fixture *fixture, const char *id, const char *schema)
{
  g_autoptr (GError) error = NULL;
  VmdDevice *device = add_device (fixture->manager, id, schema, &error);

  g_assert_no_error (error);
  return device;
}

/* Refused as it names @device, and nothing is changed. */
#define assert_refused_for(expression, device)                                                     \
  G_STMT_START                                                                                     \
  {                                                                                                \
    g_autoptr (GError) error = NULL;                                                               \
                                                                                                   \
    g_assert_false (expression);                                                                   \
    assert_vmd_error (error, VMD_ERROR_INVALID_ARGUMENT);                                          \
    g_assert_nonnull (strstr (error->message, "“" device "”"));                                    \
  }                                                                                                \
  G_STMT_END

static void
test_layers (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) member = add (fixture, "m", NULL);
  g_autoptr (VmdDevice) other = add (fixture, "o", NULL);
  g_autoptr (VmdDeviceGroup) later = add_group (fixture->manager, "z");
  g_autoptr (VmdDeviceGroup) group = add_group (fixture->manager, "g");
  guint64 version, other_version = vmd_device_get_version (other);
  g_auto (GStrv) groups = NULL;

  g_assert_cmpuint (patch_group (group, "{\"a\":1,\"b\":1}", ANY, NULL), >, 0);
  assert_good (set_member (group, member, TRUE, &error));
  assert_values (member, "{\"a\":1,\"b\":1}");
  assert_own_values (member, "{}");
  /* Its own win, and come to light again when they are unset. */
  patch (member, "{\"b\":2}", ANY, NULL);
  assert_values (member, "{\"a\":1,\"b\":2}");
  version = patch_group (group, "{\"b\":3,\"c\":3}", ANY, NULL);
  g_assert_cmpuint (vmd_device_get_version (member), ==, version);
  assert_values (member, "{\"a\":1,\"b\":2,\"c\":3}");
  patch (member, "{\"b\":null}", ANY, NULL);
  assert_values (member, "{\"a\":1,\"b\":3,\"c\":3}");
  /* Of two groups the later name wins. */
  patch_group (later, "{\"a\":9}", ANY, NULL);
  assert_good (set_member (later, member, TRUE, &error));
  assert_values (member, "{\"a\":9,\"b\":3,\"c\":3}");
  groups = vmd_device_dup_groups (member);
  g_assert_cmpuint (g_strv_length (groups), ==, 2);
  g_assert_cmpstr (groups[0], ==, "g");
  g_assert_cmpuint (vmd_device_group_get_n_members (group), ==, 1);
  assert_refused (set_member (later, member, TRUE, &error), VMD_ERROR_EXISTS);
  assert_refused (set_member (later, other, FALSE, &error), VMD_ERROR_NOT_FOUND);
  version = vmd_device_get_version (member);
  assert_good (set_member (later, member, FALSE, &error));
  g_assert_cmpuint (vmd_device_get_version (member), >, version);
  assert_values (member, "{\"a\":1,\"b\":3,\"c\":3}");
  g_assert_cmpuint (vmd_device_get_version (other), ==, other_version);
  assert_values (other, "{}");
}

static void
test_history (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) member = add (fixture, "m", NULL);
  g_autoptr (VmdDeviceGroup) group = add_group (fixture->manager, "g");
  g_autoptr (VmdConfigRevision) newest = NULL;
  g_autoptr (GListModel) history = NULL;
  guint64 first, second, back;

  assert_good (set_member (group, member, TRUE, &error));
  first = patch_group (group, "{\"a\":1}", ANY, NULL);
  second = patch_group (group, "{\"a\":2}", first, NULL);
  assert_refused (patch_group (group, "{\"a\":3}", first, &error) != 0, VMD_ERROR_CONFLICT);
  g_assert_cmpuint (vmd_device_group_get_version (group), ==, second);
  /* A device that expects what it had before its group was changed is late. */
  assert_refused (patch (member, "{\"b\":1}", first, &error) != 0, VMD_ERROR_CONFLICT);
  g_assert_cmpuint (patch (member, "{\"b\":1}", second, NULL), >, second);
  back = roll_back_group (group, first, NULL);
  g_assert_cmpuint (back, >, second);
  assert_values (member, "{\"a\":1,\"b\":1}");
  g_assert_cmpuint (vmd_device_get_version (member), ==, back);
  assert_refused (roll_back_group (group, back + 1, &error) != 0, VMD_ERROR_NOT_FOUND);
  history = list_group_history (group, 10, NULL);
  g_assert_cmpuint (g_list_model_get_n_items (history), ==, 4);
  newest = g_list_model_get_item (history, 0);
  g_assert_cmpuint (vmd_config_revision_get_version (newest), ==, back);
  g_assert_cmpstr (vmd_config_revision_get_group (newest), ==, "g");
  g_clear_object (&history);
  /* In the device's history its group's changes are there too, each with its group. */
  g_clear_object (&newest);
  history = list_history (member, 1, NULL);
  newest = g_list_model_get_item (history, 0);
  g_assert_cmpuint (vmd_config_revision_get_version (newest), ==, back);
  g_assert_cmpstr (vmd_config_revision_get_group (newest), ==, "g");
  /* What was the device's own when its group was at that version. */
  g_assert_cmpuint (roll_back (member, second, NULL), >, back);
  assert_values (member, "{\"a\":1}");
}

static void
test_removal (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) member = add (fixture, "m", NULL);
  g_autoptr (VmdDeviceGroup) group = add_group (fixture->manager, "g");
  g_autoptr (VmdDeviceGroup) again = NULL;
  guint64 version;

  assert_good (set_member (group, member, TRUE, &error));
  version = patch_group (group, "{\"a\":1}", ANY, NULL);
  assert_good (remove_group (group, &error));
  assert_values (member, "{}");
  g_assert_cmpuint (vmd_device_get_version (member), >, version);
  assert_refused (remove_group (group, &error), VMD_ERROR_NOT_FOUND);
  assert_refused (patch_group (group, "{\"a\":2}", ANY, &error) != 0, VMD_ERROR_NOT_FOUND);
  assert_refused (set_member (group, member, TRUE, &error), VMD_ERROR_NOT_FOUND);
  again = add_group (fixture->manager, "g");
  g_assert_true (again != group);
  g_assert_cmpuint (vmd_device_group_get_n_members (again), ==, 0);
  assert_good (set_member (again, member, TRUE, &error));
  assert_values (member, "{}");
  /* A device that is removed is in no group any more. */
  assert_good (remove_device (member, &error));
  g_assert_cmpuint (vmd_device_group_get_n_members (again), ==, 0);
}

/* What one member's schema refuses no member gets. */
static void
test_schema_refuses (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) strict = add (fixture, "strict", SCHEMA);
  g_autoptr (VmdDevice) easy = add (fixture, "easy", NULL);
  g_autoptr (VmdDeviceGroup) group = add_group (fixture->manager, "g");
  guint64 version = patch_group (group, "{\"name\":\"n\"}", ANY, NULL);

  assert_good (set_member (group, strict, TRUE, &error));
  assert_good (set_member (group, easy, TRUE, &error));
  assert_values (strict, "{\"interval\":60,\"name\":\"n\"}");
  assert_refused_for (patch_group (group, "{\"name\":7}", ANY, &error) != 0, "strict");
  assert_refused_for (patch_group (group, "{\"other\":7}", ANY, &error) != 0, "strict");
  assert_refused_for (patch_group (group, "{\"interval\":0}", ANY, &error) != 0, "strict");
  g_assert_cmpuint (vmd_device_group_get_version (group), ==, version);
  assert_values (easy, "{\"name\":\"n\"}");
  assert_refused (set_schema (easy, "{\"fields\":{\"name\":{\"type\":\"integer\"}}}", &error),
                  VMD_ERROR_INVALID_ARGUMENT);
  assert_good (set_member (group, strict, FALSE, &error));
  g_assert_cmpuint (patch_group (group, "{\"other\":7}", ANY, NULL), >, version);
  assert_refused (set_member (group, strict, TRUE, &error), VMD_ERROR_INVALID_ARGUMENT);
  assert_values (strict, "{\"interval\":60}");
}

/* What a member must have, and has of its group alone, cannot be taken from it. */
static void
test_required (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) leaning = add (fixture, "leaning", SCHEMA);
  g_autoptr (VmdDevice) upright = add (fixture, "upright", SCHEMA);
  g_autoptr (VmdDeviceGroup) group = add_group (fixture->manager, "g");
  guint64 version;

  patch_group (group, "{\"name\":\"n\",\"interval\":5}", ANY, NULL);
  patch (upright, "{\"name\":\"own\"}", ANY, NULL);
  assert_good (set_member (group, leaning, TRUE, &error));
  assert_good (set_member (group, upright, TRUE, &error));
  version = vmd_device_group_get_version (group);
  patch (leaning, "{\"interval\":6}", ANY, NULL);
  assert_refused_for (patch_group (group, "{\"name\":null}", ANY, &error) != 0, "leaning");
  assert_refused_for (remove_group (group, &error), "leaning");
  assert_refused (set_member (group, leaning, FALSE, &error), VMD_ERROR_INVALID_ARGUMENT);
  g_assert_cmpuint (vmd_device_group_get_version (group), ==, version);
  g_assert_cmpuint (vmd_device_group_get_n_members (group), ==, 2);
  assert_values (upright, "{\"interval\":5,\"name\":\"own\"}");
  patch (leaning, "{\"name\":\"own\"}", ANY, NULL);
  g_assert_cmpuint (patch_group (group, "{\"name\":null}", ANY, NULL), >, version);
  assert_good (remove_group (group, &error));
  assert_values (leaning, "{\"interval\":6,\"name\":\"own\"}");
  assert_values (upright, "{\"interval\":60,\"name\":\"own\"}");
}

/* One that has nothing may go on having nothing, but not get half of what it must have. */
static void
test_nothing_to_half (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) fresh = add (fixture, "fresh", SCHEMA);
  g_autoptr (VmdDeviceGroup) group = add_group (fixture->manager, "g");

  assert_good (set_member (group, fresh, TRUE, &error));
  assert_refused_for (patch_group (group, "{\"interval\":5}", ANY, &error) != 0, "fresh");
  /* The default is as good as nothing … */
  g_assert_cmpuint (patch_group (group, "{\"interval\":60}", ANY, NULL), >, 0);
  /* … and still no ground to build half on. */
  assert_refused_for (patch_group (group, "{\"interval\":5}", ANY, &error) != 0, "fresh");
  g_assert_cmpuint (patch_group (group, "{\"interval\":5,\"name\":\"n\"}", ANY, NULL), >, 0);
  assert_values (fresh, "{\"interval\":5,\"name\":\"n\"}");
  /* All of it may be taken away again. */
  g_assert_cmpuint (patch_group (group, "{\"interval\":null,\"name\":null}", ANY, NULL), >, 0);
  assert_values (fresh, "{\"interval\":60}");
}

static char *
make_long (const char *key, gsize length)
{
  g_autofree char *text = g_strnfill (length, 'x');

  return g_strdup_printf ("{\"%s\":\"%s\"}", key, text);
}

static char *
make_keys (char prefix, guint n)
{
  g_autoptr (GString) json = g_string_new ("{");

  for (guint i = 0; i < n; i++)
    g_string_append_printf (json, "%s\"%c%u\":1", i > 0 ? "," : "", prefix, i);
  g_string_append_c (json, '}');
  return g_string_free (g_steal_pointer (&json), FALSE);
}

/* What a device gets, all in all, is no more than what may be set on one. */
static void
test_size (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) device = add (fixture, "full", NULL);
  g_autoptr (VmdDevice) other = add (fixture, "other", NULL);
  g_autoptr (VmdDeviceGroup) group = add_group (fixture->manager, "g");
  g_autofree char *forty = make_long ("a", 40000);
  g_autofree char *twenty = make_long ("b", 20000);
  g_autofree char *thirty = make_long ("b", 30000);
  g_autofree char *fifty = make_long ("a", 50000);

  patch (device, forty, ANY, NULL);
  assert_good (set_member (group, device, TRUE, &error));
  assert_good (set_member (group, other, TRUE, &error));
  g_assert_cmpuint (patch_group (group, twenty, ANY, NULL), >, 0);
  assert_refused_for (patch_group (group, thirty, ANY, &error) != 0, "full");
  assert_refused (patch (device, fifty, ANY, &error) != 0, VMD_ERROR_INVALID_ARGUMENT);
  assert_refused (set_schema (device,
                              "{\"fields\":{\"a\":{\"type\":\"string\"},"
                              "\"b\":{\"type\":\"integer\"}}}",
                              &error),
                  VMD_ERROR_INVALID_ARGUMENT);
  /* What hides another value does not count twice. */
  g_assert_cmpuint (patch (device, "{\"b\":1}", ANY, NULL), >, 0);
  g_assert_cmpuint (patch_group (group, thirty, ANY, NULL), >, 0);
  assert_refused (patch (device, "{\"b\":null}", ANY, &error) != 0, VMD_ERROR_INVALID_ARGUMENT);
  assert_good (set_member (group, device, FALSE, &error));
  g_assert_cmpuint (patch (device, "{\"b\":null}", ANY, NULL), >, 0);
  assert_refused (set_member (group, device, TRUE, &error), VMD_ERROR_INVALID_ARGUMENT);
}

static void
test_keys (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) device = add (fixture, "full", NULL);
  g_autoptr (VmdDeviceGroup) group = add_group (fixture->manager, "g");
  g_autofree char *many = make_keys ('a', 200);
  g_autofree char *some = make_keys ('b', 56);
  g_autofree char *more = make_keys ('b', 57);

  g_assert_cmpuint (patch (device, many, ANY, NULL), >, 0);
  assert_good (set_member (group, device, TRUE, &error));
  g_assert_cmpuint (patch_group (group, some, ANY, NULL), >, 0);
  assert_refused_for (patch_group (group, more, ANY, &error) != 0, "full");
  assert_refused (patch (device, "{\"c\":1}", ANY, &error) != 0, VMD_ERROR_INVALID_ARGUMENT);
  /* In the place of one that is there. */
  g_assert_cmpuint (patch (device, "{\"b0\":2}", ANY, NULL), >, 0);
}

static void
test_many_groups (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDevice) device = add (fixture, "m", NULL);
  g_autoptr (VmdDeviceGroup) last = NULL;

  for (guint i = 0; i < 16; i++)
    {
      g_autofree char *name = g_strdup_printf ("g%u", i);
      g_autoptr (VmdDeviceGroup) group = add_group (fixture->manager, name);

      assert_good (set_member (group, device, TRUE, &error));
    }
  last = add_group (fixture->manager, "last");
  assert_refused (set_member (last, device, TRUE, &error), VMD_ERROR_WRONG_STATE);
  g_assert_cmpuint (vmd_device_group_get_n_members (last), ==, 0);
}

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_test ("/device-groups/layers", test_layers);
  add_test ("/device-groups/history", test_history);
  add_test ("/device-groups/removal", test_removal);
  add_test ("/device-groups/schema-refuses", test_schema_refuses);
  add_test ("/device-groups/required", test_required);
  add_test ("/device-groups/nothing-to-half", test_nothing_to_half);
  add_test ("/device-groups/size", test_size);
  add_test ("/device-groups/keys", test_keys);
  add_test ("/device-groups/many-groups", test_many_groups);
  return handles_test_run ();
}
