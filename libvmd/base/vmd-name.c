/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-name-private.h"

#include "vmd-failure-private.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define GUEST_PATH_MAX 4095

/* What a message shows of a bad value: foreign bytes are escaped (the bus carries UTF-8 only), and
 * there is an end. */
static char *
quote (const char *text)
{
  g_autofree char *head = g_strndup (text, 80);
  g_autofree char *escaped = g_strescape (head, NULL);

  return g_strdup_printf ("“%s%s”", escaped, strlen (text) > 80 ? "…" : "");
}

/* A DNS label: 1 to 63 of a-z, 0-9 and hyphen, with no hyphen at an edge. Never normalised: what
 * was given is what is kept. @what names the thing in the message ("VM"). INVALID_ARGUMENT. */
gboolean
vmd_name_validate (const char *name, const char *what, GError **error)
{
  gsize length = name != NULL ? strlen (name) : 0;
  g_autofree char *quoted = NULL;

  if (length >= 1 && length <= VMD_NAME_MAX && name[0] != '-' && name[length - 1] != '-' &&
      strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length)
    return TRUE;
  quoted = quote (name != NULL ? name : "");

  return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                   "%s is no %s name: use 1 to %d of a-z, 0-9 and -, with no - at either end",
                   quoted, what, VMD_NAME_MAX);
}

/* 32 lower-case hex digits. NULL is not. */
gboolean
vmd_id_is_valid (const char *id)
{
  return id != NULL && strlen (id) == VMD_ID_LENGTH &&
         strspn (id, "0123456789abcdef") == VMD_ID_LENGTH;
}

/* A new random id, from getrandom(2), so that no two processes and no two clones make the same.
 * (transfer full) */
char *
vmd_id_new (void)
{
  guint8 bytes[VMD_ID_LENGTH / 2];
  char *id = g_malloc (VMD_ID_LENGTH + 1);

  /* Reads of up to 256 bytes are never short; only a signal before the pool is ready breaks one
   * off. */
  while (getrandom (bytes, sizeof bytes, 0) != (gssize) sizeof bytes)
    if (errno != EINTR)
      g_error ("getrandom: %s", g_strerror (errno));
  for (gsize i = 0; i < sizeof bytes; i++)
    g_snprintf (id + 2 * i, 3, "%02x", bytes[i]);

  return id;
}

static const char *
find_fault_of_path (const char *path)
{
  g_auto (GStrv) components = NULL;

  if (path[0] != '/')
    return "it is not absolute";
  if (path[1] == '\0')
    return "it is the root directory";
  if (strlen (path) > GUEST_PATH_MAX)
    return "it is longer than 4095 bytes";
  if (!g_utf8_validate (path, -1, NULL))
    return "it is not UTF-8";
  for (const char *c = path; *c != '\0'; c = g_utf8_next_char (c))
    if (g_unichar_iscntrl (g_utf8_get_char (c)))
      return "it has a control character";
  components = g_strsplit (path + 1, "/", -1);
  for (gsize i = 0; components[i] != NULL; i++)
    {
      if (components[i][0] == '\0')
        return "it has an empty component (// or a / at the end)";
      if (strcmp (components[i], ".") == 0 || strcmp (components[i], "..") == 0)
        return "it has a component . or ..";
    }

  return NULL;
}

/* An absolute path in a guest: UTF-8, no control character, at most 4095 bytes, not "/", and no
 * component that is empty, "." or "..": one directory has one path. INVALID_ARGUMENT says what is
 * wrong. */
gboolean
vmd_guest_path_validate (const char *path, GError **error)
{
  const char *fault = find_fault_of_path (path != NULL ? path : "");
  g_autofree char *quoted = NULL;

  if (fault == NULL)
    return TRUE;
  quoted = quote (path != NULL ? path : "");

  return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "%s cannot be used as a path in a guest: %s",
                   quoted, fault);
}
