/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-command.h"
#include "vmctl-help.h"

#include <string.h>
#include <vmd-error.h>

/* TAP is UTF-8, and not all of these are. */
static void
tell (const char *text)
{
  g_autofree char *escaped = g_strescape (text, NULL);

  g_test_message ("“%s”", escaped);
}

static const VmctlOption options[] = {
  { "force", 'f', VMCTL_OPTION_FLAG, NULL, "" },     { "name", 'n', VMCTL_OPTION_TEXT, "NAME", "" },
  { "env", 0, VMCTL_OPTION_LIST, "NAME=VALUE", "" }, { "memory", 0, VMCTL_OPTION_SIZE, "SIZE", "" },
  { "modules", 0, VMCTL_OPTION_PATH, "DIR", "" },    { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};
static const VmctlOption *const arrays[] = { vmctl_shared_options, options, NULL };

/* Words are separated by "|". */
static VmctlArguments *
parse (const char *pattern, const char *line, GError **error)
{
  g_auto (GStrv) argv = *line != '\0' ? g_strsplit (line, "|", -1) : g_new0 (char *, 1);

  return vmctl_arguments_parse (pattern, arrays, argv, error);
}

static void
test_patterns (void)
{
  static const struct
  {
    const char *pattern;
    const char *line;
    gboolean good;
  } cases[] = {
    { "", "", TRUE },
    { "", "x", FALSE },
    { "", "--", FALSE },
    { "VM", "", FALSE },
    { "VM", "a", TRUE },
    { "VM", "a|b", FALSE },
    { "VM", "a|--force", TRUE },
    { "VM", "-f|a", TRUE },
    { "VM…", "", FALSE },
    { "VM…", "a|b|c", TRUE },
    { "VM…", "a||c", FALSE },
    { "VM…", "\xff", FALSE },
    { "[NAME]", "", TRUE },
    { "[NAME]", "a", TRUE },
    { "[NAME]", "a|b", FALSE },
    { "[WORD…]", "", TRUE },
    { "[WORD…]", "a|b", TRUE },
    { "NAME TAR", "a", FALSE },
    { "NAME TAR", "a|-", TRUE },
    { "NAME TAR", "a|\xff.tar", TRUE },
    { "NAME TAR", "\xff|x.tar", FALSE },
    { "VM [PATH]", "a|b", TRUE },
    { "VM [PATH]", "a|b|c", FALSE },
    { "--force NAME", "a", FALSE },
    { "--force NAME", "a|--force", TRUE },
    { "[PATH] [-- CMD…]", "", TRUE },
    { "[PATH] [-- CMD…]", "--|ls", TRUE },
    { "[PATH] [-- CMD…]", "x|--|ls|--force|--", TRUE },
    { "[PATH] [-- CMD…]", "--", FALSE },
    { "[PATH] [-- CMD…]", "x|ls", FALSE },
    { "VM… -- CMD…", "a|b", FALSE },
    { "VM… -- CMD…", "a|b|--|ls", TRUE },
    { "VM… -- CMD…", "--|ls", FALSE },
    { "VM", "a|--nonsense", FALSE },
    { "VM", "a|-x", FALSE },
    { "VM", "a|--forc", FALSE },
    { "VM", "a|--force=yes", FALSE },
    { "VM", "a|--name", FALSE },
    { "VM", "a|--name|--", FALSE },
    { "VM", "a|--name|x", TRUE },
    { "VM", "a|--name=", TRUE },
    { "VM", "a|-n|x", TRUE },
    { "VM", "a|--name=\xff", FALSE },
    { "VM", "a|--modules=\xff", TRUE },
    { "VM", "a|--memory=4Q", FALSE },
    { "VM", "a|--memory|4G", TRUE },
    { "VM", "a|--memory=-1", FALSE },
    { "VM", "--help", TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VmctlArguments) arguments = parse (cases[i].pattern, cases[i].line, &error);

      tell (cases[i].pattern);
      tell (cases[i].line);
      g_assert_cmpint (arguments != NULL, ==, cases[i].good);
      if (cases[i].good)
        g_assert_no_error (error);
      else
        g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
      if (error != NULL)
        g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
}

static void
test_values (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmctlArguments) arguments = parse (
      "[PATH] [-- CMD…]",
      "--name=first|--env|A=1|dir|--env=B=x=y|--name|-last|--memory=4GiB|--|sh|-c|--name", &error);
  const char *const *list;
  guint64 size = 0;

  g_assert_no_error (error);
  g_assert_cmpuint (vmctl_arguments_count (arguments), ==, 1);
  g_assert_cmpstr (vmctl_arguments_get (arguments, 0), ==, "dir");
  g_assert_null (vmctl_arguments_get (arguments, 1));
  /* The last one counts, but in a list. */
  g_assert_cmpstr (vmctl_arguments_get_text (arguments, "name"), ==, "-last");
  list = vmctl_arguments_get_list (arguments, "env");
  g_assert_cmpuint (g_strv_length ((char **) list), ==, 2);
  g_assert_cmpstr (list[0], ==, "A=1");
  g_assert_cmpstr (list[1], ==, "B=x=y");
  g_assert_true (vmctl_arguments_get_size (arguments, "memory", &size));
  g_assert_cmpuint (size, ==, G_GUINT64_CONSTANT (4) << 30);
  list = vmctl_arguments_get_command (arguments);
  g_assert_cmpuint (g_strv_length ((char **) list), ==, 3);
  g_assert_cmpstr (list[2], ==, "--name");
  /* LESSONS 43: what is absent is absent, not the default of something else. */
  g_assert_false (vmctl_arguments_has (arguments, "force"));
  g_assert_null (vmctl_arguments_get_text (arguments, "modules"));
  g_assert_false (vmctl_arguments_get_size (arguments, "modules", &size));
}

static void
test_find (void)
{
  static const struct
  {
    const char *line;
    const char *name; /* NULL: none */
    int n_words;
  } cases[] = {
    { "list", "list", 1 },
    { "status", "list", 1 },
    { "image|list", "image list", 2 },
    { "image", NULL, 0 },
    { "image|--json", NULL, 0 },
    { "image|frobnicate", NULL, 0 },
    { "image list", NULL, 0 },
    { "frobnicate", NULL, 0 },
    { "", NULL, 0 },
    { "\xff", NULL, 0 },
    { "lock|list", "lock list", 2 },
    { "lock|list|--|ls", "lock", 1 },
    { "lock|web|--|ls", "lock", 1 },
    { "lock|web", "lock", 1 },
    { "job|cancel|x", "job cancel", 2 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (GStrv) argv = g_strsplit (*cases[i].line != '\0' ? cases[i].line : "|", "|", -1);
      g_autoptr (GError) error = NULL;
      int n_words = 0;
      const VmctlCommand *command = vmctl_command_find (argv, &n_words, &error);

      tell (cases[i].line);
      g_assert_cmpstr (command != NULL ? command->name : NULL, ==, cases[i].name);
      if (command == NULL)
        g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
      else
        g_assert_cmpint (n_words, ==, cases[i].n_words);
      if (command != NULL)
        g_assert_no_error (error);
    }
}

/* LESSONS 44: every form that help names is one that the parser takes. Each word of the pattern is
 * put in the place of what it stands for, optional ones too, and then left out. */
static char **
make_line (const char *pattern, gboolean with_optional)
{
  g_auto (GStrv) words = g_strsplit (pattern, " ", -1);
  g_autoptr (GPtrArray) line = g_ptr_array_new ();
  gboolean optional = FALSE;

  for (char **word = words; *word != NULL; word++)
    {
      gboolean begins = **word == '[';
      gboolean ends = g_str_has_suffix (*word, "]");
      const char *bare = *word + begins;

      optional = optional || begins;
      if (**word != '\0' && (!optional || with_optional))
        g_ptr_array_add (line, g_strdup (g_str_has_prefix (bare, "--") ? bare : "x"));
      if (ends)
        optional = FALSE;
    }
  g_ptr_array_add (line, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&line), FALSE);
}

static void
assert_takes (const VmctlCommand *command, char **line, gboolean takes)
{
  const VmctlOption *const command_arrays[] = { vmctl_shared_options, command->options, NULL };
  g_autofree char *text = g_strjoinv (" ", line);
  g_autoptr (GError) error = NULL;
  g_autoptr (VmctlArguments) arguments =
      vmctl_arguments_parse (command->arguments, command_arrays, line, &error);

  g_test_message ("%s %s", command->name, text);
  if (takes)
    g_assert_no_error (error);
  g_assert_cmpint (arguments != NULL, ==, takes);
}

static void
test_help_is_true (void)
{
  for (const VmctlCommand *const *command = vmctl_commands; *command != NULL; command++)
    {
      g_auto (GStrv) full = make_line ((*command)->arguments, TRUE);
      g_auto (GStrv) bare = make_line ((*command)->arguments, FALSE);
      char *no_option[] = { "--no-such-option", NULL };
      g_autofree char *help = vmctl_help_format_command (*command);

      assert_takes (*command, full, TRUE);
      assert_takes (*command, bare, TRUE);
      assert_takes (*command, no_option, FALSE);
      g_assert_nonnull (strstr (help, (*command)->arguments));
    }
}

static const char *
example_value (VmctlOptionType type)
{
  switch (type)
    {
    case VMCTL_OPTION_SIZE:
      return "1G";
    case VMCTL_OPTION_COUNT:
    case VMCTL_OPTION_VERSION:
      return "1";
    case VMCTL_OPTION_DURATION:
    case VMCTL_OPTION_LIFETIME:
      return "1s";
    case VMCTL_OPTION_LIST:
    case VMCTL_OPTION_TEXT:
    case VMCTL_OPTION_PATH:
      return "A=b";
    case VMCTL_OPTION_FLAG:
    default:
      return NULL;
    }
}

/* Each option that help shows is taken in the form in which help shows it. */
static void
test_options_are_true (void)
{
  for (const VmctlCommand *const *command = vmctl_commands; *command != NULL; command++)
    for (const VmctlOption *option = (*command)->options; option != NULL && option->name != NULL;
         option++)
      {
        const char *value = example_value (option->type);
        g_autofree char *name = g_strconcat ("--", option->name, NULL);
        g_autofree char *help = vmctl_help_format_command (*command);
        g_auto (GStrv) rest = make_line ((*command)->arguments, FALSE);
        g_autoptr (GPtrArray) line = g_ptr_array_new ();

        g_ptr_array_add (line, name);
        if (value != NULL)
          g_ptr_array_add (line, (char *) value);
        for (char **word = rest; *word != NULL; word++)
          g_ptr_array_add (line, *word);
        g_ptr_array_add (line, NULL);
        assert_takes (*command, (char **) line->pdata, TRUE);
        g_assert_nonnull (strstr (help, name));
        g_assert_cmpint (value != NULL, ==, option->value != NULL);
      }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vmctl/arguments/patterns", test_patterns);
  g_test_add_func ("/vmctl/arguments/values", test_values);
  g_test_add_func ("/vmctl/commands/find", test_find);
  g_test_add_func ("/vmctl/commands/help-is-true", test_help_is_true);
  g_test_add_func ("/vmctl/commands/options-are-true", test_options_are_true);
  return g_test_run ();
}
