/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-channel-limits-private.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>

/* Of the descriptors that the process may have, so many are left to the others in it. */
#define DESCRIPTOR_RESERVE 256

/* A place is one for each address and has a count, so that a connection costs no memory here, only
 * a pointer. Who comes from the machine itself counts in all but not by address: there it is one
 * address for everybody. An IPv6 address counts by its network, of which whoever has one has all; a
 * guest, which comes by no network, by its name. */
struct _VmdChannelPlace
{
  VmdChannelLimits *limits; /* the holders' references, one for each */
  guint8 address[16];
  guint count;
};

/* Of a device: connects in the second that began at `since`. */
typedef struct
{
  gint64 since; /* monotonic microseconds */
  guint count;
} Rate;

struct _VmdChannelLimits
{
  gatomicrefcount references;
  VmdChannelMaxima maxima; /* constant */

  GMutex mutex; /* a leaf; guards what follows */
  GHashTable *places; /* address → VmdChannelPlace */
  guint n_connections;
  GHashTable *rates; /* device → Rate */
  gint64 swept; /* when `rates` was last rid of what is over */
};

static guint
address_hash (gconstpointer key)
{
  const guint8 *bytes = key;
  guint32 hash = 2166136261u;

  for (guint i = 0; i < 16; i++)
    hash = (hash ^ bytes[i]) * 16777619u;
  return hash;
}

static gboolean
address_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, 16) == 0;
}

/* How many connections there may be in all. @configured: 0: as the process has descriptors. */
guint
vmd_channel_limits_get_most (guint configured)
{
  struct rlimit limit = { 1024, 1024 };

  if (configured > 0)
    return configured;
  getrlimit (RLIMIT_NOFILE, &limit);
  return MIN (limit.rlim_cur, G_MAXINT) > 2 * DESCRIPTOR_RESERVE
             ? MIN (limit.rlim_cur, G_MAXINT) - DESCRIPTOR_RESERVE
             : DESCRIPTOR_RESERVE;
}

VmdChannelLimits *
vmd_channel_limits_new (const VmdChannelMaxima *maxima)
{
  VmdChannelLimits *self = g_new0 (VmdChannelLimits, 1);

  g_atomic_ref_count_init (&self->references);
  self->maxima = *maxima;
  g_mutex_init (&self->mutex);
  self->places = g_hash_table_new_full (address_hash, address_equal, NULL, g_free);
  self->rates = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
vmd_channel_limits_unref (VmdChannelLimits *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  g_hash_table_unref (self->places);
  g_hash_table_unref (self->rates);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

/* By what an address counts; all zero for what counts in all only. */
static void
get_guest_key (const char *name, guint8 key[16])
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 digest[32];
  gsize length = sizeof digest;

  g_checksum_update (checksum, (const guchar *) name, -1);
  g_checksum_get_digest (checksum, digest, &length);
  memcpy (key, digest, 16);
}

static void
get_key (const struct sockaddr_storage *address, guint8 key[16])
{
  memset (key, 0, 16);
  if (address->ss_family == AF_INET)
    {
      struct in_addr v4 = ((const struct sockaddr_in *) address)->sin_addr;

      if (ntohl (v4.s_addr) >> 24 == 127)
        return;
      key[10] = key[11] = 0xff;
      memcpy (key + 12, &v4, 4);
    }
  else if (address->ss_family == AF_INET6)
    {
      const struct in6_addr *v6 = &((const struct sockaddr_in6 *) address)->sin6_addr;

      if (IN6_IS_ADDR_LOOPBACK (v6) || (IN6_IS_ADDR_V4MAPPED (v6) && v6->s6_addr[12] == 127))
        return;
      memcpy (key, v6, IN6_IS_ADDR_V4MAPPED (v6) ? 16 : 8);
    }
  else
    get_guest_key (((const struct sockaddr_un *) address)->sun_path, key);
}

/* NULL: there are too many, *@is_full says whether in all or from there. @address: of AF_UNIX, with
 * the name of a guest, for one. Any thread. */
VmdChannelPlace *
vmd_channel_limits_enter (VmdChannelLimits *self, const struct sockaddr_storage *address,
                          gboolean *is_full)
{
  static const guint8 nobody[16];
  VmdChannelPlace *place;
  gboolean may;
  guint8 key[16];

  get_key (address, key);
  g_mutex_lock (&self->mutex);
  place = g_hash_table_lookup (self->places, key);
  *is_full =
      self->maxima.max_connections > 0 && self->n_connections >= self->maxima.max_connections;
  may = !*is_full && (self->maxima.max_per_address == 0 || address_equal (key, nobody) ||
                      place == NULL || place->count < self->maxima.max_per_address);
  if (may && place == NULL)
    {
      place = g_new0 (VmdChannelPlace, 1);
      place->limits = self;
      memcpy (place->address, key, sizeof key);
      g_hash_table_insert (self->places, place->address, place);
    }
  if (may)
    {
      g_atomic_ref_count_inc (&self->references);
      place->count++;
      self->n_connections++;
    }
  g_mutex_unlock (&self->mutex);
  return may ? place : NULL;
}

void
vmd_channel_place_leave (VmdChannelPlace *place)
{
  VmdChannelLimits *limits = place->limits;

  g_mutex_lock (&limits->mutex);
  limits->n_connections--;
  if (--place->count == 0)
    g_hash_table_remove (limits->places, place->address);
  g_mutex_unlock (&limits->mutex);
  vmd_channel_limits_unref (limits);
}

guint
vmd_channel_limits_get_n_connections (VmdChannelLimits *self)
{
  guint n;

  g_mutex_lock (&self->mutex);
  n = self->n_connections;
  g_mutex_unlock (&self->mutex);
  return n;
}

static gboolean
is_over (gpointer key, gpointer value, gpointer now)
{
  return *(gint64 *) now - ((Rate *) value)->since >= G_USEC_PER_SEC;
}

/* Counts a connect of @device, which has shown who it is: nobody else can use its share up. FALSE:
 * it had all of this second's. @now: monotonic microseconds. */
gboolean
vmd_channel_limits_may_connect (VmdChannelLimits *self, const char *device, gint64 now)
{
  gboolean may;
  Rate *rate;

  if (self->maxima.max_connects_per_second == 0)
    return TRUE;
  g_mutex_lock (&self->mutex);
  if (now - self->swept >= 10 * G_USEC_PER_SEC)
    {
      self->swept = now;
      g_hash_table_foreach_remove (self->rates, is_over, &now);
    }
  rate = g_hash_table_lookup (self->rates, device);
  if (rate == NULL)
    {
      rate = g_new0 (Rate, 1);
      rate->since = now;
      g_hash_table_insert (self->rates, g_strdup (device), rate);
    }
  if (now - rate->since >= G_USEC_PER_SEC)
    *rate = (Rate){ .since = now };
  may = rate->count < self->maxima.max_connects_per_second;
  if (may)
    rate->count++;
  g_mutex_unlock (&self->mutex);
  return may;
}
