/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What vmd-device was told on its command line and in its key file. */
typedef struct
{
  char *url; /* without a slash at its end */
  char *id;
  char *token_file;
  char *ca; /* (nullable) PEM file; NULL: the system's authorities */
  char *output; /* (nullable) absolute */
  char *directory; /* (nullable) absolute, and without a slash at its end */
  char *hook; /* (nullable) */
  guint hook_deadline; /* seconds */
  gboolean once;
  gboolean verbose;
  gboolean version; /* nothing else is filled in */
  guint second; /* milliseconds that a second takes; tests are in a hurry */
} VmdDeviceOptions;

VmdDeviceOptions *vmd_device_options_parse (char **argv, GError **error);
void vmd_device_options_free (VmdDeviceOptions *self);
guint vmd_device_options_scale (const VmdDeviceOptions *self, gint64 milliseconds);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdDeviceOptions, vmd_device_options_free)

G_END_DECLS
