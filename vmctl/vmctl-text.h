/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a stream of foreign text ended with, so far. All zeros: nothing. */
typedef struct
{
  guint expected; /* bytes that the last character still lacks */
  gboolean held; /* its first byte is 0xc2, and is not passed on yet */
} VmctlTextFilter;

void vmctl_text_filter (VmctlTextFilter *self, const char *bytes, gsize length, GString *text);
char *vmctl_text_make_printable (const char *bytes, gssize length);
gsize vmctl_text_get_width (const char *text);
char *vmctl_text_format_size (guint64 bytes);
char *vmctl_text_format_time (gint64 microseconds);
char *vmctl_text_format_duration (gint64 microseconds);

G_END_DECLS
