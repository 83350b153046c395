/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an import costs over SSH to the loopback, against `tar | ssh tar`: 20,000 small files, and
 * one of 64 MiB. Each makes its own connection. The best of some rounds, taken in turn. */

#include "ssh-client.h"

#include "libvmd/base/vmd-poll-private.h"
#include "libvmd/source/vmd-source-protocol-private.h"
#include "libvmd/source/vmd-source-stream-private.h"
#include "source/git-fixture.h"
#include "vmd-source.h"

#include <glib/gstdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 3
#define LIMIT 300000

typedef struct
{
  GitFixture git;
  Server *server; /* NULL: skipped */
  char *root; /* of the guest */
} Benchmark;

static void
set_up (Benchmark *self, gconstpointer data)
{
  git_fixture_set_up (&self->git, NULL);
  self->root = g_build_filename (self->git.directory, "guest", NULL);
  self->server = server_new (GPOINTER_TO_UINT (data));
}

static void
tear_down (Benchmark *self, gconstpointer data)
{
  g_clear_pointer (&self->server, server_free);
  git_fixture_tear_down (&self->git, NULL);
  g_free (self->root);
}

static void
clear_root (Benchmark *self)
{
  g_autofree char *tree = g_build_filename (self->root, "tree", NULL);

  remove_tree (self->root);
  g_assert_cmpint (g_mkdir_with_parents (tree, 0755), ==, 0);
}

static gpointer
serve_thread (gpointer data)
{
  vmd_autofd int fd = GPOINTER_TO_INT (data);
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_get_current_dir ();
  g_autoptr (VmdSource) source = vmd_source_open (path, FALSE, NULL, &error);

  g_assert_no_error (error);
  vmd_source_serve (source, fd, NULL, &error);
  g_assert_no_error (error);
  return NULL;
}

static void
fail_with_words (VmdGuestProcess *process, const GError *error)
{
  char words[1000] = "";

  vmd_guest_process_read (process, TRUE, words, sizeof words - 1, NULL, vmd_deadline_in (LIMIT),
                          NULL);
  g_error ("%s: %s", error->message, words);
}

static void
carry (int fd, VmdGuestProcess *process)
{
  g_autoptr (VmdSourceDescription) description = NULL;
  g_autoptr (VmdExecResult) result = NULL;
  g_autoptr (GByteArray) piece = g_byte_array_new ();
  gint64 deadline = vmd_deadline_in (LIMIT);
  g_autoptr (GError) error = NULL;
  gboolean ended = FALSE;

  description = vmd_source_client_hello (fd, NULL, deadline, &error);
  g_assert_no_error (error);
  vmd_source_client_begin_stream (fd, "full-copy", NULL, deadline, &error);
  while (!ended)
    {
      vmd_source_client_next (fd, piece, &ended, description, NULL, deadline, &error);
      g_assert_no_error (error);
      if (!vmd_guest_process_write (process, piece->data, piece->len, NULL, deadline, &error))
        fail_with_words (process, error);
    }
  vmd_guest_process_write_eof (process, NULL, deadline, &error);
  vmd_source_client_bye (fd);
  result = vmd_guest_process_wait (process, NULL, deadline, &error);
  g_assert_no_error (error);
  g_assert_cmpint (vmd_exec_result_get_exit_status (result), ==, 0);
}

/* Seconds, with the connecting, and with the opening of the source, which runs git. */
static double
time_import (Benchmark *self)
{
  g_autoptr (VmdTransport) transport = vmd_ssh_transport_new (VMD_GUEST_PROGRAM);
  g_autoptr (VmdGuestConnection) connection = NULL;
  g_autoptr (VmdGuestProcess) process = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *command =
      g_strdup_printf ("VMD_GUEST_ROOT='%s' exec '%s' --target /tree --replace", self->root,
                       g_getenv ("VMD_UNPACK_PROGRAM"));
  GThread *thread;
  gint64 begin;
  int fds[2];

  clear_root (self);
  begin = g_get_monotonic_time ();
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  thread = g_thread_new ("source", serve_thread, GINT_TO_POINTER (fds[1]));
  connection = vmd_transport_connect (transport, self->server->address, NULL,
                                      vmd_deadline_in (LIMIT), &error);
  g_assert_no_error (error);
  process = vmd_guest_connection_spawn (connection, command, NULL, vmd_deadline_in (LIMIT), &error);
  g_assert_no_error (error);
  carry (fds[0], process);
  g_thread_join (thread);
  vmd_clear_fd (&fds[0]);
  return (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC;
}

static double
time_script (Benchmark *self)
{
  g_autofree char *ssh = ssh_client_dup_prefix (self->server, FALSE);
  g_autofree char *script = g_strdup_printf (
      "git ls-files -z | tar c --null -T - | %s tar x -C '%s/tree'", ssh, self->root);
  const char *const argv[] = { "sh", "-c", script, NULL };
  gint64 begin;

  clear_root (self);
  begin = g_get_monotonic_time ();
  g_free (run_program (self->git.repository, argv));
  return (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC;
}

static void
compare (Benchmark *self, const char *what)
{
  double import = G_MAXDOUBLE, script = G_MAXDOUBLE;

  g_assert_cmpint (g_chdir (self->git.repository), ==, 0);
  for (guint i = 0; i < ROUNDS; i++)
    {
      script = MIN (script, time_script (self));
      import = MIN (import, time_import (self));
    }
  g_assert_cmpint (g_chdir ("/"), ==, 0);
  g_test_minimized_result (import, "%s: %.2f times as fast as tar | ssh tar", what,
                           script / import);
  g_print (
      "# %s over %s: vmd %.3f s, git ls-files | tar c | ssh tar x %.3f s: %.2f times as fast\n",
      what, self->server->address->server_software, import, script, script / import);
}

static void
test_small (Benchmark *self, gconstpointer data)
{
  g_autofree char *content = g_strnfill (700, 'x');

  if (self->server == NULL)
    return;
  for (guint i = 0; i < 20000; i++)
    {
      g_autofree char *name = g_strdup_printf ("d%u/e%u/file-%u", i % 20, i % 400, i);

      git_write (&self->git, name, content);
    }
  git_run (&self->git, "add", "-A", NULL);
  compare (self, "20,000 files of 700 bytes");
}

static void
test_large (Benchmark *self, gconstpointer data)
{
  const gsize size = 64 * 1024 * 1024;
  g_autofree char *content = g_malloc (size);
  g_autofree char *path = git_path (&self->git, "large");

  if (self->server == NULL)
    return;
  for (gsize i = 0; i < size; i += 4)
    *(guint32 *) (content + i) = g_test_rand_int ();
  g_assert_true (g_file_set_contents (path, content, size, NULL));
  git_run (&self->git, "add", "-A", NULL);
  compare (self, "one file of 64 MiB");
}

static void
add (const char *name, ServerKind kind, void (*test) (Benchmark *, gconstpointer))
{
  g_test_add (name, Benchmark, GUINT_TO_POINTER (kind), set_up, test, tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* What is measured is the way there, and not the disk, which took thirty times as long. */
  if (access ("/dev/shm", W_OK) == 0)
    g_setenv ("TMPDIR", "/dev/shm", FALSE);
  add ("/benchmark/ssh-import/small", SERVER_OPENSSH, test_small);
  add ("/benchmark/ssh-import/large", SERVER_OPENSSH, test_large);
  add ("/benchmark/ssh-import/dropbear/small", SERVER_DROPBEAR, test_small);
  add ("/benchmark/ssh-import/dropbear/large", SERVER_DROPBEAR, test_large);
  return g_test_run ();
}
