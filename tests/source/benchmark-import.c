/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an import costs without a guest, against the programs that one would use by hand: 20,000
 * small files, and one of 64 MiB. Prints the best of some rounds, taken in turn so that a busy
 * machine is as unfair to one as to the other. Both flush what they wrote, as vmd always does.
 *
 * Nothing is removed until the end: ext4 gives no inode out again for minutes, and looks at each
 * one that was freed just before, at each file that is made. Nine tenths of what a tar then costs
 * are that, and whoever came first paid less. */

#include "git-fixture.h"
#include "loopback.h"

#include <glib/gstdio.h>
#include <unistd.h>

#define ROUNDS 3

typedef struct
{
  GitFixture git;
  char *root; /* of the present round */
  guint n_roots;
} Benchmark;

static void
benchmark_set_up (Benchmark *self, gconstpointer data)
{
  git_fixture_set_up (&self->git, NULL);
  self->root = NULL;
  self->n_roots = 0;
}

static void
benchmark_tear_down (Benchmark *self, gconstpointer data)
{
  git_fixture_tear_down (&self->git, NULL);
  g_free (self->root);
}

static void
make_root (Benchmark *self)
{
  g_free (self->root);
  self->root = g_strdup_printf ("%s/guest-%u", self->git.directory, self->n_roots++);
  g_assert_cmpint (g_mkdir (self->root, 0755), ==, 0);
}

/* Seconds. With the opening of the source, which runs git. */
static double
time_import (Benchmark *self)
{
  g_autoptr (VmdSourceDescription) description = NULL;
  g_autoptr (VmdSource) source = NULL;
  g_autoptr (GError) error = NULL;
  gint64 begin;

  make_root (self);
  begin = g_get_monotonic_time ();
  source = vmd_source_open (self->git.repository, FALSE, NULL, &error);
  g_assert_no_error (error);
  description = loopback_import (source, self->root, &error);
  g_assert_no_error (error);
  return (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC;
}

static double
time_script (Benchmark *self)
{
  g_autofree char *script = NULL;
  const char *argv[] = { "sh", "-c", NULL, NULL };
  gint64 begin;

  make_root (self);
  script = g_strdup_printf ("git ls-files -z | tar c --null -T - | tar x -C '%s' && sync -f '%s'",
                            self->root, self->root);
  argv[2] = script;
  begin = g_get_monotonic_time ();
  g_free (run_program (self->git.repository, argv));
  return (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC;
}

static void
compare (Benchmark *self, const char *what)
{
  double import = G_MAXDOUBLE;
  double script = G_MAXDOUBLE;

  for (guint i = 0; i < ROUNDS; i++)
    {
      script = MIN (script, time_script (self));
      import = MIN (import, time_import (self));
    }
  g_test_minimized_result (import,
                           "%s: vmd %.3f s, git ls-files | tar c | tar x %.3f s: %.2f times "
                           "as fast",
                           what, import, script, script / import);
  g_print ("# %s: vmd %.3f s, git ls-files | tar c | tar x %.3f s: %.2f times as fast\n", what,
           import, script, script / import);
  g_assert_cmpfloat (import, >, 0);
}

/* What it costs to learn which files travel, against git alone, which does not look at them. */
static void
compare_listing (Benchmark *self)
{
  const char *const argv[] = { "git", "ls-files", "-z", "--stage", NULL };
  double listing = G_MAXDOUBLE;
  double git = G_MAXDOUBLE;

  for (guint i = 0; i < ROUNDS; i++)
    {
      g_autoptr (VmdSource) source = NULL;
      gint64 begin = g_get_monotonic_time ();

      g_free (run_program (self->git.repository, argv));
      git = MIN (git, (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC);
      begin = g_get_monotonic_time ();
      source = vmd_source_open (self->git.repository, FALSE, NULL, NULL);
      listing = MIN (listing, (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC);
      g_assert_cmpuint (vmd_source_get_n_files (source), ==, 20000);
    }
  g_print ("# listing 20,000 files: vmd %.3f s, git ls-files %.3f s\n", listing, git);
}

static void
test_small (Benchmark *self, gconstpointer data)
{
  g_autofree char *content = g_strnfill (700, 'x');

  for (guint i = 0; i < 20000; i++)
    {
      g_autofree char *name = g_strdup_printf ("d%u/e%u/file-%u", i % 20, i % 400, i);

      git_write (&self->git, name, content);
    }
  git_run (&self->git, "add", "-A", NULL);
  compare_listing (self);
  compare (self, "20,000 files of 700 bytes");
}

static void
test_large (Benchmark *self, gconstpointer data)
{
  const gsize size = 64 * 1024 * 1024;
  g_autofree char *content = g_malloc (size);
  g_autofree char *path = git_path (&self->git, "large");

  for (gsize i = 0; i < size; i += 4)
    *(guint32 *) (content + i) = g_test_rand_int ();
  g_assert_true (g_file_set_contents (path, content, size, NULL));
  git_run (&self->git, "add", "-A", NULL);
  compare (self, "one file of 64 MiB");
}

static void
add (const char *name, void (*test) (Benchmark *, gconstpointer))
{
  g_test_add (name, Benchmark, NULL, benchmark_set_up, test, benchmark_tear_down);
}

int
main (int argc, char **argv)
{
  /* In memory where that can be: a disk would be measured instead. */
  if (access ("/dev/shm", W_OK) == 0)
    g_setenv ("TMPDIR", "/dev/shm", FALSE);
  g_test_init (&argc, &argv, NULL);
  add ("/benchmark/import-small", test_small);
  add ("/benchmark/import-large", test_large);
  return g_test_run ();
}
