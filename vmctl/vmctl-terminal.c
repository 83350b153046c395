/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-terminal.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <vmd-error.h>

static struct termios saved;
static gboolean is_raw;

/* Every key goes to the guest, Ctrl-C too. */
gboolean
vmctl_terminal_make_raw (GError **error)
{
  static gsize registered = 0;
  struct termios raw;

  if (is_raw)
    return TRUE;
  if (tcgetattr (STDIN_FILENO, &saved) < 0)
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_FAILED, "Cannot read the terminal's settings: %s",
                   g_strerror (errno));
      return FALSE;
    }
  if (g_once_init_enter (&registered))
    {
      atexit (vmctl_terminal_restore);
      g_once_init_leave (&registered, 1);
    }
  raw = saved;
  cfmakeraw (&raw);
  if (tcsetattr (STDIN_FILENO, TCSADRAIN, &raw) < 0)
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_FAILED, "Cannot set the terminal up: %s",
                   g_strerror (errno));
      return FALSE;
    }
  is_raw = TRUE;
  return TRUE;
}

void
vmctl_terminal_restore (void)
{
  if (!is_raw)
    return;
  is_raw = FALSE;
  if (tcsetattr (STDIN_FILENO, TCSADRAIN, &saved) < 0)
    g_debug ("the terminal has gone");
}

gboolean
vmctl_terminal_get_size (int fd, guint *columns, guint *rows)
{
  struct winsize size;

  if (ioctl (fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
    return FALSE;
  *columns = size.ws_col;
  *rows = size.ws_row;
  return TRUE;
}
