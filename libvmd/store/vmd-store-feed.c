/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-store-feed-private.h"

#include "base/vmd-failure-private.h"
#include "vmd-store-database-private.h"

/* How memory follows disk. `changes` says which rows changed, in order, whoever changed them. All
 * that is told at once is read in one read transaction, the observer's own reading included: it
 * sees the rows of a VM as they were together at one moment, never half of another process's
 * commit.
 *
 * The invariant: when a caller is answered, or another process's commit has been looked at,
 * everything up to `last` has been told, and nothing after it is needed for what was told to be
 * true. */

/* Slack, so that pruning is done once in a while and not at every commit. */
#define PRUNE_SLACK 1024

/* The words of the triggers, by VmdRowKind. */
static const char *const kind_names[VMD_N_ROW_KINDS] = {
  [VMD_ROW_VM] = "vm",         [VMD_ROW_LAUNCH] = "launch",   [VMD_ROW_TRANSITION] = "transition",
  [VMD_ROW_IMAGE] = "image",   [VMD_ROW_KERNEL] = "kernel",   [VMD_ROW_WORKSPACE] = "workspace",
  [VMD_ROW_DEVICE] = "device", [VMD_ROW_GROUP] = "group",     [VMD_ROW_MEMBER] = "member",
  [VMD_ROW_TOKEN] = "token",   [VMD_ROW_APPLIED] = "applied", [VMD_ROW_PRESENCE] = "presence",
};

typedef struct
{
  VmdRowKind kind;
  char *key;
} Change;

static void
change_clear (gpointer data)
{
  Change *change = data;

  g_free (change->key);
}

static gboolean
find_kind (const char *name, VmdRowKind *kind)
{
  for (guint i = 0; i < G_N_ELEMENTS (kind_names); i++)
    if (g_strcmp0 (kind_names[i], name) == 0)
      {
        *kind = i;
        return TRUE;
      }
  return FALSE;
}

/* Which rows changed after @last, each once, in the order of their last change. A kind that we do
 * not know is of a later version's tables, which nobody here has in memory. */
static GArray *
load_changes (sqlite3 *db, gint64 last, GError **error)
{
  g_autoptr (GArray) changes = g_array_new (FALSE, FALSE, sizeof (Change));
  g_autoptr (VmdStatement) statement = NULL;
  int result;

  g_array_set_clear_func (changes, change_clear);
  statement = vmd_sqlite_prepare (
      db, "SELECT kind, key FROM changes WHERE id > ? GROUP BY kind, key ORDER BY max(id)", error);
  if (statement == NULL || !vmd_sqlite_bind (db, statement, error, "i", last))
    return NULL;
  while ((result = vmd_sqlite_step (db, statement, error)) == SQLITE_ROW)
    {
      Change change;

      if (!find_kind ((const char *) sqlite3_column_text (statement, 0), &change.kind))
        continue;
      change.key = vmd_sqlite_dup_text (statement, 1);
      g_array_append_val (changes, change);
    }
  return result == SQLITE_DONE ? g_steal_pointer (&changes) : NULL;
}

static gboolean
load_range (sqlite3 *db, gint64 *first, gint64 *last, GError **error)
{
  return vmd_store_database_get_number (db, "SELECT coalesce (min (id), 1) FROM changes", first,
                                        error) &&
         vmd_store_database_get_number (db, "SELECT coalesce (max (id), 0) FROM changes", last,
                                        error);
}

static void
tell_reload (VmdStoreFeed *self, sqlite3 *db)
{
  for (guint kind = 0; kind < G_N_ELEMENTS (kind_names); kind++)
    self->observer (self->store, db, kind, NULL, self->data);
}

static gboolean
tell_changes (VmdStoreFeed *self, sqlite3 *db, GError **error)
{
  g_autoptr (GArray) changes = load_changes (db, self->last, error);

  if (changes == NULL)
    return FALSE;
  for (guint i = 0; i < changes->len; i++)
    {
      const Change *change = &g_array_index (changes, Change, i);

      self->observer (self->store, db, change->kind, change->key, self->data);
    }
  return TRUE;
}

/* In a read transaction. @told: there was something. */
static gboolean
tell_all (VmdStoreFeed *self, sqlite3 *db, gboolean *told, GError **error)
{
  gint64 first, last;

  if (!load_range (db, &first, &last, error))
    return FALSE;
  *told = last != self->last;
  if (!*told)
    return TRUE;
  /* Never read, or what we need was pruned meanwhile, or somebody put a backup in place. */
  if (self->last < 0 || first > self->last + 1 || last < self->last)
    tell_reload (self, db);
  else if (!tell_changes (self, db, error))
    return FALSE;
  self->last = last;
  return TRUE;
}

/* Tells the observer all that it has not been told. A failure is made up for at the next look. */
void
vmd_store_feed_tell (VmdStoreFeed *self, sqlite3 *db)
{
  g_autoptr (GError) error = NULL;
  gboolean told = FALSE;

  if (self->observer == NULL)
    return;
  self->is_behind = !vmd_sqlite_run (db, NULL, &error, "BEGIN", "");
  if (!self->is_behind)
    {
      self->is_behind = !tell_all (self, db, &told, &error);
      sqlite3_exec (db, "COMMIT", NULL, NULL, NULL);
    }
  if (self->is_behind)
    g_debug ("Cannot read what changed: %s", error->message);
  if (told && self->done != NULL)
    self->done (self->store, self->data);
}

/* The same, if another process has committed since the last look. */
void
vmd_store_feed_look (VmdStoreFeed *self, sqlite3 *db)
{
  g_autoptr (GError) error = NULL;
  gint64 version;

  if (self->observer == NULL)
    return;
  if (!vmd_store_database_get_number (db, "PRAGMA data_version", &version, &error))
    {
      g_debug ("Cannot see whether another process has committed: %s", error->message);
      return;
    }
  if (version == self->data_version && !self->is_behind)
    return;
  self->data_version = version;
  vmd_store_feed_tell (self, db);
}

/* In a write transaction: forgets old changes. Who has not read them by now reads everything. */
gboolean
vmd_store_feed_prune (sqlite3 *db, GError **error)
{
  gint64 first, last;

  if (!load_range (db, &first, &last, error))
    return FALSE;
  if (last - first < VMD_STORE_CHANGES_KEPT + PRUNE_SLACK)
    return TRUE;
  return vmd_sqlite_run (db, NULL, error, "DELETE FROM changes WHERE id <= ?", "i",
                         last - VMD_STORE_CHANGES_KEPT);
}
