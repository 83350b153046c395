/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-config-pattern-private.h"

#include "../base/vmd-failure-private.h"

#include <string.h>

/* PCRE tries every way in which an expression might match: "(a+)+$" has 2^n on n letters, and a
 * schema comes over the network. So the expression and the text are short, the number of steps and
 * the memory for going back are limited by the words with which PCRE lets a pattern limit itself
 * (GRegex has no call for it, and its own limit is a third of a second away), and there is one
 * place to begin at. Groups do not capture, which keeps each step small, and backward references
 * out. */

#define LIMITS "(*LIMIT_MATCH=5000)(*LIMIT_DEPTH=5000)(*LIMIT_HEAP=2048)"

/* "\C" takes one byte out of a character, after which PCRE promises nothing. */
static gboolean
splits_characters (const char *expression)
{
  while ((expression = strchr (expression, '\\')) != NULL && expression[1] != '\0')
    {
      if (expression[1] == 'C')
        return TRUE;
      expression += 2;
    }
  return FALSE;
}

/* What the expression means by itself, with nothing around it that it could close. */
static gboolean
is_good_alone (const char *expression, GError **error)
{
  g_autoptr (GError) fault = NULL;
  g_autoptr (GRegex) alone =
      g_regex_new (expression, G_REGEX_NO_AUTO_CAPTURE | G_REGEX_DOLLAR_ENDONLY, 0, &fault);

  if (alone == NULL)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "%s", fault->message);
  if (g_regex_get_capture_count (alone) > 0)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "a pattern must not have named groups");
  return TRUE;
}

GRegex *
vmd_config_pattern_new (const char *expression, GError **error)
{
  g_autofree char *limited = NULL;
  g_autoptr (GError) fault = NULL;
  GRegex *pattern;

  if (strlen (expression) > VMD_PATTERN_MAX)
    {
      vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "a pattern has at most %d bytes",
                VMD_PATTERN_MAX);
      return NULL;
    }
  if (splits_characters (expression))
    {
      vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "a pattern must not have \\C");
      return NULL;
    }
  if (!is_good_alone (expression, error))
    return NULL;
  limited = g_strdup_printf (LIMITS "(?:%s)\\z", expression);
  pattern = g_regex_new (
      limited, G_REGEX_ANCHORED | G_REGEX_NO_AUTO_CAPTURE | G_REGEX_DOLLAR_ENDONLY, 0, &fault);
  if (pattern == NULL)
    vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "the pattern cannot be limited: %s",
              fault->message);
  return pattern;
}

gboolean
vmd_config_pattern_check (const GRegex *pattern, const char *text, GError **error)
{
  g_autoptr (GError) fault = NULL;

  if (strlen (text) > VMD_PATTERN_MAX_SUBJECT)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "it is longer than the %d bytes that are held against a pattern",
                     VMD_PATTERN_MAX_SUBJECT);
  if (g_regex_match_full (pattern, text, -1, 0, 0, NULL, &fault))
    return TRUE;
  if (fault != NULL)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "to hold it against the pattern takes too many steps");
  return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "it does not match the pattern");
}
