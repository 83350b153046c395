/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-main.h"

#include "vmctl-error.h"
#include "vmctl-help.h"
#include "vmctl-json.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <vmd-error.h>

/* From the command line to an exit status: which command, what it was given, a client for it, and
 * whatever failed told in one place. */

/* Sockets and files that we open must not become standard streams of ours. */
static void
open_standard_streams (void)
{
  while (TRUE)
    {
      int fd = open ("/dev/null", O_RDWR);

      if (fd > STDERR_FILENO)
        close (fd);
      if (fd < 0 || fd > STDERR_FILENO)
        return;
    }
}

static int
fail_usage (const VmctlCommand *command, const GError *error)
{
  g_autofree char *usage = command != NULL ? vmctl_help_format_usage (command) : NULL;

  vmctl_error_print (command != NULL ? command->name : NULL, error);
  if (usage != NULL)
    fprintf (stderr, "%s", usage);
  return vmd_error_get_exit_status (VMD_ERROR_INVALID_ARGUMENT);
}

/* With --json, there is a value on standard output also then. */
static int
fail (const VmctlCommand *command, gboolean json, GError *error)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  vmctl_error_convert (&error);
  vmctl_error_print (command->name, error);
  if (json)
    {
      json_builder_begin_object (builder);
      vmctl_json_add_error (builder, error);
      json_builder_end_object (builder);
      vmctl_json_print (builder);
    }
  return vmctl_error_get_exit_status (error);
}

static int
run_command (const VmctlCommand *command, const VmctlArguments *arguments)
{
  gboolean json = vmctl_arguments_has (arguments, "json");
  g_autoptr (VmctlClient) client = vmctl_client_new (json);
  g_autoptr (GError) error = NULL;
  int status = -1;

  if (command->offline || vmctl_client_connect (client, VMCTL_CONNECTION_START, &error))
    status = command->run (client, arguments, &error);
  vmctl_progress_clear (vmctl_client_get_progress (client));
  return status >= 0 ? status : fail (command, json, g_steal_pointer (&error));
}

static int
run (char **argv)
{
  g_autoptr (VmctlArguments) arguments = NULL;
  g_autoptr (GError) error = NULL;
  const VmctlCommand *command;
  int n_words;

  command = vmctl_command_find (argv, &n_words, &error);
  if (command != NULL)
    {
      const VmctlOption *const options[] = { vmctl_shared_options, command->options, NULL };

      arguments = vmctl_arguments_parse (command->arguments, options, argv + n_words, &error);
    }
  if (arguments == NULL)
    return fail_usage (command, error);
  if (vmctl_arguments_has (arguments, "help"))
    {
      g_autofree char *help = vmctl_help_format_command (command);

      fputs (help, stdout);
      return 0;
    }
  if (command->check != NULL && !command->check (arguments, &error))
    return fail_usage (command, error);
  return run_command (command, arguments);
}

/* What was printed must have been written: a full disk is no success. */
static int
flush (int status)
{
  if (fflush (stdout) == 0 && !ferror (stdout))
    return status;
  if (errno != EPIPE)
    fprintf (stderr, "vmctl: Cannot write to standard output: %s\n", g_strerror (errno));
  return status != 0 ? status : vmd_error_get_exit_status (VMD_ERROR_FAILED);
}

/* "vmctl device --help": there is no such command, and yet it is clear what is meant. Then @argv
 * becomes what "vmctl help device" is. */
static void
understand_help (char **argv)
{
  static char help[] = "help";
  g_autofree char *words = NULL;
  g_autofree char **group = NULL;
  int n_words, n = 0;

  while (argv[n] != NULL && argv[n][0] != '-')
    n++;
  if (n == 0 || argv[n] == NULL ||
      (!g_str_equal (argv[n], "--help") && !g_str_equal (argv[n], "-h")))
    return;
  group = g_memdup2 (argv, (gsize) (n + 1) * sizeof *argv);
  group[n] = NULL;
  words = g_strjoinv (" ", group);
  if (!vmctl_command_is_group (words) || vmctl_command_find (argv, &n_words, NULL) != NULL)
    return;
  memmove (argv + 1, argv, (gsize) n * sizeof *argv);
  argv[0] = help;
  argv[n + 1] = NULL;
}

int
vmctl_main (int argc, char **argv)
{
  static char help[] = "help", version[] = "version";

  open_standard_streams ();
  setlocale (LC_ALL, "");
  /* A daemon that goes away, or a pipe, is an error where it is written to. */
  signal (SIGPIPE, SIG_IGN);
  vmd_error_register_bus_names ();
  if (argc < 2)
    {
      g_autofree char *overview = vmctl_help_format_overview ();

      fprintf (stderr, "%s", overview);
      return vmd_error_get_exit_status (VMD_ERROR_INVALID_ARGUMENT);
    }
  if (g_str_equal (argv[1], "--help") || g_str_equal (argv[1], "-h"))
    argv[1] = help;
  else if (g_str_equal (argv[1], "--version"))
    argv[1] = version;
  understand_help (argv + 1);
  return flush (run (argv + 1));
}
