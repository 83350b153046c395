/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-source.h"

#include "base/vmd-failure-private.h"
#include "base/vmd-poll-private.h"
#include "source/vmd-git-private.h"
#include "source/vmd-source-server-private.h"
#include "source/vmd-source-tree-private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/**
 * VmdSource:
 *
 * The caller's end of a workspace import: reads a git work tree with git and libarchive, in the
 * caller's process and with the caller's rights, and answers on a socket what the library (or
 * the daemon) asks. The daemon gets that socket and never a path of the host.
 *
 * What travels: the files that git tracks, with the content that the work tree has now; those
 * not tracked but not ignored only if asked for. Files that git ignores never do.
 *
 * A source does not change once it is open, so any thread may use it.
 *
 * Since: 0.1
 */
struct _VmdSource
{
  GObject parent_instance;

  VmdSourceTree *tree;
  char *head;
  char *branch; /* (nullable) */
};

G_DEFINE_FINAL_TYPE (VmdSource, vmd_source, G_TYPE_OBJECT)

static void
vmd_source_finalize (GObject *object)
{
  VmdSource *self = VMD_SOURCE (object);

  g_clear_pointer (&self->tree, vmd_source_tree_free);
  g_free (self->head);
  g_free (self->branch);
  G_OBJECT_CLASS (vmd_source_parent_class)->finalize (object);
}

static void
vmd_source_class_init (VmdSourceClass *class)
{
  G_OBJECT_CLASS (class)->finalize = vmd_source_finalize;
}

static void
vmd_source_init (VmdSource *self)
{
}

static gboolean
check_directory (const char *path, GError **error)
{
  g_autofree char *shown = vmd_source_display_name (path);
  struct stat status;

  if (path[0] == '\0')
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "the path of the git repository is empty");
  if (stat (path, &status) < 0)
    return vmd_fail_errno (error, errno, "cannot open '%s'", shown);

  return S_ISDIR (status.st_mode) ||
         vmd_fail (error, VMD_ERROR_NOT_A_REPOSITORY, "'%s' is no directory", shown);
}

/* The one answer of git's, which must exit with 0. */
static char *
ask_git (const char *directory, const char *const *arguments, GCancellable *cancellable,
         GError **error)
{
  g_auto (VmdGitExit) ended = { 0 };
  g_autofree char *answer = vmd_git_query (directory, arguments, &ended, cancellable, error);

  if (answer == NULL || (ended.exit_status != 0 && !vmd_git_fail (&ended, directory, error)))
    return NULL;

  return g_steal_pointer (&answer);
}

static gboolean
check_work_tree (const char *path, GCancellable *cancellable, GError **error)
{
  static const char *const kind[] = { "rev-parse", "--is-bare-repository", "--is-inside-work-tree",
                                      NULL };
  g_autofree char *shown = vmd_source_display_name (path);
  g_autofree char *answer = ask_git (path, kind, cancellable, error);

  if (answer == NULL)
    return FALSE;
  if (g_str_has_prefix (answer, "true\n"))
    return vmd_fail (
        error, VMD_ERROR_BARE_REPOSITORY,
        "the git repository at '%s' is bare: it has no files to import; clone it first", shown);

  return strcmp (answer, "false\ntrue") == 0 ||
         vmd_fail (error, VMD_ERROR_NOT_A_REPOSITORY,
                   "'%s' is in no git work tree, but among git's own files", shown);
}

/* A repository's own configuration may say that its work tree is elsewhere, the user's home say,
 * whose files would travel then. So what git finds from the top of the work tree has to be the
 * repository that was found from @path. */
static gboolean
check_top (const char *path, const char *top, GCancellable *cancellable, GError **error)
{
  static const char *const directory[] = { "rev-parse", "--absolute-git-dir", NULL };
  g_autoptr (GError) local_error = NULL;
  g_autofree char *shown = NULL;
  g_autofree char *shown_top = NULL;
  g_autofree char *from_path = ask_git (path, directory, cancellable, error);
  g_autofree char *from_top = NULL;

  if (from_path == NULL)
    return FALSE;
  from_top = ask_git (top, directory, cancellable, &local_error);
  if (g_error_matches (local_error, VMD_ERROR, VMD_ERROR_CANCELLED))
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  if (g_strcmp0 (from_path, from_top) == 0)
    return TRUE;

  return vmd_fail (error, VMD_ERROR_NOT_A_REPOSITORY,
                   "the git repository at '%s' has its work tree elsewhere, at '%s': its "
                   "core.worktree is not followed",
                   shown = vmd_source_display_name (from_path),
                   shown_top = vmd_source_display_name (top));
}

/* The top of the work tree that @path is in. */
static char *
find_top (const char *path, GCancellable *cancellable, GError **error)
{
  static const char *const query[] = { "rev-parse", "--show-toplevel", NULL };
  g_autofree char *top = NULL;

  if (!check_work_tree (path, cancellable, error))
    return NULL;
  top = ask_git (path, query, cancellable, error);
  if (top == NULL || !check_top (path, top, cancellable, error))
    return NULL;

  return g_steal_pointer (&top);
}

/* The commit that is checked out, "" before the first, and the branch, if any. */
static gboolean
find_head (VmdSource *self, const char *top, GCancellable *cancellable, GError **error)
{
  static const char *const head[] = { "rev-parse", "--verify", "--quiet", "HEAD", NULL };
  static const char *const branch[] = { "symbolic-ref", "--quiet", "HEAD", NULL };
  static const char prefix[] = "refs/heads/";
  g_auto (VmdGitExit) ended = { 0 };
  g_autofree char *reference = NULL;

  self->head = vmd_git_query (top, head, &ended, cancellable, error);
  if (self->head == NULL)
    return FALSE;
  if (ended.exit_status != 0)
    self->head[0] = '\0';

  reference = vmd_git_query (top, branch, &ended, cancellable, error);
  if (reference == NULL)
    return FALSE;
  if (ended.exit_status == 0)
    self->branch =
        g_strdup (g_str_has_prefix (reference, prefix) ? reference + strlen (prefix) : reference);
  return TRUE;
}

/**
 * vmd_source_open:
 * @path: (type filename): a directory, anywhere in a git work tree, whose top is taken
 * @include_untracked: whether files that git neither tracks nor ignores travel too
 * @cancellable: (nullable): ends it
 * @error: %VMD_ERROR_NOT_A_REPOSITORY, %VMD_ERROR_BARE_REPOSITORY, %VMD_ERROR_HAS_SUBMODULES
 *   (names them),
 *   %VMD_ERROR_PERMISSION_DENIED (another user's repository, or a directory that cannot be read),
 *   %VMD_ERROR_MISSING_PROGRAM (git), %VMD_ERROR_NOT_FOUND
 *
 * Looks at a git work tree. Runs git, so it blocks: not on a main loop. git runs without hooks
 * and without what the variables GIT_… in the environment say.
 *
 * Which files travel is decided here; their content is read when it is asked for. Needs memory
 * for the names: some 45 MB for 600,000 files. No lock is needed.
 *
 * Returns: (transfer full) (nullable): the source
 * Since: 0.1
 */
VmdSource *
vmd_source_open (const char *path, gboolean include_untracked, GCancellable *cancellable,
                 GError **error)
{
  g_autoptr (VmdSource) self = NULL;
  g_autofree char *top = NULL;

  g_return_val_if_fail (path != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!check_directory (path, error))
    return NULL;
  top = find_top (path, cancellable, error);
  if (top == NULL)
    return NULL;

  self = g_object_new (VMD_TYPE_SOURCE, NULL);
  self->tree = vmd_source_tree_new (top, include_untracked, cancellable, error);
  if (self->tree == NULL || !find_head (self, top, cancellable, error))
    return NULL;

  return g_steal_pointer (&self);
}

/**
 * vmd_source_get_top:
 * @self: a source
 *
 * Where the work tree is.
 *
 * Returns: (type filename) (transfer none): its top directory, absolute
 * Since: 0.1
 */
const char *
vmd_source_get_top (VmdSource *self)
{
  g_return_val_if_fail (VMD_IS_SOURCE (self), NULL);

  return self->tree->top;
}

/**
 * vmd_source_get_head:
 * @self: a source
 *
 * What was checked out when the source was opened.
 *
 * Returns: (transfer none): a commit, in hex; "" before the first commit
 * Since: 0.1
 */
const char *
vmd_source_get_head (VmdSource *self)
{
  g_return_val_if_fail (VMD_IS_SOURCE (self), NULL);

  return self->head;
}

/**
 * vmd_source_get_branch:
 * @self: a source
 *
 * The branch that was checked out when the source was opened.
 *
 * Returns: (transfer none) (nullable): its name without "refs/heads/"; %NULL if none was
 * Since: 0.1
 */
const char *
vmd_source_get_branch (VmdSource *self)
{
  g_return_val_if_fail (VMD_IS_SOURCE (self), NULL);

  return self->branch;
}

/**
 * vmd_source_get_n_files:
 * @self: a source
 *
 * How much would travel. What is deleted meanwhile does not, so that the import may count less.
 *
 * Returns: the number of files and symbolic links
 * Since: 0.1
 */
guint64
vmd_source_get_n_files (VmdSource *self)
{
  g_return_val_if_fail (VMD_IS_SOURCE (self), 0);

  return self->tree->files->len;
}

/**
 * vmd_source_get_bytes:
 * @self: a source
 *
 * How much would travel.
 *
 * Returns: the sizes of all files together, in bytes, when the source was opened
 * Since: 0.1
 */
guint64
vmd_source_get_bytes (VmdSource *self)
{
  g_return_val_if_fail (VMD_IS_SOURCE (self), 0);

  return self->tree->bytes;
}

/**
 * vmd_source_list_files:
 * @self: a source
 *
 * What would travel, for a look beforehand.
 *
 * Returns: (transfer full) (element-type GBytes): paths relative to the top, as bytes without a
 *   NUL at the end,
 *   sorted by their bytes
 * Since: 0.1
 */
GPtrArray *
vmd_source_list_files (VmdSource *self)
{
  GPtrArray *files;

  g_return_val_if_fail (VMD_IS_SOURCE (self), NULL);

  files = g_ptr_array_new_full (self->tree->files->len, (GDestroyNotify) g_bytes_unref);
  for (guint i = 0; i < self->tree->files->len; i++)
    {
      const char *name = g_ptr_array_index (self->tree->files, i);

      g_ptr_array_add (files, g_bytes_new (name, strlen (name)));
    }
  return files;
}

/**
 * vmd_source_serve:
 * @self: a source
 * @fd: a connected stream socket; taken
 * @cancellable: (nullable): ends it
 * @error: what the other side was told too: %VMD_ERROR_PERMISSION_DENIED for a file that cannot be
 *   read, %VMD_ERROR_FAILED for one that changed while it was, %VMD_ERROR_PROTOCOL,
 *   %VMD_ERROR_UNSUPPORTED; or %VMD_ERROR_CANCELLED
 *
 * Answers what comes over @fd until the other side says goodbye or hangs up. Blocks for as long
 * as that takes; the other side decides what is asked. No lock is needed.
 *
 * Returns: whether all questions were answered
 * Since: 0.1
 */
gboolean
vmd_source_serve (VmdSource *self, int fd, GCancellable *cancellable, GError **error)
{
  vmd_autofd int socket_fd = fd;
  VmdSourceIdentity identity;

  g_return_val_if_fail (VMD_IS_SOURCE (self), FALSE);
  g_return_val_if_fail (fd >= 0, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  identity = (VmdSourceIdentity){ .tree = self->tree, .head = self->head, .branch = self->branch };
  return vmd_source_answer_all (&identity, socket_fd, cancellable, error);
}

/* Of its own: GTask's pool is for work that does not wait. */
static gpointer
serve_thread (gpointer data)
{
  g_autoptr (GTask) task = data;
  int *fd = g_task_get_task_data (task);
  GError *error = NULL;

  if (vmd_source_serve (g_task_get_source_object (task), vmd_steal_fd (fd),
                        g_task_get_cancellable (task), &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
  return NULL;
}

/**
 * vmd_source_serve_async:
 * @self: a source
 * @fd: a connected stream socket; taken
 * @cancellable: (nullable): ends it
 * @callback: called when it is over
 * @user_data: for @callback
 *
 * Does vmd_source_serve() in a thread of its own.
 *
 * Since: 0.1
 */
void
vmd_source_serve_async (VmdSource *self, int fd, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = NULL;
  int *task_fd;

  g_return_if_fail (VMD_IS_SOURCE (self));
  g_return_if_fail (fd >= 0);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, vmd_source_serve_async);
  /* Being cancelled is told as a VmdError. */
  g_task_set_check_cancellable (task, FALSE);
  task_fd = g_new (int, 1);
  *task_fd = fd;
  g_task_set_task_data (task, task_fd, g_free);
  g_thread_unref (g_thread_new ("vmd-source", serve_thread, g_steal_pointer (&task)));
}

/**
 * vmd_source_serve_finish:
 * @self: a source
 * @result: what the callback got
 * @error: as for vmd_source_serve()
 *
 * Ends vmd_source_serve_async().
 *
 * Returns: whether all questions were answered
 * Since: 0.1
 */
gboolean
vmd_source_serve_finish (VmdSource *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
