/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-name-private.h"
#include "scale.h"
#include "vmd-job-private.h"

typedef struct
{
  VmdJob *job;
  guint n_changed;
} Fixture;

static void
changed_cb (VmdJob *job, gpointer data)
{
  Fixture *self = data;

  self->n_changed++;
}

static void
set_up (Fixture *self, gconstpointer data)
{
  self->job = vmd_job_new ("import", "calm-otter-41", ":1.42", NULL);
  g_signal_connect (self->job, "changed", G_CALLBACK (changed_cb), self);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  g_assert_finalize_object (self->job);
}

static void
assert_ended (Fixture *self, VmdJobState state, int code)
{
  g_autoptr (GError) error = vmd_job_dup_error (self->job);

  g_assert_cmpint (vmd_job_get_state (self->job), ==, state);
  g_assert_false (vmd_job_get_cancellable_by_user (self->job));
  g_assert_cmpint (vmd_job_get_ended (self->job), >, 0);
  if (state == VMD_JOB_DONE)
    g_assert_no_error (error);
  else
    g_assert_error (error, VMD_ERROR, code);
}

static void
test_life (Fixture *self, gconstpointer data)
{
  VmdJob *job = self->job;

  g_assert_true (vmd_id_is_valid (vmd_job_get_id (job)));
  g_assert_cmpstr (vmd_job_get_kind (job), ==, "import");
  g_assert_cmpstr (vmd_job_get_target (job), ==, "calm-otter-41");
  g_assert_cmpstr (vmd_job_get_owner (job), ==, ":1.42");
  g_assert_cmpint (vmd_job_get_state (job), ==, VMD_JOB_QUEUED);
  g_assert_cmpstr (vmd_job_get_phase (job), ==, "");
  g_assert_cmpint (vmd_job_get_started (job), ==, 0);
  g_assert_true (vmd_job_get_cancellable_by_user (job));

  vmd_job_set_running (job);
  vmd_job_set_running (job);
  g_assert_cmpuint (self->n_changed, ==, 1);
  g_assert_cmpint (vmd_job_get_state (job), ==, VMD_JOB_RUNNING);
  g_assert_cmpint (vmd_job_get_started (job), >, 0);
  vmd_job_set_phase (job, "streaming");
  vmd_job_set_phase (job, "streaming");
  g_assert_cmpuint (self->n_changed, ==, 2);
  g_assert_cmpstr (vmd_job_get_phase (job), ==, "streaming");
  g_assert_cmpint (vmd_job_get_ended (job), ==, 0);
  g_assert_null (vmd_job_dup_error (job));
  vmd_job_finish (job, NULL);
  g_assert_cmpuint (self->n_changed, ==, 3);
  assert_ended (self, VMD_JOB_DONE, 0);
}

static void
test_progress (Fixture *self, gconstpointer data)
{
  VmdJob *job = self->job;

  vmd_job_set_running (job);
  g_assert_cmpfloat (vmd_job_get_progress (job), ==, 0);
  vmd_job_set_bytes (job, 50, 0);
  g_assert_cmpfloat (vmd_job_get_progress (job), ==, 0);
  vmd_job_set_bytes (job, 50, 200);
  vmd_job_set_bytes (job, 50, 200);
  g_assert_cmpuint (self->n_changed, ==, 3);
  g_assert_cmpfloat (vmd_job_get_progress (job), ==, 0.25);
  vmd_job_set_bytes (job, 300, 200);
  g_assert_cmpfloat (vmd_job_get_progress (job), ==, 1);
  g_assert_cmpuint (vmd_job_get_bytes_done (job), ==, 300);
  g_assert_cmpuint (vmd_job_get_bytes_total (job), ==, 200);
  vmd_job_set_bytes (job, G_MAXUINT64 / 2, G_MAXUINT64);
  g_assert_cmpfloat_with_epsilon (vmd_job_get_progress (job), 0.5, 0.001);
  vmd_job_finish (job, NULL);
  g_assert_cmpfloat (vmd_job_get_progress (job), ==, 1);
}

/* Once it has ended, nothing of it changes. */
static void
test_ended (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) late = g_error_new (VMD_ERROR, VMD_ERROR_GUEST, "late");
  VmdJob *job = self->job;

  vmd_job_finish (job, NULL);
  g_assert_cmpint (vmd_job_get_started (job), ==, vmd_job_get_ended (job));
  vmd_job_set_running (job);
  vmd_job_set_phase (job, "late");
  vmd_job_set_bytes (job, 1, 2);
  vmd_job_finish (job, late);
  vmd_job_cancel (job);
  vmd_job_abort (job, VMD_ERROR_VM_STOPPED, "late");
  g_assert_cmpuint (self->n_changed, ==, 1);
  g_assert_cmpstr (vmd_job_get_phase (job), ==, "");
  g_assert_cmpuint (vmd_job_get_bytes_total (job), ==, 0);
  g_assert_false (g_cancellable_is_cancelled (vmd_job_get_cancellable (job)));
  assert_ended (self, VMD_JOB_DONE, 0);
}

static void
test_failed (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = g_error_new (VMD_ERROR, VMD_ERROR_GUEST, "the guest refused");

  vmd_job_set_running (self->job);
  vmd_job_finish (self->job, error);
  assert_ended (self, VMD_JOB_FAILED, VMD_ERROR_GUEST);
}

/* What the work does when it finds its cancellable cancelled. */
static void
end_cancelled (Fixture *self)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (g_cancellable_is_cancelled (vmd_job_get_cancellable (self->job)));
  g_set_error (&error, VMD_ERROR, VMD_ERROR_CANCELLED, "cancelled");
  vmd_job_explain (self->job, &error);
  vmd_job_finish (self->job, error);
}

static void
test_cancel (Fixture *self, gconstpointer data)
{
  vmd_job_set_running (self->job);
  vmd_job_cancel (self->job);
  vmd_job_abort (self->job, VMD_ERROR_VM_STOPPED, "too late to be the reason");
  g_assert_cmpint (vmd_job_get_state (self->job), ==, VMD_JOB_RUNNING);
  end_cancelled (self);
  assert_ended (self, VMD_JOB_CANCELLED, VMD_ERROR_CANCELLED);
}

static void
test_abort (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  vmd_job_set_running (self->job);
  vmd_job_abort (self->job, VMD_ERROR_VM_STOPPED, "the VM was stopped");
  vmd_job_abort (self->job, VMD_ERROR_FAILED, "second");
  vmd_job_cancel (self->job);
  end_cancelled (self);
  assert_ended (self, VMD_JOB_FAILED, VMD_ERROR_VM_STOPPED);
  error = vmd_job_dup_error (self->job);
  g_assert_cmpstr (error->message, ==, "the VM was stopped");
}

/* Only a cancel is explained: what failed otherwise, failed so. */
static void
test_explain (Fixture *self, gconstpointer data)
{
  GError *error = NULL;

  vmd_job_explain (self->job, NULL);
  vmd_job_explain (self->job, &error);
  g_assert_no_error (error);
  error = g_error_new (VMD_ERROR, VMD_ERROR_CANCELLED, "by whom?");
  vmd_job_explain (self->job, &error);
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
  vmd_job_abort (self->job, VMD_ERROR_VM_STOPPED, "the VM was stopped");
  vmd_job_explain (self->job, &error);
  g_assert_error (error, VMD_ERROR, VMD_ERROR_VM_STOPPED);
  g_clear_error (&error);
  error = g_error_new (VMD_ERROR, VMD_ERROR_GUEST, "the disk is full");
  vmd_job_explain (self->job, &error);
  g_assert_error (error, VMD_ERROR, VMD_ERROR_GUEST);
  g_clear_error (&error);
  error = g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "of another domain");
  vmd_job_explain (self->job, &error);
  g_assert_error (error, VMD_ERROR, VMD_ERROR_VM_STOPPED);
  g_clear_error (&error);
}

static void
test_chosen_id (void)
{
  g_autoptr (VmdJob) job = vmd_job_new ("start", NULL, NULL, "token_1");

  g_assert_cmpstr (vmd_job_get_id (job), ==, "token_1");
  g_assert_null (vmd_job_get_target (job));
  g_assert_null (vmd_job_get_owner (job));
}

/* -- Three parties at once -- */

typedef struct
{
  VmdJob *job;
  guint n;
  gint n_changed; /* atomic */
} Party;

static gpointer
do_work (gpointer data)
{
  Party *party = data;
  g_autoptr (GError) error = NULL;

  vmd_job_set_running (party->job);
  for (guint i = 1; i <= party->n; i++)
    {
      vmd_job_set_phase (party->job, i % 2 ? "odd" : "even");
      vmd_job_set_bytes (party->job, i, party->n);
      if (g_cancellable_is_cancelled (vmd_job_get_cancellable (party->job)))
        break;
    }
  if (g_cancellable_is_cancelled (vmd_job_get_cancellable (party->job)))
    g_set_error (&error, VMD_ERROR, VMD_ERROR_CANCELLED, "cancelled");
  vmd_job_explain (party->job, &error);
  vmd_job_finish (party->job, error);
  return NULL;
}

static gpointer
watch (gpointer data)
{
  Party *party = data;
  guint64 done = 0;

  while (vmd_job_get_ended (party->job) == 0)
    {
      guint64 now = vmd_job_get_bytes_done (party->job);

      g_assert_cmpuint (now, >=, done);
      done = now;
      g_assert_nonnull (vmd_job_get_phase (party->job));
      g_assert_cmpfloat (vmd_job_get_progress (party->job), <=, 1);
      g_thread_yield ();
    }
  g_assert_cmpint (vmd_job_get_state (party->job), >=, VMD_JOB_DONE);
  return NULL;
}

static gpointer
want_its_end (gpointer data)
{
  Party *party = data;

  while (vmd_job_get_bytes_done (party->job) < party->n / 2 && vmd_job_get_ended (party->job) == 0)
    g_thread_yield ();
  vmd_job_abort (party->job, VMD_ERROR_VM_STOPPED, "the VM was stopped");
  vmd_job_cancel (party->job);
  return NULL;
}

static void
count_cb (VmdJob *job, gpointer data)
{
  g_atomic_int_inc ((gint *) data);
}

static void
test_parties (void)
{
  const GThreadFunc parties[] = { do_work, watch, watch, want_its_end, want_its_end };

  for (guint round = 0; round < scaled (40); round++)
    {
      g_autoptr (VmdJob) job = vmd_job_new ("import", NULL, NULL, NULL);
      Party party = { .job = job, .n = 500 };
      GThread *threads[G_N_ELEMENTS (parties)];
      g_autoptr (GError) error = NULL;

      g_signal_connect (job, "changed", G_CALLBACK (count_cb), &party.n_changed);
      for (guint i = 0; i < G_N_ELEMENTS (parties); i++)
        threads[i] = g_thread_new ("party", parties[i], &party);
      for (guint i = 0; i < G_N_ELEMENTS (parties); i++)
        g_thread_join (threads[i]);
      error = vmd_job_dup_error (job);
      g_assert_cmpint (g_atomic_int_get (&party.n_changed), >, 1);
      if (vmd_job_get_state (job) == VMD_JOB_DONE)
        g_assert_no_error (error);
      else
        g_assert_true (g_error_matches (error, VMD_ERROR, VMD_ERROR_VM_STOPPED) ||
                       g_error_matches (error, VMD_ERROR, VMD_ERROR_CANCELLED));
    }
}

#define add_test(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/job/life", test_life);
  add_test ("/job/progress", test_progress);
  add_test ("/job/ended", test_ended);
  add_test ("/job/failed", test_failed);
  add_test ("/job/cancel", test_cancel);
  add_test ("/job/abort", test_abort);
  add_test ("/job/explain", test_explain);
  g_test_add_func ("/job/chosen-id", test_chosen_id);
  g_test_add_func ("/job/parties", test_parties);
  return g_test_run ();
}
