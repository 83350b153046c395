/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Imports of a small git repository into fake guests, which are directories. */

#include "handles-support.h"

/* The files of the repository: "small" and "large", large enough to be stopped in the middle of. */
#define LARGE_SIZE (1024 * 1024)
#define STALL_AT "300000"

/* Before any thread: git is told where its home is through the environment. */
void import_support_begin (void);
void import_support_end (void);
/* The path of the repository. */
const char *get_repository (void);

/* An import on a thread, with a source on another. */
typedef struct
{
  Call call; /* first */
  const char *path;
  gboolean replace;
  VmdWorkspace *workspace; /* its result */
  int source_fd; /* -1: a VmdSource of the repository */
} Import;

void import_begin (Import *import, VmdVm *vm, const char *path);
/* For the end of the import, which must be good. */
void import_assert_good (Import *import);
void import_assert_failed (Import *import, VmdError code);

/* One end of a socket whose other end a VmdSource serves, on a thread that ends with it; for which
 * import_support_end() waits. To be called on the main thread. */
int serve_repository (void);

/* The path of something in the VM's guest. */
char *in_guest (VmdVm *vm, const char *path);
/* Tells the fake guest something: see libvmd/transport/vmd-fake-transport.c. @content NULL: no
 * more. */
void tell_guest (VmdVm *vm, const char *name, const char *content);
void wait_until_stalled (VmdVm *vm);
/* Whether the repository is there, whole. */
gboolean has_tree (VmdVm *vm, const char *path);
/* Nothing of an import is in the guest, finished or not. */
void assert_guest_clean (VmdVm *vm, const char *path);
void assert_no_staging (VmdVm *vm);
guint count_workspaces (VmdManager *manager);
