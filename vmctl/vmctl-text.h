/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

char *vmctl_text_make_printable (const char *bytes, gssize length);
gsize vmctl_text_get_width (const char *text);
char *vmctl_text_format_size (guint64 bytes);
char *vmctl_text_format_time (gint64 microseconds);
char *vmctl_text_format_duration (gint64 microseconds);

G_END_DECLS
