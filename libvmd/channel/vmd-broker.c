/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-broker-private.h"

#include "../base/vmd-failure-private.h"

#include <string.h>

/* Of a generation: room for more than a year of 20,000 takeovers a second between two starts, and
 * for 8 million starts. */
#define COUNTER_BITS 40

/* One live connection per device, and a new one takes over. The first sketch of this, elsewhere,
 * kept one subscription object per device with a one-slot channel for close requests, and sent on
 * it while holding the broker's mutex. Why what went wrong there cannot go wrong here:
 *
 *   - The newcomer read the close request that was meant for the old one, or a failed write left a
 *     request behind for whoever came next. Here each connection is an object of its own, ended by
 *     name, and no request waits anywhere to be read by the wrong one.
 *   - A third connection blocked on the full channel, mutex in hand, and every device stood still.
 *     Here the mutex is a leaf that guards a table: under it pointers are swapped and counted, and
 *     nothing is called, sent, signalled, stored or waited for. Ending is setting a word, then
 *     breaking a socket: neither waits.
 *   - The old connection's late clean-up took the newcomer out, in memory and in the store. Here
 *     who leaves removes itself and nobody else: the table compares pointers, the storage
 *     generations. There is one way out, vmd_broker_leave(), for every reason, and going it twice
 *     does nothing.
 *   - An old handler sat in a write, or wrote an old event after the newcomer's snapshot. Here the
 *     predecessors of a newcomer are ended, with their sockets broken, before its subscribe()
 *     returns, and so before it is sent anything. That holds also when a third comes while the
 *     first is still being ended by the second: whoever is on the way out is in `leaving`, and each
 *     newcomer ends all of those itself, one too that is overtaken on its own way. After that,
 *     take() has nothing for them.
 *   - A change fell between snapshot and subscription. Here one subscribes first, then reads the
 *     snapshot and offers it; versions that are not above the last one taken are dropped, in
 *     whatever order they come (vmd-subscription.c).
 *   - A slow reader held up its publisher, or filled the memory. Here it has a slot for one
 *     snapshot.
 *   - Two clients with one identity took the device from each other for ever: vmd-contest.c.
 *   - Whoever knew the id could take over. subscribe() is called after authentication, which is its
 *     caller's; the credential is remembered, and its revocation ends what it opened.
 *   - "Connected" stayed true after a crash. The store's epoch is in the upper bits of every
 *     generation, so a restart's generations are above all earlier ones, and whoever owns the
 *     storage clears what is of an older epoch when it opens.
 *
 * Generations decide, not the order in which threads get the mutex: a newcomer that finds a higher
 * one in the table was overtaken while it was on its way, and is superseded at birth.
 *
 * All of it is a hash look-up and a few assignments for each call: the cost does not grow with the
 * number of devices. */

typedef struct
{
  char *device;
  VmdSubscription *live; /* (nullable) a reference */
  GPtrArray *leaving; /* (nullable) of VmdSubscription, references: superseded, being ended */
  VmdContest contest;
  char *rival; /* (nullable) peer of the last one refused */
} Slot;

struct _VmdBroker
{
  GObject parent;

  /* Constant. */
  VmdBrokerStorage *storage;
  VmdClock *clock;
  VmdContestLimits limits;
  guint64 base; /* the epoch, in the upper bits */

  guint64 counter; /* atomic; generations so far */

  GMutex mutex; /* a leaf; guards what follows */
  GHashTable *slots; /* device → Slot; those that are connected or contested */
  guint n_live;
  gboolean closed;
};

G_DEFINE_FINAL_TYPE (VmdBroker, vmd_broker, G_TYPE_OBJECT)

static void
slot_free (gpointer data)
{
  Slot *slot = data;

  g_clear_pointer (&slot->live, vmd_subscription_unref);
  g_clear_pointer (&slot->leaving, g_ptr_array_unref);
  g_free (slot->rival);
  g_free (slot->device);
  g_free (slot);
}

static void
vmd_broker_finalize (GObject *object)
{
  VmdBroker *self = VMD_BROKER (object);

  g_clear_object (&self->storage);
  g_clear_object (&self->clock);
  g_clear_pointer (&self->slots, g_hash_table_unref);
  g_mutex_clear (&self->mutex);
  G_OBJECT_CLASS (vmd_broker_parent_class)->finalize (object);
}

static void
vmd_broker_class_init (VmdBrokerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_broker_finalize;
}

static void
vmd_broker_init (VmdBroker *self)
{
  g_mutex_init (&self->mutex);
  self->slots = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, slot_free);
}

/* @epoch: the store's, one more at each start. (transfer full) */
VmdBroker *
vmd_broker_new (VmdBrokerStorage *storage, VmdClock *clock, guint32 epoch,
                const VmdContestLimits *limits)
{
  VmdBroker *self = g_object_new (VMD_TYPE_BROKER, NULL);

  self->storage = g_object_ref (storage);
  self->clock = g_object_ref (clock);
  self->base = (guint64) epoch << COUNTER_BITS;
  self->limits = *limits;
  self->limits.takeovers = CLAMP (limits->takeovers, 1, VMD_CONTEST_MAX_TAKEOVERS);
  return self;
}

static guint64
next_generation (VmdBroker *self)
{
  return self->base + __atomic_add_fetch (&self->counter, 1, __ATOMIC_RELAXED);
}

static Slot *
ensure_slot_locked (VmdBroker *self, const char *device)
{
  Slot *slot = g_hash_table_lookup (self->slots, device);

  if (slot != NULL)
    return slot;
  slot = g_new0 (Slot, 1);
  slot->device = g_strdup (device);
  g_hash_table_insert (self->slots, slot->device, slot);
  return slot;
}

static void
drop_slot_if_unused_locked (VmdBroker *self, Slot *slot)
{
  if (slot->live == NULL && (slot->leaving == NULL || slot->leaving->len == 0))
    g_hash_table_remove (self->slots, slot->device);
}

/* What a newcomer found. */
typedef struct
{
  gboolean closed;
  gboolean contested;
  gboolean overtaken; /* a higher generation is there already */
  GPtrArray *predecessors; /* of VmdSubscription, references: not ended yet, or not for sure */
} Arrival;

static GPtrArray *
new_subscription_array (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) vmd_subscription_unref);
}

static gboolean
is_refused_locked (VmdBroker *self, Slot *slot, VmdSubscription *newcomer, gint64 now,
                   gint64 *retry_after)
{
  if (slot->live == NULL || g_str_equal (vmd_subscription_get_instance (slot->live),
                                         vmd_subscription_get_instance (newcomer)))
    return FALSE;
  if (vmd_contest_admit (&slot->contest, &self->limits, now, retry_after))
    return FALSE;
  g_free (slot->rival);
  slot->rival = g_strdup (vmd_subscription_get_peer (newcomer));
  return TRUE;
}

static void
swap_locked (VmdBroker *self, Slot *slot, VmdSubscription *newcomer)
{
  if (slot->live == NULL)
    self->n_live++;
  else
    {
      if (slot->leaving == NULL)
        slot->leaving = new_subscription_array ();
      g_ptr_array_add (slot->leaving, slot->live);
    }
  slot->live = vmd_subscription_ref (newcomer);
}

static void
find_predecessors_locked (Slot *slot, GPtrArray *predecessors)
{
  for (guint i = 0; slot->leaving != NULL && i < slot->leaving->len; i++)
    g_ptr_array_add (predecessors, vmd_subscription_ref (slot->leaving->pdata[i]));
}

static void
enter (VmdBroker *self, VmdSubscription *newcomer, gint64 now, gint64 *retry_after,
       Arrival *arrival)
{
  Slot *slot;

  g_mutex_lock (&self->mutex);
  arrival->closed = self->closed;
  if (!arrival->closed)
    {
      slot = ensure_slot_locked (self, vmd_subscription_get_device (newcomer));
      arrival->overtaken = slot->live != NULL && vmd_subscription_get_generation (slot->live) >
                                                     vmd_subscription_get_generation (newcomer);
      arrival->contested =
          !arrival->overtaken && is_refused_locked (self, slot, newcomer, now, retry_after);
      if (!arrival->overtaken && !arrival->contested)
        swap_locked (self, slot, newcomer);
      if (!arrival->contested)
        find_predecessors_locked (slot, arrival->predecessors);
    }
  g_mutex_unlock (&self->mutex);
}

/* They have ended for sure: nobody else need see to it. */
static void
forget_predecessors (VmdBroker *self, const char *device, GPtrArray *predecessors)
{
  Slot *slot;

  g_mutex_lock (&self->mutex);
  slot = g_hash_table_lookup (self->slots, device);
  if (slot != NULL && slot->leaving != NULL)
    {
      for (guint i = 0; i < predecessors->len; i++)
        g_ptr_array_remove_fast (slot->leaving, predecessors->pdata[i]);
      drop_slot_if_unused_locked (self, slot);
    }
  g_mutex_unlock (&self->mutex);
}

/* It may have left meanwhile, and its clean-up have come before this claim. A storage that has
 * forgotten it by then, as one does with its device, would take the claim for news. */
static void
claim (VmdBroker *self, VmdSubscription *newcomer)
{
  const char *device = vmd_subscription_get_device (newcomer);
  guint64 generation = vmd_subscription_get_generation (newcomer);

  vmd_broker_storage_claim (self->storage, device, generation, vmd_subscription_get_peer (newcomer),
                            vmd_subscription_get_since (newcomer));
  if (vmd_subscription_get_end (newcomer) != VMD_SUBSCRIPTION_LIVE)
    vmd_broker_storage_clean (self->storage, device, generation);
}

/* Makes the connection that @sink stands for the live one of its device; the ones before it have
 * then ended. The caller has authenticated it, and is to read the snapshot after this returns, and
 * to vmd_subscription_offer() it. What comes back may have ended already. BUSY, with *@retry_after
 * in microseconds: the device is contested; CANCELLED: the broker is closed. Takes what @sink has,
 * on failure too. (transfer full) */
VmdSubscription *
vmd_broker_subscribe (VmdBroker *self, const VmdSubscriber *subscriber,
                      const VmdSubscriptionSink *sink, gint64 *retry_after, GError **error)
{
  gint64 since = vmd_clock_get_wall (self->clock);
  g_autoptr (GPtrArray) predecessors = new_subscription_array ();
  Arrival arrival = { .predecessors = predecessors };
  g_autoptr (VmdSubscription) newcomer = NULL;

  newcomer = vmd_subscription_new (subscriber, next_generation (self), since, sink);
  enter (self, newcomer, vmd_clock_get_monotonic (self->clock), retry_after, &arrival);
  if (arrival.closed)
    {
      vmd_fail (error, VMD_ERROR_CANCELLED, "The configuration channel is shutting down");
      return NULL;
    }
  if (arrival.contested)
    {
      vmd_broker_storage_refuse (self->storage, subscriber->device, *retry_after);
      vmd_fail (error, VMD_ERROR_BUSY,
                "Device “%s” is contested: clients with its identity take it from each other",
                subscriber->device);
      return NULL;
    }
  for (guint i = 0; i < predecessors->len; i++)
    vmd_subscription_end (predecessors->pdata[i], VMD_SUBSCRIPTION_SUPERSEDED);
  forget_predecessors (self, subscriber->device, predecessors);
  if (arrival.overtaken)
    vmd_subscription_end (newcomer, VMD_SUBSCRIPTION_SUPERSEDED);
  else
    claim (self, newcomer);
  return g_steal_pointer (&newcomer);
}

static VmdSubscription *
ref_live (VmdBroker *self, const char *device)
{
  VmdSubscription *live = NULL;
  Slot *slot;

  g_mutex_lock (&self->mutex);
  slot = g_hash_table_lookup (self->slots, device);
  if (slot != NULL && slot->live != NULL)
    live = vmd_subscription_ref (slot->live);
  g_mutex_unlock (&self->mutex);
  return live;
}

/* To be called once the version is durable. Never waits for a reader. */
void
vmd_broker_publish (VmdBroker *self, const char *device, VmdConfigSnapshot *snapshot)
{
  g_autoptr (VmdSubscription) live = ref_live (self, device);

  if (live != NULL)
    vmd_subscription_offer (live, snapshot);
}

/* Takes @subscription out, if it is the live one. */
static void
remove_if_live (VmdBroker *self, VmdSubscription *subscription)
{
  g_autoptr (VmdSubscription) removed = NULL;
  Slot *slot;

  g_mutex_lock (&self->mutex);
  slot = g_hash_table_lookup (self->slots, vmd_subscription_get_device (subscription));
  if (slot != NULL && slot->live == subscription)
    {
      removed = g_steal_pointer (&slot->live);
      self->n_live--;
      vmd_contest_settle (&slot->contest);
      drop_slot_if_unused_locked (self, slot);
    }
  g_mutex_unlock (&self->mutex);
}

/* The one way out of every connection: its handler calls this whatever the reason, and whether or
 * not it was ended before. @end: what it ended of, if it was not. */
void
vmd_broker_leave (VmdBroker *self, VmdSubscription *subscription, VmdSubscriptionEnd end)
{
  vmd_subscription_end (subscription, end);
  remove_if_live (self, subscription);
  vmd_broker_storage_clean (self->storage, vmd_subscription_get_device (subscription),
                            vmd_subscription_get_generation (subscription));
}

/* Ends the live connection of @device, if it came with @credential (NULL: with whatever). TRUE if
 * there was one. */
gboolean
vmd_broker_end_device (VmdBroker *self, const char *device, const char *credential,
                       VmdSubscriptionEnd end)
{
  g_autoptr (VmdSubscription) live = ref_live (self, device);

  if (live == NULL ||
      (credential != NULL && g_strcmp0 (vmd_subscription_get_credential (live), credential) != 0))
    return FALSE;
  vmd_broker_leave (self, live, end);
  return TRUE;
}

void
vmd_broker_status_clear (VmdBrokerStatus *status)
{
  g_clear_pointer (&status->peer, g_free);
  g_clear_pointer (&status->rival, g_free);
}

/* Fills @status, which is to be cleared. From memory. */
void
vmd_broker_get_status (VmdBroker *self, const char *device, VmdBrokerStatus *status)
{
  gint64 now = vmd_clock_get_monotonic (self->clock);
  Slot *slot;

  memset (status, 0, sizeof *status);
  g_mutex_lock (&self->mutex);
  slot = g_hash_table_lookup (self->slots, device);
  if (slot != NULL && slot->live != NULL)
    {
      status->connected = TRUE;
      status->generation = vmd_subscription_get_generation (slot->live);
      status->since = vmd_subscription_get_since (slot->live);
      status->peer = g_strdup (vmd_subscription_get_peer (slot->live));
      status->contested = vmd_contest_is_contested (&slot->contest, now);
      status->rival = status->contested ? g_strdup (slot->rival) : NULL;
    }
  g_mutex_unlock (&self->mutex);
}

guint
vmd_broker_get_n_live (VmdBroker *self)
{
  guint n_live;

  g_mutex_lock (&self->mutex);
  n_live = self->n_live;
  g_mutex_unlock (&self->mutex);
  return n_live;
}

/* Refuses newcomers from now on and ends every connection; their handlers leave as ever. Waits for
 * nobody, so a peer that does not read cannot hold a shutdown up. */
void
vmd_broker_close (VmdBroker *self)
{
  g_autoptr (GPtrArray) all = new_subscription_array ();
  GHashTableIter iterator;
  gpointer slot;

  g_mutex_lock (&self->mutex);
  self->closed = TRUE;
  g_hash_table_iter_init (&iterator, self->slots);
  while (g_hash_table_iter_next (&iterator, NULL, &slot))
    if (((Slot *) slot)->live != NULL)
      g_ptr_array_add (all, vmd_subscription_ref (((Slot *) slot)->live));
  g_mutex_unlock (&self->mutex);

  for (guint i = 0; i < all->len; i++)
    vmd_broker_leave (self, all->pdata[i], VMD_SUBSCRIPTION_SHUT_DOWN);
}
