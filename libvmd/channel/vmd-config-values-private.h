/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The values of a device or a group: a JSON object, one level deep, in one canonical form. Two that
 * are equal have the same text, and what is stored is what is sent. */

#include "vmd-error.h"

G_BEGIN_DECLS

#define VMD_CONFIG_MAX_KEYS 256
#define VMD_CONFIG_MAX_KEY 64
#define VMD_CONFIG_MAX_SIZE (64 * 1024)

/* Never changed; counted by reference, atomically. Keys sorted bytewise. */
typedef struct _VmdConfigValues VmdConfigValues;

/* @json: of whoever sets them. INVALID_ARGUMENT names the key and what is wrong. @length -1: up to
 * the NUL. (transfer full) */
VmdConfigValues *vmd_config_values_parse (const char *json, gssize length, GError **error);
VmdConfigValues *vmd_config_values_new_empty (void);
VmdConfigValues *vmd_config_values_ref (VmdConfigValues *self);
void vmd_config_values_unref (VmdConfigValues *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdConfigValues, vmd_config_values_unref)

/* Canonical JSON: "{}" at least. */
const char *vmd_config_values_get_text (VmdConfigValues *self, gsize *length);
guint vmd_config_values_get_n_keys (VmdConfigValues *self);
/* The i-th in order; neither is NUL-terminated: (out) lengths. @value is JSON. */
void vmd_config_values_get_pair (VmdConfigValues *self, guint i, const char **key,
                                 gsize *key_length, const char **value, gsize *value_length);
/* The JSON of one value, within the text; FALSE: it is not set. */
gboolean
vmd_config_values_find (VmdConfigValues *self, const char *key, const char **value, gsize *length);
/* (transfer full) (nullable): JSON of one value. */
char *vmd_config_values_dup_value (VmdConfigValues *self, const char *key);
gboolean vmd_config_values_equal (VmdConfigValues *a, VmdConfigValues *b);
/* INVALID_ARGUMENT: more keys or bytes than the most that there may be, which parse() and patch()
 * have asked of what they make, and overlay() has not. */
gboolean vmd_config_values_check_size (VmdConfigValues *self, GError **error);
/* @key: UTF-8. INVALID_ARGUMENT: no key is like this. */
gboolean vmd_config_key_validate (const char *key, GError **error);
/* What @over has wins. Linear in both. (transfer full) */
VmdConfigValues *vmd_config_values_overlay (VmdConfigValues *under, VmdConfigValues *over);
/* RFC 7396 on one level: null unsets. @patch: JSON, as for parse() with null besides. (transfer
 * full) */
VmdConfigValues *vmd_config_values_patch (VmdConfigValues *self, const char *patch, GError **error);

G_END_DECLS
