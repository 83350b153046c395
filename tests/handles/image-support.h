/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of images and kernels share: small ones to import, and what lies in the state
 * directory. */

#include "handles-support.h"

/* A root file system with one file of this content, as a tar in a descriptor. */
int make_root_tar (const char *content);
/* A Debian package with a kernel of this version, in a descriptor. */
int make_kernel_deb (const char *release);
GByteArray *make_kernel_deb_bytes (const char *release);

VmdImage *import_image (VmdManager *manager, const char *name, const char *content);
VmdKernel *import_kernel (VmdManager *manager, const char *release);

/* How many files or directories are in this directory of the state directory. */
guint count_files (Fixture *fixture, const char *name);
gboolean has_image_file (Fixture *fixture, const char *digest);
/* Nothing is half made, and nothing locked. */
void assert_tidy (Fixture *fixture);

/* A verb of a manager on a thread of its own; the fields are the verb's arguments. */
typedef struct
{
  Call call; /* first: it is what the functions of handles-support.h take */
  VmdManager *manager;
  const char *name;
  int fd;
  GObject *made; /* (out) */
} MakeCall;

gboolean run_import_image (Call *call, GError **error);
gboolean run_build_image (Call *call, GError **error);
gboolean run_ensure_kernel (Call *call, GError **error);
void make_call_clear (MakeCall *call);
/* A job for a verb, so that its phases can be followed. */
VmdJob *begin_job (VmdManager *manager, const char *kind);
