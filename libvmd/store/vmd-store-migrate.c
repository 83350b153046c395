/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-store-database-private.h"

#include "base/vmd-failure-private.h"

/* The tables, version by version. A database of any earlier version is brought to the newest one
 * step at a time, each in a transaction of its own, and of two processes that open it at once one
 * does the work. A step that was released is never changed: what is wrong with it is put right by a
 * next one. */

/* Each row changed leaves its kind and key in `changes`. The words are those of
 * vmd-store-feed.c; @key is an expression on the row given. */
#define TRIGGERS(table, kind, new_key, old_key)                                                    \
  "CREATE TRIGGER " table "_insert AFTER INSERT ON " table " BEGIN"                                \
  "  INSERT INTO changes (kind, key) VALUES ('" kind "', " new_key ");"                            \
  "END;"                                                                                           \
  "CREATE TRIGGER " table "_update AFTER UPDATE ON " table " BEGIN"                                \
  "  INSERT INTO changes (kind, key) SELECT '" kind "', " old_key "    UNION SELECT '" kind        \
  "', " new_key ";"                                                                                \
  "END;"                                                                                           \
  "CREATE TRIGGER " table "_delete AFTER DELETE ON " table " BEGIN"                                \
  "  INSERT INTO changes (kind, key) VALUES ('" kind "', " old_key ");"                            \
  "END;"

/* AUTOINCREMENT: a number is never given twice, also when all rows were pruned; and none is left
 * out, since what is rolled back gives its numbers back. So a gap means that one fell behind. */
static const char *const first_tables =
    "CREATE TABLE changes ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  kind TEXT NOT NULL,"
    "  key TEXT NOT NULL"
    ") STRICT;"

    "CREATE TABLE vms ("
    "  id TEXT PRIMARY KEY NOT NULL,"
    "  name TEXT NOT NULL,"
    "  image_name TEXT,"
    "  image TEXT,"
    "  kernel TEXT,"
    "  vcpus INTEGER NOT NULL,"
    "  memory INTEGER NOT NULL,"
    "  disk_size INTEGER NOT NULL,"
    "  network TEXT NOT NULL,"
    "  backend TEXT NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  launch INTEGER NOT NULL,"
    "  reason TEXT,"
    "  bad INTEGER NOT NULL,"
    "  deleted INTEGER NOT NULL,"
    "  ssh_server TEXT"
    ") STRICT;"
    "CREATE UNIQUE INDEX vms_name ON vms (name) WHERE NOT deleted;"
    "CREATE INDEX vms_image ON vms (image);"
    "CREATE INDEX vms_kernel ON vms (kernel);"

    /* One launch for each VM: the current one. */
    "CREATE TABLE launches ("
    "  vm TEXT PRIMARY KEY NOT NULL REFERENCES vms (id),"
    "  launch INTEGER NOT NULL,"
    "  boot_id TEXT NOT NULL,"
    "  pid INTEGER NOT NULL,"
    "  start_time INTEGER NOT NULL,"
    "  socket TEXT NOT NULL,"
    "  port INTEGER NOT NULL,"
    "  guest_boot_id TEXT,"
    "  started INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE launch_resources ("
    "  id INTEGER PRIMARY KEY,"
    "  vm TEXT NOT NULL REFERENCES launches (vm),"
    "  launch INTEGER NOT NULL,"
    "  kind TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  UNIQUE (vm, launch, kind, name)"
    ") STRICT;"

    "CREATE TABLE transitions ("
    "  vm TEXT PRIMARY KEY NOT NULL REFERENCES vms (id),"
    "  verb TEXT NOT NULL,"
    "  launch INTEGER NOT NULL,"
    "  boot_id TEXT NOT NULL,"
    "  pid INTEGER NOT NULL,"
    "  start_time INTEGER NOT NULL,"
    "  token TEXT NOT NULL,"
    "  who TEXT NOT NULL,"
    "  since INTEGER NOT NULL,"
    "  cancel INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE images ("
    "  name TEXT PRIMARY KEY NOT NULL,"
    "  digest TEXT NOT NULL,"
    "  size INTEGER NOT NULL,"
    "  virtual_size INTEGER NOT NULL,"
    "  source TEXT NOT NULL,"
    "  ssh_server TEXT NOT NULL,"
    "  created INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX images_digest ON images (digest);"

    "CREATE TABLE kernels ("
    "  version TEXT PRIMARY KEY NOT NULL,"
    "  source TEXT NOT NULL,"
    "  size INTEGER NOT NULL,"
    "  is_default INTEGER NOT NULL,"
    "  created INTEGER NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX kernels_default ON kernels (is_default) WHERE is_default;"

    "CREATE TABLE workspaces ("
    "  vm TEXT NOT NULL REFERENCES vms (id),"
    "  path TEXT NOT NULL,"
    "  repository TEXT NOT NULL,"
    "  head TEXT NOT NULL,"
    "  branch TEXT,"
    "  mode TEXT NOT NULL,"
    "  manifest TEXT,"
    "  launch INTEGER NOT NULL,"
    "  files INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL,"
    "  imported INTEGER NOT NULL,"
    "  PRIMARY KEY (vm, path)"
    ") STRICT;"

    /* clang-format off */
    TRIGGERS ("vms", "vm", "NEW.id", "OLD.id")
    TRIGGERS ("launches", "launch", "NEW.vm", "OLD.vm")
    TRIGGERS ("launch_resources", "launch", "NEW.vm", "OLD.vm")
    TRIGGERS ("transitions", "transition", "NEW.vm", "OLD.vm")
    TRIGGERS ("images", "image", "NEW.name", "OLD.name")
    TRIGGERS ("kernels", "kernel", "NEW.version", "OLD.version")
    TRIGGERS ("workspaces", "workspace", "NEW.vm || ' ' || NEW.path", "OLD.vm || ' ' || OLD.path");
/* clang-format on */

/* Versions are of the whole store, hence the counter. What belongs to a device is in tables by what
 * changes together: to report what was applied, or to connect, writes a few bytes, and not the
 * values again. The history has a number for each change of each target, which is how it is cut
 * short without being counted. */
static const char *const second_tables =
    "CREATE TABLE config_counter ("
    "  only INTEGER PRIMARY KEY CHECK (only = 1),"
    "  version INTEGER NOT NULL,"
    "  epoch INTEGER NOT NULL"
    ") STRICT;"
    "INSERT INTO config_counter (only, version, epoch) VALUES (1, 0, 0);"

    "CREATE TABLE schemas ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  text TEXT NOT NULL UNIQUE"
    ") STRICT;"

    "CREATE TABLE devices ("
    "  id TEXT PRIMARY KEY NOT NULL,"
    "  is_guest INTEGER NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  schema INTEGER REFERENCES schemas (id),"
    "  own TEXT NOT NULL,"
    "  version INTEGER NOT NULL,"
    "  revision INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX devices_schema ON devices (schema);"
    "CREATE INDEX devices_id_schema ON devices (id, schema);"

    "CREATE TABLE device_groups ("
    "  name TEXT PRIMARY KEY NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  own TEXT NOT NULL,"
    "  version INTEGER NOT NULL,"
    "  revision INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE group_members ("
    "  device TEXT NOT NULL REFERENCES devices (id),"
    "  device_group TEXT NOT NULL REFERENCES device_groups (name),"
    "  since INTEGER NOT NULL,"
    "  PRIMARY KEY (device, device_group)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX group_members_group ON group_members (device_group, device);"

    "CREATE TABLE device_tokens ("
    "  id TEXT PRIMARY KEY NOT NULL,"
    "  device TEXT NOT NULL REFERENCES devices (id),"
    "  hash BLOB NOT NULL,"
    "  label TEXT NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  expires INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX device_tokens_device ON device_tokens (device);"

    "CREATE TABLE config_history ("
    "  version INTEGER PRIMARY KEY,"
    "  is_group INTEGER NOT NULL,"
    "  target TEXT NOT NULL,"
    "  revision INTEGER NOT NULL,"
    "  author TEXT NOT NULL,"
    "  time INTEGER NOT NULL,"
    "  note TEXT NOT NULL,"
    "  own TEXT NOT NULL,"
    "  UNIQUE (is_group, target, revision)"
    ") STRICT;"

    "CREATE TABLE device_applied ("
    "  device TEXT PRIMARY KEY NOT NULL REFERENCES devices (id),"
    "  version INTEGER NOT NULL,"
    "  status TEXT NOT NULL,"
    "  message TEXT NOT NULL,"
    "  time INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE presence ("
    "  device TEXT PRIMARY KEY NOT NULL REFERENCES devices (id),"
    "  generation INTEGER NOT NULL,"
    "  connected INTEGER NOT NULL,"
    "  since INTEGER NOT NULL,"
    "  peer TEXT"
    ") STRICT;"

    /* Every VM is a device. */
    "INSERT INTO devices (id, is_guest, created, own, version, revision)"
    "  SELECT id, 1, created, '{}', row_number () OVER (ORDER BY created, id), 1"
    "  FROM vms WHERE NOT deleted;"
    "INSERT INTO config_history (version, is_group, target, revision, author, time, note, own)"
    "  SELECT version, 0, id, 1, '', created, 'created', own FROM devices;"
    "UPDATE config_counter SET version = (SELECT count (*) FROM devices);"

    /* clang-format off */
    TRIGGERS ("devices", "device", "NEW.id", "OLD.id")
    TRIGGERS ("device_groups", "group", "NEW.name", "OLD.name")
    TRIGGERS ("group_members", "member", "NEW.device", "OLD.device")
    TRIGGERS ("device_tokens", "token", "NEW.device", "OLD.device")
    TRIGGERS ("device_applied", "applied", "NEW.device", "OLD.device")
    TRIGGERS ("presence", "presence", "NEW.device", "OLD.device");
/* clang-format on */

/* Fixed statements only: there is nothing to bind. */
static gboolean
run_script (sqlite3 *db, const char *script, GError **error)
{
  if (sqlite3_exec (db, script, NULL, NULL, NULL) == SQLITE_OK)
    return TRUE;
  return vmd_sqlite_fail (db, error, "make the tables of");
}

static gboolean
migrate_to_1 (sqlite3 *db, GError **error)
{
  return run_script (db, first_tables, error);
}

static gboolean
migrate_to_2 (sqlite3 *db, GError **error)
{
  return run_script (db, second_tables, error);
}

/* The history: what came with each version. */
static const struct
{
  gboolean (*migrate) (sqlite3 *db, GError **error);
  const char *mark; /* PRAGMA takes no parameters */
} versions[] = {
  /* 1, 2026: VMs, launches, claims, images, kernels, workspaces. */
  { migrate_to_1, "PRAGMA user_version = 1" },
  /* 2, 2026: devices, their groups, values, tokens and presence. */
  { migrate_to_2, "PRAGMA user_version = 2" },
};

/* A file that is not ours must not be changed, whatever it is. */
static gboolean
check_application (sqlite3 *db, gint64 version, GError **error)
{
  gint64 application, tables;

  if (!vmd_store_database_get_number (db, "PRAGMA application_id", &application, error) ||
      !vmd_store_database_get_number (db, "SELECT count(*) FROM sqlite_schema", &tables, error))
    return FALSE;
  if (application == VMD_STORE_APPLICATION_ID || (application == 0 && version == 0 && tables == 0))
    return TRUE;
  return vmd_fail (error, VMD_ERROR_STORE_CORRUPT,
                   "%s is a database, but not one of vmd: move it away to begin with an empty one",
                   sqlite3_db_filename (db, "main"));
}

/* Inside a transaction. */
static gboolean
check_version (sqlite3 *db, gint64 *version, GError **error)
{
  if (!vmd_store_database_get_number (db, "PRAGMA user_version", version, error) ||
      !check_application (db, *version, error))
    return FALSE;
  if (*version >= 0 && *version <= (gint64) G_N_ELEMENTS (versions))
    return TRUE;
  return vmd_fail (error, VMD_ERROR_STORE_CORRUPT,
                   "The database %s is of version %" G_GINT64_FORMAT
                   ", and this vmd knows versions up to %u: use the vmd that made it, or a later"
                   " one",
                   sqlite3_db_filename (db, "main"), *version, (guint) G_N_ELEMENTS (versions));
}

/* FALSE with STORE_CORRUPT: the database is not vmd's, or of a version that only later ones know.
 * Changes nothing. It looks at one snapshot: another process may be making the tables, and what was
 * read before and after would not be of one piece. */
gboolean
vmd_store_check_version (sqlite3 *db, gint64 *version, GError **error)
{
  gboolean good;

  if (!vmd_sqlite_run (db, NULL, error, "BEGIN", ""))
    return FALSE;
  good = check_version (db, version, error);
  sqlite3_exec (db, "ROLLBACK", NULL, NULL, NULL);
  return good;
}

/* Inside a transaction. @done: there was nothing to do. */
static gboolean
step (sqlite3 *db, gboolean *done, GError **error)
{
  static const char *const mark_as_ours =
      "PRAGMA application_id = " G_STRINGIFY (VMD_STORE_APPLICATION_ID);
  gint64 version;

  /* Looked at anew: another process may have taken this step while we waited for the lock. */
  if (!check_version (db, &version, error))
    return FALSE;
  *done = version == (gint64) G_N_ELEMENTS (versions);
  if (*done)
    return TRUE;
  return versions[version].migrate (db, error) &&
         vmd_sqlite_run (db, NULL, error, versions[version].mark, "") &&
         vmd_sqlite_run (db, NULL, error, mark_as_ours, "");
}

/* Brings the database to the newest version. */
gboolean
vmd_store_migrate (sqlite3 *db, GError **error)
{
  gboolean done = FALSE;
  gint64 version;

  if (!vmd_store_check_version (db, &version, error))
    return FALSE;
  /* Most of the time there is nothing to write, and then nobody is waited for. */
  if (version == (gint64) G_N_ELEMENTS (versions))
    return TRUE;
  while (!done)
    {
      if (!vmd_sqlite_run (db, NULL, error, "BEGIN IMMEDIATE", ""))
        return FALSE;
      if (!step (db, &done, error) || !vmd_sqlite_run (db, NULL, error, "COMMIT", ""))
        {
          sqlite3_exec (db, "ROLLBACK", NULL, NULL, NULL);
          return FALSE;
        }
    }
  return TRUE;
}
