/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "loop.h"

#include <stddef.h>
#include <sys/types.h>

/* The program that is told of a change. Times are in milliseconds. */

/* Of what a hook wrote last, and of a sentence about its end, with the NUL. */
#define CONFIG_HOOK_MAX_TAIL 1024
#define CONFIG_HOOK_MAX_FAILURE (CONFIG_HOOK_MAX_TAIL + 128)

struct config_hook
{
  /* @failure: NULL: it has done its work */
  void (*ended) (void *user, const char *failure);
  void *user;
  int64_t deadline; /* then its process group gets SIGTERM … */
  int64_t grace; /* … and after this SIGKILL */

  pid_t pid; /* 0: it does not run */
  struct loop_watch output; /* fd -1: it has closed it */
  struct loop_timer timer;
  char tail[CONFIG_HOOK_MAX_TAIL];
  size_t n_tail;
  const char *why; /* it was ended; NULL: it was not */
  int next_signal;
};

void config_hook_run (struct config_hook *hook, const char *program, char *const *environment);
void config_hook_reap (struct config_hook *hook);
void config_hook_stop (struct config_hook *hook);
