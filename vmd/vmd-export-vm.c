/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-dbus.h"
#include "vmd-object-kind.h"
#include "vmd-spec.h"

/* A guest with an init of its own has services to end; under emulation that takes a while. */
#define DEFAULT_GRACE_MS 30000
/* As the kernel keeps the size of a terminal. */
#define MAX_TERMINAL_SIZE G_MAXUINT16

static const char *const state_names[] = { "created", "running", "paused", "stopped", "error" };
static const char *const readiness_names[] = { "none", "launched", "reachable", "provisioned" };

VMD_DEFINE_STRING (id, vmd_vm_get_id)
VMD_DEFINE_OWNED_STRING (name, vmd_vm_dup_name)
VMD_DEFINE_OWNED_STRING (image, vmd_vm_dup_image)
VMD_DEFINE_OWNED_STRING (kernel, vmd_vm_dup_kernel)
VMD_DEFINE_VALUE (vcpus, vmd_vm_get_vcpus, uint32)
VMD_DEFINE_VALUE (memory, vmd_vm_get_memory, uint64)
VMD_DEFINE_VALUE (disk_size, vmd_vm_get_disk_size, uint64)
VMD_DEFINE_OWNED_STRING (network, vmd_vm_dup_network)
VMD_DEFINE_OWNED_STRING (backend, vmd_vm_dup_backend)
VMD_DEFINE_VALUE (created, vmd_vm_get_created, int64)
VMD_DEFINE_VALUE (launch, vmd_vm_get_launch, uint64)
VMD_DEFINE_OWNED_STRING (reason, vmd_vm_dup_reason)
VMD_DEFINE_OWNED_STRING (transition, vmd_vm_dup_transition)
VMD_DEFINE_VALUE (pid, vmd_vm_get_pid, int64)
VMD_DEFINE_VALUE (started, vmd_vm_get_started, int64)
VMD_DEFINE_VALUE (ssh_port, vmd_vm_get_ssh_port, uint32)
VMD_DEFINE_OWNED_STRING (guest_boot_id, vmd_vm_dup_guest_boot_id)

static GVariant *
get_state (gpointer vm)
{
  return g_variant_new_string (state_names[vmd_vm_get_state (vm)]);
}

static GVariant *
get_readiness (gpointer vm)
{
  return g_variant_new_string (readiness_names[vmd_vm_get_readiness (vm)]);
}

static const VmdProperty properties[] = {
  { "Id", get_id, VMD_PROPERTY_CONSTANT },
  { "Name", get_name, VMD_PROPERTY_TOLD },
  { "Image", get_image, VMD_PROPERTY_TOLD },
  { "Kernel", get_kernel, VMD_PROPERTY_TOLD },
  { "Vcpus", get_vcpus, VMD_PROPERTY_TOLD },
  { "Memory", get_memory, VMD_PROPERTY_TOLD },
  { "DiskSize", get_disk_size, VMD_PROPERTY_TOLD },
  { "Network", get_network, VMD_PROPERTY_TOLD },
  { "Backend", get_backend, VMD_PROPERTY_CONSTANT },
  { "Created", get_created, VMD_PROPERTY_CONSTANT },
  { "Launch", get_launch, VMD_PROPERTY_TOLD },
  { "State", get_state, VMD_PROPERTY_TOLD },
  { "Reason", get_reason, VMD_PROPERTY_TOLD },
  { "Transition", get_transition, VMD_PROPERTY_TOLD },
  { "Readiness", get_readiness, VMD_PROPERTY_TOLD },
  { "Pid", get_pid, VMD_PROPERTY_TOLD },
  { "Started", get_started, VMD_PROPERTY_TOLD },
  { "SshPort", get_ssh_port, VMD_PROPERTY_TOLD },
  { "GuestBootId", get_guest_boot_id, VMD_PROPERTY_TOLD },
  { NULL, NULL, VMD_PROPERTY_CONSTANT },
};

static gboolean
get_readiness_option (VmdCall *call, VmdReadiness *readiness)
{
  const char *text = "provisioned";

  g_variant_dict_lookup (vmd_call_get_options (call), "wait-for", "&s", &text);
  for (guint i = VMD_READINESS_LAUNCHED; i < G_N_ELEMENTS (readiness_names); i++)
    if (g_str_equal (text, readiness_names[i]))
      {
        *readiness = i;
        return TRUE;
      }
  vmd_call_fail (call, g_error_new (VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                                    "“%s” is none of launched, reachable, provisioned", text));
  return FALSE;
}

static guint
get_grace_option (VmdCall *call)
{
  guint grace = DEFAULT_GRACE_MS;

  g_variant_dict_lookup (vmd_call_get_options (call), "grace", "u", &grace);
  return grace;
}

/* The verbs that end with TRUE or an error share their callback but for the finish function. */
#define DEFINE_DONE(verb)                                                                          \
  static void verb##_done_cb (GObject *source, GAsyncResult *result, gpointer data)                \
  {                                                                                                \
    GError *error = NULL;                                                                          \
                                                                                                   \
    vmd_vm_##verb##_finish (VMD_VM (source), result, &error);                                      \
    vmd_call_end (data, error);                                                                    \
  }

DEFINE_DONE (start)
DEFINE_DONE (stop)
DEFINE_DONE (restart)
DEFINE_DONE (kill)
DEFINE_DONE (delete)
DEFINE_DONE (set)
DEFINE_DONE (wait_ready)
DEFINE_DONE (wait_stopped)

static void
run_start (VmdCall *call)
{
  VmdVm *vm = vmd_call_get_object (call);
  VmdReadiness readiness;

  if (!get_readiness_option (call, &readiness))
    return;
  vmd_call_survive_launch (call, vm);
  vmd_vm_start_async (vm, readiness, vmd_call_get_lock (call), vmd_call_get_job (call),
                      vmd_call_get_cancellable (call), start_done_cb, call);
}

static void
run_stop (VmdCall *call)
{
  vmd_vm_stop_async (vmd_call_get_object (call), get_grace_option (call), vmd_call_get_lock (call),
                     vmd_call_get_job (call), vmd_call_get_cancellable (call), stop_done_cb, call);
}

static void
run_restart (VmdCall *call)
{
  VmdReadiness readiness;

  if (!get_readiness_option (call, &readiness))
    return;
  vmd_vm_restart_async (vmd_call_get_object (call), get_grace_option (call), readiness,
                        vmd_call_get_lock (call), vmd_call_get_job (call),
                        vmd_call_get_cancellable (call), restart_done_cb, call);
}

static void
run_kill (VmdCall *call)
{
  vmd_vm_kill_async (vmd_call_get_object (call), vmd_call_get_job (call),
                     vmd_call_get_cancellable (call), kill_done_cb, call);
}

static void
run_delete (VmdCall *call)
{
  gboolean force = FALSE;

  g_variant_dict_lookup (vmd_call_get_options (call), "force", "b", &force);
  vmd_vm_delete_async (vmd_call_get_object (call), force, vmd_call_get_lock (call),
                       vmd_call_get_job (call), vmd_call_get_cancellable (call), delete_done_cb,
                       call);
}

static void
run_set (VmdCall *call)
{
  g_autoptr (GVariant) dictionary = g_variant_get_child_value (vmd_call_get_parameters (call), 0);
  g_autoptr (VmdVmSpec) spec = NULL;
  GError *error = NULL;

  spec = vmd_spec_from_variant (dictionary, FALSE, &error);
  if (spec == NULL)
    {
      vmd_call_fail (call, error);
      return;
    }
  vmd_vm_set_async (vmd_call_get_object (call), spec, vmd_call_get_lock (call),
                    vmd_call_get_cancellable (call), set_done_cb, call);
}

static void
run_wait (VmdCall *call)
{
  VmdVm *vm = vmd_call_get_object (call);
  const char *what;

  g_variant_get_child (vmd_call_get_parameters (call), 0, "&s", &what);
  if (g_str_equal (what, "stopped"))
    {
      vmd_vm_wait_stopped_async (vm, vmd_call_get_cancellable (call), wait_stopped_done_cb, call);
      return;
    }
  for (guint i = VMD_READINESS_LAUNCHED; i < G_N_ELEMENTS (readiness_names); i++)
    if (g_str_equal (what, readiness_names[i]))
      {
        vmd_vm_wait_ready_async (vm, i, vmd_call_get_cancellable (call), wait_ready_done_cb, call);
        return;
      }
  vmd_call_fail (call,
                 g_error_new (VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                              "“%s” is none of launched, reachable, provisioned, stopped", what));
}

static void
exec_done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_autoptr (VmdExecResult) outcome = vmd_vm_exec_finish (VMD_VM (source), result, &error);

  if (outcome == NULL)
    vmd_call_fail (data, error);
  else
    vmd_call_return (data,
                     g_variant_new ("(is)", vmd_exec_result_get_exit_status (outcome),
                                    vmd_exec_result_get_signal (outcome) ?: ""),
                     NULL);
}

static gboolean
take_streams (VmdCall *call, VmdExecSpec *spec, GError **error)
{
  static const char *const names[] = { "stdin", "stdout", "stderr" };
  int fds[3] = { -1, -1, -1 };
  gboolean taken = TRUE;

  for (guint i = 0; i < G_N_ELEMENTS (names) && taken; i++)
    taken = vmd_call_take_option_fd (call, names[i], &fds[i], error);
  /* The specification closes them, also when the call fails. */
  vmd_exec_spec_take_streams (spec, fds[0], fds[1], fds[2]);
  return taken;
}

static gboolean
check_terminal_size (guint columns, guint rows, GError **error)
{
  if (columns <= MAX_TERMINAL_SIZE && rows <= MAX_TERMINAL_SIZE)
    return TRUE;
  g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
               "A terminal has %d columns and rows at most, not %u by %u", MAX_TERMINAL_SIZE,
               columns, rows);
  return FALSE;
}

/* The terminal that the options ask for, if they do. */
static gboolean
take_terminal (VmdCall *call, VmdExecSpec *spec, GError **error)
{
  GVariantDict *options = vmd_call_get_options (call);
  guint columns = 80, rows = 24;
  const char *terminal;

  g_variant_dict_lookup (options, "columns", "u", &columns);
  g_variant_dict_lookup (options, "rows", "u", &rows);
  if (!check_terminal_size (columns, rows, error))
    return FALSE;
  if (g_variant_dict_lookup (options, "terminal", "&s", &terminal))
    vmd_exec_spec_set_terminal (spec, terminal, columns, rows);
  return TRUE;
}

static void
run_exec (VmdCall *call)
{
  GVariantDict *options = vmd_call_get_options (call);
  g_autofree const char **argv = NULL;
  g_autofree const char **environment = NULL;
  g_autoptr (VmdExecSpec) spec = NULL;
  GError *error = NULL;
  const char *directory;
  guint timeout;

  g_variant_get_child (vmd_call_get_parameters (call), 0, "^a&s", &argv);
  spec = vmd_exec_spec_new (argv);
  if (!take_streams (call, spec, &error) || !take_terminal (call, spec, &error))
    {
      vmd_call_fail (call, error);
      return;
    }
  if (g_variant_dict_lookup (options, "environment", "^a&s", &environment))
    vmd_exec_spec_set_environment (spec, environment);
  if (g_variant_dict_lookup (options, "directory", "&s", &directory))
    vmd_exec_spec_set_directory (spec, directory);
  if (g_variant_dict_lookup (options, "timeout", "u", &timeout))
    vmd_exec_spec_set_timeout (spec, timeout);
  vmd_call_set_exec (call, spec);
  vmd_vm_exec_async (vmd_call_get_object (call), spec, vmd_call_get_job (call),
                     vmd_call_get_cancellable (call), exec_done_cb, call);
}

static void
run_resize_terminal (VmdCall *call)
{
  VmdExport *export = vmd_call_get_export (call);
  g_autofree char *peer = g_strdup (vmd_call_get_owner (call));
  g_autofree char *id = NULL;
  const char *token;
  guint columns, rows;
  GError *error = NULL;
  VmdCall *other;

  g_variant_get (vmd_call_get_parameters (call), "(&suu)", &token, &columns, &rows);
  if (!check_terminal_size (columns, rows, &error))
    {
      vmd_call_fail (call, error);
      return;
    }
  id = g_strdup_printf ("%s_%s", g_strdelimit (peer, ".", '_') + (*peer == ':'), token);
  other = vmd_clients_find_call (vmd_export_get_clients (export), vmd_call_get_owner (call), id);
  if (other == NULL || vmd_call_get_exec (other) == NULL)
    {
      vmd_call_fail (call, g_error_new (VMD_ERROR, VMD_ERROR_NOT_FOUND,
                                        "You run no command with job token “%s”", token));
      return;
    }
  vmd_exec_spec_resize (vmd_call_get_exec (other), columns, rows);
  vmd_call_return (call, NULL, NULL);
}

/* Answers with a descriptor, or with what made there be none. */
static void
return_fd (VmdCall *call, int fd, GError *error)
{
  g_autoptr (GUnixFDList) fds = NULL;

  if (fd < 0)
    {
      vmd_call_fail (call, error);
      return;
    }
  fds = g_unix_fd_list_new_from_array (&fd, 1);
  vmd_call_return (call, g_variant_new ("(h)", 0), fds);
}

static void
run_open_log (VmdCall *call)
{
  GError *error = NULL;
  int fd = vmd_vm_open_log (vmd_call_get_object (call), &error);

  return_fd (call, fd, error);
}

/* Connecting waits for the hypervisor, for two seconds at most: not on the main loop. */
static void
open_console (GTask *task)
{
  GError *error = NULL;
  int fd = vmd_vm_open_console (g_task_get_source_object (task), &error);

  if (fd < 0)
    g_task_return_error (task, error);
  else
    g_task_return_int (task, fd);
}

static void
console_opened_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  int fd = (int) g_task_propagate_int (G_TASK (result), &error);

  return_fd (data, fd, error);
}

static void
run_open_console (VmdCall *call)
{
  GTask *task = g_task_new (vmd_call_get_object (call), NULL, console_opened_cb, call);

  g_task_set_source_tag (task, run_open_console);
  vmd_service_run_aside (vmd_export_get_service (vmd_call_get_export (call)), task, open_console);
}

static void
prepare_done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_autoptr (VmdWorkspace) workspace =
      vmd_workspace_prepare_finish (VMD_VM (source), result, &error);

  vmd_object_kind_return_path (&vmd_object_kind_workspace, workspace, data, error);
}

static void
run_prepare_workspace (VmdCall *call)
{
  GVariantDict *options = vmd_call_get_options (call);
  const char *guest_path, *mode = "full-copy";
  gboolean replace = FALSE;
  GError *error = NULL;
  gint32 index;
  int fd;

  g_variant_get (vmd_call_get_parameters (call), "(h&s@a{sv})", &index, &guest_path, NULL);
  fd = vmd_call_take_fd (call, index, &error);
  if (fd < 0)
    {
      vmd_call_fail (call, error);
      return;
    }
  g_variant_dict_lookup (options, "mode", "&s", &mode);
  g_variant_dict_lookup (options, "replace", "b", &replace);
  vmd_workspace_prepare_async (vmd_call_get_object (call), guest_path, fd, mode, replace,
                               vmd_call_get_lock (call), vmd_call_get_job (call),
                               vmd_call_get_cancellable (call), prepare_done_cb, call);
}

#define LOCK                                                                                       \
  {                                                                                                \
    "lock", "s"                                                                                    \
  }
#define JOB                                                                                        \
  {                                                                                                \
    "job-token", "s"                                                                               \
  }
#define DETACH                                                                                     \
  {                                                                                                \
    "detach", "b"                                                                                  \
  }

static const VmdMethod methods[] = {
  { "handle-start", "start", run_start, { { "wait-for", "s" }, LOCK, JOB, DETACH } },
  { "handle-stop", "stop", run_stop, { { "grace", "u" }, LOCK, JOB, DETACH } },
  { "handle-restart",
    "restart",
    run_restart,
    { { "grace", "u" }, { "wait-for", "s" }, LOCK, JOB, DETACH } },
  { "handle-kill", "kill", run_kill, { JOB } },
  { "handle-delete", "delete", run_delete, { { "force", "b" }, LOCK, JOB, DETACH } },
  { "handle-set", NULL, run_set, { LOCK } },
  { "handle-wait", NULL, run_wait, { { NULL, NULL } } },
  { "handle-exec",
    "exec",
    run_exec,
    { { "environment", "as" },
      { "directory", "s" },
      { "stdin", "h" },
      { "stdout", "h" },
      { "stderr", "h" },
      { "terminal", "s" },
      { "columns", "u" },
      { "rows", "u" },
      { "timeout", "u" },
      JOB } },
  { "handle-resize-terminal", NULL, run_resize_terminal, { { NULL, NULL } } },
  { "handle-open-log", NULL, run_open_log, { { NULL, NULL } } },
  { "handle-open-console", NULL, run_open_console, { { NULL, NULL } } },
  { "handle-prepare-workspace",
    "import",
    run_prepare_workspace,
    { { "mode", "s" }, { "replace", "b" }, LOCK, JOB, DETACH } },
  { NULL, NULL, NULL, { { NULL, NULL } } },
};

static GObject *
find (VmdManager *manager, const char *node)
{
  return (GObject *) vmd_manager_lookup_vm (manager, node);
}

static char *
dup_node (gpointer vm)
{
  return g_strdup (vmd_vm_get_id (vm));
}

const VmdObjectKind vmd_object_kind_vm = {
  .path = "vms",
  .get_info = vmd_dbus_vm_interface_info,
  .properties = properties,
  .methods = methods,
  .added_signal = "vm-added",
  .removed_signal = "vm-removed",
  .list = vmd_manager_list_vms,
  .find = find,
  .dup_node = dup_node,
  .is_managed = TRUE,
};
