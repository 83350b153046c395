/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "backend-fixture.h"

#include "guest/vmd-guest-private.h"

G_BEGIN_DECLS

/* A kernel and a tiny image, made as vmd makes them; the packages are downloaded once, into the
 * build directory. */
typedef struct
{
  char *directory; /* private; all is in it but the packages */
  char *kernel; /* vmlinuz */
  char *modules;
  char *image;
} GuestParts;

GuestParts *guest_parts_new (void);
void guest_parts_free (GuestParts *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GuestParts, guest_parts_free)

/* Gives the fixture's plan a disk, keys and an initramfs for @network. */
void guest_parts_furnish (GuestParts *self, BackendFixture *fixture, const char *network);

G_END_DECLS
