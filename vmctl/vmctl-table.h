/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Rows in columns. On a terminal the head is bold; elsewhere nothing but text. */
typedef struct _VmctlTable VmctlTable;

VmctlTable *vmctl_table_new (const char *const *titles);
void vmctl_table_free (VmctlTable *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmctlTable, vmctl_table_free)
void vmctl_table_add (VmctlTable *self, const char *cell, ...) G_GNUC_NULL_TERMINATED;
char *vmctl_table_format (VmctlTable *self, gboolean terminal);
void vmctl_table_print (VmctlTable *self);
void vmctl_table_print_record (VmctlTable *self);

G_END_DECLS
