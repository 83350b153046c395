/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-poll-private.h"
#include "guest/vmd-guest-private.h"
#include "vmd-cancel-chain-private.h"
#include "vmd-vm-private.h"

/* How far a guest is. While a VM boots, one thread of each process that has the state directory
 * open asks it: its agent, which says what it is at, and its SSH server, by a real login, since an
 * open port proves nothing. What it finds goes into the snapshot, and there all that wait find it.
 *
 * The probe begins when the verb that made the launch has ended (until then the hypervisor's
 * control is that verb's), and ends when the guest is provisioned, when its time is over, or when
 * somebody has claimed the launch's end: that one needs the agent for itself.
 *
 * An image whose kernel or modules lack the channel never answers as an agent. Where SSH works and
 * the agent has been silent for long, SSH's word does for both. Without an SSH server, the agent's
 * does. */

/* How long one question may take before the other side is asked. */
#define TURN_MS 2000
/* How long a login may take at last, see try_ssh(). */
#define LOGIN_MAX_MS 60000
/* Between two rounds that both failed at once. */
#define PAUSE_MS 100
#define SILENCE_MS 10000

typedef struct
{
  VmdVm *vm; /* (nullable) until it is done: the task may stay around for longer */
  guint64 launch;
  gboolean has_ssh;
  GCancellable *given_up; /* owned */
  GCancellable *cancellable; /* (nullable) while it runs: fires with given_up and the manager's */
  gint64 deadline;
  VmdAgent *agent; /* (nullable) */
  gboolean has_answered; /* the agent, at least once */
  VmdAgentStatus status; /* its last word */
  gint64 reachable_since; /* 0: SSH did not work yet */
  guint login_ms; /* how long the next login may take */
  GError *failure; /* (nullable) what the last attempt failed with */
} Probe;

static void
probe_free (gpointer data)
{
  Probe *self = data;

  g_clear_object (&self->agent);
  g_clear_error (&self->failure);
  g_clear_object (&self->given_up);
  g_clear_object (&self->vm);
  g_free (self);
}

typedef struct
{
  guint64 launch;
  VmdReadiness readiness;
  const GError *error; /* (nullable) */
} Finding;

static gboolean
put_finding (VmdVmSnapshot *next, gconstpointer data)
{
  const Finding *finding = data;

  if (!vmd_vm_snapshot_has_launch (next, finding->launch))
    return FALSE;
  if (finding->error == NULL && next->readiness >= finding->readiness)
    return FALSE;
  next->readiness = MAX (next->readiness, finding->readiness);
  g_clear_error (&next->boot_error);
  if (finding->error != NULL)
    next->boot_error = g_error_copy (finding->error);
  return TRUE;
}

static void
tell (Probe *self, VmdReadiness readiness)
{
  const Finding finding = { .launch = self->launch, .readiness = readiness };

  vmd_vm_edit (self->vm, put_finding, &finding);
}

static gboolean
record_boot_id (sqlite3 *db, gpointer data, GError **error)
{
  Probe *self = data;

  return vmd_launch_row_set_guest_boot_id (db, self->vm->id, self->launch, self->status.boot_id,
                                           error);
}

/* The agent has spoken for the first time. What cannot be written is only not shown. */
static void
note_boot_id (Probe *self)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self->vm);
  g_autoptr (GError) error = NULL;

  self->has_answered = TRUE;
  if (!vmd_vm_snapshot_has_launch (now, self->launch) ||
      g_strcmp0 (now->launch->guest_boot_id, self->status.boot_id) == 0)
    return;
  if (!vmd_store_transact (vmd_manager_get_store (self->vm->manager), record_boot_id, self,
                           self->cancellable, &error))
    g_debug ("The boot id of VM %s is not recorded: %s", self->vm->id, error->message);
}

static gboolean
connect_agent (Probe *self, gint64 deadline, GError **error)
{
  g_autoptr (VmdMachine) machine = NULL;
  int fd;

  machine = vmd_vm_ref_machine (self->vm, self->cancellable, deadline, error);
  if (machine == NULL)
    return FALSE;
  fd = vmd_machine_connect_agent (machine, self->cancellable, deadline, error);
  if (fd < 0)
    return FALSE;
  self->agent = vmd_agent_new (fd);
  return TRUE;
}

/* The connection is kept over a silence: the question may be read when the guest has booted. */
static gboolean
ask_agent (Probe *self, gint64 deadline)
{
  g_clear_error (&self->failure);
  if (self->agent == NULL && !connect_agent (self, deadline, &self->failure))
    return FALSE;
  if (vmd_agent_get_status (self->agent, &self->status, self->cancellable, deadline,
                            &self->failure))
    {
      if (!self->has_answered)
        note_boot_id (self);
      return TRUE;
    }
  if (!g_error_matches (self->failure, VMD_ERROR, VMD_ERROR_TIMED_OUT))
    g_clear_object (&self->agent);
  return FALSE;
}

/* A login, which is kept for the first command. Each that ran out of its time gives the next one
 * twice as long: OpenSSH under emulation on a busy host may need more than any fixed time, and
 * whoever gives up and asks again only leaves it with more to do. */
static gboolean
try_ssh (Probe *self)
{
  VmdManager *manager = self->vm->manager;
  gint64 deadline = MIN (self->deadline, vmd_deadline_in (self->login_ms));
  g_autoptr (VmdGuestAddress) address = NULL;
  VmdGuestConnection *connection;

  g_clear_error (&self->failure);
  address = vmd_vm_dup_address (self->vm, &self->failure);
  if (address == NULL || address->launch != self->launch)
    return FALSE;
  connection = vmd_transport_connect (vmd_manager_get_transport (manager), address,
                                      self->cancellable, deadline, &self->failure);
  if (g_error_matches (self->failure, VMD_ERROR, VMD_ERROR_TIMED_OUT))
    self->login_ms = MIN (self->login_ms * 2, LOGIN_MAX_MS);
  if (connection == NULL)
    return FALSE;
  vmd_connection_pool_give (vmd_manager_get_connection_pool (manager), address, connection);
  self->reachable_since = g_get_monotonic_time ();
  tell (self, VMD_READINESS_REACHABLE);
  return TRUE;
}

/* Whether SSH is worth a try: the agent knows whether the server is up; without its word, who
 * knows? */
static gboolean
may_be_reachable (const Probe *self, gboolean answered)
{
  return self->has_ssh && self->reachable_since == 0 && (!answered || self->status.ssh_listening);
}

static gboolean
is_provisioned (const Probe *self)
{
  gint64 silence = g_get_monotonic_time () - self->reachable_since;

  if (self->has_answered)
    return self->status.provisioned && (self->reachable_since != 0 || !self->has_ssh);
  return self->reachable_since != 0 && silence >= SILENCE_MS * G_GINT64_CONSTANT (1000);
}

/* What no waiting mends: the guest says that it failed, or is not the one that vmd made. */
static gboolean
is_hopeless (Probe *self)
{
  if (self->has_answered && !self->status.provisioned && self->status.message[0] != '\0')
    {
      g_clear_error (&self->failure);
      vmd_fail (&self->failure, VMD_ERROR_GUEST, "the guest says: %s", self->status.message);
      return TRUE;
    }
  return g_error_matches (self->failure, VMD_ERROR, VMD_ERROR_HOST_KEY_MISMATCH);
}

/* FALSE when the probe is cancelled. */
static gboolean
pause_probe (Probe *self)
{
  gint64 until = MIN (self->deadline, vmd_deadline_in (PAUSE_MS));

  vmd_poll (NULL, 0, self->cancellable, until, "pausing", NULL);
  return !g_cancellable_is_cancelled (self->cancellable);
}

/* Blocks until the guest is provisioned: TRUE; or until it will not be. */
static gboolean
run (Probe *self)
{
  while (g_get_monotonic_time () < self->deadline)
    {
      gint64 begun = g_get_monotonic_time ();
      gint64 turn = MIN (self->deadline, vmd_deadline_in (TURN_MS));
      gboolean answered = ask_agent (self, turn);

      if (may_be_reachable (self, answered))
        try_ssh (self);
      if (is_provisioned (self))
        return TRUE;
      if (g_cancellable_is_cancelled (self->cancellable) || is_hopeless (self))
        return FALSE;
      if (g_get_monotonic_time () - begun < PAUSE_MS * 1000 && !pause_probe (self))
        return FALSE;
    }
  return FALSE;
}

static const char *
describe_progress (const Probe *self)
{
  if (self->reachable_since != 0)
    return "it can be logged in to, but is not provisioned";
  if (self->has_answered)
    return "its agent answers, but it cannot be logged in to";
  return "it does not answer";
}

/* What it failed with keeps its code where a caller can act on it. */
static void
tell_failure (Probe *self, guint timeout)
{
  g_autofree char *name = vmd_vm_dup_name (self->vm);
  g_autofree char *console = vmd_vm_dup_console_tail (self->vm);
  gboolean keeps_code = g_error_matches (self->failure, VMD_ERROR, VMD_ERROR_HOST_KEY_MISMATCH) ||
                        g_error_matches (self->failure, VMD_ERROR, VMD_ERROR_GUEST);
  int code = keeps_code ? self->failure->code : VMD_ERROR_BOOT_FAILED;
  g_autoptr (GError) error = NULL;
  Finding finding = { .launch = self->launch };

  if (keeps_code)
    vmd_fail (&error, code, "VM “%s” runs, but did not become ready: %s%s", name,
              self->failure->message, console);
  else
    vmd_fail (&error, code,
              "VM “%s” runs, but did not become ready within %u s (VMD_BOOT_TIMEOUT): %s%s%s%s",
              name, timeout / 1000, describe_progress (self), self->failure != NULL ? ": " : "",
              self->failure != NULL ? self->failure->message : "", console);
  finding.error = error;
  vmd_vm_edit (self->vm, put_finding, &finding);
}

static void
probe_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Probe *self = data;
  g_autoptr (VmdVm) vm = g_object_ref (self->vm);
  guint timeout = vmd_manager_get_boot_timeout (vm->manager);
  g_autoptr (VmdCancelChain) chain =
      vmd_cancel_chain_new (self->given_up, vmd_manager_get_cancellable (vm->manager));
  gboolean ready;

  self->cancellable = vmd_cancel_chain_get (chain);
  self->deadline = vmd_deadline_in (timeout);
  self->login_ms = TURN_MS;
  ready = run (self);
  g_clear_object (&self->agent);
  if (ready)
    tell (self, VMD_READINESS_PROVISIONED);
  else if (!g_cancellable_is_cancelled (self->cancellable))
    tell_failure (self, timeout);
  self->cancellable = NULL;
  g_clear_object (&self->vm);
  g_task_return_boolean (task, ready);
}

static gboolean
is_worth_probing (const VmdVmSnapshot *now)
{
  const char *verb = vmd_vm_snapshot_get_verb (now);

  return vmd_vm_snapshot_is_running (now) && !vmd_vm_snapshot_is_gone (now) &&
         now->readiness < VMD_READINESS_PROVISIONED && now->boot_error == NULL &&
         (verb == NULL || g_str_equal (verb, "set"));
}

/* Takes the place of the probe that is there, if it is of another launch. Returns: (transfer full)
 * (nullable): what cancels the new one; NULL when there is one already */
static GCancellable *
replace_probe (VmdVm *self, guint64 launch, GCancellable **old)
{
  GCancellable *probe = NULL;

  g_mutex_lock (&self->mutex);
  if (self->probe == NULL || self->probe_launch != launch)
    {
      probe = g_cancellable_new ();
      *old = self->probe;
      self->probe = g_object_ref (probe);
      self->probe_launch = launch;
    }
  g_mutex_unlock (&self->mutex);
  return probe;
}

static void
begin (VmdVm *self, const VmdVmSnapshot *now)
{
  VmdManager *manager = self->manager;
  g_autoptr (GCancellable) old = NULL;
  g_autoptr (GCancellable) cancellable = NULL;
  g_autoptr (GTask) task = NULL;
  Probe *probe;

  if (g_strcmp0 (now->row->backend, vmd_backend_get_name (vmd_manager_get_backend (manager))) != 0)
    return;
  cancellable = replace_probe (self, now->launch->launch, &old);
  if (old != NULL)
    g_cancellable_cancel (old);
  if (cancellable == NULL)
    return;
  probe = g_new0 (Probe, 1);
  probe->vm = g_object_ref (self);
  probe->launch = now->launch->launch;
  probe->has_ssh = now->launch->port != 0 && g_strcmp0 (now->row->ssh_server, "none") != 0;
  probe->given_up = g_object_ref (cancellable);
  /* Without the VM: a task that has returned stays until its context has iterated, and a program
   * that never does would keep the VM, and with it the manager. */
  task = g_task_new (NULL, NULL, NULL, NULL);
  g_task_set_source_tag (task, vmd_vm_probe_follow);
  g_task_set_task_data (task, probe, probe_free);
  vmd_worker_run (vmd_manager_get_worker (manager), VMD_WORKER_LIFECYCLE, task, probe_in_thread);
}

static void
end (VmdVm *self)
{
  g_autoptr (GCancellable) old = NULL;

  g_mutex_lock (&self->mutex);
  old = g_steal_pointer (&self->probe);
  g_mutex_unlock (&self->mutex);
  if (old != NULL)
    g_cancellable_cancel (old);
}

static gboolean
is_in_place (VmdVm *self, const VmdVmSnapshot *snapshot)
{
  gboolean is_current;

  g_mutex_lock (&self->mutex);
  is_current = self->snapshot == snapshot;
  g_mutex_unlock (&self->mutex);
  return is_current;
}

/* Begins or ends the probe as the snapshot demands. Two threads may get here with two snapshots,
 * and the older one come last: it would end the probe of a launch that it has not heard of, or
 * begin one beside a stop. Hence the second look. Without any mutex held. */
void
vmd_vm_probe_follow (VmdVm *self)
{
  gboolean is_current = FALSE;

  while (!is_current && !g_cancellable_is_cancelled (vmd_manager_get_cancellable (self->manager)))
    {
      g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);

      if (is_worth_probing (now))
        begin (self, now);
      else if (!vmd_vm_snapshot_is_running (now) || vmd_vm_snapshot_get_verb (now) != NULL)
        end (self);
      is_current = is_in_place (self, now);
    }
}
