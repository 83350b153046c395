/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What tests of backends share: a VM's directories, a plan, and a recorder that keeps in memory
 * what a store would keep on disk. */

#include "backend/vmd-backend-private.h"

G_BEGIN_DECLS

/* What nothing here takes, however busy the host. */
#define HANG_MILLISECONDS (60 * 1000)

typedef struct
{
  char *directory; /* private; all that follows is in it */
  char *vm_dir;
  char *runtime_dir;
  char *disk; /* (nullable), as initramfs: see qemu-fixture.h */
  char *initramfs;
  VmdLaunchPlan plan;
  VmdLaunchRecorder recorder;
  GPtrArray *resources; /* "kind name", in the order of recording */
  VmdProcessId process; /* as recorded */
  guint n_processes; /* how many times */
} BackendFixture;

BackendFixture *backend_fixture_new (void);
/* Removes what was recorded, by @backend, and checks that nothing of it is left. The next launch
 * may come. */
void backend_fixture_tear_down (BackendFixture *self, VmdBackend *backend);
void backend_fixture_free (BackendFixture *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BackendFixture, backend_fixture_free)

VmdMachine *backend_fixture_spawn (BackendFixture *self, VmdBackend *backend);
/* Fails with @code and @text in the message, and leaves no process. */
void backend_fixture_spawn_fails (BackendFixture *self, VmdBackend *backend, guint milliseconds,
                                  VmdError code, const char *text);

/* The script of vmd-fake-vmm. */
void backend_fixture_set_script (BackendFixture *self, const char *script);

/* Until @process is gone, or a zombie. */
void backend_fixture_wait_gone (const VmdProcessId *process);
/* How many descriptors this process has. */
guint count_descriptors (void);
/* How many children it has, zombies too. */
guint count_children (void);

G_END_DECLS
