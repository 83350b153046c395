/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the server needs to know of devices, and what it can ask to be done to them: a seam between
 * HTTP and whatever keeps devices. */

#include "vmd-bearer-token-private.h"
#include "vmd-subscription-private.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define VMD_TYPE_DEVICE_DIRECTORY (vmd_device_directory_get_type ())
G_DECLARE_INTERFACE (VmdDeviceDirectory, vmd_device_directory, VMD, DEVICE_DIRECTORY, GObject)

typedef enum
{
  VMD_DIRECTORY_ADD_DEVICE, /* target: id; json: schema (nullable) */
  VMD_DIRECTORY_REMOVE_DEVICE, /* target: device */
  VMD_DIRECTORY_PATCH_CONFIG, /* target: device; json: patch */
  VMD_DIRECTORY_REPLACE_CONFIG, /* target: device; json: values */
  VMD_DIRECTORY_ROLLBACK, /* target: device; version */
  VMD_DIRECTORY_SET_SCHEMA, /* target: device; json: schema, NULL: none */
  VMD_DIRECTORY_ADD_TOKEN, /* target: device; text: label; time: expiry or 0. Answer: the token */
  VMD_DIRECTORY_REVOKE_TOKEN, /* target: device; text: token id */
  VMD_DIRECTORY_REPORT_APPLIED, /* target: device; version; text: status; json: message */
  VMD_DIRECTORY_ADD_GROUP, /* target: group */
  VMD_DIRECTORY_REMOVE_GROUP,
  VMD_DIRECTORY_PATCH_GROUP, /* target: group; json: patch */
  VMD_DIRECTORY_REPLACE_GROUP,
  VMD_DIRECTORY_ROLLBACK_GROUP,
  VMD_DIRECTORY_JOIN_GROUP, /* target: group; text: device */
  VMD_DIRECTORY_LEAVE_GROUP,
} VmdDirectoryVerb;

#define VMD_DIRECTORY_ANY_VERSION G_MAXUINT64

/* Strings are (transfer none) and copied where they are kept. */
typedef struct
{
  VmdDirectoryVerb verb;
  const char *target;
  const char *json;
  const char *text;
  guint64 version;
  guint64 if_version; /* VMD_DIRECTORY_ANY_VERSION: whatever it is */
  gint64 time;
  const char *author;
} VmdDirectoryChange;

typedef enum
{
  VMD_DIRECTORY_DEVICE, /* what a device is: one JSON object */
  VMD_DIRECTORY_DEVICES, /* a page: {"devices":[…],"next":…}; after, limit */
  VMD_DIRECTORY_DEVICE_HISTORY,
  VMD_DIRECTORY_DEVICE_SCHEMA,
  VMD_DIRECTORY_DEVICE_TOKENS, /* never secrets */
  VMD_DIRECTORY_GROUP,
  VMD_DIRECTORY_GROUPS,
  VMD_DIRECTORY_GROUP_HISTORY,
} VmdDirectoryQuestion;

typedef struct
{
  VmdDirectoryQuestion question;
  const char *target; /* (nullable) */
  const char *after; /* (nullable) */
  guint limit;
} VmdDirectoryQuery;

/* Which token it was. */
typedef struct
{
  char id[VMD_TOKEN_ID_LENGTH + 1];
  gint64 expires; /* wall clock, microseconds; 0: never */
} VmdCredential;

struct _VmdDeviceDirectoryInterface
{
  GTypeInterface parent;

  /* From memory, on any thread, never waiting. */
  gboolean (*authenticate) (VmdDeviceDirectory *self, const char *device, const char *token,
                            VmdCredential *credential, GError **error);
  gboolean (*authenticate_admin) (VmdDeviceDirectory *self, const char *token, GError **error);
  VmdConfigSnapshot *(*ref_snapshot) (VmdDeviceDirectory *self, const char *device, GError **error);
  guint (*get_n_devices) (VmdDeviceDirectory *self);

  /* Answered in the caller's thread-default context, when durable. */
  void (*change_async) (VmdDeviceDirectory *self, const VmdDirectoryChange *change,
                        GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
  gboolean (*change_finish) (VmdDeviceDirectory *self, GAsyncResult *result, guint64 *version,
                             char **text, GError **error);
  void (*query_async) (VmdDeviceDirectory *self, const VmdDirectoryQuery *query,
                       GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
  char *(*query_finish) (VmdDeviceDirectory *self, GAsyncResult *result, GError **error);
};

/* TRUE, with *@credential, when @token is one of @device's that has not expired; else
 * PERMISSION_DENIED, also for a device that there is not. */
gboolean
vmd_device_directory_authenticate (VmdDeviceDirectory *self, const char *device, const char *token,
                                   VmdCredential *credential, GError **error);
gboolean vmd_device_directory_authenticate_admin (VmdDeviceDirectory *self, const char *token,
                                                  GError **error);
/* (transfer full); NOT_FOUND. */
VmdConfigSnapshot *
vmd_device_directory_ref_snapshot (VmdDeviceDirectory *self, const char *device, GError **error);
guint vmd_device_directory_get_n_devices (VmdDeviceDirectory *self);
void vmd_device_directory_change_async (VmdDeviceDirectory *self, const VmdDirectoryChange *change,
                                        GCancellable *cancellable, GAsyncReadyCallback callback,
                                        gpointer data);
/* *@version: the new one, or the one that there is when nothing changed; *@text: (nullable)
 * (transfer full): the answer of verbs that have one. CONFLICT when if_version does not fit. */
gboolean vmd_device_directory_change_finish (VmdDeviceDirectory *self, GAsyncResult *result,
                                             guint64 *version, char **text, GError **error);
void vmd_device_directory_query_async (VmdDeviceDirectory *self, const VmdDirectoryQuery *query,
                                       GCancellable *cancellable, GAsyncReadyCallback callback,
                                       gpointer data);
/* JSON. (transfer full) */
char *
vmd_device_directory_query_finish (VmdDeviceDirectory *self, GAsyncResult *result, GError **error);

G_END_DECLS
