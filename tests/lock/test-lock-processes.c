/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-poll-private.h"
#include "lock-support.h"
#include "scale.h"
#include "stress-plan.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Processes that ask for random locks on one state directory, some of which are killed in the
 * middle of it.
 *
 * Who is inside is written into memory that all share: one row for each process, so that what a
 * killed one leaves there can be told from what the living have. It is doomed before it is killed;
 * from then on its row counts for nothing, since the kernel gives its locks back before its parent
 * can know that it is dead. */

#define N_PROCESSES 4
#define N_ROWS 256
#define LONGEST_WAIT (60 * G_USEC_PER_SEC)
#define STEP 25 /* so many requests after which a process says that it goes on */

typedef struct
{
  int inside[N_STRESSED]; /* atomic: 0 not, 1 shared, 2 alone */
  int doomed; /* atomic */
  gint64 longest; /* microseconds */
} Row;

typedef struct
{
  int stop; /* atomic */
  Row rows[N_ROWS];
} Board;

static Board *
map_board (const char *state_dir, gboolean make)
{
  g_autofree char *path = g_build_filename (state_dir, "board", NULL);
  vmd_autofd int fd = open (path, O_RDWR | O_CLOEXEC | (make ? O_CREAT | O_EXCL : 0), 0600);
  Board *board;

  g_assert_cmpint (fd, >=, 0);
  if (make)
    g_assert_no_errno (ftruncate (fd, sizeof (Board)));
  board = mmap (NULL, sizeof (Board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  g_assert_true (board != MAP_FAILED);
  return board;
}

/* -- A worker -- */

static void
check_alone (Board *board, guint me, guint resource, gboolean exclusive)
{
  for (guint i = 0; i < N_ROWS; i++)
    {
      int found = g_atomic_int_get (&board->rows[i].inside[resource]);

      if (i != me && found != 0 && (exclusive || found == 2) &&
          !g_atomic_int_get (&board->rows[i].doomed))
        g_error ("row %u is in %s beside row %u", i, stressed[resource].name, me);
    }
}

static void
work_once (Board *board, guint me, VmdLockTable *table, GRand *random)
{
  Row *row = &board->rows[me];
  g_autoptr (VmdLockRequest) request = NULL;
  g_autoptr (VmdLock) lock = NULL;
  g_autoptr (GError) error = NULL;
  gint64 start = g_get_monotonic_time ();
  StressRequest plan;

  stress_request_make (&plan, random);
  request = stress_request_build (&plan, NULL);
  lock = vmd_lock_table_lock (table, request, NULL, &error);
  if (lock == NULL)
    {
      g_assert_error (error, VMD_ERROR, VMD_ERROR_BUSY);
      return;
    }
  row->longest = MAX (row->longest, g_get_monotonic_time () - start);
  for (guint i = 0; i < N_STRESSED; i++)
    if (plan.wanted & (1u << i))
      g_atomic_int_set (&row->inside[i], plan.exclusive & (1u << i) ? 2 : 1);
  for (guint i = 0; i < N_STRESSED; i++)
    if (plan.wanted & (1u << i))
      check_alone (board, me, i, (plan.exclusive & (1u << i)) != 0);
  for (guint i = 0; i < N_STRESSED; i++)
    g_atomic_int_set (&row->inside[i], 0);
}

static int
run_worker (const char *state_dir, guint me)
{
  Board *board = map_board (state_dir, FALSE);
  g_autoptr (VmdLockTable) table = vmd_lock_table_new (state_dir, NULL);
  GRand *random = g_rand_new_with_seed (me);

  g_assert_nonnull (table);
  while (!g_atomic_int_get (&board->stop))
    {
      for (guint i = 0; i < STEP; i++)
        work_once (board, me, table, random);
      if (write (STDOUT_FILENO, ".", 1) != 1)
        return 1;
    }
  g_rand_free (random);
  munmap (board, sizeof *board);
  return 0;
}

/* -- The test -- */

typedef struct
{
  GSubprocess *process;
  guint row;
} Process;

static void
start_process (Process *process, const char *state_dir, guint row)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *number = g_strdup_printf ("%u", row);

  g_assert_cmpuint (row, <, N_ROWS);
  process->row = row;
  process->process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, self, "--work",
                                       state_dir, number, NULL);
  g_assert_no_error (error);
}

/* Until it has made so many steps more. */
static void
wait_for_steps (Process *process, guint n)
{
  GInputStream *output = g_subprocess_get_stdout_pipe (process->process);
  char buffer[256];

  while (n > 0)
    {
      g_autoptr (GError) error = NULL;
      gssize got = g_input_stream_read (output, buffer, MIN (n, sizeof buffer), NULL, &error);

      g_assert_no_error (error);
      g_assert_cmpint (got, >, 0);
      n -= (guint) got;
    }
}

static void
kill_process (Process *process, Board *board)
{
  g_atomic_int_set (&board->rows[process->row].doomed, 1);
  g_subprocess_force_exit (process->process);
  g_assert_true (g_subprocess_wait (process->process, NULL, NULL));
  g_clear_object (&process->process);
}

/* What it still says has to be read, or it would wait for that for ever. */
static void
end_process (Process *process)
{
  GInputStream *output = g_subprocess_get_stdout_pipe (process->process);
  char buffer[256];

  while (g_input_stream_read (output, buffer, sizeof buffer, NULL, NULL) > 0)
    ;
  g_assert_true (g_subprocess_wait_check (process->process, NULL, NULL));
  g_clear_object (&process->process);
}

static void
test_random (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->state_dir, "board", NULL);
  guint n_rounds = scaled (40);
  guint n_rows = N_PROCESSES;
  Board *board = map_board (fixture->state_dir, TRUE);
  Process processes[N_PROCESSES];
  gint64 longest = 0;

  for (guint i = 0; i < N_PROCESSES; i++)
    start_process (&processes[i], fixture->state_dir, i);
  for (guint round = 0; round < n_rounds; round++)
    {
      for (guint i = 0; i < N_PROCESSES; i++)
        wait_for_steps (&processes[i], 2);
      kill_process (&processes[round % N_PROCESSES], board);
      start_process (&processes[round % N_PROCESSES], fixture->state_dir, n_rows++);
    }
  g_atomic_int_set (&board->stop, 1);
  for (guint i = 0; i < N_PROCESSES; i++)
    end_process (&processes[i]);

  for (guint i = 0; i < n_rows; i++)
    longest = MAX (longest, board->rows[i].longest);
  g_test_message ("%u processes, at least %u requests each, %u killed, longest wait %.1f ms",
                  N_PROCESSES, 2 * STEP * n_rounds, n_rounds, longest / 1000.0);
  g_assert_cmpint (longest, <, LONGEST_WAIT);
  g_assert_cmpuint (count_records (fixture->table, TRUE), ==, 0);
  g_assert_cmpuint (count_records (fixture->table, FALSE), ==, 0);
  munmap (board, sizeof *board);
  g_assert_no_errno (g_unlink (path));
}

static void
test_killed_holder (Fixture *fixture, gconstpointer data)
{
  Holder holder;
  Call waiter;

  holder_start (&holder, fixture->state_dir, "vm/a:exclusive image/b:shared", FALSE);
  call_begin_for (&waiter, fixture, NULL, "vm/a:exclusive");
  wait_for_records (fixture->table, FALSE, 1);
  g_assert_false (waiter.done);
  holder_end (&holder);
  call_wait (&waiter);
  g_assert_no_error (waiter.error);
  g_assert_cmpuint (count_records (fixture->table, TRUE), ==, 1);
  call_clear (&waiter);
}

/* LESSONS 4 and 7: one that waits, at the gate, and is killed, holds nobody up. */
static void
test_killed_waiter (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) lock = lock_now (fixture, NULL, "vm/a:shared");
  Holder waiting;

  holder_start (&waiting, fixture->state_dir, "vm/a:exclusive", TRUE);
  wait_for_records (fixture->table, FALSE, 1);
  holder_end (&waiting);
  g_object_unref (lock_now (fixture, NULL, "vm/a:shared"));
  wait_for_records (fixture->table, FALSE, 0);
  g_assert_true (vmd_lock_is_held (lock));
}

/* LESSONS 41d: released means released, though a child that was forked has the descriptor open. */
static void
test_lesson_41d_forked_child (Fixture *fixture, gconstpointer data)
{
  Holder holder;

  holder_start (&holder, fixture->state_dir, "vm/a:exclusive", FALSE);
  holder_tell (&holder, "fork");
  assert_refused (fixture, NULL, "vm/a:shared", VMD_ERROR_BUSY);
  holder_tell (&holder, "release");
  g_object_unref (lock_now (fixture, NULL, "vm/a:exclusive"));
  holder_end (&holder);
}

/* Killed, it releases nothing itself: the kernel does, once its child has ended too. */
static void
test_killed_holder_with_child (Fixture *fixture, gconstpointer data)
{
  Holder holder;

  holder_start (&holder, fixture->state_dir, "vm/a:exclusive", FALSE);
  holder_tell (&holder, "fork");
  holder_end (&holder);
  g_object_unref (lock_now (fixture, NULL, "vm/a:exclusive"));
  wait_for_records (fixture->table, TRUE, 0);
}

/* Whoever came first to the gate is next, whatever comes after it. */
static void
test_writer_between_processes (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VmdLock) reader = lock_now (fixture, NULL, "image/a:shared");
  g_autoptr (VmdLock) late = NULL;
  Holder writer;

  holder_start (&writer, fixture->state_dir, "image/a:exclusive", TRUE);
  wait_for_records (fixture->table, FALSE, 1);
  while ((late = try_lock (fixture->table, NULL, "image/a:shared", NULL)) != NULL)
    g_clear_object (&late);
  vmd_lock_release (reader);
  holder_expect (&writer, "held");
  holder_tell (&writer, "release");
  holder_end (&writer);
}

int
main (int argc, char **argv)
{
  holder_main_if_asked (argc, argv);
  if (argc == 4 && g_str_equal (argv[1], "--work"))
    return run_worker (argv[2], (guint) g_ascii_strtoull (argv[3], NULL, 10));
  g_test_init (&argc, &argv, NULL);
  add_test ("/lock-processes/random", test_random);
  add_test ("/lock-processes/killed-holder", test_killed_holder);
  add_test ("/lock-processes/killed-waiter", test_killed_waiter);
  add_test ("/lock-processes/lesson-41d-forked-child", test_lesson_41d_forked_child);
  add_test ("/lock-processes/killed-holder-with-child", test_killed_holder_with_child);
  add_test ("/lock-processes/writer-between-processes", test_writer_between_processes);
  return g_test_run ();
}
