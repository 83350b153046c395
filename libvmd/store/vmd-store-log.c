/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-store-log-private.h"

#include "vmd-store-database-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A commit is one write of the log and one sync of it. To write the log back into the database
 * takes two more, and many pages. SQLite does that within the commit that finds the log long, and
 * whoever waits for that one waits for all of it. Here it is done once nobody has committed for a
 * moment, and at the latest when the log has used up its room; and then after the callers have been
 * answered.
 *
 * On a full disk nothing new can be made, but what is there must be possible to delete, and
 * deleting writes rows. So the log has its room from the start, keeps it when the last process
 * closes, and only grows past it where more can be reserved first: else it is written back, and
 * begun anew. Where a file system does not know how, or is full now, it is done without. The log,
 * unlike the database, has no POSIX locks on it that closing a descriptor of it would drop. */

#define ROOM_STEP (1024 * 1024) /* bytes; the first too */
#define ROOM_MAX (8 * ROOM_STEP)
/* What a batch of a few changes may need. */
#define MARGIN (ROOM_STEP / 2)
#define FRAME (4096 + 24) /* bytes: a page and its head */
#define DATABASE_CHUNK (256 * 1024)
/* Not worth two syncs before. */
#define FRAMES_WORTH_IT 100
/* Whoever reads, reads for milliseconds. */
#define READER_TIMEOUT_MS 100
#define IDLE (50 * G_TIME_SPAN_MILLISECOND)

static gboolean
reserve (sqlite3 *db, gsize room)
{
  const char *path = sqlite3_filename_wal (sqlite3_db_filename (db, "main"));
  int fd = open (path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  gboolean reserved;

  if (fd < 0)
    return FALSE;
  reserved = fallocate (fd, FALLOC_FL_KEEP_SIZE, 0, room) == 0;
  if (!reserved)
    g_debug ("no room is reserved for %s: %s", path, g_strerror (errno));
  close (fd);
  return reserved;
}

/* For a connection that was just opened. */
void
vmd_store_log_reserve (sqlite3 *db)
{
  int keep = 1, chunk = DATABASE_CHUNK;

  sqlite3_file_control (db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
  sqlite3_file_control (db, "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
  reserve (db, ROOM_STEP);
}

static int
committed_cb (gpointer data, sqlite3 *db, const char *name, int frames)
{
  VmdStoreLog *self = data;

  self->frames = frames;
  self->committed = g_get_monotonic_time ();
  return SQLITE_OK;
}

/* From now on SQLite leaves the log to @self. */
void
vmd_store_log_begin (VmdStoreLog *self, sqlite3 *db)
{
  *self = (VmdStoreLog){ .db = db, .room = ROOM_STEP };
  sqlite3_wal_hook (db, committed_cb, self);
}

/* @mode: SQLITE_CHECKPOINT_PASSIVE leaves in the log what another process reads still, and then the
 * next call tries again; SQLITE_CHECKPOINT_RESTART waits for it a moment, so that the log begins
 * anew even where somebody always reads. */
static void
write_back (VmdStoreLog *self, int mode)
{
  int frames = 0, done = 0;
  int result;

  sqlite3_busy_timeout (self->db, READER_TIMEOUT_MS);
  result = sqlite3_wal_checkpoint_v2 (self->db, "main", mode, &frames, &done);
  sqlite3_busy_timeout (self->db, VMD_STORE_BUSY_TIMEOUT_MS);
  if (result != SQLITE_OK)
    g_debug ("The log cannot be written back: %s", sqlite3_errstr (result));
  else if (frames == done)
    self->frames = 0;
}

/* After a commit: sees to it that the next one has room. */
void
vmd_store_log_keep_room (VmdStoreLog *self)
{
  while ((gsize) self->frames * FRAME + MARGIN > self->room)
    {
      if (self->room >= ROOM_MAX || !reserve (self->db, self->room + ROOM_STEP))
        {
          write_back (self, SQLITE_CHECKPOINT_RESTART);
          return;
        }
      self->room += ROOM_STEP;
    }
}

static gboolean
is_worth_it (const VmdStoreLog *self)
{
  return self->frames >= FRAMES_WORTH_IT;
}

/* Returns: in how many milliseconds to call vmd_store_log_tidy(), if there is nothing to do up to
 *   then */
guint
vmd_store_log_get_patience (VmdStoreLog *self)
{
  gint64 left = self->committed + IDLE - g_get_monotonic_time ();

  if (!is_worth_it (self))
    return G_MAXUINT;
  return MAX (left, 0) / G_TIME_SPAN_MILLISECOND + 1;
}

/* Writes the log back, if nobody has committed for a moment. */
void
vmd_store_log_tidy (VmdStoreLog *self)
{
  if (is_worth_it (self) && g_get_monotonic_time () - self->committed >= IDLE)
    write_back (self, SQLITE_CHECKPOINT_PASSIVE);
}
