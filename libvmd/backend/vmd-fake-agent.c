/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-fake-vmm-private.h"

#include <stdlib.h>

/* The agent of a guest that is not there; it speaks as subprojects/vmd-guest/agent-verbs.c does. */

/* Microseconds until the guest is ready, G_MAXINT64 for never; @complaint (transfer full) is what
 * went wrong on the way. */
static gint64
get_time_to_ready (VmdFakeVmm *self, char **complaint)
{
  g_auto (VmdFakeOrder) order = { 0 };
  gint64 ready = self->launched;

  vmd_fake_vmm_look_up (self, "ready", &order);
  *complaint =
      order.action == VMD_FAKE_FAIL ? g_uri_escape_string (order.text, "/:", FALSE) : g_strdup ("");
  if (order.action == VMD_FAKE_HANG)
    return G_MAXINT64;
  if (order.action == VMD_FAKE_DELAY)
    ready += (gint64) order.number * 1000;

  return MAX (ready - g_get_monotonic_time (), 0);
}

/* As the real one: held back for as long as was asked for, unless all is ready before. */
static char *
obey_status (VmdFakeVmm *self, const char *argument, guint *milliseconds)
{
  g_autofree char *complaint = NULL;
  gint64 left = get_time_to_ready (self, &complaint);
  guint hold = argument != NULL ? MIN ((guint) strtoul (argument, NULL, 10), 1000) : 0;
  gboolean is_ready = left <= (gint64) hold * 1000;

  *milliseconds += is_ready ? (guint) ((left + 999) / 1000) : hold;

  return g_strdup_printf ("ok boot_id=%s ssh=%d provisioned=%d message=%s", self->boot_id, is_ready,
                          is_ready, is_ready ? complaint : "");
}

static char *
obey_ok (VmdFakeVmm *self, const char *argument, guint *milliseconds)
{
  return g_strdup ("ok");
}

static char *
obey_poweroff (VmdFakeVmm *self, const char *argument, guint *milliseconds)
{
  vmd_fake_vmm_go_off (self);

  return g_strdup ("ok");
}

static const struct
{
  const char *name;
  char *(*obey) (VmdFakeVmm *self, const char *argument, guint *milliseconds);
} verbs[] = {
  { "status", obey_status },
  { "sync", obey_ok },
  { "poweroff", obey_poweroff },
  { "clock", obey_ok },
};

static char *
obey (VmdFakeVmm *self, const char *verb, const char *argument, guint *milliseconds)
{
  g_auto (VmdFakeOrder) order = { 0 };

  for (gsize i = 0; i < G_N_ELEMENTS (verbs); i++)
    {
      if (!g_str_equal (verbs[i].name, verb))
        continue;
      vmd_fake_vmm_look_up (self, verb, &order);
      if (order.action == VMD_FAKE_HANG)
        return NULL;
      if (order.action == VMD_FAKE_FAIL)
        return g_strdup_printf ("error %s", order.text);
      *milliseconds = order.number;
      return verbs[i].obey (self, argument, milliseconds);
    }

  return g_strdup ("error this agent does not know the verb");
}

static void
received_cb (VmdFakePort *port, const char *text, gpointer data)
{
  g_auto (GStrv) words = g_strsplit (text, " ", 3);
  guint n = g_strv_length (words);
  g_autofree char *answer = NULL;
  guint milliseconds = 0;

  if (n < 2)
    return;
  answer = obey (data, words[1], words[2], &milliseconds);
  if (answer != NULL)
    vmd_fake_vmm_answer (data, port, milliseconds, g_strdup_printf ("%s %s\n", words[0], answer));
}

gboolean
vmd_fake_agent_open (VmdFakeVmm *self, GError **error)
{
  static const VmdFakePortEvents events = { .received = received_cb };
  g_autofree char *path = g_build_filename (self->runtime_dir, "agent", NULL);

  self->agent = vmd_fake_port_new (path, &events, self, error);

  return self->agent != NULL;
}
