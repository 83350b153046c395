/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "device-support.h"

#include "base/vmd-fault-private.h"
#include "store/vmd-sqlite-private.h"

/* Each verb on a device or a group fails at each point that it passes, one after the other: then
 * nothing of it is there, in the store or in memory, and asked for again it is done. */

#define ANY VMD_CONFIG_ANY_VERSION
#define SCHEMA "{\"fields\":{\"k\":{\"type\":\"integer\"}}}"

typedef struct
{
  Fixture *fixture;
  VmdDevice *device; /* "d", in group "g", with a token */
  VmdDeviceGroup *group;
  char *token_id;
  guint64 first; /* version */
  guint64 first_of_group;
} World;

typedef gboolean (*Verb) (World *world, GError **error);

static gboolean
do_add_device (World *world, GError **error)
{
  g_autoptr (VmdDevice) device = NULL;

  device = add_device (world->fixture->manager, "new", SCHEMA, error);
  return device != NULL;
}

static gboolean
do_remove_device (World *world, GError **error)
{
  return remove_device (world->device, error);
}

static gboolean
do_change (World *world, GError **error)
{
  return patch (world->device, "{\"k\":3}", ANY, error) != 0;
}

static gboolean
do_roll_back (World *world, GError **error)
{
  return roll_back (world->device, world->first, error) != 0;
}

static gboolean
do_set_schema (World *world, GError **error)
{
  return set_schema (world->device, SCHEMA, error);
}

static gboolean
do_report (World *world, GError **error)
{
  return report (world->device, vmd_device_get_version (world->device), "failed", "why", error);
}

static gboolean
do_add_token (World *world, GError **error)
{
  g_autofree char *token = add_token (world->device, "another", 0, error);

  return token != NULL;
}

static gboolean
do_revoke_token (World *world, GError **error)
{
  return revoke_token (world->device, world->token_id, error);
}

static gboolean
do_change_group (World *world, GError **error)
{
  return patch_group (world->group, "{\"g\":3}", ANY, error) != 0;
}

static gboolean
do_roll_back_group (World *world, GError **error)
{
  return roll_back_group (world->group, world->first_of_group, error) != 0;
}

static gboolean
do_join (World *world, GError **error)
{
  g_autoptr (VmdDevice) other = vmd_manager_find_device (world->fixture->manager, "other", NULL);

  return set_member (world->group, other, TRUE, error);
}

static gboolean
do_leave (World *world, GError **error)
{
  return set_member (world->group, world->device, FALSE, error);
}

static gboolean
do_remove_group (World *world, GError **error)
{
  return remove_group (world->group, error);
}

static const struct
{
  const char *path;
  Verb verb;
} verbs[] = {
  { "/device-faults/add-device", do_add_device },
  { "/device-faults/remove-device", do_remove_device },
  { "/device-faults/change", do_change },
  { "/device-faults/roll-back", do_roll_back },
  { "/device-faults/set-schema", do_set_schema },
  { "/device-faults/report", do_report },
  { "/device-faults/add-token", do_add_token },
  { "/device-faults/revoke-token", do_revoke_token },
  { "/device-faults/change-group", do_change_group },
  { "/device-faults/roll-back-group", do_roll_back_group },
  { "/device-faults/join", do_join },
  { "/device-faults/leave", do_leave },
  { "/device-faults/remove-group", do_remove_group },
};

static void
build_world (World *world, Fixture *fixture)
{
  g_autoptr (VmdDevice) other = NULL;
  char *token;

  world->fixture = fixture;
  other = add_device (fixture->manager, "other", NULL, NULL);
  world->device = add_device (fixture->manager, "d", NULL, NULL);
  world->group = add_group (fixture->manager, "g");
  assert_good (set_member (world->group, world->device, TRUE, &error));
  world->first = patch (world->device, "{\"k\":1}", ANY, NULL);
  patch (world->device, "{\"k\":2}", ANY, NULL);
  world->first_of_group = patch_group (world->group, "{\"k\":1}", ANY, NULL);
  patch_group (world->group, "{\"k\":2}", ANY, NULL);
  token = add_token (world->device, "one", 0, NULL);
  token[VMD_TOKEN_ID_LENGTH] = '\0';
  world->token_id = token;
}

static void
clear_world (World *world)
{
  g_clear_object (&world->device);
  g_clear_object (&world->group);
  g_clear_pointer (&world->token_id, g_free);
}

/* -- What there is -- */

static void
append_table (sqlite3 *db, const char *table, GString *out)
{
  g_autofree char *sql = g_strdup_printf ("SELECT * FROM %s ORDER BY 1, 2, 3", table);
  g_autoptr (VmdStatement) statement = vmd_sqlite_prepare (db, sql, NULL);

  g_assert_nonnull (statement);
  while (vmd_sqlite_step (db, statement, NULL) == SQLITE_ROW)
    {
      g_string_append_printf (out, "%s:", table);
      for (int i = 0; i < sqlite3_column_count (statement); i++)
        {
          const char *text = (const char *) sqlite3_column_text (statement, i);

          g_string_append_printf (out, " %s", text != NULL ? text : "NULL");
        }
      g_string_append_c (out, '\n');
    }
}

static gboolean
dump_in_store (sqlite3 *db, gpointer data, GError **error)
{
  static const char *const tables[] = {
    "devices",        "device_groups",  "group_members",  "device_tokens",
    "device_applied", "config_history", "config_counter",
  };

  for (guint i = 0; i < G_N_ELEMENTS (tables); i++)
    append_table (db, tables[i], data);
  append_table (db, "(SELECT id, text, 0 FROM schemas)", data);
  return TRUE;
}

static char *
dump_store (VmdManager *manager)
{
  GString *out = g_string_new (NULL);

  assert_good (vmd_store_transact (manager->store, dump_in_store, out, NULL, &error));
  return g_string_free (out, FALSE);
}

/* Of all devices and groups, as whoever has the library sees them. */
static char *
dump_memory (VmdManager *manager)
{
  g_autoptr (GListModel) devices = vmd_manager_list_devices (manager);
  g_autoptr (GListModel) groups = vmd_manager_list_groups (manager);
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < g_list_model_get_n_items (devices); i++)
    {
      g_autoptr (VmdDevice) device = g_list_model_get_item (devices, i);
      g_autoptr (GListModel) tokens = vmd_device_list_tokens (device);
      g_autofree char *values = vmd_device_dup_values (device);
      g_autofree char *own = vmd_device_dup_own_values (device);
      g_autofree char *schema = vmd_device_dup_schema (device);
      g_autofree char *status = vmd_device_dup_applied_status (device);
      g_auto (GStrv) names = vmd_device_dup_groups (device);
      g_autofree char *of = g_strjoinv (",", names);

      g_string_append_printf (out, "%s %" G_GUINT64_FORMAT " %s %s %s [%s] %u %s\n",
                              vmd_device_get_id (device), vmd_device_get_version (device), values,
                              own, schema, of, g_list_model_get_n_items (tokens), status);
    }
  for (guint i = 0; i < g_list_model_get_n_items (groups); i++)
    {
      g_autoptr (VmdDeviceGroup) group = g_list_model_get_item (groups, i);
      g_autofree char *values = vmd_device_group_dup_values (group);

      g_string_append_printf (
          out, "%s %" G_GUINT64_FORMAT " %s %u\n", vmd_device_group_get_name (group),
          vmd_device_group_get_version (group), values, vmd_device_group_get_n_members (group));
    }
  return g_string_free (out, FALSE);
}

/* What is in memory is what whoever opens the store now reads there. */
static void
assert_memory_follows (Fixture *fixture)
{
  g_autofree char *here = dump_memory (fixture->manager);
  g_autoptr (VmdManager) other = open_another (fixture);
  g_autofree char *there = dump_memory (other);

  g_assert_cmpstr (here, ==, there);
  vmd_manager_close (other);
}

/* At the @nth point. Returns: FALSE when there was none such, and the verb was done. */
static gboolean
fail_at (World *world, Verb verb, guint nth, gboolean *was_durable)
{
  g_autofree char *fault = g_strdup_printf ("*:%u", nth);
  g_autofree char *before = dump_store (world->fixture->manager);
  g_autofree char *memory = dump_memory (world->fixture->manager);
  g_autofree char *after = NULL;
  g_autofree char *memory_after = NULL;
  g_autoptr (GError) error = NULL;
  gboolean done;

  vmd_fault_arm (fault);
  done = verb (world, &error);
  vmd_fault_arm (NULL);
  assert_memory_follows (world->fixture);
  after = dump_store (world->fixture->manager);
  if (done)
    {
      g_assert_no_error (error);
      g_assert_cmpstr (after, !=, before);
      return FALSE;
    }
  assert_vmd_error (error, VMD_ERROR_FAILED);
  /* The disk told of its failure too late: it is said to have failed, and was done. */
  *was_durable = strstr (error->message, "store-committed") != NULL;
  if (*was_durable)
    {
      g_assert_cmpstr (after, !=, before);
      return FALSE;
    }
  memory_after = dump_memory (world->fixture->manager);
  g_assert_cmpstr (after, ==, before);
  g_assert_cmpstr (memory_after, ==, memory);
  return TRUE;
}

static void
test_verb (Fixture *fixture, gconstpointer data)
{
  const Verb *verb = data;
  gboolean was_durable = FALSE;
  World world = { NULL };
  guint n = 1;

  build_world (&world, fixture);
  while (fail_at (&world, *verb, n, &was_durable))
    n++;
  g_assert_cmpuint (n, >=, 4);
  g_assert_true (was_durable);
  clear_world (&world);
}

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  for (guint i = 0; i < G_N_ELEMENTS (verbs); i++)
    add_test_with (verbs[i].path, &verbs[i].verb, test_verb);
  return handles_test_run ();
}
