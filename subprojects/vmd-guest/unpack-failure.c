/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

#include "unpack-failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static enum unpack_status first_status = UNPACK_OK;
static char first_message[1024];

/* A member's name may hold anything; a message is one line of printable characters. */
static void
make_printable (char *text)
{
  for (unsigned char *byte = (unsigned char *) text; *byte != '\0'; byte++)
    if (*byte < 0x20 || *byte == 0x7f)
      *byte = '?';
}

static void __attribute__ ((format (printf, 3, 0)))
keep (enum unpack_status status, const char *reason, const char *format, va_list arguments)
{
  size_t length;

  if (first_status != UNPACK_OK)
    return;
  first_status = status;
  vsnprintf (first_message, sizeof first_message, format, arguments);
  length = strlen (first_message);
  if (reason != NULL)
    snprintf (first_message + length, sizeof first_message - length, ": %s", reason);
  make_printable (first_message);
}

static enum unpack_status
status_from_errno (int saved_errno)
{
  return saved_errno == ENOSPC || saved_errno == EDQUOT ? UNPACK_NO_SPACE : UNPACK_FAILED;
}

bool
unpack_fail (enum unpack_status status, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  keep (status, NULL, format, arguments);
  va_end (arguments);
  return false;
}

bool
unpack_fail_errno (const char *format, ...)
{
  int saved_errno = errno;
  va_list arguments;

  va_start (arguments, format);
  keep (status_from_errno (saved_errno), strerror (saved_errno), format, arguments);
  va_end (arguments);
  return false;
}

/* A member that must not be unpacked. */
bool
unpack_fail_member (const char *name, const char *reason)
{
  return unpack_fail (UNPACK_BAD_ARCHIVE, "member '%.512s' %s", name, reason);
}

bool
unpack_fail_member_errno (const char *doing, const char *name)
{
  return unpack_fail_errno ("cannot %s '%.512s'", doing, name);
}

enum unpack_status
unpack_failure_status (void)
{
  return first_status;
}

const char *
unpack_failure_message (void)
{
  return first_message;
}
