/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "lock-support.h"

#include "base/vmd-poll-private.h"
#include "lock/vmd-lock-keeper-private.h"
#include "lock/vmd-lock-line-private.h"

/* The line alone: nobody serves these tickets, and no file is locked. */
typedef struct
{
  Fixture fixture;
  VmdLockKeeper *keeper;
  VmdLockLine line;
} LineFixture;

static void
line_set_up (LineFixture *self, gconstpointer data)
{
  fixture_set_up (&self->fixture, NULL);
  self->keeper = vmd_lock_keeper_new (self->fixture.state_dir, NULL);
  g_assert_nonnull (self->keeper);
  g_queue_init (&self->line.tickets);
}

static void
line_tear_down (LineFixture *self, gconstpointer data)
{
  g_assert_cmpuint (self->line.tickets.length, ==, 0);
  vmd_lock_keeper_close (self->keeper);
  vmd_lock_keeper_unref (self->keeper);
  fixture_tear_down (&self->fixture, NULL);
}

static VmdLockTicket *
new_ticket (LineFixture *self, const char *owner, const char *resources)
{
  g_autoptr (VmdLockRequest) request = new_request (owner, resources);

  g_assert_true (vmd_lock_request_seal (request, NULL));
  return vmd_lock_ticket_new (self->keeper, request, NULL, VMD_NO_DEADLINE);
}

static VmdLockTicket *
join (LineFixture *self, const char *owner, const char *resources)
{
  VmdLockTicket *ticket = new_ticket (self, owner, resources);

  vmd_lock_line_join (&self->line, ticket);
  return ticket;
}

static gboolean
leave (LineFixture *self, VmdLockTicket *ticket)
{
  gboolean freed = vmd_lock_line_leave (&self->line, ticket);

  vmd_lock_ticket_unref (ticket);
  return freed;
}

static void
test_waits_for_those_before (LineFixture *self, gconstpointer data)
{
  VmdLockTicket *a = join (self, NULL, "vm/a:exclusive");
  VmdLockTicket *b = join (self, NULL, "vm/b:exclusive");
  VmdLockTicket *both = join (self, NULL, "vm/a:shared vm/b:shared");
  VmdLockTicket *late = join (self, NULL, "vm/b:exclusive");

  g_assert_cmpuint (a->n_blockers, ==, 0);
  g_assert_cmpuint (b->n_blockers, ==, 0);
  g_assert_cmpuint (both->n_blockers, ==, 2);
  g_assert_cmpuint (late->n_blockers, ==, 2);
  g_assert_false (leave (self, a));
  g_assert_cmpuint (both->n_blockers, ==, 1);
  g_assert_true (leave (self, b));
  g_assert_cmpuint (both->n_blockers, ==, 0);
  g_assert_cmpuint (late->n_blockers, ==, 1);
  g_assert_true (leave (self, both));
  g_assert_cmpuint (late->n_blockers, ==, 0);
  g_assert_false (leave (self, late));
}

static void
test_shared_go_together (LineFixture *self, gconstpointer data)
{
  VmdLockTicket *first = join (self, NULL, "image/a:shared");
  VmdLockTicket *second = join (self, NULL, "image/a:shared");
  VmdLockTicket *writer = join (self, NULL, "image/a:exclusive");
  VmdLockTicket *third = join (self, NULL, "image/a:shared");

  g_assert_cmpuint (second->n_blockers, ==, 0);
  g_assert_cmpuint (writer->n_blockers, ==, 2);
  g_assert_cmpuint (third->n_blockers, ==, 1);
  /* The writer gives up: who came behind it goes on. */
  g_assert_true (leave (self, writer));
  g_assert_cmpuint (third->n_blockers, ==, 0);
  leave (self, first);
  leave (self, second);
  leave (self, third);
}

static void
test_blocker (LineFixture *self, gconstpointer data)
{
  VmdLockTicket *holder = join (self, NULL, "vm/a:exclusive");
  VmdLockTicket *waiter = join (self, NULL, "vm/a:exclusive");
  VmdLockTicket *other = join (self, NULL, "vm/b:exclusive");
  VmdLockTicket *last = join (self, NULL, "vm/a:shared");

  g_assert_null (vmd_lock_line_find_blocker (&self->line, holder));
  g_assert_null (vmd_lock_line_find_blocker (&self->line, other));
  g_assert_true (vmd_lock_line_find_blocker (&self->line, waiter) == holder);
  holder->state = VMD_LOCK_TICKET_HELD;
  g_assert_true (vmd_lock_line_find_blocker (&self->line, last) == holder);
  leave (self, holder);
  g_assert_true (vmd_lock_line_find_blocker (&self->line, last) == waiter);
  leave (self, waiter);
  leave (self, other);
  leave (self, last);
}

static void
test_nesting (LineFixture *self, gconstpointer data)
{
  VmdLockTicket *mine = join (self, "me", "vm/a:exclusive");
  VmdLockTicket *leaf = new_ticket (self, "me", "create:exclusive");
  VmdLockTicket *more = new_ticket (self, "me", "vm/b:shared");
  VmdLockTicket *yours = new_ticket (self, "you", "vm/b:shared");

  g_assert_true (vmd_lock_line_find_nesting (&self->line, leaf) == mine);
  mine->state = VMD_LOCK_TICKET_TAKING;
  g_assert_true (vmd_lock_line_find_nesting (&self->line, leaf) == mine);
  mine->state = VMD_LOCK_TICKET_HELD;
  g_assert_null (vmd_lock_line_find_nesting (&self->line, leaf));
  g_assert_true (vmd_lock_line_find_nesting (&self->line, more) == mine);
  g_assert_null (vmd_lock_line_find_nesting (&self->line, yours));
  vmd_lock_line_join (&self->line, leaf);
  g_assert_true (vmd_lock_line_find_nesting (&self->line, more) != NULL);
  leave (self, mine);
  g_assert_true (vmd_lock_line_find_nesting (&self->line, more) == leaf);
  leave (self, leaf);
  vmd_lock_ticket_unref (more);
  vmd_lock_ticket_unref (yours);
}

/* What n_blockers has to be, counted anew. */
static void
assert_counts (LineFixture *self)
{
  for (GList *link = self->line.tickets.head; link != NULL; link = link->next)
    {
      VmdLockTicket *ticket = link->data;
      guint expected = 0;

      for (GList *before = link->prev; before != NULL; before = before->prev)
        expected += vmd_lock_set_conflicts (((VmdLockTicket *) before->data)->set, ticket->set);
      g_assert_cmpuint (ticket->n_blockers, ==, expected);
      g_assert_cmpint (vmd_lock_line_find_blocker (&self->line, ticket) != NULL, ==, expected > 0);
    }
}

static char *
make_resources (void)
{
  GString *text = g_string_new (NULL);
  int n = g_test_rand_int_range (1, 4);

  for (int i = 0; i < n; i++)
    g_string_append_printf (text, "%simage/%d:%s", i > 0 ? " " : "", g_test_rand_int_range (0, 4),
                            g_test_rand_bit () ? "shared" : "exclusive");
  return g_string_free (text, FALSE);
}

static void
test_random (LineFixture *self, gconstpointer data)
{
  for (guint i = 0; i < 500; i++)
    {
      guint length = self->line.tickets.length;

      if (length > 0 && g_test_rand_int_range (0, 20) < (int) length)
        leave (self,
               g_queue_peek_nth (&self->line.tickets, g_test_rand_int_range (0, (int) length)));
      else
        {
          g_autofree char *resources = make_resources ();

          join (self, NULL, resources);
        }
      assert_counts (self);
    }
  while (self->line.tickets.length > 0)
    leave (self, self->line.tickets.head->data);
}

#define add_line_test(path, function)                                                              \
  g_test_add (path, LineFixture, NULL, line_set_up, function, line_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_line_test ("/lock-line/waits-for-those-before", test_waits_for_those_before);
  add_line_test ("/lock-line/shared-go-together", test_shared_go_together);
  add_line_test ("/lock-line/blocker", test_blocker);
  add_line_test ("/lock-line/nesting", test_nesting);
  add_line_test ("/lock-line/random", test_random);
  return g_test_run ();
}
