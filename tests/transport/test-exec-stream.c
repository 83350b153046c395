/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "transport/vmd-exec-private.h"

#include "base/vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* What becomes of a descriptor that a caller hands over. */

typedef struct
{
  char *directory;
  char *pipe; /* a named one */
} Fixture;

static void
set_up (Fixture *self, gconstpointer data)
{
  self->directory = g_dir_make_tmp ("vmd-stream-XXXXXX", NULL);
  g_assert_nonnull (self->directory);
  self->pipe = g_build_filename (self->directory, "pipe", NULL);
  g_assert_cmpint (mkfifo (self->pipe, 0600), ==, 0);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  g_unlink (self->pipe);
  g_rmdir (self->directory);
  g_free (self->pipe);
  g_free (self->directory);
}

/* The file is opened anew, and the caller's flags are as they were. */
static void
test_own (Fixture *self, gconstpointer data)
{
  vmd_autofd int caller = open (self->pipe, O_RDWR | O_CLOEXEC);
  vmd_autofd int reader = vmd_exec_stream_open (fcntl (caller, F_DUPFD_CLOEXEC, 0), FALSE);
  vmd_autofd int writer = vmd_exec_stream_open (fcntl (caller, F_DUPFD_CLOEXEC, 0), TRUE);
  char byte = '\0';

  g_assert_cmpint (fcntl (reader, F_GETFL) & (O_ACCMODE | O_NONBLOCK), ==, O_RDONLY | O_NONBLOCK);
  g_assert_cmpint (fcntl (writer, F_GETFL) & (O_ACCMODE | O_NONBLOCK), ==, O_WRONLY | O_NONBLOCK);
  g_assert_cmpint (fcntl (caller, F_GETFL) & O_NONBLOCK, ==, 0);
  g_assert_cmpint (vmd_exec_stream_write (writer, "x", 1), ==, 1);
  g_assert_cmpint (vmd_exec_stream_read (reader, &byte, 1), ==, 1);
  g_assert_cmpint (byte, ==, 'x');
}

/* A pipe that the caller may not write, or may only see: this process could open it, and must
 * not. */
static void
test_no_more_rights (Fixture *self, gconstpointer data)
{
  static const struct
  {
    int flags;
    gboolean for_writing;
  } cases[] = {
    { O_RDONLY | O_NONBLOCK, TRUE }, { O_PATH, TRUE }, { O_WRONLY, FALSE }, { O_PATH, FALSE }
  };
  /* So that each of them can be opened. */
  vmd_autofd int both = open (self->pipe, O_RDWR | O_CLOEXEC);
  char byte = 'x';

  g_assert_cmpint (vmd_write_quietly (both, &byte, 1), ==, 1);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      int fd = open (self->pipe, cases[i].flags | O_CLOEXEC);
      vmd_autofd int own = vmd_exec_stream_open (fd, cases[i].for_writing);
      gssize n = cases[i].for_writing ? vmd_exec_stream_write (own, &byte, 1)
                                      : vmd_exec_stream_read (own, &byte, 1);

      g_assert_cmpint (n, ==, -1);
      g_assert_cmpint (errno, ==, EBADF);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/exec-stream/own", Fixture, NULL, set_up, test_own, tear_down);
  g_test_add ("/exec-stream/no-more-rights", Fixture, NULL, set_up, test_no_more_rights, tear_down);
  return g_test_run ();
}
