/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-git-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-program-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The repository is the user's, and may come from anybody: what its configuration can make git
 * run is switched off, and nothing that the caller's environment says about another repository
 * holds. Only git's own reading commands are used, which run no filters; the user's global
 * excludes and safe.directory do count. */
static const char *const safe_options[] = {
  "--no-pager", "--no-optional-locks",      "--literal-pathspecs", "-c", "core.fsmonitor=false",
  "-c",         "core.hooksPath=/dev/null",
};

#define COMPLAINT_MAX 4096
#define ANSWER_MAX (64 * 1024)

/* One git at work. */
typedef struct
{
  GPid pid; /* 0: reaped */
  int output_fd;
  int complaint_fd;
  GString *complaint; /* the last COMPLAINT_MAX bytes of its stderr */
} VmdGitChild;

/* Ends git if it still runs; SIGKILL, since it only reads. */
static void
vmd_git_child_clear (VmdGitChild *self)
{
  if (self->pid > 0)
    {
      kill (self->pid, SIGKILL);
      while (waitpid (self->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    }
  vmd_clear_fd (&self->output_fd);
  vmd_clear_fd (&self->complaint_fd);
  g_string_free (self->complaint, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmdGitChild, vmd_git_child_clear)

void
vmd_git_exit_clear (VmdGitExit *self)
{
  g_clear_pointer (&self->complaint, g_free);
}

/* The caller's environment without GIT_*, and without what makes git trust another user's
 * repository because sudo was used.
 *
 * A repository that says it is a partial clone has git fetch an object that is missing, from where
 * and with which program the repository's configuration says: so even a reading command would run
 * what the repository likes. Fetching is off, and, for a git that does not know of that yet, so is
 * every protocol; a configuration cannot allow any of them again. */
static GStrv
make_environment (void)
{
  g_auto (GStrv) inherited = g_get_environ ();
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  GStrv environment;

  for (guint i = 0; inherited[i] != NULL; i++)
    if (!g_str_has_prefix (inherited[i], "GIT_") && !g_str_has_prefix (inherited[i], "SUDO_"))
      g_strv_builder_add (builder, inherited[i]);

  environment = g_strv_builder_end (builder);
  environment = g_environ_setenv (environment, "LC_ALL", "C", TRUE);
  environment = g_environ_setenv (environment, "GIT_OPTIONAL_LOCKS", "0", TRUE);
  environment = g_environ_setenv (environment, "GIT_TERMINAL_PROMPT", "0", TRUE);
  environment = g_environ_setenv (environment, "GIT_NO_LAZY_FETCH", "1", TRUE);
  environment = g_environ_setenv (environment, "GIT_ALLOW_PROTOCOL", "none", TRUE);
  return environment;
}

static gboolean
spawn (VmdGitChild *self, const char *directory, const char *const *arguments, GError **error)
{
  g_autofree char *program = vmd_program_find ("git", error);
  g_auto (GStrv) environment = NULL;
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  GError *foreign = NULL;

  if (program == NULL)
    return FALSE;

  environment = make_environment ();
  g_ptr_array_add (argv, program);
  for (guint i = 0; i < G_N_ELEMENTS (safe_options); i++)
    g_ptr_array_add (argv, (gpointer) safe_options[i]);
  for (guint i = 0; arguments[i] != NULL; i++)
    g_ptr_array_add (argv, (gpointer) arguments[i]);
  g_ptr_array_add (argv, NULL);

  if (g_spawn_async_with_pipes (directory, (char **) argv->pdata, environment,
                                G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES, NULL, NULL,
                                &self->pid, NULL, &self->output_fd, &self->complaint_fd, &foreign))
    return TRUE;

  vmd_propagate_foreign (error, foreign, "cannot run git");
  return FALSE;
}

static gboolean
keep_complaint (VmdGitChild *self, const char *bytes, gsize length)
{
  g_string_append_len (self->complaint, bytes, length);
  if (self->complaint->len > COMPLAINT_MAX)
    g_string_erase (self->complaint, 0, self->complaint->len - COMPLAINT_MAX);
  return TRUE;
}

/* Reads one piece of the stream that is ready; closes it at its end. */
static gboolean
take_piece (VmdGitChild *self, int *fd, VmdGitOutputFunc func, gpointer data, GError **error)
{
  char buffer[16 * 1024];
  gssize n;

  do
    n = read (*fd, buffer, sizeof buffer);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return vmd_fail_errno (error, errno, "cannot read from git");
  if (n == 0)
    {
      vmd_clear_fd (fd);
      return TRUE;
    }

  if (fd == &self->complaint_fd)
    return keep_complaint (self, buffer, n);
  return func (buffer, n, data, error);
}

static gboolean
pump (VmdGitChild *self, VmdGitOutputFunc func, gpointer data, GCancellable *cancellable,
      GError **error)
{
  while (self->output_fd >= 0 || self->complaint_fd >= 0)
    {
      struct pollfd fds[2] = {
        { .fd = self->output_fd, .events = POLLIN },
        { .fd = self->complaint_fd, .events = POLLIN },
      };

      if (!vmd_poll (fds, 2, cancellable, VMD_NO_DEADLINE, "waiting for git", error))
        return FALSE;
      if (fds[0].revents != 0 && !take_piece (self, &self->output_fd, func, data, error))
        return FALSE;
      if (fds[1].revents != 0 && !take_piece (self, &self->complaint_fd, func, data, error))
        return FALSE;
    }

  return TRUE;
}

/* Waits through a pidfd, since waitpid() knows no cancellable. */
static gboolean
reap (VmdGitChild *self, int *exit_status, GCancellable *cancellable, GError **error)
{
  vmd_autofd int pidfd = (int) syscall (SYS_pidfd_open, self->pid, 0);
  struct pollfd fds[1] = { { .fd = pidfd, .events = POLLIN } };
  int status = 0;
  pid_t reaped;

  if (pidfd < 0)
    return vmd_fail_errno (error, errno, "cannot watch git");
  if (!vmd_poll (fds, 1, cancellable, VMD_NO_DEADLINE, "waiting for git", error))
    return FALSE;

  do
    reaped = waitpid (self->pid, &status, 0);
  while (reaped < 0 && errno == EINTR);
  self->pid = 0;
  if (reaped < 0)
    return vmd_fail_errno (error, errno, "cannot learn how git ended");

  *exit_status = WIFEXITED (status) ? WEXITSTATUS (status) : -1;
  return TRUE;
}

/* The last line that has something on it, fit for a message. */
static char *
last_line (const GString *text)
{
  g_autofree char *valid = g_utf8_make_valid (text->str, text->len);
  const char *newline;

  g_strchomp (valid);
  newline = strrchr (valid, '\n');
  return g_strdup (newline != NULL ? newline + 1 : valid);
}

/**
 * vmd_git_run: (skip)
 * @directory: where to run it
 * @arguments: (array zero-terminated=1): the command and its arguments
 * @func: (scope call): gets git's output
 * @data: for @func
 * @ended: (out): how it ended; to be cleared
 * @cancellable: (nullable): ends git
 * @error: for what kept git from running to its end; an exit status is none
 *
 * Runs git without a shell, without hooks, pager, prompts and file system monitor.
 *
 * Returns: whether it ran to its end
 */
gboolean
vmd_git_run (const char *directory, const char *const *arguments, VmdGitOutputFunc func,
             gpointer data, VmdGitExit *ended, GCancellable *cancellable, GError **error)
{
  g_auto (VmdGitChild) child = {
    .output_fd = -1,
    .complaint_fd = -1,
    .complaint = g_string_new (NULL),
  };

  vmd_git_exit_clear (ended);
  if (!spawn (&child, directory, arguments, error) ||
      !pump (&child, func, data, cancellable, error) ||
      !reap (&child, &ended->exit_status, cancellable, error))
    return FALSE;

  ended->complaint = last_line (child.complaint);
  return TRUE;
}

static gboolean
append_answer_cb (const char *bytes, gsize length, gpointer data, GError **error)
{
  GString *answer = data;

  g_string_append_len (answer, bytes, length);
  return answer->len <= ANSWER_MAX ||
         vmd_fail (error, VMD_ERROR_FAILED, "git answered with more than %d bytes", ANSWER_MAX);
}

/**
 * vmd_git_query: (skip)
 * @directory: where to run it
 * @arguments: (array zero-terminated=1): the command and its arguments
 * @ended: (out): how it ended; to be cleared
 * @cancellable: (nullable): ends git
 * @error: for what kept git from running to its end; an exit status is none
 *
 * Runs git for a short answer.
 *
 * Returns: (transfer full) (nullable): its output without the newline at the end
 */
char *
vmd_git_query (const char *directory, const char *const *arguments, VmdGitExit *ended,
               GCancellable *cancellable, GError **error)
{
  g_autoptr (GString) answer = g_string_new (NULL);

  if (!vmd_git_run (directory, arguments, append_answer_cb, answer, ended, cancellable, error))
    return NULL;

  if (answer->len > 0 && answer->str[answer->len - 1] == '\n')
    g_string_truncate (answer, answer->len - 1);
  return g_string_free (g_steal_pointer (&answer), FALSE);
}

/**
 * vmd_git_fail: (skip)
 * @ended: how git ended
 * @directory: where
 * @error: (out): what its complaint means
 *
 * Makes an error of a git that did not exit with 0.
 *
 * Returns: %FALSE
 */
gboolean
vmd_git_fail (const VmdGitExit *ended, const char *directory, GError **error)
{
  g_autofree char *shown = g_filename_display_name (directory);

  if (strstr (ended->complaint, "not a git repository") != NULL)
    return vmd_fail (error, VMD_ERROR_NOT_A_REPOSITORY,
                     "'%s' is in no git repository; make one with 'git init'", shown);
  /* git prints advice after that line, hence its last line. */
  if (strstr (ended->complaint, "safe.directory") != NULL ||
      strstr (ended->complaint, "dubious ownership") != NULL)
    return vmd_fail (error, VMD_ERROR_PERMISSION_DENIED,
                     "the git repository at '%s' belongs to another user, so git does not trust "
                     "it; run this as its owner, or, if you trust it, add it with 'git config "
                     "--global --add safe.directory'",
                     shown);
  if (strstr (ended->complaint, "Permission denied") != NULL)
    return vmd_fail (error, VMD_ERROR_PERMISSION_DENIED, "git in '%s': %s", shown,
                     ended->complaint);

  return vmd_fail (error, VMD_ERROR_FAILED, "git in '%s' failed: %s", shown,
                   ended->complaint[0] != '\0' ? ended->complaint : "it was killed");
}
