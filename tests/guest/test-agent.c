/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "guest/vmd-guest-private.h"

#include "base/vmd-program-private.h"
#include "base/vmd-poll-private.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BOOT_ID "6b957c40-f517-4585-b115-0100bf980eba"
#define GOOD_STATUS "boot_id=" BOOT_ID " ssh=1 provisioned=0 message=no%20disk"

/* What no test should ever wait for. */
#define HANG_MILLISECONDS 30000

/* A guest that answers as a test says: each request line is answered by the script's text, in
 * which %s is the request's id. */
typedef struct
{
  VmdAgent *agent;
  int guest_fd;
  GThread *guest;
  const char *script;
  guint ignored_requests; /* how many to leave without answer */
  GString *requests; /* what came, for after the thread's end */
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  fixture->agent = vmd_agent_new (fds[0]);
  fixture->guest_fd = fds[1];
  fixture->requests = g_string_new (NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_clear_object (&fixture->agent);
  if (fixture->guest != NULL)
    g_thread_join (fixture->guest);
  close (fixture->guest_fd);
  g_string_free (fixture->requests, TRUE);
}

static void
answer (Fixture *fixture, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", 2);
  g_auto (GStrv) parts = g_strsplit (fixture->script, "%s", -1);
  g_autofree char *text = g_strjoinv (words[0], parts);

  g_string_append (fixture->requests, line);
  g_string_append_c (fixture->requests, '\n');
  if (fixture->ignored_requests > 0)
    {
      fixture->ignored_requests--;
      return;
    }
  for (gsize done = 0, length = strlen (text); done < length;)
    {
      gssize n = send (fixture->guest_fd, text + done, length - done, MSG_NOSIGNAL);

      if (n < 0)
        return;
      done += (gsize) n;
    }
}

static gpointer
guest_thread (gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *line = NULL;
  size_t size = 0;
  FILE *stream = fdopen (dup (fixture->guest_fd), "r");

  while (getline (&line, &size, stream) > 0)
    {
      line[strcspn (line, "\n")] = '\0';
      if (line[0] != '\0')
        answer (fixture, line);
    }
  fclose (stream);
  return NULL;
}

static void
run_guest (Fixture *fixture, const char *script)
{
  fixture->script = script;
  fixture->guest = g_thread_new ("guest", guest_thread, fixture);
}

static void
assert_status_fails (Fixture *fixture, VmdError code)
{
  VmdAgentStatus status;
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_agent_get_status (fixture->agent, &status, NULL,
                                        vmd_deadline_in (HANG_MILLISECONDS), &error));
  g_assert_error (error, VMD_ERROR, (int) code);
}

static void
assert_status (Fixture *fixture, VmdAgentStatus *status)
{
  g_autoptr (GError) error = NULL;

  vmd_agent_get_status (fixture->agent, status, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error);
  g_assert_no_error (error);
  g_assert_cmpstr (status->boot_id, ==, BOOT_ID);
}

static void
test_status (Fixture *fixture, gconstpointer data)
{
  VmdAgentStatus status;

  run_guest (fixture, "%s ok " GOOD_STATUS " later=1\n");
  assert_status (fixture, &status);
  g_assert_true (status.ssh_listening);
  g_assert_false (status.provisioned);
  g_assert_cmpstr (status.message, ==, "no disk");
}

/* A guest that was reset lost the question: it is asked again. */
static void
test_repeats (Fixture *fixture, gconstpointer data)
{
  VmdAgentStatus status;

  fixture->ignored_requests = 2;
  run_guest (fixture, "%s ok " GOOD_STATUS "\n");
  assert_status (fixture, &status);
}

static void
test_requests (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  gint64 deadline = vmd_deadline_in (HANG_MILLISECONDS);

  run_guest (fixture, "%s ok\n");
  g_assert_true (vmd_agent_sync (fixture->agent, NULL, deadline, &error));
  g_assert_true (vmd_agent_set_clock (fixture->agent, 1234567, NULL, deadline, &error));
  g_assert_true (vmd_agent_power_off (fixture->agent, NULL, deadline, &error));
  g_assert_no_error (error);

  g_clear_object (&fixture->agent);
  g_thread_join (g_steal_pointer (&fixture->guest));
  g_assert_nonnull (strstr (fixture->requests->str, " sync\n"));
  g_assert_nonnull (strstr (fixture->requests->str, " clock 1234567\n"));
  g_assert_nonnull (strstr (fixture->requests->str, " poweroff\n"));
}

static void
test_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  run_guest (fixture, "%s error out of order\n");
  g_assert_false (
      vmd_agent_sync (fixture->agent, NULL, vmd_deadline_in (HANG_MILLISECONDS), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_GUEST);
  g_assert_nonnull (strstr (error->message, "out of order"));
}

/* Answers to a predecessor's questions come first, in whatever number; then ours. */
static void
test_foreign_ids (Fixture *fixture, gconstpointer data)
{
  VmdAgentStatus status;

  run_guest (fixture, "- error the line has no id\ndeadbeef-0 ok\n%sx ok\n%s ok " GOOD_STATUS "\n");
  assert_status (fixture, &status);
}

/* Bytes of one answer in as many pieces as it has. */
static gpointer
dribble_thread (gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *line = NULL;
  g_autofree char *text = NULL;
  g_auto (GStrv) words = NULL;
  size_t size = 0;
  FILE *stream = fdopen (dup (fixture->guest_fd), "r");

  do
    g_assert_cmpint (getline (&line, &size, stream), >, 0);
  while (line[0] == '\n');
  words = g_strsplit (line, " ", 2);
  text = g_strdup_printf ("%s ok %s\n", words[0], GOOD_STATUS);
  for (const char *c = text; *c != '\0'; c++)
    {
      g_assert_cmpint (send (fixture->guest_fd, c, 1, MSG_NOSIGNAL), ==, 1);
      g_thread_yield ();
    }
  fclose (stream);
  return NULL;
}

static void
test_partial (Fixture *fixture, gconstpointer data)
{
  VmdAgentStatus status;

  fixture->guest = g_thread_new ("guest", dribble_thread, fixture);
  assert_status (fixture, &status);
}

static void
test_garbage (Fixture *fixture, gconstpointer data)
{
  run_guest (fixture, data);
  assert_status_fails (fixture, VMD_ERROR_PROTOCOL);
  /* And it stays so: nobody knows where the next line begins. */
  assert_status_fails (fixture, VMD_ERROR_PROTOCOL);
}

static void
test_overlong (Fixture *fixture, gconstpointer data)
{
  g_autofree char *filler = g_strnfill (5000, 'x');
  g_autofree char *script = g_strdup_printf ("%%s ok %s\n", filler);

  run_guest (fixture, script);
  assert_status_fails (fixture, VMD_ERROR_PROTOCOL);
  g_clear_object (&fixture->agent);
  g_thread_join (g_steal_pointer (&fixture->guest));
}

static void
test_silence (Fixture *fixture, gconstpointer data)
{
  VmdAgentStatus status;
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) sync_error = NULL;

  g_assert_false (
      vmd_agent_get_status (fixture->agent, &status, NULL, vmd_deadline_in (30), &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
  g_assert_false (vmd_agent_sync (fixture->agent, NULL, vmd_deadline_in (30), &sync_error));
  g_assert_error (sync_error, VMD_ERROR, VMD_ERROR_TIMED_OUT);
}

static gpointer
flood_thread (gpointer data)
{
  Fixture *fixture = data;
  static const char text[] = "another ok\nanother ok\nanother ok\nanother ok\n";

  while (send (fixture->guest_fd, text, sizeof text - 1, MSG_NOSIGNAL) > 0)
    continue;
  return NULL;
}

/* A guest that never stops talking does not keep its reader. */
static void
test_flood (Fixture *fixture, gconstpointer data)
{
  fixture->guest = g_thread_new ("guest", flood_thread, fixture);
  assert_status_fails (fixture, VMD_ERROR_PROTOCOL);
}

static void
test_closed (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpint (shutdown (fixture->guest_fd, SHUT_WR), ==, 0);
  assert_status_fails (fixture, VMD_ERROR_UNREACHABLE);
}

static gpointer
cancel_thread (gpointer data)
{
  char byte;
  Fixture *fixture = data;

  /* The question has come, so the wait for its answer is on, or about to be. */
  g_assert_cmpint (read (fixture->guest_fd, &byte, 1), ==, 1);
  g_cancellable_cancel (g_object_get_data (G_OBJECT (fixture->agent), "cancellable"));
  return NULL;
}

static void
test_cancelled (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_object_set_data (G_OBJECT (fixture->agent), "cancellable", cancellable);
  fixture->guest = g_thread_new ("guest", cancel_thread, fixture);
  g_assert_false (vmd_agent_sync (fixture->agent, cancellable, VMD_NO_DEADLINE, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_CANCELLED);
  g_thread_join (g_steal_pointer (&fixture->guest));
}

/* Runs the guest's own agent on the other end of @fd, with nothing done to this host. */
static GSubprocess *
spawn_real_agent (int fd)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDERR_SILENCE);
  g_autofree char *program = NULL;
  g_autoptr (GError) error = NULL;
  GSubprocess *process;

  program = vmd_helper_find ("vmd-guest", &error);
  g_assert_no_error (error);
  g_subprocess_launcher_take_fd (launcher, fd, 3);
  process = g_subprocess_launcher_spawn (launcher, &error, program, "agent", "--fd=3", "--rehearse",
                                         NULL);
  g_assert_no_error (error);
  return process;
}

static void
test_real_agent (void)
{
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (VmdAgent) agent = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *boot_id = NULL;
  gint64 deadline = vmd_deadline_in (HANG_MILLISECONDS);
  VmdAgentStatus status;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  process = spawn_real_agent (fds[1]);
  /* Half a line of a predecessor's. */
  g_assert_cmpint (write (fds[0], "half a li", 9), ==, 9);
  agent = vmd_agent_new (fds[0]);
  g_assert_true (vmd_agent_get_status (agent, &status, NULL, deadline, &error));
  g_assert_no_error (error);
  g_file_get_contents ("/proc/sys/kernel/random/boot_id", &boot_id, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (status.boot_id, ==, g_strchomp (boot_id));
  g_assert_true (vmd_agent_sync (agent, NULL, deadline, &error));
  g_assert_true (vmd_agent_set_clock (agent, g_get_real_time (), NULL, deadline, &error));
  g_assert_no_error (error);
  g_assert_false (vmd_agent_set_clock (agent, -1, NULL, deadline, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_GUEST);
  g_clear_error (&error);
  g_assert_true (vmd_agent_power_off (agent, NULL, deadline, &error));

  /* It ends with its socket. */
  g_clear_object (&agent);
  g_subprocess_wait_check (process, NULL, &error);
  g_assert_no_error (error);
}

/* Says @text to a real agent and expects @answer. */
static void
assert_says (int fd, const char *text, gsize length, const char *expected)
{
  char answer_text[4097];
  gsize received = 0;

  g_assert_true (vmd_write_all (fd, text, length, NULL, vmd_deadline_in (HANG_MILLISECONDS), NULL));
  do
    {
      gssize n = vmd_read_some (fd, answer_text + received, sizeof answer_text - 1 - received, NULL,
                                vmd_deadline_in (HANG_MILLISECONDS), NULL);

      g_assert_cmpint (n, >, 0);
      received += (gsize) n;
    }
  while (answer_text[received - 1] != '\n');
  answer_text[received] = '\0';
  g_assert_true (g_str_has_prefix (answer_text, expected));
}

static void
test_real_agent_garbage (void)
{
  g_autofree char *overlong = g_strnfill (10000, 'x');
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==, 0);
  process = spawn_real_agent (fds[1]);
  overlong[9999] = '\n';
  assert_says (fds[0], overlong, 10000, "- error the line is longer");
  assert_says (fds[0], "\0\377\033[2J\n", 7, "- error");
  assert_says (fds[0], "\n\n\n7\n", 5, "7 error");
  assert_says (fds[0], "8 format\n", 9, "8 error");
  assert_says (fds[0], "9 clock 12x\n", 12, "9 error");
  assert_says (fds[0], "10 status 999999999999999999999\n", 32, "10 error");
  assert_says (fds[0], "11 status\n", 10, "11 ok boot_id=");
  close (fds[0]);
  g_subprocess_wait_check (process, NULL, &error);
  g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(path, function, data)                                                                  \
  g_test_add ("/agent/" path, Fixture, data, set_up, function, tear_down)
  ADD ("status", test_status, NULL);
  ADD ("repeats", test_repeats, NULL);
  ADD ("requests", test_requests, NULL);
  ADD ("refused", test_refused, NULL);
  ADD ("foreign-ids", test_foreign_ids, NULL);
  ADD ("partial", test_partial, NULL);
  ADD ("garbage/no-verdict", test_garbage, "%s\n");
  ADD ("garbage/wrong-verdict", test_garbage, "%s maybe\n");
  ADD ("garbage/empty", test_garbage, "\n");
  ADD ("garbage/control", test_garbage, "%s ok \033[2J\n");
  ADD ("garbage/high-bytes", test_garbage, "%s ok \303\244\n");
  ADD ("garbage/no-boot-id", test_garbage, "%s ok ssh=1 provisioned=1 message=\n");
  ADD ("garbage/bad-boot-id", test_garbage, "%s ok boot_id=x ssh=1 provisioned=1 message=\n");
  ADD ("garbage/bad-boolean", test_garbage, "%s ok boot_id=" BOOT_ID " ssh=2 provisioned=1\n");
  ADD ("garbage/no-value", test_garbage, "%s ok boot_id\n");
  ADD ("garbage/bad-encoding", test_garbage,
       "%s ok boot_id=" BOOT_ID " ssh=1 provisioned=1 message=%2\n");
  ADD ("overlong", test_overlong, NULL);
  ADD ("silence", test_silence, NULL);
  ADD ("flood", test_flood, NULL);
  ADD ("closed", test_closed, NULL);
  ADD ("cancelled", test_cancelled, NULL);
#undef ADD
  g_test_add_func ("/agent/real", test_real_agent);
  g_test_add_func ("/agent/real-garbage", test_real_agent_garbage);

  return g_test_run ();
}
