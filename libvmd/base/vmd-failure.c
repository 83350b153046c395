/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-failure-private.h"

#include <errno.h>
#include <string.h>

static VmdError
code_from_errno (int saved_errno)
{
  switch (saved_errno)
    {
    case ENOSPC:
    case EDQUOT:
      return VMD_ERROR_NO_SPACE;
    case EACCES:
    case EPERM:
      return VMD_ERROR_PERMISSION_DENIED;
    case ENOENT:
      return VMD_ERROR_NOT_FOUND;
    case EEXIST:
      return VMD_ERROR_EXISTS;
    case ETIMEDOUT:
      return VMD_ERROR_TIMED_OUT;
    default:
      return VMD_ERROR_FAILED;
    }
}

static VmdError
code_from_io_error (int code)
{
  switch (code)
    {
    case G_IO_ERROR_CANCELLED:
      return VMD_ERROR_CANCELLED;
    case G_IO_ERROR_TIMED_OUT:
      return VMD_ERROR_TIMED_OUT;
    case G_IO_ERROR_NOT_FOUND:
      return VMD_ERROR_NOT_FOUND;
    case G_IO_ERROR_EXISTS:
      return VMD_ERROR_EXISTS;
    case G_IO_ERROR_NO_SPACE:
      return VMD_ERROR_NO_SPACE;
    case G_IO_ERROR_PERMISSION_DENIED:
    case G_IO_ERROR_READ_ONLY:
      return VMD_ERROR_PERMISSION_DENIED;
    case G_IO_ERROR_INVALID_ARGUMENT:
    case G_IO_ERROR_INVALID_FILENAME:
      return VMD_ERROR_INVALID_ARGUMENT;
    case G_IO_ERROR_NOT_SUPPORTED:
      return VMD_ERROR_UNSUPPORTED;
    case G_IO_ERROR_BUSY:
      return VMD_ERROR_BUSY;
    default:
      return VMD_ERROR_FAILED;
    }
}

static VmdError
code_from_file_error (int code)
{
  switch (code)
    {
    case G_FILE_ERROR_NOSPC:
      return VMD_ERROR_NO_SPACE;
    case G_FILE_ERROR_ACCES:
    case G_FILE_ERROR_PERM:
    case G_FILE_ERROR_ROFS:
      return VMD_ERROR_PERMISSION_DENIED;
    case G_FILE_ERROR_NOENT:
      return VMD_ERROR_NOT_FOUND;
    case G_FILE_ERROR_EXIST:
      return VMD_ERROR_EXISTS;
    default:
      return VMD_ERROR_FAILED;
    }
}

static VmdError
code_from_foreign (const GError *foreign)
{
  if (foreign->domain == VMD_ERROR)
    return (VmdError) foreign->code;
  if (foreign->domain == G_IO_ERROR)
    return code_from_io_error (foreign->code);
  if (foreign->domain == G_FILE_ERROR)
    return code_from_file_error (foreign->code);
  if (g_error_matches (foreign, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT))
    return VMD_ERROR_MISSING_PROGRAM;
  if (g_error_matches (foreign, G_SPAWN_ERROR, G_SPAWN_ERROR_ACCES) ||
      g_error_matches (foreign, G_SPAWN_ERROR, G_SPAWN_ERROR_PERM))
    return VMD_ERROR_PERMISSION_DENIED;

  return VMD_ERROR_FAILED;
}

/**
 * vmd_blank_controls:
 * @text: (inout): UTF-8 of foreign origin: a guest's, a hypervisor's, a program's
 *
 * Makes it fit for a message: what a terminal would act on becomes blanks, but for the ends of
 * lines and tabs. Beyond ASCII there are such characters too, U+0080 to U+009F.
 */
void
vmd_blank_controls (char *text)
{
  for (char *c = text; *c != '\0';)
    {
      char *next = g_utf8_next_char (c);

      if (g_unichar_iscntrl (g_utf8_get_char (c)) && *c != '\n' && *c != '\t')
        memset (c, ' ', (gsize) (next - c));
      c = next;
    }
}

/* Messages quote names and words of foreign origin, and end on terminals, in logs and on the bus,
 * which takes UTF-8 only. Here they all come by. */
static void
set_harmless (GError **error, VmdError code, const char *message)
{
  g_autofree char *shown = NULL;

  if (error == NULL)
    return;
  shown = g_utf8_make_valid (message, -1);
  vmd_blank_controls (shown);
  g_set_error_literal (error, VMD_ERROR, code, shown);
}

/* Sets @error from @saved_errno: ENOSPC and EDQUOT are NO_SPACE, EACCES and EPERM
 * PERMISSION_DENIED, ENOENT NOT_FOUND, EEXIST EXISTS, ETIMEDOUT TIMED_OUT, the rest FAILED. The
 * message is "<formatted>: <strerror>". Returns FALSE, always. */
gboolean
vmd_fail_errno (GError **error, int saved_errno, const char *format, ...)
{
  g_autofree char *doing = NULL;
  g_autofree char *message = NULL;
  va_list arguments;

  va_start (arguments, format);
  doing = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  message = g_strdup_printf ("%s: %s", doing, g_strerror (saved_errno));
  set_harmless (error, code_from_errno (saved_errno), message);

  return FALSE;
}

/* Sets @error with @code. Returns FALSE, always, so that `return vmd_fail (error, …);` reads well.
 */
gboolean
vmd_fail (GError **error, VmdError code, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list arguments;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  set_harmless (error, code, message);

  return FALSE;
}

/* Turns @foreign (consumed) into a VmdError in @error, with "<prefix>: " before its message. A
 * VmdError keeps its code; G_IO_ERROR, G_FILE_ERROR and G_SPAWN_ERROR get the code that means the
 * same; all others are FAILED. */
void
vmd_propagate_foreign (GError **error, GError *foreign, const char *prefix_format, ...)
{
  g_autoptr (GError) consumed = foreign;
  g_autofree char *prefix = NULL;
  g_autofree char *message = NULL;
  va_list arguments;

  g_return_if_fail (foreign != NULL);

  va_start (arguments, prefix_format);
  prefix = g_strdup_vprintf (prefix_format, arguments);
  va_end (arguments);
  message = g_strdup_printf ("%s: %s", prefix, consumed->message);
  set_harmless (error, code_from_foreign (consumed), message);
}

/* Adds what went wrong while undoing to the error that made the undoing necessary: *@error keeps
 * its domain and code, and its message gains "; and then: <message>". Where *@error is NULL, @more
 * becomes it. Consumes @more, which may be NULL: then nothing happens. */
void
vmd_error_join (GError **error, GError *more)
{
  g_autoptr (GError) consumed = more;
  g_autofree char *first = NULL;

  if (more == NULL || error == NULL)
    return;
  if (*error == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&consumed));
      return;
    }
  first = g_steal_pointer (&(*error)->message);
  (*error)->message = g_strdup_printf ("%s; and then: %s", first, more->message);
}

/* TRUE, and @error set with CANCELLED, when @cancellable (nullable) is cancelled. */
gboolean
vmd_is_cancelled (GCancellable *cancellable, GError **error)
{
  if (!g_cancellable_is_cancelled (cancellable))
    return FALSE;
  vmd_fail (error, VMD_ERROR_CANCELLED, "cancelled");

  return TRUE;
}
