/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A network of the test's own, so that it decides what gets through. It has a loopback, on which
 * sockets hold 16 KiB in each direction, and a cable to a second network, which can be pulled out:
 * who is there is then gone without a word. Root is not needed. */

#include "wire.h"

G_BEGIN_DECLS

/* Where a server has to listen to be reached from either side, plain HTTP being for 127/8. */
#define WIRE_NETWORK_LISTEN "127.0.1.1:0"

/* The process is in that network from now on. To be called before there are threads. */
void wire_network_enter (void);
/* A connection to @wire from the far end of the cable. */
int wire_network_connect_from_afar (Wire *wire);
void wire_network_unplug (void);
void wire_network_plug (void);

G_END_DECLS
