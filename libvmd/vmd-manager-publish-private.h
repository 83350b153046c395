/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is made in staging becomes an image or a kernel, and stops being one. */

#include "vmd-manager-state-private.h"

G_BEGIN_DECLS

/* Call with the image's, or the kernel's, own lock held; `publish` is taken here. */
gboolean vmd_manager_publish_image (VmdManager *self, const char *staged, const VmdImageRow *row,
                                    VmdVerb *verb, GError **error);
gboolean vmd_manager_publish_kernel (VmdManager *self, const char *staged, VmdKernelRow *row,
                                     VmdVerb *verb, GError **error);
gboolean
vmd_manager_withdraw_image (VmdManager *self, const char *name, VmdVerb *verb, GError **error);
gboolean
vmd_manager_withdraw_kernel (VmdManager *self, const char *version, VmdVerb *verb, GError **error);

/* Removes the file when no name and no VM needs it any more. */
gboolean
vmd_manager_release_image (VmdManager *self, const char *digest, VmdVerb *verb, GError **error);
/* Does not wait: what cannot be looked at now stays for the next time. */
void vmd_manager_reap_unpublished (VmdManager *self);

G_END_DECLS
