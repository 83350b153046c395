/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-json.h"
#include "vmctl-objects.h"
#include "vmctl-resolve.h"
#include "vmctl-table.h"

G_BEGIN_DECLS

/* How the objects of one kind are listed, and how one is shown. */
typedef struct
{
  const VmctlObjectKind *kind;
  const char *const *titles; /* ends with NULL */
  /* @full: one is shown, nothing is shortened. */
  void (*add_row) (VmctlTable *table, gpointer proxy, gboolean full);
  /* The members of an object that is open. */
  void (*add_json) (JsonBuilder *builder, gpointer proxy);
} VmctlListing;

/* How all is shown that is known of an object. */
typedef struct
{
  /* (transfer full) (nullable) */
  gpointer (*load) (VmctlClient *client, const char *path, GError **error);
  void (*print) (gpointer proxy);
  /* The members of an object that is open. */
  void (*add_json) (JsonBuilder *builder, gpointer proxy);
} VmctlRecord;

void vmctl_listing_print (VmctlClient *client, VmctlTable *table, JsonBuilder *builder);
int vmctl_listing_print_all (VmctlClient *client, const VmctlListing *listing, GError **error);
int vmctl_listing_print_one (VmctlClient *client, const VmctlListing *listing, const char *name,
                             GError **error);
int vmctl_listing_show (VmctlClient *client, const VmctlRecord *record, GPtrArray *targets);
int vmctl_listing_report (VmctlClient *client, const VmctlListing *listing, const char *path,
                          GError **error);

G_END_DECLS
