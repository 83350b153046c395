/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* What there is to say goes into the kernel's log: bounded, there from the first moment on, and
 * copied to the console by the kernel, level permitting. Notes have a level that a `quiet`
 * console does not show, since each character costs an emulated machine some microseconds;
 * problems are always shown. A problem is also kept for the agent, which tells the host. */

#include "report.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Levels of the kernel's log. */
enum
{
  LEVEL_ERROR = 3,
  LEVEL_INFO = 6
};

/* More than the agent will tell of it. */
#define KEPT_MAX 4096

static const char *prefix = "vmd-guest";
static int log_fd = -1;

/* Says who speaks from now on, and opens the log if that can be done already. */
void
report_open (const char *who)
{
  prefix = who;
  if (log_fd < 0)
    log_fd = open ("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);
}

static void
emit (int level, const char *text)
{
  char line[1024];
  int length = snprintf (line, sizeof line, "<%d>%s: %s\n", level, prefix, text);

  if (length >= (int) sizeof line)
    length = (int) sizeof line - 1;
  if (log_fd < 0 || write (log_fd, line, (size_t) length) < 0)
    fprintf (stderr, "%s: %s\n", prefix, text);
}

/* Only in a guest: whoever has not called report_open() may be a test, on a host that has a
 * /run/vmd of its own. The first problems count: a service that fails every ten seconds must not
 * fill the memory. */
static void
keep (const char *text)
{
  autofd int fd = -1;
  struct stat status;

  if (log_fd >= 0)
    fd = open (REPORT_MESSAGE_PATH, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd >= 0 && fstat (fd, &status) == 0 && status.st_size < KEPT_MAX)
    dprintf (fd, "%s\n", text);
}

void
report_note (const char *format, ...)
{
  char text[768];
  va_list arguments;

  va_start (arguments, format);
  vsnprintf (text, sizeof text, format, arguments);
  va_end (arguments);
  emit (LEVEL_INFO, text);
}

/* Always returns false, so that `return report_problem (…)` reads well. */
bool
report_problem (const char *format, ...)
{
  char text[768];
  va_list arguments;

  va_start (arguments, format);
  vsnprintf (text, sizeof text, format, arguments);
  va_end (arguments);
  emit (LEVEL_ERROR, text);
  keep (text);
  return false;
}

/* The same, with errno's text after it. */
bool
report_errno (const char *format, ...)
{
  int saved_errno = errno;
  char text[512];
  va_list arguments;

  va_start (arguments, format);
  vsnprintf (text, sizeof text, format, arguments);
  va_end (arguments);
  return report_problem ("%s: %s", text, strerror (saved_errno));
}
