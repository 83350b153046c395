/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-process-private.h"

#include "vmd-failure-private.h"
#include "vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Reads a file of /proc whole into @buffer, NUL-terminated. FALSE with errno: ENOENT or ESRCH when
 * the process is gone; all else, such as EMFILE, says nothing of it. */
static gboolean
read_small_file (const char *path, char *buffer, gsize size)
{
  vmd_autofd int fd = open (path, O_RDONLY | O_CLOEXEC);
  gssize n;

  if (fd < 0)
    return FALSE;
  do
    n = read (fd, buffer, size - 1);
  while (n < 0 && errno == EINTR);
  if (n == 0)
    errno = ESRCH;
  if (n <= 0)
    return FALSE;
  buffer[n] = '\0';

  return TRUE;
}

/* The kernel's boot id: it does not change while this process lives, so it is read once, that is,
 * until it could be read. "" with errno if it cannot be now. */
static const char *
get_boot_id (void)
{
  static char *known = NULL; /* set once */
  char *read_now = NULL;
  char buffer[64];

  if (g_atomic_pointer_get (&known) != NULL)
    return g_atomic_pointer_get (&known);
  if (!read_small_file ("/proc/sys/kernel/random/boot_id", buffer, sizeof buffer))
    return "";
  read_now = g_strdup (g_strchomp (buffer));
  if (!g_atomic_pointer_compare_and_exchange (&known, NULL, read_now))
    g_free (read_now);

  return g_atomic_pointer_get (&known);
}

/* This process. Read once, since later there may be no descriptor left to read it with; and anew in
 * the child of a fork, which is another one. */
void
vmd_process_id_self (VmdProcessId *id)
{
  static VmdProcessId *known = NULL; /* set once */
  const VmdProcessId *first = g_atomic_pointer_get (&known);
  VmdProcessId *copy;

  if (first != NULL && first->pid == getpid ())
    {
      *id = *first;
      return;
    }
  if (!vmd_process_id_read (getpid (), id))
    g_error ("/proc/self/stat cannot be read: is /proc mounted?");
  copy = g_memdup2 (id, sizeof *id);
  if (first != NULL || !g_atomic_pointer_compare_and_exchange (&known, NULL, copy))
    g_free (copy);
}

/* What /proc says of the process that has @pid now, also of one that has ended and not been reaped.
 * FALSE with errno as read_small_file(). */
static gboolean
read_stat (pid_t pid, VmdProcessId *id, char *state)
{
  const char *boot_id = get_boot_id ();
  char path[32];
  char buffer[1024];
  const char *rest;
  unsigned long long start_time;

  if (boot_id[0] == '\0')
    return FALSE;
  errno = ESRCH;
  if (pid <= 0)
    return FALSE;
  g_snprintf (path, sizeof path, "/proc/%d/stat", (int) pid);
  if (!read_small_file (path, buffer, sizeof buffer))
    return FALSE;
  /* Field 2 is the program's name, which may have spaces and parentheses in it: the fields are
   * counted from its end. */
  rest = strrchr (buffer, ')');
  if (rest == NULL ||
      sscanf (rest + 1,
              " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
              state, &start_time) != 2)
    return FALSE;
  memset (id, 0, sizeof *id);
  g_strlcpy (id->boot_id, boot_id, sizeof id->boot_id);
  id->pid = pid;
  id->start_time = start_time;

  return TRUE;
}

/* The process that has @pid now; FALSE if there is none, or only a zombie: that one does nothing
 * any more, and whoever should reap it may never do so. @id is set on success only. */
gboolean
vmd_process_id_read (pid_t pid, VmdProcessId *id)
{
  VmdProcessId found;
  char state;

  if (!read_stat (pid, &found, &state) || state == 'Z' || state == 'X')
    return FALSE;
  *id = found;

  return TRUE;
}

gboolean
vmd_process_id_equal (const VmdProcessId *a, const VmdProcessId *b)
{
  return a->pid == b->pid && a->start_time == b->start_time && strcmp (a->boot_id, b->boot_id) == 0;
}

/* Whether exactly this process lives: same boot, same start time, and no zombie. When /proc cannot
 * be read now, since this process has no more descriptors, whoever has the pid is taken for it:
 * what lives must not be cleared away as dead. */
gboolean
vmd_process_id_is_alive (const VmdProcessId *id)
{
  VmdProcessId now;
  char state;

  if (read_stat (id->pid, &now, &state))
    return state != 'Z' && state != 'X' && vmd_process_id_equal (id, &now);

  return errno != ENOENT && errno != ESRCH && (kill (id->pid, 0) == 0 || errno == EPERM);
}

/* A pidfd for exactly this process (close-on-exec; the caller's), or -1 with errno: ESRCH when it
 * is gone. A zombie can be opened still, and its pidfd is ready when the last of its threads is
 * gone: what it had, such as the lock of a disk, is free only then. */
int
vmd_process_id_open (const VmdProcessId *id)
{
  vmd_autofd int fd = -1;
  VmdProcessId now;
  int saved_errno;
  char state;

  if (id->pid <= 0)
    {
      errno = ESRCH;
      return -1;
    }
  fd = pidfd_open (id->pid, 0);
  saved_errno = errno;
  /* Looked at after the open: if the pid had been given to another before it, that other shows now.
   * If the process meant is here now, it was here at the open. And the number may be that of some
   * process's thread now, which can't be opened: whom we mean is gone then, too. */
  if (!read_stat (id->pid, &now, &state))
    {
      if (errno == ENOENT)
        errno = ESRCH;
      return -1;
    }
  if (!vmd_process_id_equal (id, &now))
    {
      errno = ESRCH;
      return -1;
    }
  errno = saved_errno;

  return vmd_steal_fd (&fd);
}

/* Sends @signal through a pidfd, so that another process that got the pid is never hit. A process
 * that is gone counts as success. */
gboolean
vmd_process_id_kill (const VmdProcessId *id, int signal, GError **error)
{
  vmd_autofd int fd = vmd_process_id_open (id);

  if (fd >= 0 && pidfd_send_signal (fd, signal, NULL, 0) == 0)
    return TRUE;
  if (errno == ESRCH)
    return TRUE;

  return vmd_fail_errno (error, errno, "cannot send signal %d to process %d", signal,
                         (int) id->pid);
}

/* Takes away the zombie of exactly this process, if it is one and was a child of ours; @wait_status
 * is then as waitpid() gives it. FALSE in every other case, also when another thread was faster. */
gboolean
vmd_process_id_reap (const VmdProcessId *id, int *wait_status)
{
  vmd_autofd int fd = vmd_process_id_open (id);
  siginfo_t end = { 0 };

  if (fd < 0 || waitid (P_PIDFD, (id_t) fd, &end, WEXITED | WNOHANG) < 0 || end.si_pid != id->pid)
    return FALSE;
  *wait_status = end.si_code == CLD_EXITED
                     ? W_EXITCODE (end.si_status, 0)
                     : W_EXITCODE (0, end.si_status) | (end.si_code == CLD_DUMPED ? WCOREFLAG : 0);

  return TRUE;
}
