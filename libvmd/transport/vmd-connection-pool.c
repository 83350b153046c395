/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-transport-private.h"

/* A connection is in the pool or in somebody's hands, never both, so that each has one thread. The
 * one given back last is taken first: it is the least likely to have gone stale. What is thrown
 * away is collected under the mutex and closed after it, since closing speaks to the guest. */

typedef struct
{
  guint64 launch;
  VmdGuestConnection *connection;
} Idle;

struct _VmdConnectionPool
{
  GObject parent;

  VmdTransport *transport;
  guint max_idle;

  GMutex mutex; /* a leaf; guards what follows */
  GHashTable *idle; /* VM id → GPtrArray of Idle, the one given back last at the end */
};

G_DEFINE_FINAL_TYPE (VmdConnectionPool, vmd_connection_pool, G_TYPE_OBJECT)

static void
idle_free (gpointer data)
{
  Idle *self = data;

  g_object_unref (self->connection);
  g_free (self);
}

static void
vmd_connection_pool_finalize (GObject *object)
{
  VmdConnectionPool *self = VMD_CONNECTION_POOL (object);

  g_hash_table_unref (self->idle);
  g_object_unref (self->transport);
  g_mutex_clear (&self->mutex);
  G_OBJECT_CLASS (vmd_connection_pool_parent_class)->finalize (object);
}

static void
vmd_connection_pool_class_init (VmdConnectionPoolClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_connection_pool_finalize;
}

static void
vmd_connection_pool_init (VmdConnectionPool *self)
{
  g_mutex_init (&self->mutex);
  self->idle =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
}

/* @max_idle: for each VM. Returns: (transfer full) */
VmdConnectionPool *
vmd_connection_pool_new (VmdTransport *transport, guint max_idle)
{
  VmdConnectionPool *self = g_object_new (VMD_TYPE_CONNECTION_POOL, NULL);

  self->transport = g_object_ref (transport);
  self->max_idle = max_idle;
  return self;
}

/* The VM's last one, whatever its launch; NULL when there is none. */
static Idle *
pop (VmdConnectionPool *self, const char *vm_id)
{
  GPtrArray *stack;
  Idle *last = NULL;

  g_mutex_lock (&self->mutex);
  stack = g_hash_table_lookup (self->idle, vm_id);
  if (stack != NULL)
    last = g_ptr_array_steal_index (stack, stack->len - 1);
  if (stack != NULL && stack->len == 0)
    g_hash_table_remove (self->idle, vm_id);
  g_mutex_unlock (&self->mutex);
  return last;
}

/**
 * vmd_connection_pool_take:
 * @deadline: in the time of g_get_monotonic_time()
 *
 * Returns: (transfer full) (nullable): a connection to that launch of the VM, an idle one or a new
 *   one; the errors of vmd_transport_connect()
 */
VmdGuestConnection *
vmd_connection_pool_take (VmdConnectionPool *self, const VmdGuestAddress *address,
                          GCancellable *cancellable, gint64 deadline, GError **error)
{
  VmdGuestConnection *connection = NULL;
  Idle *idle;

  g_return_val_if_fail (VMD_IS_CONNECTION_POOL (self), NULL);
  while (connection == NULL && (idle = pop (self, address->vm_id)) != NULL)
    {
      if (idle->launch == address->launch && vmd_guest_connection_is_usable (idle->connection))
        connection = g_object_ref (idle->connection);
      idle_free (idle);
    }
  if (connection != NULL)
    return connection;
  return vmd_transport_connect (self->transport, address, cancellable, deadline, error);
}

/**
 * vmd_connection_pool_give:
 * @connection: (transfer full)
 *
 * Keeps a connection for the next one who needs it, or closes it.
 */
void
vmd_connection_pool_give (VmdConnectionPool *self, const VmdGuestAddress *address,
                          VmdGuestConnection *connection)
{
  g_autoptr (VmdGuestConnection) unwanted = connection;
  GPtrArray *stack;
  Idle *idle;

  g_return_if_fail (VMD_IS_CONNECTION_POOL (self));
  if (!vmd_guest_connection_is_usable (connection))
    return;
  g_mutex_lock (&self->mutex);
  stack = g_hash_table_lookup (self->idle, address->vm_id);
  if (self->max_idle > 0 && (stack == NULL || stack->len < self->max_idle))
    {
      if (stack == NULL)
        {
          stack = g_ptr_array_new_with_free_func (idle_free);
          g_hash_table_insert (self->idle, g_strdup (address->vm_id), stack);
        }
      idle = g_new (Idle, 1);
      *idle = (Idle){ .launch = address->launch, .connection = g_steal_pointer (&unwanted) };
      g_ptr_array_add (stack, idle);
    }
  g_mutex_unlock (&self->mutex);
}

/* Closes the VM's idle connections. */
void
vmd_connection_pool_forget (VmdConnectionPool *self, const char *vm_id)
{
  gpointer key = NULL, stack = NULL;

  g_return_if_fail (VMD_IS_CONNECTION_POOL (self));
  g_mutex_lock (&self->mutex);
  g_hash_table_steal_extended (self->idle, vm_id, &key, &stack);
  g_mutex_unlock (&self->mutex);
  g_clear_pointer (&stack, g_ptr_array_unref);
  g_free (key);
}
