/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kernel and the disks that the guests of these tests boot: made by the scripts beside this
 * file, the kernel once for each build directory, since it is downloaded. */

#include "guest-machine.h"

G_BEGIN_DECLS

void guest_images_set_up (void);
void guest_images_tear_down (void);
/* @image: "tiny.ext4", "own-init.ext4", "openssh.ext4", or NULL for no disk. */
GuestMachine *guest_images_new_machine (const char *image, const char *hostname);

G_END_DECLS
