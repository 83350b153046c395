/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The manager's devices, as the channel's server wants them. */

#include "channel/vmd-device-directory-private.h"
#include "vmd-device-private.h"

G_BEGIN_DECLS

#define VMD_TYPE_MANAGER_DIRECTORY (vmd_manager_directory_get_type ())
G_DECLARE_FINAL_TYPE (VmdManagerDirectory, vmd_manager_directory, VMD, MANAGER_DIRECTORY, GObject)

/* @admin_token: what gives an administrator's rights; only its hash is kept. INVALID_ARGUMENT: not
 * of the form of a token. (transfer full) */
VmdManagerDirectory *
vmd_manager_directory_new (VmdManager *manager, const char *admin_token, GError **error);
VmdManager *vmd_manager_directory_get_manager (VmdManagerDirectory *self);

/* The parts of the interface that have a file of their own: vmd-manager-directory-change.c, … */
void
vmd_manager_directory_change_async (VmdDeviceDirectory *directory, const VmdDirectoryChange *change,
                                    GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer data);
gboolean vmd_manager_directory_change_finish (VmdDeviceDirectory *directory, GAsyncResult *result,
                                              guint64 *version, char **text, GError **error);
/* … vmd-manager-directory-query.c */
void vmd_manager_directory_query_async (VmdDeviceDirectory *directory,
                                        const VmdDirectoryQuery *query, GCancellable *cancellable,
                                        GAsyncReadyCallback callback, gpointer data);
char *vmd_manager_directory_query_finish (VmdDeviceDirectory *directory, GAsyncResult *result,
                                          GError **error);

G_END_DECLS
