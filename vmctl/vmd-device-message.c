/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-message.h"

#include "vmctl-text.h"

#include <stdio.h>

static gboolean message_verbose; /* set before anything is said */

void
vmd_device_message_set_verbose (gboolean verbose)
{
  message_verbose = verbose;
}

static void G_GNUC_PRINTF (1, 0) say (const char *format, va_list arguments)
{
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  g_autofree char *printable = vmctl_text_make_printable (text, -1);

  fprintf (stderr, "vmd-device: %s\n", printable);
}

void
vmd_device_say (const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  say (format, arguments);
  va_end (arguments);
}

/* Only with --verbose. */
void
vmd_device_say_detail (const char *format, ...)
{
  va_list arguments;

  if (!message_verbose)
    return;
  va_start (arguments, format);
  say (format, arguments);
  va_end (arguments);
}
