/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One field of a schema: what one value may be. */

#include "vmd-json-scan-private.h"

G_BEGIN_DECLS

typedef struct _VmdConfigField VmdConfigField;

/* At the object that describes the field. (transfer full) */
VmdConfigField *vmd_config_field_scan (VmdJsonScan *scan, GError **error);
void vmd_config_field_free (VmdConfigField *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdConfigField, vmd_config_field_free)

gboolean vmd_config_field_is_required (const VmdConfigField *self);
/* (nullable): canonical. */
const char *vmd_config_field_get_default (const VmdConfigField *self);
void vmd_config_field_append_text (const VmdConfigField *self, GString *out);
/* @value: canonical. INVALID_ARGUMENT says what it is and what it must be. */
gboolean vmd_config_field_check (const VmdConfigField *self, const char *value, gsize length,
                                 GError **error);

G_END_DECLS
