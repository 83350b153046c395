/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-exec-private.h"

/* SSH carries one string, which a shell in the guest takes apart again. So every word that comes
 * from outside goes through here: always in single quotes, in which a POSIX shell knows no special
 * character but the quote itself. A list of characters that need no quotes would save a few bytes
 * and be wrong one day: "if", "a=b", "~" and "-n" are harmless only in some places. */
void
vmd_shell_append_quoted (GString *line, const char *word)
{
  g_string_append_c (line, '\'');
  for (const char *byte = word; *byte != '\0'; byte++)
    {
      if (*byte == '\'')
        g_string_append (line, "'\\''");
      else
        g_string_append_c (line, *byte);
    }
  g_string_append_c (line, '\'');
}

/**
 * vmd_shell_quote_argv:
 * @argv: (nullable): words, as bytes
 *
 * Returns: (transfer full) (nullable): a command line from which a POSIX shell makes exactly these
 *   words; NULL when there are none
 */
char *
vmd_shell_quote_argv (const char *const *argv)
{
  g_autoptr (GString) line = NULL;

  if (argv == NULL || argv[0] == NULL)
    return NULL;
  line = g_string_new (NULL);
  for (gsize i = 0; argv[i] != NULL; i++)
    {
      if (i > 0)
        g_string_append_c (line, ' ');
      vmd_shell_append_quoted (line, argv[i]);
    }
  return g_string_free (g_steal_pointer (&line), FALSE);
}
