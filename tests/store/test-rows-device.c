/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "row-support.h"

#include "store/vmd-device-rows-private.h"
#include "store/vmd-sqlite-private.h"
#include "store/vmd-store-database-private.h"

/* Devices, groups, tokens, history and presence: the statements alone. */

#define NOW 1700000000000000

static void
add_device (sqlite3 *db, const char *id)
{
  assert_succeeds (vmd_device_row_insert (db, id, FALSE, 0, NOW, &error));
}

static VmdDeviceRow *
load_device (sqlite3 *db, const char *id)
{
  g_autoptr (GError) error = NULL;
  VmdDeviceRow *row = vmd_device_row_load (db, id, &error);

  g_assert_no_error (error);
  return row;
}

/* A change of the device itself, as the handles make it. */
static guint64
set_own (sqlite3 *db, const char *id, const char *own)
{
  g_autoptr (VmdDeviceRow) row = load_device (db, id);
  VmdHistoryRow history = { .target = (char *) id,
                            .author = (char *) "me",
                            .time = NOW + 1,
                            .note = (char *) "",
                            .own = (char *) own };

  assert_succeeds (vmd_config_version_draw (db, &row->version, &error));
  g_free (row->own);
  row->own = g_strdup (own);
  history.version = row->version;
  history.revision = ++row->revision;
  assert_succeeds (vmd_device_row_update (db, row, &error));
  assert_succeeds (vmd_history_row_insert (db, &history, &error));
  return row->version;
}

static guint64
set_group (sqlite3 *db, const char *name, const char *own)
{
  g_autoptr (VmdGroupRow) row = vmd_group_row_load (db, name, NULL);
  VmdHistoryRow history = { .is_group = TRUE,
                            .target = (char *) name,
                            .author = (char *) "me",
                            .time = NOW + 1,
                            .note = (char *) "",
                            .own = (char *) own };

  assert_succeeds (vmd_config_version_draw (db, &row->version, &error));
  g_free (row->own);
  row->own = g_strdup (own);
  history.version = row->version;
  history.revision = ++row->revision;
  assert_succeeds (vmd_group_row_update (db, row, &error));
  assert_succeeds (vmd_history_row_insert (db, &history, &error));
  return row->version;
}

static void
join (sqlite3 *db, const char *group, const char *device)
{
  gboolean changed;

  assert_succeeds (vmd_member_row_add (db, group, device, NOW, &changed, &error));
  g_assert_true (changed);
}

static void
test_device (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDeviceRow) first = NULL;
  g_autoptr (VmdDeviceRow) second = NULL;
  g_autoptr (GPtrArray) ids = NULL;

  add_device (fixture->db, "b");
  add_device (fixture->db, "a");
  assert_fails (vmd_device_row_insert (fixture->db, "a", FALSE, 0, NOW, &error), VMD_ERROR_EXISTS);
  first = load_device (fixture->db, "b");
  second = load_device (fixture->db, "a");
  g_assert_cmpstr (first->own, ==, "{}");
  g_assert_cmpint (first->created, ==, NOW);
  g_assert_false (first->is_guest);
  g_assert_cmpuint (first->revision, ==, 1);
  g_assert_cmpuint (first->version, <, second->version);
  g_assert_cmpuint (first->effective_version, ==, first->version);
  g_assert_null (load_device (fixture->db, "c"));
  ids = vmd_device_row_load_ids (fixture->db, NULL);
  g_assert_cmpuint (ids->len, ==, 2);
  g_assert_cmpstr (ids->pdata[0], ==, "a");
}

static void
test_one_namespace (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdVmRow) vm = new_vm (B, "web");

  insert_vm (fixture->db, A, "db");
  assert_fails (vmd_device_row_insert (fixture->db, "db", FALSE, 0, NOW, &error), VMD_ERROR_EXISTS);
  add_device (fixture->db, "web");
  assert_fails (vmd_vm_row_insert (fixture->db, vm, &error), VMD_ERROR_EXISTS);
  assert_succeeds (vmd_device_row_remove (fixture->db, "web", &error));
  assert_succeeds (vmd_vm_row_insert (fixture->db, vm, &error));
}

/* A VM is a device from its birth to its tombstone. */
static void
test_guest (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDeviceRow) row = NULL;

  insert_vm (fixture->db, A, "a");
  row = load_device (fixture->db, A);
  g_assert_true (row->is_guest);
  set_own (fixture->db, A, "{\"k\":1}");
  assert_succeeds (vmd_vm_row_tombstone (fixture->db, A, &error));
  g_assert_null (load_device (fixture->db, A));
  g_assert_cmpint (get_number (fixture->db, "SELECT count(*) FROM config_history"), ==, 0);
  assert_succeeds (vmd_vm_row_remove (fixture->db, A, &error));
  /* One whose creation is taken back was never tombstoned. */
  insert_vm (fixture->db, B, "b");
  assert_succeeds (vmd_vm_row_remove (fixture->db, B, &error));
  g_assert_null (load_device (fixture->db, B));
}

static void
test_remove_takes_all (RowFixture *fixture, gconstpointer data)
{
  static const char *const tables[] = { "devices",        "group_members", "device_tokens",
                                        "device_applied", "presence",      "schemas" };
  const VmdTokenRow token = {
    .id = (char *) "t", .device = (char *) "a", .label = (char *) "first", .created = NOW
  };
  const VmdAppliedRow applied = {
    .device = (char *) "a", .version = 1, .status = (char *) "ok", .message = (char *) ""
  };
  const VmdPresenceRow presence = { .device = (char *) "a", .generation = 5, .connected = TRUE };
  gint64 schema;

  assert_succeeds (vmd_schema_row_intern (fixture->db, "{\"fields\":{}}", &schema, &error));
  assert_succeeds (vmd_device_row_insert (fixture->db, "a", FALSE, schema, NOW, &error));
  assert_succeeds (vmd_group_row_insert (fixture->db, "g", NOW, &error));
  join (fixture->db, "g", "a");
  assert_succeeds (vmd_token_row_insert (fixture->db, &token, &error));
  assert_succeeds (vmd_applied_row_put (fixture->db, &applied, &error));
  assert_succeeds (vmd_presence_row_put (fixture->db, &presence, &error));
  assert_succeeds (vmd_device_row_remove (fixture->db, "a", &error));
  for (guint i = 0; i < G_N_ELEMENTS (tables); i++)
    {
      g_autofree char *sql = g_strdup_printf ("SELECT count(*) FROM %s", tables[i]);

      g_assert_cmpint (get_number (fixture->db, sql), ==, 0);
    }
  /* Once more does nothing. */
  assert_succeeds (vmd_device_row_remove (fixture->db, "a", &error));
}

static void
test_groups (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (VmdDeviceRow) row = NULL;
  g_autoptr (GPtrArray) groups = NULL;
  g_autoptr (GPtrArray) devices = NULL;
  gboolean changed;
  guint64 version;

  add_device (fixture->db, "a");
  add_device (fixture->db, "b");
  assert_succeeds (vmd_group_row_insert (fixture->db, "z", NOW, &error));
  assert_succeeds (vmd_group_row_insert (fixture->db, "g", NOW, &error));
  assert_fails (vmd_group_row_insert (fixture->db, "g", NOW, &error), VMD_ERROR_EXISTS);
  join (fixture->db, "z", "a");
  join (fixture->db, "g", "a");
  join (fixture->db, "g", "b");
  assert_succeeds (vmd_member_row_add (fixture->db, "g", "b", NOW, &changed, &error));
  g_assert_false (changed);
  version = set_group (fixture->db, "z", "{\"k\":2}");
  row = load_device (fixture->db, "a");
  g_assert_cmpuint (row->effective_version, ==, version);
  g_assert_cmpuint (row->version, <, version);
  groups = vmd_group_row_load_of_device (fixture->db, "a", NULL);
  g_assert_cmpuint (groups->len, ==, 2);
  g_assert_cmpstr (((VmdGroupRow *) groups->pdata[0])->name, ==, "g");
  g_assert_cmpstr (((VmdGroupRow *) groups->pdata[1])->own, ==, "{\"k\":2}");
  devices = vmd_member_row_load_devices (fixture->db, "g", NULL);
  g_assert_cmpuint (devices->len, ==, 2);
  assert_succeeds (vmd_member_row_remove (fixture->db, "g", "a", &changed, &error));
  g_assert_true (changed);
  assert_succeeds (vmd_member_row_remove (fixture->db, "g", "a", &changed, &error));
  g_assert_false (changed);
}

static void
test_group_schemas (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) schemas = NULL;
  gint64 first, second, again;

  assert_succeeds (vmd_group_row_insert (fixture->db, "g", NOW, &error));
  assert_succeeds (vmd_schema_row_intern (fixture->db, "1", &first, &error));
  assert_succeeds (vmd_schema_row_intern (fixture->db, "2", &second, &error));
  assert_succeeds (vmd_schema_row_intern (fixture->db, "1", &again, &error));
  g_assert_cmpint (first, ==, again);
  g_assert_cmpint (first, !=, second);
  assert_succeeds (vmd_device_row_insert (fixture->db, "a", FALSE, first, NOW, &error));
  assert_succeeds (vmd_device_row_insert (fixture->db, "b", FALSE, second, NOW, &error));
  assert_succeeds (vmd_device_row_insert (fixture->db, "c", FALSE, second, NOW, &error));
  add_device (fixture->db, "d");
  for (const char *device = "bcd"; *device != '\0'; device++)
    {
      const char id[] = { *device, '\0' };

      join (fixture->db, "g", id);
    }
  schemas = vmd_group_schema_load (fixture->db, "g", NULL);
  g_assert_cmpuint (schemas->len, ==, 1);
  g_assert_cmpint (((VmdGroupSchema *) schemas->pdata[0])->schema, ==, second);
  g_assert_cmpstr (((VmdGroupSchema *) schemas->pdata[0])->device, ==, "b");
  assert_succeeds (vmd_schema_row_drop_unused (fixture->db, second, &error));
  g_assert_cmpint (get_number (fixture->db, "SELECT count(*) FROM schemas"), ==, 2);
}

static void
test_tokens (RowFixture *fixture, gconstpointer data)
{
  VmdTokenRow token = { .id = (char *) "t1",
                        .device = (char *) "a",
                        .hash = { 1, 2, 3, [31] = 4 },
                        .label = (char *) "guest",
                        .created = NOW,
                        .expires = NOW + 5 };
  g_autoptr (GPtrArray) tokens = NULL;
  const VmdTokenRow *loaded;

  assert_fails (vmd_token_row_insert (fixture->db, &token, &error), VMD_ERROR_NOT_FOUND);
  add_device (fixture->db, "a");
  assert_succeeds (vmd_token_row_insert (fixture->db, &token, &error));
  token.id = (char *) "t2";
  token.label = (char *) "mine";
  assert_succeeds (vmd_token_row_insert (fixture->db, &token, &error));
  tokens = vmd_token_row_load_of_device (fixture->db, "a", NULL);
  g_assert_cmpuint (tokens->len, ==, 2);
  loaded = tokens->pdata[0];
  g_assert_cmpstr (loaded->id, ==, "t1");
  g_assert_cmpmem (loaded->hash, sizeof loaded->hash, token.hash, sizeof token.hash);
  g_assert_cmpint (loaded->expires, ==, NOW + 5);
  assert_succeeds (vmd_token_row_remove_labelled (fixture->db, "a", "guest", &error));
  assert_fails (vmd_token_row_remove (fixture->db, "a", "t1", &error), VMD_ERROR_NOT_FOUND);
  assert_fails (vmd_token_row_remove (fixture->db, "b", "t2", &error), VMD_ERROR_NOT_FOUND);
  assert_succeeds (vmd_token_row_remove (fixture->db, "a", "t2", &error));
}

static void
assert_own_at (sqlite3 *db, const char *device, guint64 version, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *own = vmd_history_row_load_own (db, FALSE, device, version, &error);

  g_assert_cmpstr (own, ==, expected);
  if (expected == NULL)
    g_assert_error (error, VMD_ERROR, VMD_ERROR_NOT_FOUND);
}

static void
test_history (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) history = NULL;
  guint64 first, second, of_group, other;
  const VmdHistoryRow *newest;

  add_device (fixture->db, "a");
  add_device (fixture->db, "b");
  assert_succeeds (vmd_group_row_insert (fixture->db, "g", NOW, &error));
  join (fixture->db, "g", "a");
  first = set_own (fixture->db, "a", "{\"k\":1}");
  other = set_own (fixture->db, "b", "{\"k\":7}");
  of_group = set_group (fixture->db, "g", "{\"g\":1}");
  second = set_own (fixture->db, "a", "{\"k\":2}");
  assert_own_at (fixture->db, "a", first, "{\"k\":1}");
  assert_own_at (fixture->db, "a", of_group, "{\"k\":1}");
  assert_own_at (fixture->db, "a", second, "{\"k\":2}");
  assert_own_at (fixture->db, "a", other, NULL);
  assert_own_at (fixture->db, "a", second + 1, NULL);
  assert_own_at (fixture->db, "b", of_group, NULL);
  history = vmd_history_row_load_of_device (fixture->db, "a", 3, NULL);
  g_assert_cmpuint (history->len, ==, 3);
  newest = history->pdata[0];
  g_assert_cmpuint (newest->version, ==, second);
  g_assert_cmpstr (newest->author, ==, "me");
  g_assert_true (((VmdHistoryRow *) history->pdata[1])->is_group);
  g_assert_cmpuint (((VmdHistoryRow *) history->pdata[2])->version, ==, first);
}

static void
test_history_is_cut (RowFixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) history = NULL;
  guint64 last = 0;

  add_device (fixture->db, "a");
  add_device (fixture->db, "b");
  assert_succeeds (vmd_sqlite_run (fixture->db, NULL, &error, "BEGIN", ""));
  for (guint i = 0; i < VMD_HISTORY_KEPT + 50; i++)
    last = set_own (fixture->db, "a", "{\"k\":1}");
  assert_succeeds (vmd_sqlite_run (fixture->db, NULL, &error, "COMMIT", ""));
  history = vmd_history_row_load_of_device (fixture->db, "a", 2 * VMD_HISTORY_KEPT, NULL);
  g_assert_cmpuint (history->len, ==, VMD_HISTORY_KEPT);
  g_assert_cmpuint (((VmdHistoryRow *) history->pdata[0])->version, ==, last);
  g_clear_pointer (&history, g_ptr_array_unref);
  history = vmd_history_row_load_of_device (fixture->db, "b", 10, NULL);
  g_assert_cmpuint (history->len, ==, 1);
}

static void
put_presence (sqlite3 *db, guint64 generation, gboolean connected)
{
  const VmdPresenceRow row = { .device = (char *) "a",
                               .generation = generation,
                               .connected = connected,
                               .since = NOW,
                               .peer = (char *) "127.0.0.1" };

  assert_succeeds (vmd_presence_row_put (db, &row, &error));
}

static gboolean
is_connected (sqlite3 *db)
{
  g_autoptr (VmdPresenceRow) row = vmd_presence_row_load (db, "a", NULL);

  return row != NULL && row->connected;
}

/* LESSONS 52: what comes late is of an earlier generation, and changes nothing. */
static void
test_lesson_52_presence (RowFixture *fixture, gconstpointer data)
{
  guint64 epoch, next;

  put_presence (fixture->db, 3, TRUE);
  g_assert_false (is_connected (fixture->db));
  add_device (fixture->db, "a");
  put_presence (fixture->db, 3, TRUE);
  g_assert_true (is_connected (fixture->db));
  put_presence (fixture->db, 2, FALSE);
  g_assert_true (is_connected (fixture->db));
  put_presence (fixture->db, 4, TRUE);
  put_presence (fixture->db, 3, FALSE);
  g_assert_true (is_connected (fixture->db));
  put_presence (fixture->db, 4, FALSE);
  g_assert_false (is_connected (fixture->db));
  put_presence (fixture->db, 4, TRUE);
  g_assert_false (is_connected (fixture->db));
  put_presence (fixture->db, 5, TRUE);
  assert_succeeds (vmd_presence_row_begin_epoch (fixture->db, &epoch, &error));
  g_assert_false (is_connected (fixture->db));
  assert_succeeds (vmd_presence_row_begin_epoch (fixture->db, &next, &error));
  g_assert_cmpuint (next, ==, epoch + 1);
}

/* -- From the version before -- */

/* Back to what the version before had, with the VMs in it, and forward again. */
static void
test_migration (RowFixture *fixture, gconstpointer data)
{
  static const char *const undo =
      "DROP TABLE presence; DROP TABLE device_applied; DROP TABLE device_tokens;"
      "DROP TABLE group_members; DROP TABLE device_groups; DROP TABLE config_history;"
      "DROP TABLE devices; DROP TABLE schemas; DROP TABLE config_counter;"
      "DELETE FROM changes WHERE kind = 'device'; PRAGMA user_version = 1";
  g_autoptr (VmdDeviceRow) first = NULL;
  g_autoptr (VmdDeviceRow) second = NULL;
  guint64 version;

  insert_vm (fixture->db, A, "a");
  insert_vm (fixture->db, B, "b");
  insert_vm (fixture->db, "cccccccccccccccccccccccccccccccc", "c");
  assert_succeeds (vmd_vm_row_tombstone (fixture->db, "cccccccccccccccccccccccccccccccc", &error));
  g_assert_cmpint (sqlite3_exec (fixture->db, undo, NULL, NULL, NULL), ==, SQLITE_OK);
  assert_succeeds (vmd_store_migrate (fixture->db, &error));
  g_assert_cmpint (get_number (fixture->db, "PRAGMA user_version"), ==, 2);
  g_assert_cmpint (get_number (fixture->db, "SELECT count(*) FROM devices"), ==, 2);
  first = load_device (fixture->db, A);
  second = load_device (fixture->db, B);
  g_assert_true (first->is_guest);
  g_assert_cmpstr (first->own, ==, "{}");
  g_assert_cmpuint (first->version, !=, second->version);
  assert_own_at (fixture->db, A, first->version, "{}");
  assert_succeeds (vmd_config_version_draw (fixture->db, &version, &error));
  g_assert_cmpuint (version, ==, 3);
  /* And the triggers are there. */
  set_own (fixture->db, A, "{\"k\":1}");
  g_assert_cmpint (get_number (fixture->db, "SELECT count(*) FROM changes WHERE kind = 'device'"),
                   >, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/rows/device/round-trip", test_device);
  ADD ("/rows/device/one-namespace", test_one_namespace);
  ADD ("/rows/device/guest", test_guest);
  ADD ("/rows/device/remove-takes-all", test_remove_takes_all);
  ADD ("/rows/group/round-trip", test_groups);
  ADD ("/rows/group/schemas", test_group_schemas);
  ADD ("/rows/token/round-trip", test_tokens);
  ADD ("/rows/config/history", test_history);
  ADD ("/rows/config/history-is-cut", test_history_is_cut);
  ADD ("/rows/presence/lesson-52-late-clean-up", test_lesson_52_presence);
  ADD ("/rows/migration/from-version-1", test_migration);
  return g_test_run ();
}
