/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config.h"

#include "vmd-call.h"

G_BEGIN_DECLS

/* How much PropertiesChanged says of a property. */
typedef enum
{
  VMD_PROPERTY_CONSTANT, /* nothing */
  VMD_PROPERTY_TOLD, /* its value */
  VMD_PROPERTY_INVALIDATED, /* that it may be another */
} VmdPropertyNews;

typedef struct
{
  const char *name; /* NULL ends an array */
  GVariant *(*get) (gpointer object); /* (transfer floating) */
  VmdPropertyNews news;
} VmdProperty;

/* All that the bus shows of one kind of the library's objects: where they are, what can be read of
 * them and what can be called. There is one table for each kind, in the kind's own file, and
 * nothing for each object. */
typedef struct
{
  const char *path; /* "vms" */
  GDBusInterfaceInfo *(*get_info) (void);
  const VmdProperty *properties;
  const VmdMethod *methods;
  const char *added_signal; /* of the manager */
  const char *removed_signal;
  GListModel *(*list) (VmdManager *manager); /* (transfer full) */
  /* What may be at @node, the last element of a path. (transfer full) (nullable) */
  GObject *(*find) (VmdManager *manager, const char *node);
  char *(*dup_node) (gpointer object); /* (transfer full) */
  gboolean is_managed; /* GetManagedObjects() has them, and InterfacesAdded tells of new ones */
  gboolean is_secret; /* reading is authorised, as calls are */
} VmdObjectKind;

extern const VmdObjectKind vmd_object_kind_vm;
extern const VmdObjectKind vmd_object_kind_image;
extern const VmdObjectKind vmd_object_kind_kernel;
extern const VmdObjectKind vmd_object_kind_workspace;
extern const VmdObjectKind vmd_object_kind_job;
extern const VmdObjectKind vmd_object_kind_device;
extern const VmdObjectKind vmd_object_kind_group;

#define VMD_N_OBJECT_KINDS 7
extern const VmdObjectKind *const vmd_object_kinds[VMD_N_OBJECT_KINDS];

/* The absolute path of @object. (transfer full) */
char *vmd_object_kind_dup_path (const VmdObjectKind *kind, gpointer object);
/* What is at @node, unless that is only another way to name it. (transfer full) (nullable) */
GObject *vmd_object_kind_find (const VmdObjectKind *kind, VmdManager *manager, const char *node);
/* All properties, a{sv}. (transfer floating) */
GVariant *vmd_object_kind_get_properties (const VmdObjectKind *kind, gpointer object);
/* Ends @call with the path of @object, or by @error (transfer full) when that is NULL. */
void vmd_object_kind_return_path (const VmdObjectKind *kind, gpointer object, VmdCall *call,
                                  GError *error);

/* An object path's element has only letters, digits and "_": the text that one was made of, NULL
 * when it is not so made. (transfer full) */
char *vmd_object_kind_escape (const char *text);
char *vmd_object_kind_unescape (const char *element);

/* How a property is had: of a string that we own, of one that is borrowed, or of a number. On the
 * bus, "" stands for what is absent. */
#define VMD_DEFINE_OWNED_STRING(property, function)                                                \
  static GVariant *get_##property (gpointer object)                                                \
  {                                                                                                \
    char *value = function (object);                                                               \
                                                                                                   \
    return g_variant_new_take_string (value != NULL ? value : g_strdup (""));                      \
  }

#define VMD_DEFINE_STRING(property, function)                                                      \
  static GVariant *get_##property (gpointer object)                                                \
  {                                                                                                \
    const char *value = function (object);                                                         \
                                                                                                   \
    return g_variant_new_string (value != NULL ? value : "");                                      \
  }

#define VMD_DEFINE_VALUE(property, function, type)                                                 \
  static GVariant *get_##property (gpointer object)                                                \
  {                                                                                                \
    return g_variant_new_##type (function (object));                                               \
  }

G_END_DECLS
