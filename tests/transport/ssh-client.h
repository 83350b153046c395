/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The OpenSSH client on a test's server: what the benchmarks are held against. */

#include "ssh-server.h"

G_BEGIN_DECLS

/* "ssh … HOST": a command line's beginning. @control: share the connection of
 * ssh_client_open_master(). */
char *ssh_client_dup_prefix (Server *server, gboolean control);
void ssh_client_open_master (Server *server);
void ssh_client_close_master (Server *server);

G_END_DECLS
