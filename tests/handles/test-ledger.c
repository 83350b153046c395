/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "handles-support.h"
#include "scale.h"

/* After many lives of VMs there is nothing more than before: no process, descriptor, socket, file,
 * lock, row. */

#define CYCLES 200

static void
live_once (Fixture *fixture, guint n)
{
  g_autofree char *name = g_strdup_printf ("vm-%u", n);
  g_autoptr (VmdVm) vm = create_vm (fixture->manager, name);
  g_autoptr (GError) error = NULL;

  vmd_vm_start (vm, n % 4 == 0 ? VMD_READINESS_PROVISIONED : VMD_READINESS_LAUNCHED, NULL, NULL,
                NULL, &error);
  g_assert_no_error (error);
  if (n % 3 == 0)
    vmd_vm_kill (vm, NULL, NULL, &error);
  else if (n % 3 == 1)
    vmd_vm_stop (vm, HANG_SECONDS * 1000, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  vmd_vm_delete (vm, TRUE, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
}

static void
test_cycles (Fixture *fixture, gconstpointer data)
{
  g_auto (Ledger) before = { 0 };

  /* The first ones open what stays open. */
  for (guint i = 0; i < 4; i++)
    live_once (fixture, i);
  ledger_take (&before, fixture);
  for (guint i = 0; i < scaled (CYCLES); i++)
    live_once (fixture, i);
  ledger_assert_becomes (fixture, &before);
}

int
main (int argc, char **argv)
{
  handles_test_init (&argc, &argv);
  add_test ("/ledger/cycles", test_cycles);
  return handles_test_run ();
}
