/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-client.h"

G_BEGIN_DECLS

/* A text in the editor of the user: $VISUAL, $EDITOR or vi, in a file that nobody else reads. */
typedef struct _VmctlEditor VmctlEditor;

VmctlEditor *vmctl_editor_new (VmctlClient *client, const char *text, GError **error);
/* Removes the file, unless it was kept. */
void vmctl_editor_free (VmctlEditor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmctlEditor, vmctl_editor_free)
/* Opens it and waits; what is in the file then. (transfer full) */
char *vmctl_editor_run (VmctlEditor *self, GError **error);
/* Is there anything else in the file than at first, or nothing that can be read? */
gboolean vmctl_editor_has_changed (VmctlEditor *self);
/* The file stays when the editor is freed: its path. */
const char *vmctl_editor_keep (VmctlEditor *self);

G_END_DECLS
