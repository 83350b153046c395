/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-service.h"

#define MAX_ASIDE 8

typedef struct
{
  GTask *task;
  void (*func) (GTask *task);
} Aside;

typedef struct
{
  VmdLock *lock;
  char *sender;
  GDestroyNotify released;
  gpointer data;
} HeldLock;

struct _VmdService
{
  GObject parent;

  VmdManager *manager;
  VmdNews *news;
  GDBusConnection *polkit; /* (nullable) */
  char *channel_address; /* (nullable) */
  GHashTable *locks; /* token → HeldLock */
  GThreadPool *aside; /* of Aside; a thread for each would be as many as clients like */
  guint holds;
};

enum
{
  SIGNAL_IDLE,
  SIGNAL_BUSY,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (VmdService, vmd_service, G_TYPE_OBJECT)

static void
held_lock_free (gpointer data)
{
  HeldLock *held = data;

  vmd_lock_release (held->lock);
  g_object_unref (held->lock);
  held->released (held->data);
  g_free (held->sender);
  g_free (held);
}

static void
run_aside (gpointer data, gpointer unused)
{
  Aside *aside = data;

  aside->func (aside->task);
  g_object_unref (aside->task);
  g_free (aside);
}

static void
vmd_service_finalize (GObject *object)
{
  VmdService *self = VMD_SERVICE (object);

  g_hash_table_unref (self->locks);
  g_thread_pool_free (self->aside, FALSE, TRUE);
  g_free (self->channel_address);
  g_clear_object (&self->polkit);
  g_clear_object (&self->news);
  g_clear_object (&self->manager);
  G_OBJECT_CLASS (vmd_service_parent_class)->finalize (object);
}

static void
vmd_service_class_init (VmdServiceClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_service_finalize;
  signals[SIGNAL_IDLE] = g_signal_new ("idle", VMD_TYPE_SERVICE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                       NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_BUSY] = g_signal_new ("busy", VMD_TYPE_SERVICE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                       NULL, G_TYPE_NONE, 0);
}

static void
vmd_service_init (VmdService *self)
{
  self->locks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, held_lock_free);
  self->aside = g_thread_pool_new (run_aside, NULL, MAX_ASIDE, FALSE, NULL);
}

VmdService *
vmd_service_new (VmdManager *manager)
{
  VmdService *self = g_object_new (VMD_TYPE_SERVICE, NULL);

  self->manager = g_object_ref (manager);
  self->news = vmd_news_new (manager);
  return self;
}

VmdManager *
vmd_service_get_manager (VmdService *self)
{
  return self->manager;
}

VmdNews *
vmd_service_get_news (VmdService *self)
{
  return self->news;
}

void
vmd_service_set_channel_address (VmdService *self, const char *address)
{
  g_free (self->channel_address);
  self->channel_address = g_strdup (address);
}

const char *
vmd_service_get_channel_address (VmdService *self)
{
  return self->channel_address != NULL ? self->channel_address : "";
}

void
vmd_service_set_polkit (VmdService *self, GDBusConnection *system_bus)
{
  g_set_object (&self->polkit, system_bus);
}

GDBusConnection *
vmd_service_get_polkit (VmdService *self)
{
  return self->polkit;
}

void
vmd_service_hold (VmdService *self)
{
  if (self->holds++ == 0)
    g_signal_emit (self, signals[SIGNAL_BUSY], 0);
}

void
vmd_service_release (VmdService *self)
{
  g_return_if_fail (self->holds > 0);

  if (--self->holds == 0)
    g_signal_emit (self, signals[SIGNAL_IDLE], 0);
}

void
vmd_service_add_lock (VmdService *self, const char *token, VmdLock *lock, const char *sender,
                      GDestroyNotify released, gpointer data)
{
  HeldLock *held = g_new0 (HeldLock, 1);

  held->lock = g_object_ref (lock);
  held->sender = g_strdup (sender);
  held->released = released;
  held->data = data;
  g_hash_table_insert (self->locks, g_strdup (token), held);
}

void
vmd_service_remove_lock (VmdService *self, const char *token)
{
  g_hash_table_remove (self->locks, token);
}

VmdLock *
vmd_service_find_lock (VmdService *self, const char *token)
{
  HeldLock *held = g_hash_table_lookup (self->locks, token);

  return held != NULL ? held->lock : NULL;
}

gboolean
vmd_service_sender_holds (VmdService *self, const char *sender, VmdLockKind kind, const char *name,
                          VmdLockMode mode)
{
  GHashTableIter iterator;
  gpointer value;

  g_hash_table_iter_init (&iterator, self->locks);
  while (g_hash_table_iter_next (&iterator, NULL, &value))
    {
      HeldLock *held = value;

      if (g_strcmp0 (held->sender, sender) == 0 && vmd_lock_covers (held->lock, kind, name, mode))
        return TRUE;
    }
  return FALSE;
}

void
vmd_service_run_aside (VmdService *self, GTask *task, void (*func) (GTask *task))
{
  Aside *aside = g_new (Aside, 1);

  aside->task = task;
  aside->func = func;
  g_thread_pool_push (self->aside, aside, NULL);
}
