/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

void vmctl_error_convert (GError **error);
int vmctl_error_get_exit_status (const GError *error);
void vmctl_error_print (const char *what, const GError *error);

G_END_DECLS
