/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-guest-port-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* All guests' ports on one thread and one epoll set, whose turns are bounded: see vmd-guest-link.c.
 *
 * What is asked of it from other threads goes through a queue, in order, with an eventfd that wakes
 * the thread. Links that wait for another try, or for a look at their lease, are few or wait for
 * long, so they are not kept in order: all links are gone through when the first of them is due. */

#define EVENTS_AT_ONCE 64

struct _VmdGuestLinkLoop
{
  int wake_fd;
  GThread *thread;
  GAsyncQueue *orders; /* of Order */

  /* The thread's own. */
  VmdGuestLinkHost host;
  GHashTable *links; /* id of a VM (its link's): VmdGuestLink, ended by vmd_guest_link_end() */
  gint64 next_due; /* no link is due before; G_MAXINT64: none waits */
  gboolean is_over;
};

/* Without an id: the end. Without a path: the link is removed. */
typedef struct
{
  char *vm_id;
  char *path;
} Order;

static void
order_free (gpointer data)
{
  Order *order = data;

  g_free (order->vm_id);
  g_free (order->path);
  g_free (order);
}

static void
push_order (VmdGuestLinkLoop *self, const char *vm_id, const char *path)
{
  const guint64 one = 1;
  Order *order = g_new (Order, 1);

  *order = (Order){ g_strdup (vm_id), g_strdup (path) };
  g_async_queue_push (self->orders, order);
  while (write (self->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
    continue;
}

static void
note_due (VmdGuestLinkLoop *self, const VmdGuestLink *link)
{
  if (link->retry_at != 0)
    self->next_due = MIN (self->next_due, link->retry_at);
  if (link->look_at != 0)
    self->next_due = MIN (self->next_due, link->look_at);
}

static void
obey (VmdGuestLinkLoop *self, const Order *order)
{
  VmdGuestLink *link;

  if (order->vm_id == NULL)
    {
      self->is_over = TRUE;
      return;
    }
  g_hash_table_remove (self->links, order->vm_id);
  if (order->path == NULL)
    return;
  link = vmd_guest_link_new (&self->host, order->vm_id, order->path);
  g_hash_table_insert (self->links, link->vm_id, link);
  vmd_guest_link_connect (link);
  note_due (self, link);
}

static void
take_orders (VmdGuestLinkLoop *self)
{
  guint64 ignored;
  Order *order;

  if (read (self->wake_fd, &ignored, sizeof ignored) < 0)
    g_debug ("nobody woke the guests' links");
  while ((order = g_async_queue_try_pop (self->orders)) != NULL)
    {
      obey (self, order);
      order_free (order);
    }
}

static void
serve_event (VmdGuestLinkLoop *self, const struct epoll_event *event)
{
  VmdGuestWatch *watch = event->data.ptr;

  if (watch == NULL)
    take_orders (self);
  else if (watch->fd >= 0)
    {
      vmd_guest_link_serve (watch->link, watch->connection, event->events);
      note_due (self, watch->link);
    }
}

static gint64
get_time (VmdGuestLinkLoop *self)
{
  return vmd_clock_get_monotonic (self->host.rules.clock);
}

static void
serve_time (VmdGuestLinkLoop *self)
{
  GHashTableIter iter;
  VmdGuestLink *link;

  if (get_time (self) < self->next_due)
    return;
  self->next_due = G_MAXINT64;
  g_hash_table_iter_init (&iter, self->links);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &link))
    {
      vmd_guest_link_serve_time (link);
      note_due (self, link);
    }
}

/* Milliseconds, for epoll_wait(). */
static int
get_timeout (VmdGuestLinkLoop *self)
{
  if (self->next_due == G_MAXINT64)
    return -1;
  return CLAMP ((self->next_due - get_time (self)) / 1000 + 1, 0, 60 * 1000);
}

static gpointer
run (gpointer data)
{
  VmdGuestLinkLoop *self = data;
  struct epoll_event events[EVENTS_AT_ONCE];

  while (!self->is_over)
    {
      int n = epoll_wait (self->host.epoll_fd, events, EVENTS_AT_ONCE, get_timeout (self));

      for (int i = 0; i < n; i++)
        serve_event (self, &events[i]);
      serve_time (self);
      g_ptr_array_set_size (self->host.connections_over, 0);
      g_ptr_array_set_size (self->host.links_over, 0);
    }
  return NULL;
}

VmdGuestLinkLoop *
vmd_guest_link_loop_new (const VmdGuestLinkRules *rules, GError **error)
{
  g_autoptr (VmdGuestLinkLoop) self = g_new0 (VmdGuestLinkLoop, 1);
  struct epoll_event event = { .events = EPOLLIN };

  self->orders = g_async_queue_new_full (order_free);
  self->next_due = G_MAXINT64;
  self->host.rules = *rules;
  g_object_ref (self->host.rules.clock);
  self->host.connections_over =
      g_ptr_array_new_with_free_func ((GDestroyNotify) vmd_guest_connection_free);
  self->host.links_over = g_ptr_array_new_with_free_func ((GDestroyNotify) vmd_guest_link_free);
  self->links =
      g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) vmd_guest_link_end);
  self->host.epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  self->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (self->host.epoll_fd < 0 || self->wake_fd < 0 ||
      epoll_ctl (self->host.epoll_fd, EPOLL_CTL_ADD, self->wake_fd, &event) < 0)
    {
      vmd_fail_errno (error, errno, "Cannot watch guests' ports");
      return NULL;
    }
  self->thread = g_thread_new ("vmd-guests", run, self);
  return g_steal_pointer (&self);
}

void
vmd_guest_link_loop_free (VmdGuestLinkLoop *self)
{
  if (self->thread != NULL)
    {
      push_order (self, NULL, NULL);
      g_thread_join (self->thread);
    }
  g_hash_table_unref (self->links);
  g_ptr_array_unref (self->host.connections_over);
  g_ptr_array_unref (self->host.links_over);
  g_async_queue_unref (self->orders);
  vmd_clear_fd (&self->host.epoll_fd);
  vmd_clear_fd (&self->wake_fd);
  g_object_unref (self->host.rules.clock);
  g_free (self);
}

void
vmd_guest_link_loop_add (VmdGuestLinkLoop *self, const char *vm_id, const char *path)
{
  push_order (self, vm_id, path);
}

void
vmd_guest_link_loop_remove (VmdGuestLinkLoop *self, const char *vm_id)
{
  push_order (self, vm_id, NULL);
}
