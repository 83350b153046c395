/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "line-storage.h"

typedef struct
{
  char *device;
  guint64 generation;
  gboolean is_claim;
} Message;

static void
message_free (gpointer data)
{
  Message *message = data;

  g_free (message->device);
  g_free (message);
}

struct _LineStorage
{
  GObject parent;
  GMutex mutex; /* a leaf; guards the messages: a device is ended on the store's thread */
  GPtrArray *messages; /* of Message */
};

static void line_storage_iface_init (VmdBrokerStorageInterface *iface);
G_DEFINE_FINAL_TYPE_WITH_CODE (LineStorage, line_storage, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_BROKER_STORAGE,
                                                      line_storage_iface_init))

static void
put_on_line (VmdBrokerStorage *storage, const char *device, guint64 generation, gboolean is_claim)
{
  LineStorage *self = LINE_STORAGE (storage);
  Message *message = g_new0 (Message, 1);

  message->device = g_strdup (device);
  message->generation = generation;
  message->is_claim = is_claim;
  g_mutex_lock (&self->mutex);
  g_ptr_array_add (self->messages, message);
  g_mutex_unlock (&self->mutex);
}

static void
line_claim (VmdBrokerStorage *storage, const char *device, guint64 generation, const char *peer,
            gint64 since)
{
  put_on_line (storage, device, generation, TRUE);
}

static void
line_clean (VmdBrokerStorage *storage, const char *device, guint64 generation)
{
  put_on_line (storage, device, generation, FALSE);
}

static void
line_storage_iface_init (VmdBrokerStorageInterface *iface)
{
  iface->claim = line_claim;
  iface->clean = line_clean;
}

static void
line_storage_finalize (GObject *object)
{
  LineStorage *self = LINE_STORAGE (object);

  g_ptr_array_unref (self->messages);
  g_mutex_clear (&self->mutex);
  G_OBJECT_CLASS (line_storage_parent_class)->finalize (object);
}

static void
line_storage_class_init (LineStorageClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = line_storage_finalize;
}

static void
line_storage_init (LineStorage *self)
{
  g_mutex_init (&self->mutex);
  self->messages = g_ptr_array_new_with_free_func (message_free);
}

/* In whatever order @random says. */
void
line_storage_pass_on (LineStorage *self, VmdBrokerStorage *storage, GRand *random)
{
  g_autoptr (GPtrArray) messages = NULL;

  g_mutex_lock (&self->mutex);
  messages = g_steal_pointer (&self->messages);
  self->messages = g_ptr_array_new_with_free_func (message_free);
  g_mutex_unlock (&self->mutex);
  while (messages->len > 0)
    {
      guint at = g_rand_int_range (random, 0, messages->len);
      const Message *message = messages->pdata[at];

      if (message->is_claim)
        vmd_broker_storage_claim (storage, message->device, message->generation, "peer", 1);
      else
        vmd_broker_storage_clean (storage, message->device, message->generation);
      g_ptr_array_remove_index_fast (messages, at);
    }
}
