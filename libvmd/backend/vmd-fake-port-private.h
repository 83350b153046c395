/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A listening socket as hypervisors have them: one client at a time, the next one waits. Runs in
 * the default main context. */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _VmdFakePort VmdFakePort;

typedef struct
{
  /* (nullable) A client has come. */
  void (*opened) (VmdFakePort *port, gpointer data);
  /* It sent this line, without its end; or, where the port is not one of lines, these bytes. */
  void (*received) (VmdFakePort *port, const char *text, gpointer data);
  gboolean is_raw;
} VmdFakePortEvents;

VmdFakePort *vmd_fake_port_new (const char *path, const VmdFakePortEvents *events, gpointer data,
                                GError **error);
guint64 vmd_fake_port_get_client (VmdFakePort *self);
void vmd_fake_port_send (VmdFakePort *self, guint64 client, const char *text);
void vmd_fake_port_set_paused (VmdFakePort *self, gboolean paused);
void vmd_fake_port_free (VmdFakePort *self);

G_END_DECLS
