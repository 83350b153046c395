/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-fake-vmm-private.h"

#include <json-glib/json-glib.h>

/* As much of QMP as vmd uses. */

#define GREETING                                                                                   \
  "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 0, \"major\": 0}, \"package\": "   \
  "\"fake\"},"                                                                                     \
  " \"capabilities\": []}}\n"

#define EMPTY "{}"

/* Each returns what goes into "return", (transfer full), or NULL for {}. */
static char *
obey_query_status (VmdFakeVmm *self)
{
  return g_strdup_printf ("{\"status\": \"%s\", \"singlestep\": false, \"running\": %s}",
                          self->is_paused ? "paused" : "running",
                          self->is_paused ? "false" : "true");
}

static char *
obey_stop (VmdFakeVmm *self)
{
  vmd_fake_vmm_set_paused (self, TRUE);
  return NULL;
}

static char *
obey_cont (VmdFakeVmm *self)
{
  vmd_fake_vmm_set_paused (self, FALSE);
  return NULL;
}

static char *
obey_system_powerdown (VmdFakeVmm *self)
{
  vmd_fake_vmm_go_off (self);
  return NULL;
}

static char *
obey_human_monitor_command (VmdFakeVmm *self)
{
  return g_strdup_printf (
      "\"Hub -1 (management):\\r\\n  Protocol[State]    FD  Source Address  Port   Dest."
      " Address  Port RecvQ SendQ\\r\\n  TCP[HOST_FORWARD]  %d       127.0.0.1 %u"
      "       10.0.2.15    22     0     0\\r\\n\"",
      self->ssh_fd, self->ssh_port);
}

static char *
obey_quit (VmdFakeVmm *self)
{
  g_main_loop_quit (self->loop);
  return NULL;
}

static char *
obey_capabilities (VmdFakeVmm *self)
{
  return NULL;
}

static const struct
{
  const char *name;
  char *(*obey) (VmdFakeVmm *self);
} commands[] = {
  { "qmp_capabilities", obey_capabilities },
  { "query-status", obey_query_status },
  { "stop", obey_stop },
  { "cont", obey_cont },
  { "system_powerdown", obey_system_powerdown },
  { "human-monitor-command", obey_human_monitor_command },
  { "quit", obey_quit },
};

static char *
dup_error (gint64 id, const char *text)
{
  g_autofree char *escaped = g_strescape (text, NULL);

  return g_strdup_printf (
      "{\"error\": {\"class\": \"GenericError\", \"desc\": \"%s\"}, \"id\": %" G_GINT64_FORMAT
      "}\n",
      escaped, id);
}

static void
obey (VmdFakeVmm *self, const char *name, gint64 id)
{
  g_auto (VmdFakeOrder) order = { 0 };
  g_autofree char *result = NULL;
  gsize i = 0;

  while (i < G_N_ELEMENTS (commands) && !g_str_equal (commands[i].name, name))
    i++;
  if (i == G_N_ELEMENTS (commands))
    {
      vmd_fake_vmm_answer (self, self->control, 0, dup_error (id, "there is no such command"));
      return;
    }
  vmd_fake_vmm_look_up (self, name, &order);
  if (order.action == VMD_FAKE_HANG)
    return;
  if (order.action == VMD_FAKE_FAIL)
    {
      vmd_fake_vmm_answer (self, self->control, 0, dup_error (id, order.text));
      return;
    }
  result = commands[i].obey (self);
  vmd_fake_vmm_answer (self, self->control, order.number,
                       g_strdup_printf ("{\"return\": %s, \"id\": %" G_GINT64_FORMAT "}\n",
                                        result != NULL ? result : EMPTY, id));
}

static void
received_cb (VmdFakePort *port, const char *text, gpointer data)
{
  g_autoptr (JsonNode) node = json_from_string (text, NULL);
  JsonObject *object;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return;
  object = json_node_get_object (node);
  obey (data, json_object_get_string_member_with_default (object, "execute", ""),
        json_object_get_int_member_with_default (object, "id", 0));
}

static void
opened_cb (VmdFakePort *port, gpointer data)
{
  vmd_fake_port_send (port, vmd_fake_port_get_client (port), GREETING);
}

gboolean
vmd_fake_control_open (VmdFakeVmm *self, GError **error)
{
  static const VmdFakePortEvents events = { .opened = opened_cb, .received = received_cb };
  g_autofree char *path = g_build_filename (self->runtime_dir, "control", NULL);

  self->control = vmd_fake_port_new (path, &events, self, error);

  return self->control != NULL;
}
