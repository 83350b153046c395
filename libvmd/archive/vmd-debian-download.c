/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-archive-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-fault-private.h"
#include "../base/vmd-program-private.h"
#include "../base/vmd-poll-private.h"
#include "../base/vmd-state-dir-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

/* Debian's packages by apt, which checks their signatures, without root and without a trace on the
 * host.
 *
 * apt is asked first what it would fetch: where the directory has that file already, nothing is
 * downloaded. It knows that from the host's package lists; where the host has none, or they are so
 * old that the server no longer has what they name, lists of our own are fetched into the
 * directory. Without a network, what was downloaded before is good enough.
 *
 * A file is downloaded in a directory of its own and renamed, so that what has a package's name is
 * the whole of it, though two processes fetch the same one. */

/* Lists are some 10 MB, the largest package 30 MB. */
#define APT_MILLISECONDS (15 * 60 * 1000)

typedef struct
{
  const char *directory;
  char *apt_get;
  char *apt_cache;
  char *state; /* where our own lists are */
  gboolean own_lists; /* use them, not the host's */
  GCancellable *cancellable;
} Apt;

static void
apt_clear (Apt *apt)
{
  g_free (apt->apt_get);
  g_free (apt->apt_cache);
  g_free (apt->state);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Apt, apt_clear)

/* The program and the options that every call has. As root, apt would change to a user who may not
 * write where we want it. */
static GPtrArray *
begin_command (const Apt *apt, const char *program)
{
  GPtrArray *argv = g_ptr_array_new_with_free_func (g_free);

  g_ptr_array_add (argv, g_strdup (program));
  g_ptr_array_add (argv, g_strdup ("-q"));
  g_ptr_array_add (argv, g_strdup ("-oAPT::Sandbox::User=root"));
  g_ptr_array_add (argv, g_strdup ("-oAcquire::Retries=3"));
  g_ptr_array_add (argv, g_strdup ("-oAcquire::http::Timeout=30"));
  g_ptr_array_add (argv, g_strdup ("-oDebug::NoLocking=1"));
  /* The host's own cache, where it has one, saves reading all lists for each call. */
  if (apt->own_lists)
    {
      g_ptr_array_add (argv, g_strdup_printf ("-oDir::State::Lists=%s/lists", apt->state));
      g_ptr_array_add (argv, g_strdup_printf ("-oDir::Cache=%s", apt->state));
    }
  return argv;
}

/* Ends the command with @verb and its arguments, and runs it. */
static gboolean
run (const Apt *apt, GPtrArray *argv, const char *working_directory, char **output, GError **error,
     const char *verb, ...)
{
  va_list arguments;

  va_start (arguments, verb);
  for (const char *word = verb; word != NULL; word = va_arg (arguments, const char *))
    g_ptr_array_add (argv, g_strdup (word));
  va_end (arguments);
  g_ptr_array_add (argv, NULL);

  return vmd_program_run ((const char *const *) argv->pdata, working_directory, output,
                          apt->cancellable, vmd_deadline_in (APT_MILLISECONDS), error);
}

static gboolean
prepare (Apt *apt, GError **error)
{
  g_autofree char *partial_lists = NULL;
  g_autofree char *partial_archives = NULL;

  apt->apt_get = vmd_program_find ("apt-get", error);
  if (apt->apt_get == NULL)
    return FALSE;
  apt->apt_cache = vmd_program_find ("apt-cache", error);
  if (apt->apt_cache == NULL)
    return FALSE;
  apt->state = g_build_filename (apt->directory, "apt", NULL);
  partial_lists = g_build_filename (apt->state, "lists", "partial", NULL);
  partial_archives = g_build_filename (apt->state, "archives", "partial", NULL);
  if (g_mkdir_with_parents (partial_lists, 0700) < 0 ||
      g_mkdir_with_parents (partial_archives, 0700) < 0)
    return vmd_fail_errno (error, errno, "cannot make %s", apt->state);

  return TRUE;
}

static gboolean
fetch_own_lists (Apt *apt, GError **error)
{
  g_autoptr (GPtrArray) argv = NULL;

  apt->own_lists = TRUE;
  argv = begin_command (apt, apt->apt_get);
  return run (apt, argv, NULL, NULL, error, "update", NULL);
}

/* The first dependency of @package that begins with @prefix. */
static char *
follow_dependency (const Apt *apt, const char *package, const char *prefix, GError **error)
{
  g_autoptr (GPtrArray) argv = begin_command (apt, apt->apt_cache);
  g_autofree char *output = NULL;
  g_auto (GStrv) lines = NULL;

  if (!run (apt, argv, NULL, &output, error, "--no-all-versions", "show", package, NULL))
    return NULL;
  lines = g_strsplit (output, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) names = NULL;

      if (!g_str_has_prefix (lines[i], "Depends:"))
        continue;
      names = g_strsplit_set (lines[i] + strlen ("Depends:"), ",| ", -1);
      for (guint j = 0; names[j] != NULL; j++)
        if (g_str_has_prefix (names[j], prefix))
          return g_strdup (names[j]);
    }
  vmd_fail (error, VMD_ERROR_NOT_FOUND, "the package %s depends on none that begins with %s",
            package, prefix);

  return NULL;
}

/* One file that apt would download. */
typedef struct
{
  char *name; /* apt has written ":" as "%3a" */
  guint64 size;
} File;

static void
file_clear (gpointer data)
{
  g_free (((File *) data)->name);
}

/* Reads apt's "'URI' FILE SIZE HASH". */
static gboolean
parse_file (const char *line, File *file)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);

  if (g_strv_length (words) < 3 || !g_str_has_suffix (words[1], ".deb") ||
      strchr (words[1], '/') != NULL ||
      !g_ascii_string_to_unsigned (words[2], 10, 1, G_MAXINT64, &file->size, NULL))
    return FALSE;

  file->name = g_strdup (words[1]);
  return TRUE;
}

static gboolean
find_file (GStrv lines, const char *package, File *file)
{
  g_autofree char *prefix = g_strconcat (package, "_", NULL);

  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) words = g_strsplit (lines[i], " ", -1);

      if (g_strv_length (words) > 1 && g_str_has_prefix (words[1], prefix))
        return parse_file (lines[i], file);
    }

  return FALSE;
}

/* Runs a command on @packages. */
static gboolean
run_download (const Apt *apt, const char *option, const char *const *packages,
              const char *working_directory, char **output, GError **error)
{
  g_autoptr (GPtrArray) argv = begin_command (apt, apt->apt_get);

  if (option != NULL)
    g_ptr_array_add (argv, g_strdup (option));
  g_ptr_array_add (argv, g_strdup ("download"));
  for (guint i = 0; packages[i] != NULL; i++)
    g_ptr_array_add (argv, g_strdup (packages[i]));
  return run (apt, argv, working_directory, output, error, NULL);
}

/* What apt would download for each of @packages. Asked in a directory that has no packages, since
 * apt leaves out those that it has. */
static GArray *
ask_what (const Apt *apt, const char *const *packages, GError **error)
{
  g_autoptr (GArray) files = g_array_new (FALSE, TRUE, sizeof (File));
  g_autofree char *output = NULL;
  g_auto (GStrv) lines = NULL;

  g_array_set_clear_func (files, file_clear);
  if (!run_download (apt, "--print-uris", packages, apt->state, &output, error))
    return NULL;
  lines = g_strsplit (output, "\n", -1);
  for (guint i = 0; packages[i] != NULL; i++)
    {
      File file = { 0 };

      if (!find_file (lines, packages[i], &file))
        {
          vmd_fail (error, VMD_ERROR_NOT_FOUND, "apt knows no package %s", packages[i]);
          return NULL;
        }
      g_array_append_val (files, file);
    }

  return g_steal_pointer (&files);
}

static gboolean
has_file (const Apt *apt, const File *file)
{
  g_autofree char *path = g_build_filename (apt->directory, file->name, NULL);
  struct stat status;

  return g_stat (path, &status) == 0 && S_ISREG (status.st_mode) &&
         (guint64) status.st_size == file->size;
}

static gboolean
move_files (const Apt *apt, const char *from, GArray *files, GError **error)
{
  for (guint i = 0; i < files->len; i++)
    {
      const File *file = &g_array_index (files, File, i);
      g_autofree char *source = g_build_filename (from, file->name, NULL);
      g_autofree char *target = g_build_filename (apt->directory, file->name, NULL);

      /* What was not missing was not fetched. */
      if (g_rename (source, target) < 0 && !has_file (apt, file))
        return vmd_fail_errno (error, errno, "cannot rename %s", source);
    }

  return TRUE;
}

static gboolean
download_missing (const Apt *apt, const char *const *packages, GArray *files, GError **error)
{
  g_autoptr (GPtrArray) missing = g_ptr_array_new ();
  g_autofree char *work = g_build_filename (apt->directory, "download-XXXXXX", NULL);
  gboolean good;

  for (guint i = 0; i < files->len; i++)
    if (!has_file (apt, &g_array_index (files, File, i)))
      g_ptr_array_add (missing, (gpointer) packages[i]);
  if (missing->len == 0)
    return TRUE;
  g_ptr_array_add (missing, NULL);
  if (g_mkdtemp (work) == NULL)
    return vmd_fail_errno (error, errno, "cannot make a directory in %s", apt->directory);
  good = vmd_fault_point ("download", error) &&
         run_download (apt, NULL, (const char *const *) missing->pdata, work, NULL, error) &&
         move_files (apt, work, files, error);
  vmd_remove_tree (work, NULL);

  return good;
}

/* With the lists that are chosen now. */
static GStrv
fetch (const Apt *apt, const char *const *packages, GError **error)
{
  g_autoptr (GArray) files = ask_what (apt, packages, error);
  g_autoptr (GStrvBuilder) paths = g_strv_builder_new ();

  if (files == NULL || !download_missing (apt, packages, files, error))
    return NULL;
  for (guint i = 0; i < files->len; i++)
    {
      g_autofree char *path =
          g_build_filename (apt->directory, g_array_index (files, File, i).name, NULL);

      g_strv_builder_add (paths, path);
    }

  return g_strv_builder_end (paths);
}

/* The newest of what was downloaded before whose name begins with @prefix; NULL: nothing was. */
static char *
find_cached (const char *directory, const char *prefix)
{
  g_autoptr (GDir) entries = g_dir_open (directory, 0, NULL);
  g_autofree char *newest = NULL;
  gint64 newest_time = G_MININT64;
  const char *name;

  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
    {
      g_autofree char *path = g_build_filename (directory, name, NULL);
      struct stat status;

      if (!g_str_has_prefix (name, prefix) || !g_str_has_suffix (name, ".deb") ||
          g_stat (path, &status) < 0 || status.st_mtime < newest_time)
        continue;
      newest_time = status.st_mtime;
      g_free (newest);
      newest = g_steal_pointer (&path);
    }

  return g_steal_pointer (&newest);
}

/* All of them, or NULL. */
static GStrv
find_all_cached (const char *directory, const char *const *packages)
{
  g_autoptr (GStrvBuilder) paths = g_strv_builder_new ();

  for (guint i = 0; packages[i] != NULL; i++)
    {
      g_autofree char *prefix = g_strconcat (packages[i], "_", NULL);
      g_autofree char *path = find_cached (directory, prefix);

      if (path == NULL)
        return NULL;
      g_strv_builder_add (paths, path);
    }

  return g_strv_builder_end (paths);
}

/* May another attempt, with other lists, end better? */
static gboolean
is_curable (const Apt *apt, const GError *error)
{
  return apt->state != NULL &&
         (error->code == VMD_ERROR_FAILED || error->code == VMD_ERROR_NOT_FOUND ||
          error->code == VMD_ERROR_TIMED_OUT);
}

static void
fail_download (GError **error, GError *local, const char *package)
{
  vmd_propagate_foreign (error, local, "cannot download Debian's package %s (is there a network?)",
                         package);
}

/**
 * vmd_debian_download: (skip)
 * @packages: their names
 * @directory: where they are put, and kept for the next time; must be there
 * @cancellable: (nullable): ends it
 *
 * Returns: (transfer full) (nullable): the path of each package's .deb in @directory, in the same
 *   order; %VMD_ERROR_NOT_FOUND, %VMD_ERROR_NO_SPACE, %VMD_ERROR_MISSING_PROGRAM,
 *   %VMD_ERROR_CANCELLED, %VMD_ERROR_FAILED when the network has it not
 */
GStrv
vmd_debian_download (const char *const *packages, const char *directory, GCancellable *cancellable,
                     GError **error)
{
  g_auto (Apt) apt = { .directory = directory, .cancellable = cancellable };
  g_autoptr (GError) local = NULL;
  GStrv paths = NULL;

  if (prepare (&apt, &local))
    paths = fetch (&apt, packages, &local);
  if (paths == NULL && is_curable (&apt, local))
    {
      g_clear_error (&local);
      if (fetch_own_lists (&apt, &local))
        paths = fetch (&apt, packages, &local);
    }
  if (paths == NULL && local->code != VMD_ERROR_CANCELLED)
    paths = find_all_cached (directory, packages);
  if (paths == NULL)
    fail_download (error, g_steal_pointer (&local), packages[0]);

  return paths;
}

/* The name of the dependency that is meant now. */
static char *
resolve (Apt *apt, const char *package, const char *prefix, GError **error)
{
  g_autoptr (GError) local = NULL;
  char *name = NULL;

  if (!prepare (apt, error))
    return NULL;
  name = follow_dependency (apt, package, prefix, &local);
  if (name == NULL && is_curable (apt, local))
    {
      g_clear_error (&local);
      if (fetch_own_lists (apt, &local))
        name = follow_dependency (apt, package, prefix, &local);
    }
  if (name == NULL)
    g_propagate_error (error, g_steal_pointer (&local));

  return name;
}

/**
 * vmd_debian_download_dependency: (skip)
 * @package: a package that has nothing in it, but depends on the one that is meant
 * @prefix: what that one's name begins with
 *
 * Returns: (transfer full) (nullable): the path of that one's .deb; as vmd_debian_download()
 */
char *
vmd_debian_download_dependency (const char *package, const char *prefix, const char *directory,
                                GCancellable *cancellable, GError **error)
{
  g_auto (Apt) apt = { .directory = directory, .cancellable = cancellable };
  g_autoptr (GError) local = NULL;
  g_autofree char *name = resolve (&apt, package, prefix, &local);
  g_auto (GStrv) paths = NULL;
  char *cached = NULL;

  if (name != NULL)
    {
      const char *const names[] = { name, NULL };

      paths = vmd_debian_download (names, directory, cancellable, error);
      return paths != NULL ? g_strdup (paths[0]) : NULL;
    }
  if (local->code != VMD_ERROR_CANCELLED)
    cached = find_cached (directory, prefix);
  if (cached == NULL)
    fail_download (error, g_steal_pointer (&local), package);

  return cached;
}
