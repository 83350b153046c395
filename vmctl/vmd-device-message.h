/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What vmd-device says, on standard error: a line each, in which nothing that is foreign can steer
 * a terminal or begin a line of its own. */

void vmd_device_message_set_verbose (gboolean verbose);
void vmd_device_say (const char *format, ...) G_GNUC_PRINTF (1, 2);
void vmd_device_say_detail (const char *format, ...) G_GNUC_PRINTF (1, 2);

G_END_DECLS
