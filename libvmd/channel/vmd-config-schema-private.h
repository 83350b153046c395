/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What values a device may have. */

#include "vmd-config-values-private.h"

G_BEGIN_DECLS

/* Never changed; counted by reference, atomically. */
typedef struct _VmdConfigSchema VmdConfigSchema;

/* INVALID_ARGUMENT names the field and what is wrong with it. (transfer full) */
VmdConfigSchema *vmd_config_schema_parse (const char *json, gssize length, GError **error);
VmdConfigSchema *vmd_config_schema_ref (VmdConfigSchema *self);
void vmd_config_schema_unref (VmdConfigSchema *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdConfigSchema, vmd_config_schema_unref)

/* Canonical text, which two that are equal share. */
const char *vmd_config_schema_get_text (VmdConfigSchema *self);
/* The fields that have a default. */
VmdConfigValues *vmd_config_schema_ref_defaults (VmdConfigSchema *self);
/* INVALID_ARGUMENT names the key, what it is and what it must be. @values without keys, or with the
 * defaults alone, are always good: nothing is set yet. Bounded in time whatever pattern the schema
 * has. */
gboolean vmd_config_schema_check (VmdConfigSchema *self, VmdConfigValues *values, GError **error);
/* Likewise, of values that are not all: nothing is missed. */
gboolean
vmd_config_schema_check_part (VmdConfigSchema *self, VmdConfigValues *values, GError **error);
/* Of values that were good with @before among them: could something that must be set be missing
 * with @after in the place of that? */
gboolean
vmd_config_schema_may_miss (VmdConfigSchema *self, VmdConfigValues *before, VmdConfigValues *after);

G_END_DECLS
