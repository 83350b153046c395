/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-daemon.h"

#include "vmctl-await.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vmd-error.h>

#define IDLE_EXIT_SECONDS "60"
#define READY_FD 3
#define LOG_MAX (1024 * 1024)
#define MESSAGE_MAX 4096

/* As libvmd finds it: $VMD_STATE_DIR, $XDG_STATE_HOME/vmd, ~/.local/state/vmd. */
char *
vmctl_daemon_dup_state_dir (void)
{
  const char *environment = g_getenv ("VMD_STATE_DIR");
  const char *state_home = g_getenv ("XDG_STATE_HOME");
  g_autofree char *path = NULL;

  if (environment != NULL && *environment != '\0')
    path = g_strdup (environment);
  else if (state_home != NULL && g_path_is_absolute (state_home))
    path = g_build_filename (state_home, "vmd", NULL);
  else
    path = g_build_filename (g_get_home_dir (), ".local/state/vmd", NULL);
  return g_canonicalize_filename (path, NULL);
}

/* What the daemon that holds @state_dir wrote there: the address of its socket. It stays when the
 * daemon dies. (nullable) */
char *
vmctl_daemon_dup_address (const char *state_dir)
{
  g_autofree char *path = g_build_filename (state_dir, "daemon", NULL);
  char address[1024];
  struct stat status;
  gssize length;
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

  if (fd < 0)
    return NULL;
  length = fstat (fd, &status) == 0 && S_ISREG (status.st_mode) && status.st_uid == geteuid ()
               ? read (fd, address, sizeof address - 1)
               : -1;
  close (fd);
  if (length <= 0)
    return NULL;
  address[length] = '\0';
  g_strchomp (address);
  return g_dbus_is_supported_address (address, NULL) ? g_strdup (address) : NULL;
}

/* Beside us when installed; in the build tree in its own directory. */
static char *
find_program (GError **error)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *directory = g_path_get_dirname (self != NULL ? self : "/");
  g_autofree char *beside = g_build_filename (directory, "vmd", NULL);
  g_autofree char *built = g_build_filename (VMD_BUILD_ROOT, "vmd", "vmd", NULL);

  if (self != NULL && g_str_has_prefix (self, VMD_BUILD_ROOT "/") &&
      g_file_test (built, G_FILE_TEST_IS_EXECUTABLE))
    return g_steal_pointer (&built);
  if (g_file_test (beside, G_FILE_TEST_IS_REGULAR) &&
      g_file_test (beside, G_FILE_TEST_IS_EXECUTABLE))
    return g_steal_pointer (&beside);
  g_set_error (error, VMD_ERROR, VMD_ERROR_MISSING_PROGRAM,
               "There is no %s to start: install vmd, or set VMD_ADDRESS to where one serves",
               beside);
  return NULL;
}

/* Where the daemon's complaints go once nobody waits for it any more. /dev/null, if need be: that
 * the state directory cannot be used is the daemon's to say. */
static int
open_log (const char *state_dir)
{
  g_autofree char *path = g_build_filename (state_dir, "daemon.log", NULL);
  struct stat status;
  int fd = -1;

  if (g_mkdir_with_parents (state_dir, 0700) == 0)
    fd = open (path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return open ("/dev/null", O_WRONLY | O_CLOEXEC);
  if (fstat (fd, &status) == 0 && status.st_size > LOG_MAX && ftruncate (fd, 0) < 0)
    g_debug ("%s: %s", path, g_strerror (errno));
  return fd;
}

/* A session of its own: neither our Ctrl-C nor the end of our terminal concerns it. */
static void
child_setup (gpointer data)
{
  setsid ();
}

static GSubprocess *
spawn (const char *program, const char *state_dir, int *ready_fd, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  const char *const argv[] = {
    program,           "--no-bus",   "--state-dir",          state_dir, "--idle-exit",
    IDLE_EXIT_SECONDS, "--ready-fd", G_STRINGIFY (READY_FD), NULL
  };
  int fds[2];

  if (!g_unix_open_pipe (fds, FD_CLOEXEC, error))
    return NULL;
  g_subprocess_launcher_take_fd (launcher, fds[1], READY_FD);
  g_subprocess_launcher_take_stderr_fd (launcher, open_log (state_dir));
  g_subprocess_launcher_set_stdin_file_path (launcher, "/dev/null");
  g_subprocess_launcher_set_stdout_file_path (launcher, "/dev/null");
  g_subprocess_launcher_set_child_setup (launcher, child_setup, NULL, NULL);
  g_subprocess_launcher_set_cwd (launcher, "/");
  g_subprocess_launcher_unsetenv (launcher, "VMD_LOCK");
  g_subprocess_launcher_unsetenv (launcher, "VMD_LOCK_VMS");
  *ready_fd = fds[0];
  return g_subprocess_launcher_spawnv (launcher, argv, error);
}

static gboolean
limit_cb (gpointer data)
{
  g_cancellable_cancel (data);
  return G_SOURCE_REMOVE;
}

static void
cancelled_cb (GCancellable *cancellable, GCancellable *limit)
{
  g_cancellable_cancel (limit);
}

/* Reads to the end what the daemon says before it serves. -1: cut off. */
static gssize
read_report (int fd, GString *report, GCancellable *limit)
{
  g_autoptr (GInputStream) stream = g_unix_input_stream_new (fd, TRUE);
  gssize n = 1;

  while (n > 0 && report->len < MESSAGE_MAX)
    {
      g_autoptr (GAsyncResult) result = NULL;
      char buffer[512];

      g_input_stream_read_async (stream, buffer, sizeof buffer, G_PRIORITY_DEFAULT, limit,
                                 vmctl_await_cb, &result);
      vmctl_await (&result);
      n = g_input_stream_read_finish (stream, result, NULL);
      if (n > 0)
        g_string_append_len (report, buffer, n);
    }
  return n;
}

static gboolean
await_report (int fd, GString *report, guint limit_ms, GCancellable *cancellable, GError **error)
{
  g_autoptr (GCancellable) limit = g_cancellable_new ();
  guint timeout = g_timeout_add (limit_ms, limit_cb, limit);
  gulong handler = g_cancellable_connect (cancellable, G_CALLBACK (cancelled_cb),
                                          g_object_ref (limit), g_object_unref);
  gssize n = read_report (fd, report, limit);

  g_cancellable_disconnect (cancellable, handler);
  if (!g_cancellable_is_cancelled (limit) || g_cancellable_is_cancelled (cancellable))
    g_source_remove (timeout);
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (n >= 0)
    return TRUE;
  g_set_error (error, VMD_ERROR, VMD_ERROR_TIMED_OUT, "vmd was not ready after %u s",
               limit_ms / 1000);
  return FALSE;
}

/* It exits with the status that vmctl has for the same error. */
static VmdError
find_code (int exit_status)
{
  for (int code = VMD_ERROR_FAILED; code < VMD_N_ERRORS; code++)
    if (vmd_error_get_exit_status (code) == exit_status)
      return code;
  return VMD_ERROR_FAILED;
}

/* What a daemon said that did not come to serve. */
static char *
describe_end (GSubprocess *daemon, const char *report)
{
  g_autofree char *text = g_utf8_make_valid (report, -1);

  g_strchomp (text);
  if (*text != '\0')
    return g_steal_pointer (&text);
  if (g_subprocess_get_if_signaled (daemon))
    return g_strdup_printf ("signal %d ended it; see daemon.log in its state directory",
                            g_subprocess_get_term_sig (daemon));
  return g_strdup ("it ended without a word; see daemon.log in its state directory");
}

/* TRUE also when another daemon was faster. */
static gboolean
check_report (GSubprocess *daemon, const char *report, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autofree char *end = NULL;
  VmdError code = VMD_ERROR_FAILED;

  if (g_str_equal (report, "ok\n"))
    return TRUE;
  g_subprocess_wait_async (daemon, NULL, vmctl_await_cb, &result);
  vmctl_await (&result);
  if (g_subprocess_get_if_exited (daemon))
    code = find_code (g_subprocess_get_exit_status (daemon));
  if (code == VMD_ERROR_BUSY)
    return TRUE;
  end = describe_end (daemon, report);
  g_set_error (error, VMD_ERROR, code, "vmd does not start: %s", end);
  return FALSE;
}

/* Starts a daemon on no bus and waits until it serves, or until it turns out that another one
 * does. On failure @error is what the daemon said. */
gboolean
vmctl_daemon_start (const char *state_dir, guint limit_ms, GCancellable *cancellable,
                    GError **error)
{
  g_autofree char *program = find_program (error);
  g_autoptr (GSubprocess) daemon = NULL;
  g_autoptr (GString) report = g_string_new (NULL);
  int ready_fd;

  if (program == NULL)
    return FALSE;
  daemon = spawn (program, state_dir, &ready_fd, error);
  if (daemon == NULL || !await_report (ready_fd, report, limit_ms, cancellable, error))
    return FALSE;
  return check_report (daemon, report->str, error);
}
