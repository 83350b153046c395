/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-source-tree-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"
#include "vmd-git-private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Which files travel: what git tracks, with the content that the work tree has, and, if asked
 * for, what it does not track and does not ignore. git alone knows what is ignored, so it is
 * asked; a file that is tracked although a pattern names it is not ignored in git's sense, and
 * travels.
 *
 * What is not in the work tree (deleted, or outside of a sparse checkout) does not travel. Nor
 * does what lies below a directory that is a symbolic link now: to git such a file is deleted,
 * and reading through the link would send files from outside of the tree. Therefore no path of
 * several components is ever given to a call that follows links: a directory is opened below the
 * top with openat2 (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS), a file by its last component with
 * O_NOFOLLOW.
 *
 * Memory: the names, once, and a pointer to each; 600,000 files of 60 bytes take 42 MB. Nothing
 * else grows with the tree: git's output is split as it comes, and content never stays. */

#define NAMES_BLOCK (64 * 1024)
/* How many submodules a message names. */
#define NAMED_MAX 5

/* What collects git's answer. */
typedef struct
{
  VmdSourceTree *tree;
  gboolean tracked; /* lines have mode, object and stage before the name */
  GString *rest; /* the beginning of a record that is not whole yet */
  GPtrArray *submodules; /* (element-type utf8): for the message, NAMED_MAX at most */
  guint n_submodules;
} VmdSourceListing;

static void
vmd_source_listing_clear (VmdSourceListing *self)
{
  g_string_free (self->rest, TRUE);
  g_ptr_array_unref (self->submodules);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmdSourceListing, vmd_source_listing_clear)

void
vmd_source_tree_free (VmdSourceTree *self)
{
  vmd_clear_fd (&self->top_fd);
  g_free (self->top);
  g_string_chunk_free (self->names);
  g_ptr_array_unref (self->files);
  g_free (self);
}

/* File names are bytes; messages are UTF-8 of one line. */
char *
vmd_source_display_name (const char *name)
{
  char *shown = g_utf8_make_valid (name, -1);

  for (char *byte = shown; *byte != '\0'; byte++)
    if (g_ascii_iscntrl (*byte))
      *byte = '?';

  return shown;
}

gboolean
vmd_source_is_gone (int error_number)
{
  return error_number == ENOENT || error_number == ENOTDIR || error_number == ELOOP;
}

void
vmd_source_walk_init (VmdSourceWalk *self, const VmdSourceTree *tree)
{
  self->top_fd = tree->top_fd;
  self->directory_fd = -1;
  self->directory = g_string_new (NULL);
}

void
vmd_source_walk_clear (VmdSourceWalk *self)
{
  vmd_clear_fd (&self->directory_fd);
  if (self->directory != NULL)
    g_string_free (g_steal_pointer (&self->directory), TRUE);
}

int
vmd_source_walk_enter (VmdSourceWalk *self, const char *name, const char **base)
{
  const struct open_how how = {
    .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
  };
  const char *slash = strrchr (name, '/');
  gsize length = slash != NULL ? (gsize) (slash - name) : 0;

  *base = slash != NULL ? slash + 1 : name;
  if (length == 0)
    return self->top_fd;
  if (self->directory_fd >= 0 && self->directory->len == length &&
      memcmp (self->directory->str, name, length) == 0)
    return self->directory_fd;

  vmd_clear_fd (&self->directory_fd);
  g_string_truncate (self->directory, 0);
  g_string_append_len (self->directory, name, length);
  self->directory_fd =
      (int) syscall (SYS_openat2, self->top_fd, self->directory->str, &how, sizeof how);
  return self->directory_fd;
}

/* The index is a file like any other: a name in it need not be one that git would have let in. */
static gboolean
check_name (const char *name, GError **error)
{
  g_autofree char *shown = NULL;
  const char *part = name;
  gboolean good = strlen (name) < PATH_MAX;

  while (good && part != NULL)
    {
      gsize length = strcspn (part, "/");

      good = length > 0 && length <= NAME_MAX && !(length == 1 && part[0] == '.') &&
             !(length == 2 && part[0] == '.' && part[1] == '.') &&
             !(length == 4 && g_ascii_strncasecmp (part, ".git", 4) == 0);
      part = part[length] == '/' ? part + length + 1 : NULL;
    }
  if (good)
    return TRUE;

  shown = vmd_source_display_name (name);
  return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                   "the index of the git repository has '%s', which cannot be a file's name",
                   shown);
}

static void
add_submodule (VmdSourceListing *self, const char *name)
{
  if (self->n_submodules++ < NAMED_MAX)
    g_ptr_array_add (self->submodules, vmd_source_display_name (name));
}

/* A tracked file: "<mode> <object> <stage>\t<name>". An untracked one: the name, ending in a
 * slash if it is another repository. */
static gboolean
take_record (VmdSourceListing *self, const char *record, gsize length, GError **error)
{
  const char *name = self->tracked ? memchr (record, '\t', length) : record;

  if (length == 0 || name == NULL)
    return vmd_fail (error, VMD_ERROR_FAILED, "git listed a file in an unknown form");
  name += self->tracked;
  if ((self->tracked && g_str_has_prefix (record, "160000 ")) ||
      (!self->tracked && record[length - 1] == '/'))
    {
      add_submodule (self, name);
      return TRUE;
    }
  if (!check_name (name, error))
    return FALSE;

  g_ptr_array_add (self->tree->files,
                   g_string_chunk_insert_len (self->tree->names, name, record + length - name));
  return TRUE;
}

static gboolean
take_output_cb (const char *bytes, gsize length, gpointer data, GError **error)
{
  VmdSourceListing *self = data;
  const char *end = bytes + length;

  while (bytes < end)
    {
      const char *zero = memchr (bytes, '\0', end - bytes);

      g_string_append_len (self->rest, bytes, (zero != NULL ? zero : end) - bytes);
      if (self->rest->len > 2 * PATH_MAX)
        return vmd_fail (error, VMD_ERROR_FAILED, "git listed a name that is too long");
      if (zero == NULL)
        return TRUE;
      if (!take_record (self, self->rest->str, self->rest->len, error))
        return FALSE;
      g_string_truncate (self->rest, 0);
      bytes = zero + 1;
    }

  return TRUE;
}

static gboolean
list (VmdSourceListing *self, const char *const *arguments, gboolean tracked,
      GCancellable *cancellable, GError **error)
{
  g_auto (VmdGitExit) ended = { 0 };

  self->tracked = tracked;
  g_string_truncate (self->rest, 0);
  if (!vmd_git_run (self->tree->top, arguments, take_output_cb, self, &ended, cancellable, error))
    return FALSE;

  return ended.exit_status == 0 || vmd_git_fail (&ended, self->tree->top, error);
}

static gboolean
refuse_submodules (const VmdSourceListing *self, GError **error)
{
  g_autofree char *names = NULL;
  g_autofree char *more = NULL;

  g_ptr_array_add (self->submodules, NULL);
  names = g_strjoinv ("', '", (char **) self->submodules->pdata);
  if (self->n_submodules > NAMED_MAX)
    more = g_strdup_printf (" and %u more", self->n_submodules - NAMED_MAX);
  return vmd_fail (error, VMD_ERROR_HAS_SUBMODULES,
                   "the git repository has others in it, which cannot be imported: '%s'%s; remove "
                   "them or, if they are not tracked, have git ignore them",
                   names, more != NULL ? more : "");
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static gboolean
list_all (VmdSourceTree *self, gboolean include_untracked, GCancellable *cancellable,
          GError **error)
{
  static const char *const tracked[] = { "ls-files", "-z", "--cached", "--stage", NULL };
  static const char *const untracked[] = { "ls-files", "-z", "--others", "--exclude-standard",
                                           NULL };
  g_auto (VmdSourceListing) listing = {
    .tree = self,
    .rest = g_string_new (NULL),
    .submodules = g_ptr_array_new_with_free_func (g_free),
  };

  if (!list (&listing, tracked, TRUE, cancellable, error))
    return FALSE;
  if (include_untracked && !list (&listing, untracked, FALSE, cancellable, error))
    return FALSE;
  if (listing.n_submodules > 0)
    return refuse_submodules (&listing, error);

  g_ptr_array_sort (self->files, compare_names);
  return TRUE;
}

/* Whether @name is in the work tree as something that git tracks: a file or a symbolic link. */
static gboolean
is_present (VmdSourceWalk *walk, const char *name, guint64 *bytes, gboolean *present,
            GError **error)
{
  const char *base;
  int directory_fd = vmd_source_walk_enter (walk, name, &base);
  g_autofree char *shown = NULL;
  struct stat status;

  *present = FALSE;
  if (directory_fd >= 0 && fstatat (directory_fd, base, &status, AT_SYMLINK_NOFOLLOW) == 0)
    {
      *present = S_ISREG (status.st_mode) || S_ISLNK (status.st_mode);
      if (S_ISREG (status.st_mode))
        *bytes += status.st_size;
      return TRUE;
    }
  if (vmd_source_is_gone (errno))
    return TRUE;

  vmd_fail_errno (error, errno, "cannot look at '%s'", shown = vmd_source_display_name (name));
  return FALSE;
}

/* Drops what is not in the work tree and what was listed twice (an unmerged file has up to three
 * entries), and counts the rest. */
static gboolean
keep_present (VmdSourceTree *self, GCancellable *cancellable, GError **error)
{
  g_auto (VmdSourceWalk) walk = { 0 };
  guint kept = 0;

  vmd_source_walk_init (&walk, self);
  for (guint i = 0; i < self->files->len; i++)
    {
      char *name = g_ptr_array_index (self->files, i);
      gboolean present;

      if (vmd_is_cancelled (cancellable, error))
        return FALSE;
      if (kept > 0 && strcmp (name, g_ptr_array_index (self->files, kept - 1)) == 0)
        continue;
      if (!is_present (&walk, name, &self->bytes, &present, error))
        return FALSE;
      if (present)
        g_ptr_array_index (self->files, kept++) = name;
    }

  g_ptr_array_set_size (self->files, kept);
  return TRUE;
}

/**
 * vmd_source_tree_new: (skip)
 * @top: (type filename): the top directory of a git work tree
 * @include_untracked: whether files that are neither tracked nor ignored travel too
 * @cancellable: (nullable): ends it
 * @error: HAS_SUBMODULES names them; INVALID_ARGUMENT: a name in the index that cannot be;
 *   PERMISSION_DENIED
 *
 * Lists what travels, in the state of now.
 *
 * Returns: (transfer full) (nullable): the tree
 */
VmdSourceTree *
vmd_source_tree_new (const char *top, gboolean include_untracked, GCancellable *cancellable,
                     GError **error)
{
  g_autoptr (VmdSourceTree) self = g_new0 (VmdSourceTree, 1);
  g_autofree char *shown = NULL;

  self->top = g_strdup (top);
  self->names = g_string_chunk_new (NAMES_BLOCK);
  self->files = g_ptr_array_new ();
  self->top_fd = open (top, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (self->top_fd < 0)
    {
      vmd_fail_errno (error, errno, "cannot open '%s'", shown = vmd_source_display_name (top));
      return NULL;
    }
  if (!list_all (self, include_untracked, cancellable, error) ||
      !keep_present (self, cancellable, error))
    return NULL;

  return g_steal_pointer (&self);
}
