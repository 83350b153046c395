/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-lock-keeper-private.h"

#include "base/vmd-failure-private.h"
#include "base/vmd-poll-private.h"
#include "base/vmd-state-dir-private.h"
#include "vmd-lock-blocker-private.h"
#include "vmd-lock-table-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The keeper has the line, the file and the records, and one thread.
 *
 * A ticket is served (recorded, and once nobody in the line is in its way, the file taken for it)
 * by one thread at a time: first by the one that brought it, if that may touch the disk and wait;
 * then by the keeper's, which does that for all that wait, so that a thousand of them cost one
 * thread. A lock that nobody contends for never meets the keeper's thread.
 *
 * That thread sleeps until somebody in the line becomes free, a deadline passes or a cancellable is
 * cancelled; while tickets take the file, which can't wake anybody, it looks again after at most a
 * millisecond, never twice at the same distance, so that processes don't keep step.
 *
 * The mutex is a leaf. Under it only the line and the tickets' fields change; files, messages,
 * completions of tasks and the disconnecting of handlers come before or after. A handler of a
 * cancellable only sets a flag; it is disconnected with g_signal_handler_disconnect(), which,
 * unlike g_cancellable_disconnect(), never waits for handlers that run: what ours needs, it has a
 * reference on. */

#define MIN_POLL 250 /* microseconds */
#define MAX_POLL 1000 /* microseconds */
#define PATIENCE (10 * G_USEC_PER_SEC)

struct _VmdLockKeeper
{
  gatomicrefcount references;

  VmdLockFile *file; /* constant; has its own mutex */
  int state_dir_fd; /* constant */
  int requests_fd; /* constant */
  GThread *thread; /* the table's thread: joined or let go in close() */

  GMutex mutex; /* protects what follows, and of each ticket what its header says; a leaf */
  GCond kick; /* the thread has something to look at */
  VmdLockLine line;
  GQueue
      waiting; /* of VmdLockTicket, by their `waiting`, each a reference: the thread serves them */
  gint64 patience; /* microseconds of waiting after which to say for whom */
  gboolean is_closed;
};

static gpointer run_thread (gpointer data);

/* vmd_lock_keeper_new:
 * @state_dir: an existing directory
 *
 * Returns: (transfer full) (nullable): a keeper whose thread runs; end it with
 *   vmd_lock_keeper_close() */
VmdLockKeeper *
vmd_lock_keeper_new (const char *state_dir, GError **error)
{
  g_autofree char *requests = g_build_filename (state_dir, "requests", NULL);
  g_autoptr (VmdLockKeeper) self = g_new0 (VmdLockKeeper, 1);

  g_atomic_ref_count_init (&self->references);
  g_mutex_init (&self->mutex);
  g_cond_init (&self->kick);
  g_queue_init (&self->waiting);
  g_queue_init (&self->line.tickets);
  self->patience = PATIENCE;
  self->state_dir_fd = -1;
  self->requests_fd = -1;
  if (!vmd_private_dir_ensure (state_dir, error) || !vmd_private_dir_ensure (requests, error))
    return NULL;
  self->state_dir_fd = open (state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  self->requests_fd = open (requests, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (self->state_dir_fd < 0 || self->requests_fd < 0)
    {
      vmd_fail_errno (error, errno, "Cannot open %s", requests);
      return NULL;
    }
  self->file = vmd_lock_file_open (self->state_dir_fd, state_dir, error);
  if (self->file == NULL)
    return NULL;
  self->thread = g_thread_try_new ("vmd-locks", run_thread, vmd_lock_keeper_ref (self), NULL);
  if (self->thread == NULL)
    {
      vmd_lock_keeper_unref (self);
      vmd_fail (error, VMD_ERROR_FAILED, "No thread can be started for the lock table");
      return NULL;
    }
  return g_steal_pointer (&self);
}

VmdLockKeeper *
vmd_lock_keeper_ref (VmdLockKeeper *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
vmd_lock_keeper_unref (VmdLockKeeper *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  g_clear_pointer (&self->file, vmd_lock_file_free);
  vmd_clear_fd (&self->requests_fd);
  vmd_clear_fd (&self->state_dir_fd);
  g_cond_clear (&self->kick);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

/* vmd_lock_keeper_close:
 *
 * Ends the thread. Nobody waits any more, since who waits has a reference on the table; locks may
 * still be held, and their release needs no thread. The table's last reference may go on the
 * keeper's own thread, when that drops a task: then the thread ends by itself. */
void
vmd_lock_keeper_close (VmdLockKeeper *self)
{
  GThread *thread = g_steal_pointer (&self->thread);

  g_mutex_lock (&self->mutex);
  self->is_closed = TRUE;
  g_cond_signal (&self->kick);
  g_mutex_unlock (&self->mutex);
  if (thread == g_thread_self ())
    g_thread_unref (thread);
  else
    g_thread_join (thread);
}

/* Gives back what @ticket has of the file, then its place in the line, in this order: who comes
 * next finds the file free. */
static void
withdraw (VmdLockKeeper *self, VmdLockTicket *ticket)
{
  g_clear_pointer (&ticket->grip, vmd_lock_grip_free);
  g_clear_pointer (&ticket->record, vmd_lock_record_free);

  g_mutex_lock (&self->mutex);
  if (vmd_lock_line_leave (&self->line, ticket))
    g_cond_signal (&self->kick);
  g_mutex_unlock (&self->mutex);
}

/* Ends the waiting: @error NULL: granted. Takes @error. */
static void
finish (VmdLockKeeper *self, VmdLockTicket *ticket, GError *error)
{
  g_autoptr (GTask) task = g_steal_pointer (&ticket->task);
  gint64 now = g_get_real_time ();
  gulong handler;

  if (error != NULL)
    withdraw (self, ticket);
  else if (ticket->record != NULL)
    vmd_lock_record_set_held (ticket->record, now);

  g_mutex_lock (&self->mutex);
  if (error == NULL)
    {
      ticket->state = VMD_LOCK_TICKET_HELD;
      ticket->since = now;
    }
  ticket->error = task == NULL ? error : NULL;
  ticket->finished = TRUE;
  handler = ticket->handler;
  ticket->handler = 0;
  g_cond_signal (&ticket->granted);
  g_mutex_unlock (&self->mutex);

  if (handler != 0)
    g_signal_handler_disconnect (ticket->cancellable, handler);
  if (task != NULL && error != NULL)
    g_task_return_error (task, error);
  else if (task != NULL)
    g_task_return_pointer (task, vmd_lock_new (ticket), g_object_unref);
}

/* Takes the file for a ticket that nobody in the line blocks. TRUE: finished. */
static gboolean
take_file (VmdLockKeeper *self, VmdLockTicket *ticket)
{
  g_autoptr (GError) error = NULL;
  VmdLockGripResult result = VMD_LOCK_GRIP_FAILED;

  if (ticket->grip == NULL)
    ticket->grip = vmd_lock_grip_new (self->file, ticket->set, &error);
  if (ticket->grip != NULL)
    result = vmd_lock_grip_tighten (ticket->grip, ticket->deadline != 0, &error);
  if (result == VMD_LOCK_GRIP_PART)
    return FALSE;
  finish (self, ticket, g_steal_pointer (&error));
  return TRUE;
}

/* Whom one that stands in the line waits for. */
static char *
describe_wait_in_line (VmdLockKeeper *self, VmdLockTicket *ticket)
{
  g_autoptr (VmdLockTicket) reference = NULL;
  VmdLockBlocker blocker;

  g_mutex_lock (&self->mutex);
  blocker = vmd_lock_blocker_find (&self->line, ticket);
  g_mutex_unlock (&self->mutex);
  reference = blocker.ticket;
  return vmd_lock_blocker_describe (&blocker, ticket, self->requests_fd);
}

static void
fail_busy (VmdLockKeeper *self, VmdLockTicket *ticket)
{
  g_autofree char *wait = describe_wait_in_line (self, ticket);
  GError *busy = NULL;

  vmd_fail (&busy, VMD_ERROR_BUSY, "%s", wait);
  finish (self, ticket, busy);
}

/* What takes time is said for whom. */
static void
complain (VmdLockKeeper *self, VmdLockTicket *ticket)
{
  g_autofree char *wait = describe_wait_in_line (self, ticket);

  g_debug ("“%s” still waits: %s", vmd_lock_request_get_reason (ticket->request), wait);
}

/* Does for @ticket what can be done now. TRUE: finished. */
static gboolean
serve (VmdLockKeeper *self, VmdLockTicket *ticket)
{
  gboolean cancelled, taking;
  gint64 now;

  g_mutex_lock (&self->mutex);
  cancelled = ticket->cancelled;
  if (ticket->n_blockers == 0)
    ticket->state = VMD_LOCK_TICKET_TAKING;
  taking = ticket->state == VMD_LOCK_TICKET_TAKING;
  g_mutex_unlock (&self->mutex);

  if (cancelled)
    {
      finish (self, ticket,
              g_error_new (VMD_ERROR, VMD_ERROR_CANCELLED, "Cancelled while waiting for a lock"));
      return TRUE;
    }
  if (!ticket->is_recorded)
    {
      ticket->is_recorded = TRUE;
      ticket->record = vmd_lock_record_new (self->requests_fd, ticket->request, g_get_real_time ());
    }
  if (taking && take_file (self, ticket))
    return TRUE;

  now = g_get_monotonic_time ();
  if (now >= ticket->deadline)
    {
      fail_busy (self, ticket);
      return TRUE;
    }
  if (ticket->complain_at != 0 && now >= ticket->complain_at)
    {
      complain (self, ticket);
      ticket->complain_at = 0;
    }
  if (taking)
    ticket->poll_at = now + g_random_int_range (MIN_POLL, MAX_POLL);
  return FALSE;
}

/* When the thread has to look at @ticket next, unless it is kicked; 0: now. Under the mutex. */
static gint64
get_due (VmdLockKeeper *self, VmdLockTicket *ticket)
{
  gint64 due = ticket->deadline;

  if (ticket->cancelled || !ticket->is_recorded)
    return 0;
  if (ticket->complain_at == 0)
    ticket->complain_at = g_get_monotonic_time () + self->patience;
  due = MIN (due, ticket->complain_at);
  return ticket->n_blockers == 0 ? MIN (due, ticket->poll_at) : due;
}

/* Sleeps until some tickets are due, and puts a reference on each into @batch. FALSE: the table is
 * gone. */
static gboolean
next_batch (VmdLockKeeper *self, GPtrArray *batch)
{
  gboolean is_closed;

  g_mutex_lock (&self->mutex);
  while (!self->is_closed)
    {
      gint64 now = g_get_monotonic_time ();
      gint64 next = VMD_NO_DEADLINE;

      for (GList *link = self->waiting.head; link != NULL; link = link->next)
        {
          gint64 due = get_due (self, link->data);

          if (due <= now)
            g_ptr_array_add (batch, vmd_lock_ticket_ref (link->data));
          next = MIN (next, due);
        }
      if (batch->len > 0)
        break;
      if (next == VMD_NO_DEADLINE)
        g_cond_wait (&self->kick, &self->mutex);
      else
        g_cond_wait_until (&self->kick, &self->mutex, next);
    }
  is_closed = self->is_closed;
  g_mutex_unlock (&self->mutex);
  return !is_closed;
}

static void
forget (VmdLockKeeper *self, VmdLockTicket *ticket)
{
  g_mutex_lock (&self->mutex);
  g_queue_unlink (&self->waiting, &ticket->waiting);
  g_mutex_unlock (&self->mutex);
  vmd_lock_ticket_unref (ticket);
}

static gpointer
run_thread (gpointer data)
{
  g_autoptr (VmdLockKeeper) self = data;
  g_autoptr (GPtrArray) batch =
      g_ptr_array_new_with_free_func ((GDestroyNotify) vmd_lock_ticket_unref);

  while (next_batch (self, batch))
    {
      for (guint i = 0; i < batch->len; i++)
        if (serve (self, batch->pdata[i]))
          forget (self, batch->pdata[i]);
      g_ptr_array_set_size (batch, 0);
    }
  return NULL;
}

static void
cancelled_cb (GCancellable *cancellable, gpointer data)
{
  VmdLockTicket *ticket = data;
  VmdLockKeeper *self = ticket->keeper;

  g_mutex_lock (&self->mutex);
  ticket->cancelled = TRUE;
  g_cond_signal (&self->kick);
  g_mutex_unlock (&self->mutex);
}

/* vmd_lock_keeper_admit:
 *
 * Lets @ticket into the line. One that does not wait, and would have to, never stands there: it
 * would be in the way of others for an instant.
 *
 * Returns: FALSE with NESTED_LOCK when its owner may not ask, or with BUSY */
gboolean
vmd_lock_keeper_admit (VmdLockKeeper *self, VmdLockTicket *ticket, GError **error)
{
  g_autoptr (VmdLockTicket) reference = NULL;
  g_autofree char *wait = NULL;
  VmdLockBlocker blocker = { 0 };
  VmdLockTicket *nesting;

  g_mutex_lock (&self->mutex);
  nesting = vmd_lock_line_find_nesting (&self->line, ticket);
  if (nesting != NULL)
    reference = vmd_lock_ticket_ref (nesting);
  else
    vmd_lock_line_join (&self->line, ticket);
  if (nesting == NULL && ticket->deadline == 0 && ticket->n_blockers > 0)
    {
      blocker = vmd_lock_blocker_find (&self->line, ticket);
      reference = blocker.ticket;
      vmd_lock_line_leave (&self->line, ticket);
    }
  g_mutex_unlock (&self->mutex);

  if (nesting != NULL)
    return vmd_lock_blocker_fail_nested (ticket, nesting, error);
  if (blocker.ticket == NULL)
    return TRUE;
  wait = vmd_lock_blocker_describe (&blocker, ticket, self->requests_fd);
  return vmd_fail (error, VMD_ERROR_BUSY, "%s", wait);
}

/* vmd_lock_keeper_hand_over:
 * @ticket: admitted, and not finished; the keeper takes a reference
 *
 * Lets the keeper's thread serve @ticket to the end. */
void
vmd_lock_keeper_hand_over (VmdLockKeeper *self, VmdLockTicket *ticket)
{
  gulong handler = 0;

  /* Before the thread can finish it, which disconnects. */
  if (ticket->cancellable != NULL)
    handler = g_cancellable_connect (ticket->cancellable, G_CALLBACK (cancelled_cb),
                                     vmd_lock_ticket_ref (ticket),
                                     (GDestroyNotify) vmd_lock_ticket_unref);
  g_mutex_lock (&self->mutex);
  ticket->handler = handler;
  vmd_lock_ticket_ref (ticket);
  g_queue_push_tail_link (&self->waiting, &ticket->waiting);
  g_cond_signal (&self->kick);
  g_mutex_unlock (&self->mutex);
}

/* vmd_lock_keeper_wait:
 * @ticket: admitted
 *
 * Blocks until @ticket is granted, or has failed. With deadline 0 it never waits.
 *
 * Returns: FALSE with BUSY, CANCELLED, or what the file failed with */
gboolean
vmd_lock_keeper_wait (VmdLockKeeper *self, VmdLockTicket *ticket, GError **error)
{
  if (!serve (self, ticket))
    {
      vmd_lock_keeper_hand_over (self, ticket);
      g_mutex_lock (&self->mutex);
      while (!ticket->finished)
        g_cond_wait (&ticket->granted, &self->mutex);
      g_mutex_unlock (&self->mutex);
    }
  if (ticket->error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&ticket->error));
  return FALSE;
}

/* vmd_lock_keeper_dismiss:
 * @ticket: granted
 *
 * Releases what @ticket got. Any thread; needs no other. */
void
vmd_lock_keeper_dismiss (VmdLockKeeper *self, VmdLockTicket *ticket)
{
  withdraw (self, ticket);
}

/* vmd_lock_keeper_read_records:
 *
 * Returns: (transfer full) (element-type VmdLockInfo): who holds and who waits, in all processes */
GPtrArray *
vmd_lock_keeper_read_records (VmdLockKeeper *self)
{
  return vmd_lock_record_read_all (self->requests_fd, NULL);
}

/* vmd_lock_keeper_set_patience:
 *
 * For tests: after how long to say who is waited for. */
void
vmd_lock_keeper_set_patience (VmdLockKeeper *self, gint64 microseconds)
{
  g_mutex_lock (&self->mutex);
  self->patience = microseconds;
  g_mutex_unlock (&self->mutex);
}
