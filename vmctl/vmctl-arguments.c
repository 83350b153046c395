/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-arguments.h"

#include "vmctl-size.h"
#include "vmctl-text.h"

#include <string.h>
#include <vmd-error.h>

/* The parser of command lines. It knows no command: what one takes is said by its pattern, the
 * very text that help prints, and by its options.
 *
 * A pattern is words: NAME one argument, NAME… one or more, [NAME] and [NAME…] those or none,
 * "--word" an option that must be given, "-- CMD…" a command behind "--", "[-- CMD…]" the same or
 * none. Arguments called PATH, FILE, DIR or TAR name files of the host and may be any bytes;
 * everything else goes over the bus and must be UTF-8. GOptionContext was rejected since it has
 * its own idea of "--", and since help could not be made of the same words. */
struct _VmctlArguments
{
  GPtrArray *positionals; /* char *, NULL at the end once parsed */
  char **command; /* (nullable) */
  GHashTable *options; /* name, not owned → GPtrArray of char *, with NULL at the end */
};

/* One word of a pattern. */
typedef struct
{
  const char *name; /* not owned */
  gsize length;
  gboolean optional;
  gboolean repeated;
} Word;

#define ELLIPSIS "…"

void
vmctl_arguments_free (VmctlArguments *self)
{
  g_ptr_array_unref (self->positionals);
  g_hash_table_unref (self->options);
  g_strfreev (self->command);
  g_free (self);
}

static gboolean
fail (GError **error, const char *argument, const char *format)
{
  g_autofree char *shown = vmctl_text_make_printable (argument, -1);

  g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT, "“%s” %s", shown, format);
  return FALSE;
}

/* The next word of a pattern, up to "--" and what follows; FALSE at the end. */
static gboolean
next_word (const char **pattern, Word *word)
{
  const char *start = *pattern + strspn (*pattern, " ");

  if (*start == '\0' || g_str_has_prefix (start, "-- ") || g_str_has_prefix (start, "[-- "))
    return FALSE;
  word->optional = *start == '[';
  word->name = start + word->optional;
  word->length = strcspn (word->name, " ]");
  *pattern = word->name + word->length + word->optional;
  word->repeated =
      word->length > strlen (ELLIPSIS) &&
      strncmp (word->name + word->length - strlen (ELLIPSIS), ELLIPSIS, strlen (ELLIPSIS)) == 0;
  if (word->repeated)
    word->length -= strlen (ELLIPSIS);
  return TRUE;
}

static gboolean
is_host_path (const Word *word)
{
  static const char *const names[] = { "PATH", "FILE", "DIR", "TAR" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strlen (names[i]) == word->length && strncmp (names[i], word->name, word->length) == 0)
      return TRUE;
  return FALSE;
}

static const VmctlOption *
find_option (const VmctlOption *const *arrays, const char *name, gsize length, char letter)
{
  for (; *arrays != NULL; arrays++)
    for (const VmctlOption *option = *arrays; option->name != NULL; option++)
      if ((letter != 0 && option->letter == letter) ||
          (letter == 0 && strlen (option->name) == length &&
           strncmp (option->name, name, length) == 0))
        return option;
  return NULL;
}

static gboolean
check_value (const VmctlOption *option, const char *value, GError **error)
{
  g_autofree char *what = g_strconcat ("--", option->name, NULL);
  guint64 size, version;
  guint number;

  switch (option->type)
    {
    case VMCTL_OPTION_SIZE:
      return vmctl_size_parse (value, what, &size, error);
    case VMCTL_OPTION_COUNT:
      return vmctl_count_parse (value, what, &number, error);
    case VMCTL_OPTION_DURATION:
      return vmctl_duration_parse (value, what, &number, error);
    case VMCTL_OPTION_LIFETIME:
      return vmctl_lifetime_parse (value, what, &number, error);
    case VMCTL_OPTION_VERSION:
      return vmctl_version_parse (value, what, &version, error);
    case VMCTL_OPTION_TEXT:
    case VMCTL_OPTION_LIST:
      return g_utf8_validate (value, -1, NULL) ||
             fail (error, value, "is not UTF-8, and cannot be sent to vmd");
    case VMCTL_OPTION_FLAG:
    case VMCTL_OPTION_PATH:
    default:
      return TRUE;
    }
}

static void
keep_value (VmctlArguments *self, const VmctlOption *option, const char *value)
{
  GPtrArray *values = g_hash_table_lookup (self->options, option->name);

  if (values == NULL)
    {
      values = g_ptr_array_new_with_free_func (g_free);
      g_ptr_array_add (values, NULL);
      g_hash_table_insert (self->options, (gpointer) option->name, values);
    }
  /* The last one counts, but in a list. */
  if (option->type != VMCTL_OPTION_LIST)
    g_ptr_array_remove_range (values, 0, values->len - 1);
  g_ptr_array_insert (values, (int) values->len - 1, g_strdup (value));
}

/* @argument begins with "-"; @next is what follows, or NULL. @used_next: it was the value. */
static gboolean
parse_option (VmctlArguments *self, const VmctlOption *const *arrays, const char *argument,
              const char *next, gboolean *used_next, GError **error)
{
  gboolean is_long = g_str_has_prefix (argument, "--");
  const char *name = argument + 2;
  gsize length = is_long ? strcspn (name, "=") : 0;
  const char *value = is_long && name[length] == '=' ? name + length + 1 : NULL;
  const VmctlOption *option =
      find_option (arrays, name, length, is_long || argument[2] != '\0' ? 0 : argument[1]);

  *used_next = FALSE;
  if (option == NULL)
    return fail (error, argument, "is no option of this command");
  if (option->type == VMCTL_OPTION_FLAG)
    {
      if (value != NULL)
        return fail (error, argument, "is an option that takes no value");
      keep_value (self, option, "");
      return TRUE;
    }
  if (value == NULL)
    {
      if (next == NULL || strcmp (next, "--") == 0)
        return fail (error, argument, "needs a value");
      value = next;
      *used_next = TRUE;
    }
  if (!check_value (option, value, error))
    return FALSE;
  keep_value (self, option, value);
  return TRUE;
}

static gboolean
parse_words (VmctlArguments *self, const VmctlOption *const *arrays, char **argv, GError **error)
{
  for (; *argv != NULL && strcmp (*argv, "--") != 0; argv++)
    {
      gboolean used_next;

      if (**argv != '-' || (*argv)[1] == '\0')
        {
          g_ptr_array_add (self->positionals, g_strdup (*argv));
          continue;
        }
      if (!parse_option (self, arrays, *argv, argv[1], &used_next, error))
        return FALSE;
      argv += used_next;
    }
  if (*argv != NULL)
    self->command = g_strdupv (argv + 1);
  return TRUE;
}

static gboolean
match_word (VmctlArguments *self, const Word *word, guint *used, GError **error)
{
  g_autofree char *name = g_strndup (word->name, word->length);
  guint wanted = *used + 1;

  if (g_str_has_prefix (name, "--"))
    return vmctl_arguments_has (self, name + 2) || fail (error, name, "is missing");
  if (word->repeated)
    wanted = MAX (wanted, self->positionals->len);
  if (*used >= self->positionals->len)
    return word->optional || fail (error, name, "is missing");
  for (; *used < wanted; (*used)++)
    {
      const char *argument = self->positionals->pdata[*used];

      if (*argument == '\0')
        return fail (error, name, "cannot be an empty string");
      if (!is_host_path (word) && !g_utf8_validate (argument, -1, NULL))
        return fail (error, argument, "is not UTF-8, and cannot be sent to vmd");
    }
  return TRUE;
}

static gboolean
match_command (VmctlArguments *self, const char *rest, GError **error)
{
  gboolean optional = g_str_has_prefix (rest, "[-- ");

  if (*rest == '\0')
    return self->command == NULL || fail (error, "--", "is out of place: this runs no command");
  if (self->command == NULL)
    return optional || fail (error, "-- CMD", "is missing: the command to run");
  if (self->command[0] == NULL)
    return fail (error, "--", "must be followed by the command to run");
  return TRUE;
}

static gboolean
match (VmctlArguments *self, const char *pattern, GError **error)
{
  guint used = 0;
  Word word;

  while (next_word (&pattern, &word))
    if (!match_word (self, &word, &used, error))
      return FALSE;
  pattern += strspn (pattern, " ");
  if (used < self->positionals->len)
    return fail (error, self->positionals->pdata[used],
                 *pattern != '\0' ? "is one argument too many: a command is put behind “--”"
                                  : "is one argument too many");
  return match_command (self, pattern, error);
}

/* Reads @argv, which begins behind the command's name, by @pattern and the options in
 * @option_arrays (ends with NULL). INVALID_ARGUMENT. With --help among them nothing else is held
 * against the pattern. (transfer full) */
VmctlArguments *
vmctl_arguments_parse (const char *pattern, const VmctlOption *const *option_arrays, char **argv,
                       GError **error)
{
  g_autoptr (VmctlArguments) self = g_new0 (VmctlArguments, 1);

  self->positionals = g_ptr_array_new_with_free_func (g_free);
  self->options =
      g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) g_ptr_array_unref);
  if (!parse_words (self, option_arrays, argv, error))
    return NULL;
  if (!vmctl_arguments_has (self, "help") && !match (self, pattern, error))
    return NULL;
  g_ptr_array_add (self->positionals, NULL);
  return g_steal_pointer (&self);
}

guint
vmctl_arguments_count (const VmctlArguments *self)
{
  return self->positionals->len - 1;
}

/* NULL when there are not so many. */
const char *
vmctl_arguments_get (const VmctlArguments *self, guint index)
{
  return index < vmctl_arguments_count (self) ? self->positionals->pdata[index] : NULL;
}

const char *const *
vmctl_arguments_get_all (const VmctlArguments *self)
{
  return (const char *const *) self->positionals->pdata;
}

/* What stands behind "--"; NULL without. */
const char *const *
vmctl_arguments_get_command (const VmctlArguments *self)
{
  return (const char *const *) self->command;
}

gboolean
vmctl_arguments_has (const VmctlArguments *self, const char *option)
{
  return g_hash_table_contains (self->options, option);
}

/* All values of a list option; NULL when it is absent. */
const char *const *
vmctl_arguments_get_list (const VmctlArguments *self, const char *option)
{
  GPtrArray *values = g_hash_table_lookup (self->options, option);

  return values != NULL ? (const char *const *) values->pdata : NULL;
}

/* NULL when it is absent. */
const char *
vmctl_arguments_get_text (const VmctlArguments *self, const char *option)
{
  const char *const *values = vmctl_arguments_get_list (self, option);

  return values != NULL ? values[0] : NULL;
}

/* FALSE when it is absent: the parser has checked the value. */
gboolean
vmctl_arguments_get_size (const VmctlArguments *self, const char *option, guint64 *bytes)
{
  const char *text = vmctl_arguments_get_text (self, option);

  return text != NULL && vmctl_size_parse (text, option, bytes, NULL);
}

gboolean
vmctl_arguments_get_count (const VmctlArguments *self, const char *option, guint *count)
{
  const char *text = vmctl_arguments_get_text (self, option);

  return text != NULL && vmctl_count_parse (text, option, count, NULL);
}

gboolean
vmctl_arguments_get_duration (const VmctlArguments *self, const char *option, guint *milliseconds)
{
  const char *text = vmctl_arguments_get_text (self, option);

  return text != NULL && vmctl_duration_parse (text, option, milliseconds, NULL);
}

gboolean
vmctl_arguments_get_lifetime (const VmctlArguments *self, const char *option, guint *seconds)
{
  const char *text = vmctl_arguments_get_text (self, option);

  return text != NULL && vmctl_lifetime_parse (text, option, seconds, NULL);
}

gboolean
vmctl_arguments_get_version (const VmctlArguments *self, const char *option, guint64 *version)
{
  const char *text = vmctl_arguments_get_text (self, option);

  return text != NULL && vmctl_version_parse (text, option, version, NULL);
}
