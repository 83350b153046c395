/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unpack-fixture.h"

#include "git-fixture.h"
#include "tar-builder.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

void
guest_set_up (Guest *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  self->root = g_dir_make_tmp ("vmd-unpack-XXXXXX", &error);
  g_assert_no_error (error);
  self->target = g_build_filename (self->root, "work", "tree", NULL);
}

void
guest_tear_down (Guest *self, gconstpointer data)
{
  remove_tree (self->root);
  g_free (self->root);
  g_free (self->target);
}

pid_t
unpack_start (Guest *self, int input, const char *const *options, int *output)
{
  g_autofree char *root = g_strconcat ("VMD_GUEST_ROOT=", self->root, NULL);
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  char *environment[] = { root, NULL };
  GPid pid;
  int fds[2];

  g_ptr_array_add (argv, (gpointer) g_getenv ("VMD_UNPACK_PROGRAM"));
  for (guint i = 0; options[i] != NULL; i++)
    g_ptr_array_add (argv, (gpointer) options[i]);
  g_ptr_array_add (argv, NULL);
  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  g_spawn_async_with_fds (NULL, (char **) argv->pdata, environment, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                          NULL, &pid, input, fds[1], fds[1], &error);
  g_assert_no_error (error);
  close (input);
  close (fds[1]);
  *output = fds[0];
  return pid;
}

int
unpack_finish (pid_t pid, int output, char **said)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char buffer[1024];
  gssize n;
  int status;

  while ((n = read (output, buffer, sizeof buffer)) > 0)
    g_string_append_len (text, buffer, n);
  close (output);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  if (said != NULL)
    *said = g_string_free (g_steal_pointer (&text), FALSE);
  return status;
}

int
memory_file (const void *bytes, gsize length)
{
  int fd = memfd_create ("tar", MFD_CLOEXEC);

  g_assert_cmpint (write (fd, bytes, length), ==, (gssize) length);
  g_assert_cmpint (lseek (fd, 0, SEEK_SET), ==, 0);
  return fd;
}

int
unpack_bytes (Guest *self, const void *bytes, gsize length, gboolean replace, char **said)
{
  const char *const options[] = { "--target", "/work/tree", replace ? "--replace" : NULL, NULL };
  int output;
  pid_t pid = unpack_start (self, memory_file (bytes, length), options, &output);
  int status = unpack_finish (pid, output, said);

  g_assert_true (WIFEXITED (status));
  return WEXITSTATUS (status);
}

int
unpack (Guest *self, const GByteArray *tar, gboolean replace, char **said)
{
  return unpack_bytes (self, tar->data, tar->len, replace, said);
}

guint
count_entries (Guest *self, const char *name)
{
  g_autofree char *path = g_build_filename (self->root, name, NULL);
  g_autoptr (GDir) directory = g_dir_open (path, 0, NULL);
  guint n = 0;

  while (directory != NULL && g_dir_read_name (directory) != NULL)
    n++;
  return n;
}

void
assert_nothing (Guest *self)
{
  g_assert_cmpuint (count_entries (self, "work"), ==, 0);
  g_assert_cmpuint (count_entries (self, "var/lib/vmd/staging"), ==, 0);
}

void
assert_content (Guest *self, const char *name, const char *expected)
{
  g_autofree char *path = g_build_filename (self->target, name, NULL);
  g_autofree char *content = NULL;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (path, &content, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (content, ==, expected);
}

GByteArray *
make_small_tar (const char *content)
{
  GByteArray *tar = g_byte_array_new ();

  tar_add (tar, '0', "directory/file", NULL, 0644, content, strlen (content));
  tar_add (tar, '0', "script", NULL, 0755, "#!", 2);
  tar_add (tar, '2', "link", "/etc/passwd", 0777, NULL, 0);
  tar_end (tar);
  return tar;
}
