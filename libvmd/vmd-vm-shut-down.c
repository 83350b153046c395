/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-poll-private.h"
#include "guest/vmd-guest-private.h"
#include "vmd-vm-launch-private.h"

/* Taking a guest down in order. Its agent is asked first: it syncs the disks, whatever init the
 * image has. A guest without the channel is asked over SSH, and by its power button. Every one of
 * these may hang, so each has a part of the grace only, and after the grace the hypervisor is
 * killed: that needs nothing of the guest. */

/* What is left of the grace for the other ways when the agent does not answer. */
#define AGENT_SHARE 2

typedef struct
{
  VmdVm *vm;
  GCancellable *cancellable;
  gint64 deadline;
  VmdAgent *agent; /* (nullable) kept until the end: what was asked may not be read yet */
} ShutDown;

static gint64
get_share (gint64 deadline)
{
  gint64 now = g_get_monotonic_time ();

  return now + MAX (deadline - now, 0) / AGENT_SHARE;
}

static gboolean
ask_agent (ShutDown *work, VmdMachine *machine, GError **error)
{
  gint64 deadline = get_share (work->deadline);
  int fd = vmd_machine_connect_agent (machine, work->cancellable, deadline, error);

  if (fd < 0)
    return FALSE;
  work->agent = vmd_agent_new (fd);
  return vmd_agent_power_off (work->agent, work->cancellable, deadline, error);
}

static gboolean
ask_over_ssh (ShutDown *work, GError **error)
{
  static const char *const argv[] = { "sh", "-c", "sync; poweroff", NULL };
  VmdConnectionPool *pool = vmd_manager_get_connection_pool (vmd_vm_get_manager (work->vm));
  gint64 deadline = get_share (work->deadline);
  gint64 left = MAX (deadline - g_get_monotonic_time (), 0) / 1000;
  g_autoptr (VmdGuestAddress) address = NULL;
  g_autoptr (VmdGuestConnection) connection = NULL;
  g_autoptr (VmdExecSpec) spec = NULL;
  g_autoptr (VmdExecResult) result = NULL;

  address = vmd_vm_dup_address (work->vm, error);
  if (address == NULL)
    return FALSE;
  /* Once more where it matters: what this would run, it would run on the host. */
  if (address->fake_root != NULL)
    return vmd_fail (error, VMD_ERROR_UNSUPPORTED, "A fake guest is not powered off by a command");
  connection = vmd_connection_pool_take (pool, address, work->cancellable, deadline, error);
  if (connection == NULL)
    return FALSE;
  spec = vmd_exec_spec_new (argv);
  vmd_exec_spec_set_timeout (spec, (guint) MAX (left, 1));
  result = vmd_guest_connection_exec (connection, spec, work->cancellable, error);
  return result != NULL;
}

/* A guest that has come up without ever having spoken over the channel has none. */
static gboolean
has_channel (const VmdVmSnapshot *now)
{
  return now->readiness < VMD_READINESS_REACHABLE ||
         (now->launch != NULL && now->launch->guest_boot_id != NULL);
}

/* A fake guest is a directory of this host, which is not to be powered off. */
static gboolean
has_ssh (VmdVm *vm, const VmdVmSnapshot *now)
{
  return vmd_manager_is_real (vmd_vm_get_manager (vm)) && now->launch != NULL &&
         now->launch->port != 0 && now->readiness >= VMD_READINESS_REACHABLE;
}

/* Asks the guest in the ways there are, until one works. */
static void
ask_guest (ShutDown *work)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (work->vm);
  g_autoptr (VmdMachine) machine = NULL;
  g_autoptr (GError) error = NULL;

  machine = vmd_vm_ref_machine (work->vm, work->cancellable, get_share (work->deadline), &error);
  if (machine != NULL && has_channel (now) && ask_agent (work, machine, &error))
    return;
  if (error != NULL)
    g_debug ("The agent of VM %s was not reached: %s", work->vm->id, error->message);
  g_clear_error (&error);
  if (has_ssh (work->vm, now) && ask_over_ssh (work, &error))
    return;
  g_clear_error (&error);
  if (machine != NULL &&
      !vmd_machine_power_button (machine, work->cancellable, work->deadline, &error))
    g_debug ("The power button of VM %s does nothing: %s", work->vm->id, error->message);
}

static gboolean
is_over (const VmdVmSnapshot *now, gconstpointer launch)
{
  return !vmd_vm_snapshot_has_launch (now, ((const VmdLaunchRow *) launch)->launch);
}

/* TRUE: it is down, or has had its time. */
static gboolean
wait_for_guest (ShutDown *work, const VmdLaunchRow *launch, gboolean *in_time, GError **error)
{
  g_autoptr (GError) failed = NULL;

  *in_time = vmd_vm_wait_until (work->vm, is_over, launch, work->cancellable, work->deadline,
                                "waiting for the guest to power off", &failed);
  if (*in_time || g_error_matches (failed, VMD_ERROR, VMD_ERROR_TIMED_OUT))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failed));
  return FALSE;
}

/**
 * vmd_vm_shut_down:
 * @claim: of this VM, which runs
 * @grace: milliseconds that the guest has to power off; 0: it is not asked
 * @reason: why, as the VM's reason
 *
 * Takes the guest down, and all that its launch made. Work in the guest was ended by the claim.
 *
 * Returns: TRUE: nothing of the launch is left; FALSE with CANCELLED: the guest was asked, and may
 *   yet power off; else with what could not be cleared away
 */
gboolean
vmd_vm_shut_down (VmdVm *self, VmdClaim *claim, guint grace, const char *reason, VmdVerb *verb,
                  GError **error)
{
  const VmdLaunchRow *launch = vmd_claim_get_launch (claim);
  ShutDown work = { .vm = self,
                    .cancellable = vmd_verb_get_cancellable (verb),
                    .deadline = vmd_deadline_in (grace) };
  g_autofree char *killed = NULL;
  gboolean in_time, waited;

  vmd_job_set_phase (vmd_verb_get_job (verb), "powering off");
  vmd_vm_set_exit_reason (self, launch->launch, reason);
  if (grace > 0)
    ask_guest (&work);
  waited = wait_for_guest (&work, launch, &in_time, error);
  g_clear_object (&work.agent);
  if (!waited)
    return FALSE;
  if (!in_time && grace > 0)
    killed = g_strdup_printf ("%s; it was killed, since its guest did not power off within %u ms",
                              reason, grace);
  return vmd_vm_tear_down (self, launch, killed != NULL ? killed : reason, error);
}
