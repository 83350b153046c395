/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-presence-storage-private.h"

#include "base/vmd-failure-private.h"
#include "base/vmd-fault-private.h"
#include "channel/vmd-broker-private.h"
#include "vmd-manager-devices-private.h"

/* Between the broker, which must not wait, and the disk. Who came and who went is put into a table,
 * one row for a device, and a thread of our own writes the table down a quarter of a second after
 * the first. So ten thousand takeovers of one device cost one row, and none of them waits for a
 * disk.
 *
 * What makes that safe is the generation. In the table, as in the store, a higher one replaces a
 * lower one, and of one generation being gone replaces being there; nothing else does. Hence it
 * does not matter in which order claims and cleans arrive from the broker's threads, how often one
 * is written, or that a batch which failed is put back while newer ones come in. A write that fails
 * is tried again until it succeeds; what a process that dies had not written yet is no loss, since
 * the next epoch begins with nobody connected.
 *
 * Telling (of `changed`) goes by the same clock, but begins at once: the first change after a quiet
 * quarter of a second is told without delay, those that follow together. A device that is refused
 * newcomers is told of twice, the second time when it is not contested any more.
 *
 * Why a thread and not a source: claims must reach the store though no main loop runs, and a write
 * blocks. Why not one function in the store's queue for each claim: that is one commit's work for
 * each, on the thread that values wait for. */

#define INTERVAL (250 * G_TIME_SPAN_MILLISECOND)
#define MAX_RETRY_INTERVAL (4 * G_TIME_SPAN_SECOND)
/* At the close: so often and so long, and no more. */
#define MAX_LAST_FAILURES 4
#define LAST_RETRY_INTERVAL (50 * G_TIME_SPAN_MILLISECOND)
#define CLOSE_LIMIT (2 * G_TIME_SPAN_SECOND)
/* Whoever sets values waits for at most so many rows; and the table of changes keeps more than so
 * many (VMD_STORE_CHANGES_KEPT), so nobody who follows it has to read everything again. */
#define ROWS_PER_TRANSACTION 512

struct _VmdPresenceStorage
{
  GObject parent;

  /* Constant. */
  VmdStore *store; /* owned */
  VmdPresenceChanged changed;
  gpointer data;
  GCancellable *cancellable; /* of what is being written; cancelled by a close that waited enough */
  GThread *thread; /* (nullable) close() joins it */

  GMutex mutex; /* a leaf; guards what follows */
  GCond wake; /* the thread's */
  GCond answered; /* of those that flush or close */
  GHashTable *unwritten; /* device → VmdPresenceRow */
  GHashTable *untold; /* set of devices */
  GHashTable *refused; /* device → gint64, monotonic: until when it is contested */
  gint64 write_at; /* monotonic; when there is something unwritten */
  gint64 tell_at; /* monotonic; when there is something untold, and not before it in any case */
  guint64 n_asked; /* flushes */
  guint64 n_answered;
  guint n_failures; /* writes that failed one after the other; since the close, if there was one */
  GError *failure; /* (nullable) of the last write */
  gboolean is_closing;
  gboolean has_ended; /* the thread has */
};

static void vmd_presence_storage_iface_init (VmdBrokerStorageInterface *iface);
G_DEFINE_FINAL_TYPE_WITH_CODE (VmdPresenceStorage, vmd_presence_storage, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_BROKER_STORAGE,
                                                      vmd_presence_storage_iface_init))

/* -- What is noted, on the broker's threads -- */

static gboolean
replaces (const VmdPresenceRow *row, const VmdPresenceRow *known)
{
  return row->generation > known->generation ||
         (row->generation == known->generation && !row->connected);
}

/* @row: (transfer full). FALSE: something newer is there. */
static gboolean
put_locked (VmdPresenceStorage *self, VmdPresenceRow *row)
{
  const VmdPresenceRow *known = g_hash_table_lookup (self->unwritten, row->device);

  if (known != NULL && !replaces (row, known))
    {
      vmd_presence_row_free (row);
      return FALSE;
    }
  /* The key is the row's own. */
  g_hash_table_replace (self->unwritten, row->device, row);
  return TRUE;
}

static void
leave_untold_locked (VmdPresenceStorage *self, const char *device)
{
  if (g_hash_table_size (self->untold) == 0)
    {
      self->tell_at = MAX (self->tell_at, g_get_monotonic_time ());
      g_cond_signal (&self->wake);
    }
  if (!g_hash_table_contains (self->untold, device))
    g_hash_table_add (self->untold, g_strdup (device));
}

static void
note (VmdBrokerStorage *storage, VmdPresenceRow *row)
{
  VmdPresenceStorage *self = VMD_PRESENCE_STORAGE (storage);

  g_mutex_lock (&self->mutex);
  if (self->has_ended)
    vmd_presence_row_free (row);
  else
    {
      if (g_hash_table_size (self->unwritten) == 0)
        {
          self->write_at = g_get_monotonic_time () + (self->is_closing ? 0 : INTERVAL);
          g_cond_signal (&self->wake);
        }
      if (put_locked (self, row))
        leave_untold_locked (self, row->device);
    }
  g_mutex_unlock (&self->mutex);
}

static VmdPresenceRow *
new_row (const char *device, guint64 generation)
{
  VmdPresenceRow *row = g_new0 (VmdPresenceRow, 1);

  row->device = g_strdup (device);
  row->generation = generation;
  return row;
}

static void
claim (VmdBrokerStorage *storage, const char *device, guint64 generation, const char *peer,
       gint64 since)
{
  VmdPresenceRow *row = new_row (device, generation);

  row->connected = TRUE;
  row->since = since;
  row->peer = g_strdup (peer);
  note (storage, row);
}

static void
clean (VmdBrokerStorage *storage, const char *device, guint64 generation)
{
  note (storage, new_row (device, generation));
}

static void
refuse (VmdBrokerStorage *storage, const char *device, gint64 retry_after)
{
  VmdPresenceStorage *self = VMD_PRESENCE_STORAGE (storage);
  gint64 until = g_get_monotonic_time () + retry_after;

  g_mutex_lock (&self->mutex);
  if (!self->has_ended)
    {
      g_hash_table_replace (self->refused, g_strdup (device), g_memdup2 (&until, sizeof until));
      leave_untold_locked (self, device);
      g_cond_signal (&self->wake);
    }
  g_mutex_unlock (&self->mutex);
}

static void
vmd_presence_storage_iface_init (VmdBrokerStorageInterface *iface)
{
  iface->claim = claim;
  iface->clean = clean;
  iface->refuse = refuse;
}

/* -- The thread -- */

typedef struct
{
  GPtrArray *rows; /* of VmdPresenceRow; from @n_written on they are not written yet */
  guint n_written;
  GPtrArray *devices; /* that are to be told of */
  guint64 n_asked; /* flushes that this answers */
} Work;

static void
work_clear (Work *work)
{
  g_clear_pointer (&work->rows, g_ptr_array_unref);
  g_clear_pointer (&work->devices, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Work, work_clear)

/* Those whose contest is over are to be told of. Few are contested, so looking at all is cheap.
 * Returns: when the next one is */
static gint64
end_contests_locked (VmdPresenceStorage *self, gint64 now)
{
  gint64 next = G_MAXINT64;
  GHashTableIter iterator;
  gpointer device, until;

  g_hash_table_iter_init (&iterator, self->refused);
  while (g_hash_table_iter_next (&iterator, &device, &until))
    {
      if (*(gint64 *) until > now)
        {
          next = MIN (next, *(gint64 *) until);
          continue;
        }
      leave_untold_locked (self, device);
      g_hash_table_iter_remove (&iterator);
    }
  return next;
}

/* Returns: when there is something to do */
static gint64
get_next_locked (VmdPresenceStorage *self)
{
  gint64 next = end_contests_locked (self, g_get_monotonic_time ());

  if (self->n_asked != self->n_answered ||
      (self->is_closing && g_hash_table_size (self->untold) > 0))
    return 0;
  if (g_hash_table_size (self->unwritten) > 0)
    next = MIN (next, self->write_at);
  if (g_hash_table_size (self->untold) > 0)
    next = MIN (next, self->tell_at);
  return next;
}

static void
steal_rows_locked (VmdPresenceStorage *self, GPtrArray *rows)
{
  GHashTableIter iterator;
  gpointer row;

  g_hash_table_iter_init (&iterator, self->unwritten);
  while (g_hash_table_iter_next (&iterator, NULL, &row))
    {
      g_hash_table_iter_steal (&iterator);
      g_ptr_array_add (rows, row);
    }
}

static void
steal_devices_locked (VmdPresenceStorage *self, GPtrArray *devices)
{
  GHashTableIter iterator;
  gpointer device;

  g_hash_table_iter_init (&iterator, self->untold);
  while (g_hash_table_iter_next (&iterator, &device, NULL))
    {
      g_hash_table_iter_steal (&iterator);
      g_ptr_array_add (devices, device);
    }
}

static void
take_locked (VmdPresenceStorage *self, Work *work)
{
  gint64 now = g_get_monotonic_time ();
  gboolean is_asked = self->n_asked != self->n_answered;

  work->rows = g_ptr_array_new_with_free_func ((GDestroyNotify) vmd_presence_row_free);
  work->devices = g_ptr_array_new_with_free_func (g_free);
  work->n_asked = self->n_asked;
  if (is_asked || self->write_at <= now)
    steal_rows_locked (self, work->rows);
  if (g_hash_table_size (self->untold) > 0 &&
      (is_asked || self->is_closing || self->tell_at <= now))
    {
      steal_devices_locked (self, work->devices);
      self->tell_at = now + INTERVAL;
    }
}

/* Is it closed, with nothing left to write, or no hope to? */
static gboolean
is_over_locked (VmdPresenceStorage *self)
{
  return self->is_closing &&
         (g_cancellable_is_cancelled (self->cancellable) || self->n_failures >= MAX_LAST_FAILURES ||
          (g_hash_table_size (self->unwritten) == 0 && g_hash_table_size (self->untold) == 0));
}

/* Blocks until there is something to do, which it fills in. FALSE: it is over. */
static gboolean
wait_for_work (VmdPresenceStorage *self, Work *work)
{
  gboolean is_over;
  gint64 next;

  g_mutex_lock (&self->mutex);
  while (!(is_over = is_over_locked (self)) &&
         (next = get_next_locked (self)) > g_get_monotonic_time ())
    if (next == G_MAXINT64)
      g_cond_wait (&self->wake, &self->mutex);
    else
      g_cond_wait_until (&self->wake, &self->mutex, next);
  if (!is_over)
    take_locked (self, work);
  g_mutex_unlock (&self->mutex);
  return !is_over;
}

static gboolean
write_in_store (sqlite3 *db, gpointer data, GError **error)
{
  const Work *work = data;
  guint end = MIN (work->rows->len, work->n_written + ROWS_PER_TRANSACTION);

  for (guint i = work->n_written; i < end; i++)
    if (!vmd_fault_point ("presence-write", error) ||
        !vmd_presence_row_put (db, work->rows->pdata[i], error))
      return FALSE;
  return TRUE;
}

static gboolean
write_all (VmdPresenceStorage *self, Work *work, GError **error)
{
  while (work->n_written < work->rows->len)
    {
      if (!vmd_store_transact (self->store, write_in_store, work, self->cancellable, error))
        return FALSE;
      work->n_written = MIN (work->rows->len, work->n_written + ROWS_PER_TRANSACTION);
    }
  return TRUE;
}

/* What was not written, unless there is something newer by now. */
static void
put_back_locked (VmdPresenceStorage *self, Work *work)
{
  gint64 interval = INTERVAL << MIN (self->n_failures, 4);

  interval = self->is_closing ? LAST_RETRY_INTERVAL : MIN (interval, MAX_RETRY_INTERVAL);
  while (work->rows->len > work->n_written)
    put_locked (self, g_ptr_array_steal_index_fast (work->rows, work->rows->len - 1));
  self->write_at = g_get_monotonic_time () + interval;
  self->n_failures++;
}

/* @failure: (transfer full) (nullable) */
static void
answer (VmdPresenceStorage *self, Work *work, GError *failure)
{
  if (failure != NULL)
    g_debug ("Who is connected could not be written down: %s", failure->message);
  g_mutex_lock (&self->mutex);
  if (failure != NULL)
    put_back_locked (self, work);
  else if (work->rows->len > 0)
    self->n_failures = 0;
  g_clear_error (&self->failure);
  self->failure = failure;
  self->n_answered = work->n_asked;
  g_cond_broadcast (&self->answered);
  g_mutex_unlock (&self->mutex);
}

static gpointer
run_thread (gpointer data)
{
  VmdPresenceStorage *self = data;

  for (;;)
    {
      g_auto (Work) work = { 0 };
      GError *error = NULL;

      if (!wait_for_work (self, &work))
        break;
      for (guint i = 0; i < work.devices->len; i++)
        self->changed (work.devices->pdata[i], self->data);
      write_all (self, &work, &error);
      answer (self, &work, error);
    }
  g_mutex_lock (&self->mutex);
  self->has_ended = TRUE;
  g_cond_broadcast (&self->answered);
  g_mutex_unlock (&self->mutex);
  return NULL;
}

/* -- Opening and closing -- */

static void
vmd_presence_storage_finalize (GObject *object)
{
  VmdPresenceStorage *self = VMD_PRESENCE_STORAGE (object);

  vmd_presence_storage_close (self);
  g_clear_error (&self->failure);
  g_hash_table_unref (self->refused);
  g_hash_table_unref (self->untold);
  g_hash_table_unref (self->unwritten);
  g_cond_clear (&self->answered);
  g_cond_clear (&self->wake);
  g_mutex_clear (&self->mutex);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->store);
  G_OBJECT_CLASS (vmd_presence_storage_parent_class)->finalize (object);
}

static void
vmd_presence_storage_class_init (VmdPresenceStorageClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_presence_storage_finalize;
}

static void
vmd_presence_storage_init (VmdPresenceStorage *self)
{
  g_mutex_init (&self->mutex);
  g_cond_init (&self->wake);
  g_cond_init (&self->answered);
  self->cancellable = g_cancellable_new ();
  self->unwritten =
      g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) vmd_presence_row_free);
  self->untold = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->refused = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

static gboolean
begin_epoch_in_store (sqlite3 *db, gpointer data, GError **error)
{
  guint64 *epoch = data;

  return vmd_fault_point ("presence-epoch", error) &&
         vmd_presence_row_begin_epoch (db, epoch, error) &&
         (*epoch <= VMD_BROKER_MAX_EPOCH ||
          vmd_fail (error, VMD_ERROR_STORE_CORRUPT,
                    "The configuration channel was begun more than %u times: the store is damaged",
                    VMD_BROKER_MAX_EPOCH));
}

VmdPresenceStorage *
vmd_presence_storage_open (VmdStore *store, VmdPresenceChanged changed, gpointer data,
                           guint32 *epoch, GError **error)
{
  g_autoptr (VmdPresenceStorage) self = NULL;
  guint64 begun = 0;

  if (!vmd_store_transact (store, begin_epoch_in_store, &begun, NULL, error))
    return NULL;
  *epoch = begun;
  self = g_object_new (VMD_TYPE_PRESENCE_STORAGE, NULL);
  self->store = g_object_ref (store);
  self->changed = changed;
  self->data = data;
  self->thread = g_thread_try_new ("vmd-presence", run_thread, self, NULL);
  if (self->thread == NULL)
    {
      vmd_fail (error, VMD_ERROR_FAILED, "No thread can be started to write down who is connected");
      return NULL;
    }
  return g_steal_pointer (&self);
}

static void
show_cb (const char *id, gpointer data)
{
  VmdManager *manager = data;
  g_autoptr (VmdDevice) device = vmd_manager_lookup_device (manager, id);

  if (device != NULL)
    vmd_manager_emit_device_changed (manager, device);
}

VmdPresenceStorage *
vmd_manager_open_presence (VmdManager *manager, guint32 *epoch, GError **error)
{
  return vmd_presence_storage_open (vmd_manager_get_store (manager), show_cb, manager, epoch,
                                    error);
}

gboolean
vmd_presence_storage_flush (VmdPresenceStorage *self, GError **error)
{
  g_autoptr (GError) failure = NULL;
  guint64 ticket;

  g_mutex_lock (&self->mutex);
  ticket = ++self->n_asked;
  g_cond_signal (&self->wake);
  while (self->n_answered < ticket && !self->has_ended)
    g_cond_wait (&self->answered, &self->mutex);
  if (self->failure != NULL)
    failure = g_error_copy (self->failure);
  else if (self->n_answered < ticket)
    vmd_fail (&failure, VMD_ERROR_CANCELLED, "The configuration channel is closed");
  g_mutex_unlock (&self->mutex);
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

void
vmd_presence_storage_close (VmdPresenceStorage *self)
{
  gint64 limit = g_get_monotonic_time () + CLOSE_LIMIT;
  gboolean is_late = FALSE;

  if (self->thread == NULL)
    return;
  g_mutex_lock (&self->mutex);
  self->is_closing = TRUE;
  self->write_at = 0;
  self->n_failures = 0;
  g_cond_signal (&self->wake);
  while (!self->has_ended && !is_late)
    is_late = !g_cond_wait_until (&self->answered, &self->mutex, limit);
  g_mutex_unlock (&self->mutex);
  if (is_late)
    {
      g_cancellable_cancel (self->cancellable);
      g_mutex_lock (&self->mutex);
      g_cond_signal (&self->wake);
      g_mutex_unlock (&self->mutex);
    }
  g_clear_pointer (&self->thread, g_thread_join);
}
