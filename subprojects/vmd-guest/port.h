/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A port to the host, by the name that the host gave it. */

int port_open (const char *name);
