/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-fault-private.h"

#ifdef VMD_FAULT_POINTS

#  include "vmd-failure-private.h"
#  include "vmd-poll-private.h"

#  include <errno.h>
#  include <fcntl.h>
#  include <signal.h>
#  include <string.h>
#  include <unistd.h>

typedef enum
{
  FAULT_FAIL,
  FAULT_KILL,
  FAULT_STOP
} FaultAction;

static GMutex fault_mutex;
static struct
{
  gboolean read_environment; /* all of these: under fault_mutex */
  char *pattern; /* NULL: not armed */
  guint at; /* which passage, from 1 */
  gboolean onwards; /* that one and every later one */
  FaultAction action;
  guint matching; /* passages that matched since it was armed */
  guint all; /* passages of any point since it was armed */
} fault;

/* With fault_mutex held. A specification that cannot be read is a mistake in a test: say so at
 * once. */
static void
arm_locked (const char *specification)
{
  g_auto (GStrv) parts = g_strsplit (specification != NULL ? specification : "", ":", 3);
  guint n = g_strv_length (parts);
  char *end = NULL;

  g_clear_pointer (&fault.pattern, g_free);
  fault.matching = fault.all = 0;
  fault.read_environment = TRUE;
  if (n == 0)
    return;
  fault.at = n < 2 ? 1 : (guint) strtoul (parts[1], &end, 10);
  fault.onwards = end != NULL && *end == '+';
  fault.action = FAULT_FAIL;
  if (n == 3 && strcmp (parts[2], "kill") == 0)
    fault.action = FAULT_KILL;
  else if (n == 3 && strcmp (parts[2], "stop") == 0)
    fault.action = FAULT_STOP;
  else if (n == 3 && strcmp (parts[2], "fail") != 0)
    fault.at = 0;
  if (fault.at == 0)
    g_error ("“%s” is no fault: write NAME:N[+][:fail|kill|stop]", specification);
  fault.pattern = g_strdup (parts[0]);
}

static void
append_to_log (const char *name)
{
  const char *path = g_getenv ("VMD_FAULT_LOG");
  g_autofree char *line = NULL;
  vmd_autofd int fd = -1;

  if (path == NULL)
    return;
  line = g_strdup_printf ("%s\n", name);
  fd = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  /* One write with O_APPEND: lines of several threads and processes do not mix. */
  if (fd < 0 || write (fd, line, strlen (line)) < 0)
    g_error ("cannot write the fault log %s: %s", path, g_strerror (errno));
}

/* Passes the point @name. TRUE where nothing is armed for it; else does what is armed: FALSE with
 * FAILED, or the process kills or stops itself. Any thread. */
gboolean
vmd_fault_point_reached (const char *name, GError **error)
{
  gboolean hit = FALSE;
  FaultAction action;

  append_to_log (name);
  g_mutex_lock (&fault_mutex);
  if (!fault.read_environment)
    arm_locked (g_getenv ("VMD_FAULT"));
  fault.all++;
  if (fault.pattern != NULL && g_pattern_match_simple (fault.pattern, name))
    {
      fault.matching++;
      hit = fault.matching == fault.at || (fault.onwards && fault.matching > fault.at);
    }
  action = fault.action;
  g_mutex_unlock (&fault_mutex);

  if (!hit)
    return TRUE;
  if (action == FAULT_FAIL)
    return vmd_fail (error, VMD_ERROR_FAILED, "fault point %s", name);
  kill (getpid (), action == FAULT_KILL ? SIGKILL : SIGSTOP);

  return TRUE;
}

/* For unit tests: arms as the environment would, counting anew; NULL disarms. "name:N" hits the Nth
 * passage only, "name:N+" that one and all that follow; the name may be a pattern with * and ?. */
void
vmd_fault_arm (const char *specification)
{
  g_mutex_lock (&fault_mutex);
  arm_locked (specification);
  g_mutex_unlock (&fault_mutex);
}

/* How many points of whatever name were passed since vmd_fault_arm(). */
guint
vmd_fault_count (void)
{
  guint all;

  g_mutex_lock (&fault_mutex);
  all = fault.all;
  g_mutex_unlock (&fault_mutex);

  return all;
}

#endif /* VMD_FAULT_POINTS */
