/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-exec-private.h"

#include <signal.h>
#include <sys/wait.h>

/**
 * VmdExecResult:
 *
 * How a command in a guest ended.
 *
 * Since: 0.1
 */
struct _VmdExecResult
{
  GObject parent;

  int exit_status;
  const char *signal; /* (nullable) static */
};

G_DEFINE_FINAL_TYPE (VmdExecResult, vmd_exec_result, G_TYPE_OBJECT)

/* The names are those of RFC 4254, and what servers send beside them. */
static const struct
{
  const char *name;
  int number;
} signals[] = {
  { "ABRT", SIGABRT }, { "ALRM", SIGALRM }, { "BUS", SIGBUS },   { "FPE", SIGFPE },
  { "HUP", SIGHUP },   { "ILL", SIGILL },   { "INT", SIGINT },   { "KILL", SIGKILL },
  { "PIPE", SIGPIPE }, { "QUIT", SIGQUIT }, { "SEGV", SIGSEGV }, { "SYS", SIGSYS },
  { "TERM", SIGTERM }, { "TRAP", SIGTRAP }, { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 },
  { "XCPU", SIGXCPU }, { "XFSZ", SIGXFSZ },
};

static void
vmd_exec_result_class_init (VmdExecResultClass *klass)
{
}

static void
vmd_exec_result_init (VmdExecResult *self)
{
}

/* Returns: (transfer full): of a command that exited */
VmdExecResult *
vmd_exec_result_new (int exit_status)
{
  VmdExecResult *self = g_object_new (VMD_TYPE_EXEC_RESULT, NULL);

  self->exit_status = exit_status & 255;
  return self;
}

/* @name: as the guest says, so perhaps anything. One that is unknown gives 255 and no name.
 * Returns: (transfer full): of a command that a signal ended */
VmdExecResult *
vmd_exec_result_new_signalled (const char *name)
{
  VmdExecResult *self = vmd_exec_result_new (255);

  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
    if (g_strcmp0 (signals[i].name, name) == 0)
      {
        self->signal = signals[i].name;
        self->exit_status = 128 + signals[i].number;
      }
  return self;
}

/* @wait_status: as waitpid() gives it. Returns: (transfer full) */
VmdExecResult *
vmd_exec_result_new_from_wait (int wait_status)
{
  VmdExecResult *self;

  if (!WIFSIGNALED (wait_status))
    return vmd_exec_result_new (WEXITSTATUS (wait_status));
  self = vmd_exec_result_new (128 + WTERMSIG (wait_status));
  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
    if (signals[i].number == WTERMSIG (wait_status))
      self->signal = signals[i].name;
  return self;
}

/**
 * vmd_exec_result_get_exit_status:
 *
 * Returns: 0 to 255, as the command said; 128 and the signal's number when a signal ended it
 *
 * Since: 0.1
 */
int
vmd_exec_result_get_exit_status (VmdExecResult *self)
{
  g_return_val_if_fail (VMD_IS_EXEC_RESULT (self), 255);
  return self->exit_status;
}

/**
 * vmd_exec_result_get_signal:
 *
 * Returns: (transfer none) (nullable): the signal that ended it, without SIG: "KILL", "TERM"
 *
 * Since: 0.1
 */
const char *
vmd_exec_result_get_signal (VmdExecResult *self)
{
  g_return_val_if_fail (VMD_IS_EXEC_RESULT (self), NULL);
  return self->signal;
}
