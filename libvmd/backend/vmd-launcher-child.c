/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-launcher-child-private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The child's side of a launch, between fork and exec.
 *
 * The process that forked has many threads, and any of them may have held any lock at that moment:
 * nothing here allocates, logs or uses GLib; all calls are those that signal-safety(7) lists, or
 * plain system calls.
 *
 * The child stands at a gate until its row is committed, and ends if vmd ends first. Two things
 * tell it so, since each alone fails: the gate's end of file does not come while a sibling that was
 * forked just then still has the other end; and the parent's pidfd, ready when all of that process
 * is gone, says nothing of a vmd that lives but gave the launch up. PR_SET_PDEATHSIG was rejected:
 * it follows the one thread that forked, and survives the exec. A row that was committed wins over
 * a parent that died right after: the byte in the gate is looked at first. */

/* Descriptors are moved above this before they are put in their places, so that no place is
 * occupied. */
#define ASIDE 64

static void __attribute__ ((noreturn)) give_up (int report_fd)
{
  int saved_errno = errno;
  gssize n = write (report_fd, &saved_errno, sizeof saved_errno);

  _exit (n == sizeof saved_errno ? 127 : 126);
}

/* A program expects the signals' defaults, and none of them blocked: not what this process made of
 * them. */
static void
reset_signals (void)
{
  struct sigaction action;
  sigset_t none;

  memset (&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; signal++)
    sigaction (signal, &action, NULL);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
}

static int
move_aside (int fd, int report_fd)
{
  int moved = fcntl (fd, F_DUPFD_CLOEXEC, ASIDE);

  if (moved < 0)
    give_up (report_fd);

  return moved;
}

static void
put (int fd, int place, int report_fd)
{
  if (dup2 (fd, place) < 0)
    give_up (report_fd);
}

/* Puts every descriptor in its place and closes all others, also those that another thread opened
 * without close-on-exec. The three that the child itself needs come last, close-on-exec. */
static void
arrange_descriptors (const VmdLauncherChild *child, int *gate_fd, int *report_fd, int *parent_fd)
{
  const guint first_own = 3 + child->n_fds;
  int moved[ASIDE];
  guint n = 0;

  moved[n++] = move_aside (child->null_fd, child->report_fd);
  moved[n++] = move_aside (child->log_fd, child->report_fd);
  for (guint i = 0; i < child->n_fds; i++)
    moved[n++] = move_aside (child->fds[i], child->report_fd);
  *gate_fd = move_aside (child->gate_fd, child->report_fd);
  *report_fd = move_aside (child->report_fd, child->report_fd);
  *parent_fd = move_aside (child->parent_fd, child->report_fd);

  put (moved[0], 0, *report_fd);
  put (moved[1], 1, *report_fd);
  put (moved[1], 2, *report_fd);
  for (guint i = 0; i < child->n_fds; i++)
    put (moved[2 + i], (int) (3 + i), *report_fd);
  put (*gate_fd, (int) first_own, *report_fd);
  put (*parent_fd, (int) first_own + 1, *report_fd);
  put (*report_fd, (int) first_own + 2, *report_fd);
  *gate_fd = (int) first_own;
  *parent_fd = (int) first_own + 1;
  *report_fd = (int) first_own + 2;
  if (close_range (first_own + 3, ~0U, 0) < 0 ||
      close_range (first_own, first_own + 2, CLOSE_RANGE_CLOEXEC) < 0)
    give_up (*report_fd);
}

/* Returns when the gate opened; ends the process when it never will. */
static void
wait_at_gate (int gate_fd, int parent_fd)
{
  struct pollfd fds[] = { { .fd = gate_fd, .events = POLLIN },
                          { .fd = parent_fd, .events = POLLIN } };

  for (;;)
    {
      char go;

      if (poll (fds, G_N_ELEMENTS (fds), -1) < 0)
        {
          if (errno == EINTR)
            continue;
          _exit (126);
        }
      if (fds[0].revents != 0)
        {
          if (read (gate_fd, &go, 1) == 1)
            return;
          _exit (0);
        }
      if (fds[1].revents != 0)
        _exit (0);
    }
}

/* Never returns. Called in the child with all signals blocked. */
void
vmd_launcher_child_run (const VmdLauncherChild *child)
{
  int gate_fd;
  int report_fd;
  int parent_fd;

  arrange_descriptors (child, &gate_fd, &report_fd, &parent_fd);
  /* A session of its own: no terminal's Ctrl-C and no hang-up comes here. */
  setsid ();
  umask (077);
  if (chdir ("/") < 0)
    give_up (report_fd);
  wait_at_gate (gate_fd, parent_fd);
  reset_signals ();
  execve (child->argv[0], child->argv, child->environment);
  give_up (report_fd);
}
