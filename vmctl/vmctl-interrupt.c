/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-interrupt.h"

#include "vmctl-terminal.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <vmd-error.h>

static const int signal_numbers[] = { SIGINT, SIGTERM, SIGHUP };

typedef struct
{
  VmctlInterrupt *interrupt; /* not owned */
  int signal_number;
  guint source;
} Watch;

struct _VmctlInterrupt
{
  GCancellable *cancellable;
  Watch watches[G_N_ELEMENTS (signal_numbers)];
  void (*func) (int signal_number, gpointer data); /* (nullable) */
  gpointer data;
};

static gboolean
signal_cb (gpointer data)
{
  Watch *watch = data;
  VmctlInterrupt *self = watch->interrupt;

  if (self->func != NULL)
    {
      self->func (watch->signal_number, self->data);
      return G_SOURCE_CONTINUE;
    }
  if (!g_cancellable_is_cancelled (self->cancellable))
    {
      g_cancellable_cancel (self->cancellable);
      return G_SOURCE_CONTINUE;
    }
  /* vmd sees the connection close, and ends by itself what must not go on. */
  vmctl_terminal_restore ();
  fprintf (stderr, "vmctl: not waiting for the clean-up any longer\n");
  _exit (vmd_error_get_exit_status (VMD_ERROR_CANCELLED));
}

VmctlInterrupt *
vmctl_interrupt_new (void)
{
  VmctlInterrupt *self = g_new0 (VmctlInterrupt, 1);

  self->cancellable = g_cancellable_new ();
  for (guint i = 0; i < G_N_ELEMENTS (signal_numbers); i++)
    {
      Watch *watch = &self->watches[i];

      watch->interrupt = self;
      watch->signal_number = signal_numbers[i];
      watch->source = g_unix_signal_add (signal_numbers[i], signal_cb, watch);
    }
  return self;
}

void
vmctl_interrupt_free (VmctlInterrupt *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (signal_numbers); i++)
    g_source_remove (self->watches[i].source);
  g_object_unref (self->cancellable);
  g_free (self);
}

GCancellable *
vmctl_interrupt_get_cancellable (VmctlInterrupt *self)
{
  return self->cancellable;
}

void
vmctl_interrupt_redirect (VmctlInterrupt *self, void (*func) (int signal_number, gpointer data),
                          gpointer data)
{
  self->func = func;
  self->data = data;
}
