/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The pool of idle connections: one owner for each, none too many, none of another launch. */

#include "libvmd/base/vmd-failure-private.h"
#include "libvmd/base/vmd-poll-private.h"
#include "libvmd/transport/vmd-transport-private.h"

/* -- a transport whose connections only count -- */

static gint n_made;
static gint n_alive;
static gint refuses;

struct _CountedConnection
{
  GObject parent;

  gint in_use; /* atomic: how many think that it is theirs */
  gint broken;
};

#define COUNTED_TYPE_CONNECTION (counted_connection_get_type ())
G_DECLARE_FINAL_TYPE (CountedConnection, counted_connection, COUNTED, CONNECTION, GObject)

struct _CountedTransport
{
  GObject parent;
};

#define COUNTED_TYPE_TRANSPORT (counted_transport_get_type ())
G_DECLARE_FINAL_TYPE (CountedTransport, counted_transport, COUNTED, TRANSPORT, GObject)

static void connection_iface_init (VmdGuestConnectionInterface *iface);
static void transport_iface_init (VmdTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (CountedConnection, counted_connection, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_GUEST_CONNECTION,
                                                      connection_iface_init))
G_DEFINE_FINAL_TYPE_WITH_CODE (CountedTransport, counted_transport, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_TRANSPORT, transport_iface_init))

static gboolean
counted_is_usable (VmdGuestConnection *connection)
{
  return !g_atomic_int_get (&COUNTED_CONNECTION (connection)->broken);
}

static void
connection_iface_init (VmdGuestConnectionInterface *iface)
{
  iface->is_usable = counted_is_usable;
}

static void
counted_connection_finalize (GObject *object)
{
  g_atomic_int_add (&n_alive, -1);
  G_OBJECT_CLASS (counted_connection_parent_class)->finalize (object);
}

static void
counted_connection_class_init (CountedConnectionClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = counted_connection_finalize;
}

static void
counted_connection_init (CountedConnection *self)
{
  g_atomic_int_inc (&n_made);
  g_atomic_int_inc (&n_alive);
}

static VmdGuestConnection *
counted_connect (VmdTransport *transport, const VmdGuestAddress *address, GCancellable *cancellable,
                 gint64 deadline, GError **error)
{
  if (!g_atomic_int_get (&refuses))
    return g_object_new (COUNTED_TYPE_CONNECTION, NULL);
  vmd_fail (error, VMD_ERROR_UNREACHABLE, "refused");
  return NULL;
}

static void
transport_iface_init (VmdTransportInterface *iface)
{
  iface->connect = counted_connect;
}

static void
counted_transport_class_init (CountedTransportClass *klass)
{
}

static void
counted_transport_init (CountedTransport *self)
{
}

/* -- tests -- */

static VmdConnectionPool *
make_pool (guint max_idle)
{
  g_autoptr (VmdTransport) transport = g_object_new (COUNTED_TYPE_TRANSPORT, NULL);

  g_atomic_int_set (&n_made, 0);
  g_assert_cmpint (g_atomic_int_get (&n_alive), ==, 0);
  return vmd_connection_pool_new (transport, max_idle);
}

static VmdGuestConnection *
take (VmdConnectionPool *pool, const VmdGuestAddress *address)
{
  g_autoptr (GError) error = NULL;
  VmdGuestConnection *connection =
      vmd_connection_pool_take (pool, address, NULL, VMD_NO_DEADLINE, &error);

  g_assert_no_error (error);
  return connection;
}

static char vm_a[] = "a";
static char vm_b[] = "b";
static const VmdGuestAddress first = { .vm_id = vm_a, .launch = 1 };
static const VmdGuestAddress next_launch = { .vm_id = vm_a, .launch = 2 };
static const VmdGuestAddress other = { .vm_id = vm_b, .launch = 1 };

static void
test_reuse (void)
{
  g_autoptr (VmdConnectionPool) pool = make_pool (2);
  VmdGuestConnection *one = take (pool, &first);
  VmdGuestConnection *again;

  vmd_connection_pool_give (pool, &first, one);
  again = take (pool, &first);
  g_assert_true (again == one);
  g_assert_cmpint (n_made, ==, 1);
  vmd_connection_pool_give (pool, &first, again);
  g_clear_object (&pool);
  g_assert_cmpint (n_alive, ==, 0);
}

static void
test_last_given_first (void)
{
  g_autoptr (VmdConnectionPool) pool = make_pool (2);
  VmdGuestConnection *one = take (pool, &first), *two = take (pool, &first);
  g_autoptr (VmdGuestConnection) again = NULL;

  vmd_connection_pool_give (pool, &first, one);
  vmd_connection_pool_give (pool, &first, two);
  again = take (pool, &first);
  g_assert_true (again == two);
}

static void
test_another_vm (void)
{
  g_autoptr (VmdConnectionPool) pool = make_pool (2);
  g_autoptr (VmdGuestConnection) two = NULL;

  vmd_connection_pool_give (pool, &first, take (pool, &first));
  two = take (pool, &other);
  g_assert_cmpint (n_made, ==, 2);
  g_assert_cmpint (n_alive, ==, 2);
}

static void
test_another_launch (void)
{
  g_autoptr (VmdConnectionPool) pool = make_pool (2);
  g_autoptr (VmdGuestConnection) two = NULL;

  vmd_connection_pool_give (pool, &first, take (pool, &first));
  two = take (pool, &next_launch);
  g_assert_cmpint (n_made, ==, 2);
  g_assert_cmpint (n_alive, ==, 1);
}

static void
test_not_usable (void)
{
  g_autoptr (VmdConnectionPool) pool = make_pool (2);
  VmdGuestConnection *one = take (pool, &first), *two = take (pool, &first);

  COUNTED_CONNECTION (one)->broken = TRUE;
  vmd_connection_pool_give (pool, &first, one);
  g_assert_cmpint (n_alive, ==, 1);
  vmd_connection_pool_give (pool, &first, two);
  COUNTED_CONNECTION (two)->broken = TRUE;
  g_object_unref (take (pool, &first));
  g_assert_cmpint (n_made, ==, 3);
  g_assert_cmpint (n_alive, ==, 0);
}

static void
test_not_too_many (void)
{
  g_autoptr (VmdConnectionPool) pool = make_pool (2);
  VmdGuestConnection *connections[5];

  for (guint i = 0; i < G_N_ELEMENTS (connections); i++)
    connections[i] = take (pool, &first);
  for (guint i = 0; i < G_N_ELEMENTS (connections); i++)
    vmd_connection_pool_give (pool, &first, connections[i]);
  g_assert_cmpint (n_alive, ==, 2);
}

static void
test_none_at_all (void)
{
  g_autoptr (VmdConnectionPool) pool = make_pool (0);

  vmd_connection_pool_give (pool, &first, take (pool, &first));
  g_assert_cmpint (n_alive, ==, 0);
}

static void
test_forget (void)
{
  g_autoptr (VmdConnectionPool) pool = make_pool (2);

  vmd_connection_pool_forget (pool, vm_a);
  vmd_connection_pool_give (pool, &first, take (pool, &first));
  vmd_connection_pool_give (pool, &other, take (pool, &other));
  vmd_connection_pool_forget (pool, vm_a);
  g_assert_cmpint (n_alive, ==, 1);
}

static void
test_refused (void)
{
  g_autoptr (VmdConnectionPool) pool = make_pool (2);
  g_autoptr (GError) error = NULL;

  g_atomic_int_set (&refuses, TRUE);
  g_assert_null (vmd_connection_pool_take (pool, &first, NULL, VMD_NO_DEADLINE, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_UNREACHABLE);
  g_atomic_int_set (&refuses, FALSE);
}

static gpointer
use_pool (gpointer data)
{
  VmdConnectionPool *pool = data;

  for (guint i = 0; i < 5000; i++)
    {
      const VmdGuestAddress *address = i % 3 == 0 ? &other : &first;
      VmdGuestConnection *connection = take (pool, address);

      /* Nobody else has it. */
      g_assert_cmpint (g_atomic_int_add (&COUNTED_CONNECTION (connection)->in_use, 1), ==, 0);
      g_thread_yield ();
      g_atomic_int_add (&COUNTED_CONNECTION (connection)->in_use, -1);
      vmd_connection_pool_give (pool, address, connection);
      if (i % 97 == 0)
        vmd_connection_pool_forget (pool, vm_a);
    }
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (VmdConnectionPool) pool = make_pool (3);
  GThread *threads[8];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("pool", use_pool, pool);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_cmpint (n_alive, <=, 6);
  g_clear_object (&pool);
  g_assert_cmpint (n_alive, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/connection-pool/reuse", test_reuse);
  g_test_add_func ("/connection-pool/last-given-first", test_last_given_first);
  g_test_add_func ("/connection-pool/another-vm", test_another_vm);
  g_test_add_func ("/connection-pool/another-launch", test_another_launch);
  g_test_add_func ("/connection-pool/not-usable", test_not_usable);
  g_test_add_func ("/connection-pool/not-too-many", test_not_too_many);
  g_test_add_func ("/connection-pool/none-at-all", test_none_at_all);
  g_test_add_func ("/connection-pool/forget", test_forget);
  g_test_add_func ("/connection-pool/refused", test_refused);
  g_test_add_func ("/connection-pool/threads", test_threads);
  return g_test_run ();
}
