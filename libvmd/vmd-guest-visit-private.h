/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A visit to a guest: what every work in one begins and ends with. */

#include "vmd-manager-private.h"

G_BEGIN_DECLS

typedef struct _VmdGuestVisit VmdGuestVisit;

VmdGuestVisit *vmd_guest_visit_begin (VmdVm *vm, VmdVerb *verb, GError **error);
guint64 vmd_guest_visit_get_launch (VmdGuestVisit *self);
gboolean vmd_guest_visit_check (VmdGuestVisit *self, GError **error);
VmdGuestConnection *vmd_guest_visit_connect (VmdGuestVisit *self, GError **error);
void vmd_guest_visit_keep_connection (VmdGuestVisit *self);
void vmd_guest_visit_explain (VmdGuestVisit *self, GError **error);
void vmd_guest_visit_free (VmdGuestVisit *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdGuestVisit, vmd_guest_visit_free)

G_END_DECLS
