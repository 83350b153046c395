/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* LESSONS 36: what goes through a shell arrives as it was. Asked from real shells. */

#include "libvmd/transport/vmd-exec-private.h"

#include <string.h>

static const char *const shells[] = { "sh", "dash", "bash", "busybox", NULL };

/* What the shell made of a command line: its output. NULL: there is no such shell. */
static char *
run_shell (const char *shell, const char *line, gsize *length)
{
  const char *const plain[] = { shell, "-c", line, NULL };
  const char *const applet[] = { shell, "sh", "-c", line, NULL };
  const char *const *argv = g_str_equal (shell, "busybox") ? applet : plain;
  g_autofree char *path = g_find_program_in_path (shell);
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GBytes) output = NULL;
  g_autoptr (GError) error = NULL;

  if (path == NULL)
    return NULL;
  process = g_subprocess_newv (argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error);
  g_assert_no_error (error);
  g_subprocess_communicate (process, NULL, NULL, &output, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_successful (process));
  return g_bytes_unref_to_data (g_steal_pointer (&output), length);
}

/* The words come back, each with a NUL after it. */
static void
check_words (const char *const *words)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GString) expected = g_string_new (NULL);
  g_autofree char *line = NULL;

  g_ptr_array_add (argv, (gpointer) "printf");
  g_ptr_array_add (argv, (gpointer) "%s\\0");
  for (guint i = 0; words[i] != NULL; i++)
    {
      g_ptr_array_add (argv, (gpointer) words[i]);
      g_string_append_len (expected, words[i], strlen (words[i]) + 1);
    }
  g_ptr_array_add (argv, NULL);
  line = vmd_shell_quote_argv ((const char *const *) argv->pdata);
  for (guint i = 0; shells[i] != NULL; i++)
    {
      gsize length = 0;
      g_autofree char *output = run_shell (shells[i], line, &length);

      if (output != NULL)
        g_assert_cmpmem (output, length, expected->str, expected->len);
    }
}

static void
test_known (void)
{
  static const char *const words[] = {
    "",        " ",         "'",         "''",         "it's",   "\"",      "$HOME",  "${x}",
    "$(true)", "`true`",    "\\",        "\\n",        "\\'",    "a\nb",    "\n",     "*",
    "?",       "[a-z]",     "~",         "~root",      "a=b",    "-n",      "--",     "#",
    "!",       "!!",        "if",        "{a,b}",      "; true", "& true",  "| true", "> /x",
    "\t",      "\r",        "\001\033[", "\xff\xfe",   "\xc3",   "ä",       "%s%n",   "'\\''",
    "\\\\",    "a'b'c\"d$", "'$HOME'",   "trailing\\", "\\\n",   "'\n'\n'", NULL,
  };

  check_words (words);
}

static char *
random_word (void)
{
  static const char special[] = "'\"\\$`!*?[]{}()<>|&;#~=%^ \t\n\r-";
  gsize length = (gsize) g_test_rand_int_range (0, 40);
  char *word = g_malloc0 (length + 1);

  for (gsize i = 0; i < length; i++)
    word[i] = g_test_rand_bit () ? special[g_test_rand_int_range (0, sizeof special - 1)]
                                 : (char) g_test_rand_int_range (1, 256);
  return word;
}

static void
test_random (void)
{
  for (guint round = 0; round < 40; round++)
    {
      g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);

      for (guint i = 0; i < 100; i++)
        g_ptr_array_add (words, random_word ());
      g_ptr_array_add (words, NULL);
      check_words ((const char *const *) words->pdata);
    }
}

static void
test_nothing (void)
{
  const char *const none[] = { NULL };

  g_assert_null (vmd_shell_quote_argv (NULL));
  g_assert_null (vmd_shell_quote_argv (none));
}

/* -- the whole of a command line -- */

static void
test_login_shell (void)
{
  g_autoptr (VmdExecSpec) spec = vmd_exec_spec_new (NULL);

  g_assert_null (vmd_exec_spec_dup_command (spec));
  g_assert_true (vmd_exec_spec_check (spec, NULL));
}

static void
test_command (void)
{
  const char *const argv[] = { "printf", "%s", "a'b", NULL };
  const char *const environment[] = { "A=", "_b1=x=y' z", NULL };
  g_autoptr (VmdExecSpec) spec = vmd_exec_spec_new (argv);
  g_autofree char *expected = NULL;
  g_autofree char *command = NULL;
  g_autofree char *in_terminal = NULL;

  vmd_exec_spec_set_directory (spec, "/tmp/it's");
  vmd_exec_spec_set_environment (spec, environment);
  expected = g_strdup_printf ("cd '/tmp/it'\\''s' && export VMD_EXEC=%s && export A='' && "
                              "export _b1='x=y'\\'' z' && exec 'printf' '%%s' 'a'\\''b'",
                              vmd_exec_spec_get_token (spec));
  command = vmd_exec_spec_dup_command (spec);
  g_assert_cmpstr (command, ==, expected);
  vmd_exec_spec_set_terminal (spec, "vt220", 80, 24);
  in_terminal = vmd_exec_spec_dup_command (spec);
  g_assert_null (strstr (in_terminal, "VMD_EXEC"));
}

static void
check_refused (VmdExecSpec *spec)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (vmd_exec_spec_check (spec, &error));
  g_assert_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT);
}

static void
test_bad_environment (void)
{
  static const char *const bad[] = { "", "=", "=x", "A", "1A=x", "A B=x", "A;true=x", "A-B=x" };
  const char *const argv[] = { "true", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (VmdExecSpec) spec = vmd_exec_spec_new (argv);
      const char *const environment[] = { "GOOD=1", bad[i], NULL };
      g_autofree char *command = NULL;

      vmd_exec_spec_set_environment (spec, environment);
      check_refused (spec);
      command = vmd_exec_spec_dup_command (spec);
      g_assert_true (g_str_has_suffix (command, " && export GOOD='1' && exec 'true'"));
    }
}

static void
test_bad_directory (void)
{
  const char *const argv[] = { "true", NULL };
  g_autoptr (VmdExecSpec) spec = vmd_exec_spec_new (argv);

  vmd_exec_spec_set_directory (spec, "relative");
  check_refused (spec);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/shell-quote/known", test_known);
  g_test_add_func ("/shell-quote/random", test_random);
  g_test_add_func ("/shell-quote/nothing", test_nothing);
  g_test_add_func ("/exec-spec/login-shell", test_login_shell);
  g_test_add_func ("/exec-spec/command", test_command);
  g_test_add_func ("/exec-spec/bad-environment", test_bad_environment);
  g_test_add_func ("/exec-spec/bad-directory", test_bad_directory);
  return g_test_run ();
}
