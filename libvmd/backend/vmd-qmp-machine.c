/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-qmp-machine-private.h"

#include "vmd-local-socket-private.h"
#include "vmd-qmp-private.h"

#include "../base/vmd-failure-private.h"

#include <stdio.h>

/* A machine keeps no connection. QEMU serves one client on each of its sockets and lets the next
 * one wait, and several processes may control one VM: so each command connects, is answered and
 * lets go, and whoever waits waits for that only. It costs less than a millisecond. Each connection
 * asks the kernel whether the process behind it is still the one meant, hence a machine can never
 * speak to a later launch of its VM. */

#define SSH_PORT 22

/**
 * VmdQmpMachine:
 *
 * Immutable: any thread may use it at any time.
 *
 * Since: 0.1
 */
struct _VmdQmpMachine
{
  GObject parent_instance;

  char *directory; /* where the sockets are */
};

static void vmd_qmp_machine_machine_init (VmdMachineInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (VmdQmpMachine, vmd_qmp_machine, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (VMD_TYPE_MACHINE,
                                                      vmd_qmp_machine_machine_init))

static int
connect_socket (VmdMachine *machine, const char *name, GCancellable *cancellable, gint64 deadline,
                GError **error)
{
  g_autofree char *path = g_build_filename (VMD_QMP_MACHINE (machine)->directory, name, NULL);

  return vmd_local_socket_connect (path, vmd_machine_get_process (machine), cancellable, deadline,
                                   error);
}

/* One command, with one string argument (@name and @value may be NULL). (transfer full) */
static JsonNode *
execute (VmdMachine *machine, const char *command, const char *name, const char *value,
         GCancellable *cancellable, gint64 deadline, GError **error)
{
  int fd = connect_socket (machine, VMD_CONTROL_SOCKET, cancellable, deadline, error);
  g_autoptr (VmdQmp) qmp = NULL;
  g_autoptr (JsonObject) arguments = json_object_new ();

  if (fd < 0)
    return NULL;
  qmp = vmd_qmp_open (fd, cancellable, deadline, error);
  if (qmp == NULL)
    return NULL;
  if (name != NULL)
    json_object_set_string_member (arguments, name, value);

  return vmd_qmp_execute (qmp, command, arguments, cancellable, deadline, error);
}

static gboolean
vmd_qmp_machine_power_button (VmdMachine *machine, GCancellable *cancellable, gint64 deadline,
                              GError **error)
{
  g_autoptr (JsonNode) answer =
      execute (machine, "system_powerdown", NULL, NULL, cancellable, deadline, error);

  return answer != NULL;
}

static gboolean
vmd_qmp_machine_pause (VmdMachine *machine, GCancellable *cancellable, gint64 deadline,
                       GError **error)
{
  g_autoptr (JsonNode) answer = execute (machine, "stop", NULL, NULL, cancellable, deadline, error);

  return answer != NULL;
}

static gboolean
vmd_qmp_machine_resume (VmdMachine *machine, GCancellable *cancellable, gint64 deadline,
                        GError **error)
{
  g_autoptr (JsonNode) answer = execute (machine, "cont", NULL, NULL, cancellable, deadline, error);

  return answer != NULL;
}

static gboolean
vmd_qmp_machine_query_paused (VmdMachine *machine, gboolean *paused, GCancellable *cancellable,
                              gint64 deadline, GError **error)
{
  g_autoptr (JsonNode) answer =
      execute (machine, "query-status", NULL, NULL, cancellable, deadline, error);
  JsonNode *status = NULL;

  if (answer == NULL)
    return FALSE;
  if (JSON_NODE_HOLDS_OBJECT (answer))
    status = json_object_get_member (json_node_get_object (answer), "status");
  if (status == NULL || json_node_get_value_type (status) != G_TYPE_STRING)
    return vmd_fail (error, VMD_ERROR_PROTOCOL, "the hypervisor tells a status that is none");
  *paused = g_str_equal (json_node_get_string (status), "paused");

  return TRUE;
}

/* The port in a line of "info usernet" that forwards to the guest's SSH, 0 if it is another line:
 *   TCP[HOST_FORWARD]  12       127.0.0.1 37501       10.0.2.15    22     0     0 */
static guint
parse_forward (const char *line)
{
  guint host_port;
  guint guest_port;

  if (sscanf (line, " TCP[HOST_FORWARD] %*d 127.0.0.1 %5u %*63s %5u", &host_port, &guest_port) !=
          2 ||
      guest_port != SSH_PORT || host_port > G_MAXUINT16)
    return 0;

  return host_port;
}

/* QMP has no command for this; the human monitor's text has been the same since slirp had a port
 * 0. */
static gboolean
vmd_qmp_machine_query_ssh_port (VmdMachine *machine, guint *port, GCancellable *cancellable,
                                gint64 deadline, GError **error)
{
  g_autoptr (JsonNode) answer = execute (machine, "human-monitor-command", "command-line",
                                         "info usernet", cancellable, deadline, error);
  g_auto (GStrv) lines = NULL;

  if (answer == NULL)
    return FALSE;
  if (json_node_get_value_type (answer) == G_TYPE_STRING)
    lines = g_strsplit (json_node_get_string (answer), "\n", -1);
  for (gsize i = 0; lines != NULL && lines[i] != NULL; i++)
    {
      *port = parse_forward (lines[i]);
      if (*port != 0)
        return TRUE;
    }

  return vmd_fail (error, VMD_ERROR_PROTOCOL, "the hypervisor names no port for the guest's SSH");
}

static int
vmd_qmp_machine_connect_agent (VmdMachine *machine, GCancellable *cancellable, gint64 deadline,
                               GError **error)
{
  return connect_socket (machine, VMD_AGENT_SOCKET, cancellable, deadline, error);
}

static int
vmd_qmp_machine_connect_console (VmdMachine *machine, GCancellable *cancellable, gint64 deadline,
                                 GError **error)
{
  return connect_socket (machine, VMD_CONSOLE_SOCKET, cancellable, deadline, error);
}

static void
vmd_qmp_machine_machine_init (VmdMachineInterface *iface)
{
  iface->power_button = vmd_qmp_machine_power_button;
  iface->pause = vmd_qmp_machine_pause;
  iface->resume = vmd_qmp_machine_resume;
  iface->query_paused = vmd_qmp_machine_query_paused;
  iface->query_ssh_port = vmd_qmp_machine_query_ssh_port;
  iface->connect_agent = vmd_qmp_machine_connect_agent;
  iface->connect_console = vmd_qmp_machine_connect_console;
}

static void
vmd_qmp_machine_finalize (GObject *object)
{
  VmdQmpMachine *self = VMD_QMP_MACHINE (object);

  g_free (self->directory);

  G_OBJECT_CLASS (vmd_qmp_machine_parent_class)->finalize (object);
}

static void
vmd_qmp_machine_class_init (VmdQmpMachineClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_qmp_machine_finalize;
}

static void
vmd_qmp_machine_init (VmdQmpMachine *self)
{
}

/* The hypervisor @process whose control socket is at @control_socket, once that answers. (transfer
 * full), NULL on error: NOT_FOUND when there is no socket, BACKEND when another process is
 * there. */
VmdMachine *
vmd_qmp_machine_new (const VmdProcessId *process, const char *control_socket,
                     GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_autoptr (VmdQmpMachine) self = g_object_new (VMD_TYPE_QMP_MACHINE, NULL);
  gboolean paused;

  self->directory = g_path_get_dirname (control_socket);
  vmd_machine_set_process (VMD_MACHINE (self), process);
  if (!vmd_machine_query_paused (VMD_MACHINE (self), &paused, cancellable, deadline, error))
    return NULL;

  return VMD_MACHINE (g_steal_pointer (&self));
}
