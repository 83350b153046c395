/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "loop.h"
#include "mux.h"

/* The port to the host that several connections share: kept open, and opened again if it breaks. */

struct mux_port
{
  struct mux mux;
  const char *name; /* a virtio port's; or, for tests, the path of a socket: it has a '/' in it */
  struct loop_watch watch; /* fd -1: the port is not open */
  struct loop_timer retry;
  struct loop_timer ask; /* for a session, if none begins by itself */
  bool is_alone; /* there is no host, as far as is known */
  bool was_alone; /* when it was last looked at */
  int64_t wait; /* milliseconds, before it is opened again */
  void (*began) (void *user);
  void *user;
  bool is_inside; /* of mux_take() or mux_sent(): what is to go goes after it */
};

void mux_port_begin (struct mux_port *port, const char *name, void (*session_began) (void *user),
                     void *user);
void mux_port_flush (struct mux_port *port);
