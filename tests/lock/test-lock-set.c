/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "lock/vmd-lock-set-private.h"

#include "vmd-error.h"

#include <string.h>

/* Two names whose places are one; found by search. */
#define COLLIDING_A "axwidlogoeago"
#define COLLIDING_B "aanemq143zpkp"

static void
test_text (void)
{
  const char *text = "vm/0123:exclusive image/docker.io/debian:12:shared kernel/6.1.0-56:shared";
  g_autoptr (VmdLockSet) set = vmd_lock_set_parse (text);
  g_autofree char *again = NULL;

  g_assert_nonnull (set);
  again = vmd_lock_set_to_string (set);
  g_assert_cmpstr (again, ==, text);
  g_assert_true (vmd_lock_set_covers (set, VMD_LOCK_IMAGE, "docker.io/debian:12", VMD_LOCK_SHARED));
}

static void
test_bad_text (void)
{
  const char *const bad[] = { "",
                              "vm",
                              "vm/:shared",
                              "vm/a",
                              "vm/a:",
                              "vm/a:both",
                              "car/a:both",
                              "vm:shared",
                              ":shared",
                              "create/a:shared",
                              "vm/a:shared  ",
                              "/:",
                              "vm/a\001:shared" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_null (vmd_lock_set_parse (bad[i]));
}

static void
assert_bad_name (VmdLockKind kind, const char *name)
{
  g_autoptr (VmdLockSet) set = vmd_lock_set_new ();
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_lock_set_add (set, kind, name, VMD_LOCK_SHARED, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
  g_assert_cmpuint (set->resources->len, ==, 0);
}

static void
test_names (void)
{
  g_autoptr (VmdLockSet) set = vmd_lock_set_new ();
  g_autofree char *longest = g_strnfill (255, 'x');
  g_autofree char *too_long = g_strnfill (256, 'x');

  assert_bad_name (VMD_LOCK_VM, NULL);
  assert_bad_name (VMD_LOCK_VM, "");
  assert_bad_name (VMD_LOCK_IMAGE, "two words");
  assert_bad_name (VMD_LOCK_IMAGE, "new\nline");
  assert_bad_name (VMD_LOCK_IMAGE, "m\303\274ll");
  assert_bad_name (VMD_LOCK_IMAGE, too_long);
  assert_bad_name (VMD_LOCK_CREATE, "named");
  assert_bad_name (99, "a");
  g_assert_true (vmd_lock_set_add (set, VMD_LOCK_IMAGE, longest, VMD_LOCK_SHARED, NULL));
}

static void
test_duplicates (void)
{
  g_autoptr (VmdLockSet) set =
      vmd_lock_set_parse ("vm/a:shared vm/a:exclusive image/b:exclusive image/b:shared");
  g_autofree char *text = NULL;

  g_assert_nonnull (set);
  text = vmd_lock_set_to_string (set);
  g_assert_cmpstr (text, ==, "vm/a:exclusive image/b:exclusive");
  g_assert_cmpuint (set->places->len, ==, 2);
}

static void
test_refused_together (void)
{
  const char *const refused[] = {
    "vm/a:shared workspace/a:shared",
    "workspace/a:exclusive image/b:shared vm/a:shared",
    "vm/a:shared create:exclusive",
    "publish:exclusive image/a:shared",
  };
  const char *const granted[] = { "vm/a:shared workspace/b:shared",
                                  "create:exclusive publish:exclusive" };

  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    g_assert_null (vmd_lock_set_parse (refused[i]));
  for (guint i = 0; i < G_N_ELEMENTS (granted); i++)
    {
      g_autoptr (VmdLockSet) set = vmd_lock_set_parse (granted[i]);

      g_assert_nonnull (set);
    }
}

static void
assert_conflict (const char *first, const char *second, gboolean expected)
{
  g_autoptr (VmdLockSet) a = vmd_lock_set_parse (first);
  g_autoptr (VmdLockSet) b = vmd_lock_set_parse (second);

  g_assert_cmpint (vmd_lock_set_conflicts (a, b), ==, expected);
  g_assert_cmpint (vmd_lock_set_conflicts (b, a), ==, expected);
}

static void
test_conflicts (void)
{
  g_autoptr (VmdLockSet) mine = vmd_lock_set_parse ("vm/a:shared vm/b:exclusive");
  g_autoptr (VmdLockSet) theirs = vmd_lock_set_parse ("vm/a:shared vm/b:shared");
  g_autofree char *which = vmd_lock_set_dup_conflict (mine, theirs);

  assert_conflict ("vm/a:shared", "vm/a:shared", FALSE);
  assert_conflict ("vm/a:shared", "vm/a:exclusive", TRUE);
  assert_conflict ("vm/a:exclusive", "vm/a:exclusive", TRUE);
  assert_conflict ("vm/a:exclusive", "workspace/a:exclusive", FALSE);
  assert_conflict ("vm/a:exclusive", "image/a:exclusive", FALSE);
  assert_conflict ("create:exclusive", "publish:exclusive", FALSE);
  assert_conflict ("vm/a:shared vm/b:shared vm/c:exclusive", "vm/d:exclusive vm/c:shared", TRUE);
  g_assert_cmpstr (which, ==, "vm/b");
}

static void
test_collision (void)
{
  const char *both = "image/" COLLIDING_A ":shared image/" COLLIDING_B ":exclusive";
  g_autoptr (VmdLockSet) set = vmd_lock_set_parse (both);

  g_assert_cmpuint (set->resources->len, ==, 2);
  g_assert_cmpuint (set->places->len, ==, 1);
  g_assert_cmpint (g_array_index (set->places, VmdLockPlace, 0).mode, ==, VMD_LOCK_EXCLUSIVE);
  g_assert_false (vmd_lock_set_covers (set, VMD_LOCK_IMAGE, COLLIDING_A, VMD_LOCK_EXCLUSIVE));
  assert_conflict ("image/" COLLIDING_A ":exclusive", "image/" COLLIDING_B ":exclusive", TRUE);
}

static void
test_order_of_places (void)
{
  g_autoptr (VmdLockSet) leaves = vmd_lock_set_parse ("publish:shared create:exclusive");
  g_autoptr (VmdLockSet) set = vmd_lock_set_new ();
  guint64 last;

  for (guint i = 0; i < 200; i++)
    {
      g_autofree char *name = g_strdup_printf ("vm-%u", i);

      g_assert_true (vmd_lock_set_add (set, VMD_LOCK_VM, name, VMD_LOCK_SHARED, NULL));
    }
  g_assert_true (vmd_lock_set_seal (set, NULL));
  g_assert_cmpuint (set->places->len, ==, 200);
  for (guint i = 1; i < set->places->len; i++)
    g_assert_cmpuint (g_array_index (set->places, VmdLockPlace, i - 1).offset, <,
                      g_array_index (set->places, VmdLockPlace, i).offset);
  last = g_array_index (set->places, VmdLockPlace, set->places->len - 1).offset;
  g_assert_cmpuint (last, <, g_array_index (leaves->places, VmdLockPlace, 0).offset);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/lock-set/text", test_text);
  g_test_add_func ("/lock-set/bad-text", test_bad_text);
  g_test_add_func ("/lock-set/names", test_names);
  g_test_add_func ("/lock-set/duplicates", test_duplicates);
  g_test_add_func ("/lock-set/refused-together", test_refused_together);
  g_test_add_func ("/lock-set/conflicts", test_conflicts);
  g_test_add_func ("/lock-set/collision", test_collision);
  g_test_add_func ("/lock-set/order-of-places", test_order_of_places);
  return g_test_run ();
}
