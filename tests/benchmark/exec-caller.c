/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* A program that links libvmd: for each line on its standard input it runs `true` in the guest, and
 * prints the exit status. */

#include <stdio.h>
#include <vmd.h>

static gboolean
run_true (VmdVm *vm, GError **error)
{
  static const char *const argv[] = { "true", NULL };
  g_autoptr (VmdExecSpec) spec = vmd_exec_spec_new (argv);
  g_autoptr (VmdExecResult) result = vmd_vm_exec (vm, spec, NULL, NULL, error);

  if (result == NULL)
    return FALSE;
  printf ("%d\n", vmd_exec_result_get_exit_status (result));
  fflush (stdout);
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (VmdManager) manager = NULL;
  g_autoptr (VmdVm) vm = NULL;
  g_autoptr (GError) error = NULL;
  char line[16];

  g_return_val_if_fail (argc == 3, 2);
  manager = vmd_manager_open (argv[1], NULL, NULL, &error);
  if (manager != NULL)
    vm = vmd_manager_find_vm (manager, argv[2], &error);
  if (vm != NULL)
    {
      puts ("ready");
      fflush (stdout);
      while (error == NULL && fgets (line, sizeof line, stdin) != NULL)
        run_true (vm, &error);
    }
  if (manager != NULL)
    vmd_manager_close (manager);
  if (error != NULL)
    fprintf (stderr, "%s: %s\n", argv[0], error->message);
  return error != NULL;
}
