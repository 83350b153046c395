/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One request, from its headers to its answer. The server's thread only. */

#include "vmd-channel-connection-private.h"
#include "vmd-channel-server-private.h"
#include "vmd-stream-loop-private.h"

#include <libsoup/soup.h>

G_BEGIN_DECLS

typedef enum
{
  VMD_ACCESS_ALL,
  VMD_ACCESS_DEVICE, /* a token of the device that the path names */
  VMD_ACCESS_ADMIN,
  VMD_ACCESS_EITHER,
} VmdChannelAccess;

typedef struct _VmdChannelRequest VmdChannelRequest;

typedef struct
{
  const char *method;
  const char *path; /* "{id}" and its like stand for one element each */
  VmdChannelAccess access;
  void (*serve) (VmdChannelRequest *request);
} VmdChannelRoute;

/* What every request needs of the server. */
typedef struct
{
  VmdDeviceDirectory *directory;
  VmdBroker *broker;
  const VmdChannelOptions *options;
  VmdChannelLimits *limits;
  VmdChannelMetrics *metrics;
  VmdStreamLoop *streams;
  GCancellable *cancellable; /* at the stop */
  guint n_waiting; /* requests that wait for the directory */
} VmdChannelService;

#define VMD_ROUTE_PARAMETERS 2

/* Which libsoup has no names for. */
#define VMD_STATUS_TOO_MANY_REQUESTS 429
#define VMD_STATUS_HEADER_TOO_LARGE 431

struct _VmdChannelRequest
{
  gatomicrefcount references;
  VmdChannelService *service;
  SoupServerMessage *message; /* a reference */
  VmdChannelConnection *connection;
  GHashTable *query; /* (nullable) a reference */
  const VmdChannelRoute *route;
  char *parameters[VMD_ROUTE_PARAMETERS + 1]; /* what stood for "{…}", in order */
  VmdCredential credential; /* the device's token; id "": the administrator's, or none */
  guint64 if_version;
  GSource *gone; /* (nullable) owned: while it waits for the directory */
};

const VmdChannelRoute *vmd_channel_routes_get (guint *n_routes);
const VmdChannelRoute *
vmd_channel_route_find (const char *method, const char *path, char **parameters);
char *vmd_channel_route_dup_methods (const char *path);

/* Checks the headers; answers when something is wrong with them. NULL: it has. (transfer full) */
VmdChannelRequest *
vmd_channel_request_new (VmdChannelService *service, SoupServerMessage *message,
                         VmdChannelConnection *connection, const char *path, GHashTable *query);
/* Is it still so that its token gives the right to it? */
gboolean vmd_channel_request_is_allowed (VmdChannelRequest *self);
VmdChannelRequest *vmd_channel_request_ref (VmdChannelRequest *self);
void vmd_channel_request_unref (VmdChannelRequest *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdChannelRequest, vmd_channel_request_unref)

const char *vmd_channel_request_get_header (VmdChannelRequest *self, const char *name);
const char *vmd_channel_request_get_body (VmdChannelRequest *self, gsize *length);
char *vmd_channel_request_dup_author (VmdChannelRequest *self);
/* @json is taken. NULL: no body. */
void vmd_channel_request_answer (VmdChannelRequest *self, guint status, char *json);
void vmd_channel_request_answer_text (VmdChannelRequest *self, const char *type, char *text);
void vmd_channel_request_fail (VmdChannelRequest *self, const GError *error);
void vmd_channel_request_refuse (VmdChannelRequest *self, guint status, const char *code,
                                 const char *message);
void vmd_channel_request_set_version (VmdChannelRequest *self, guint64 version);
void vmd_channel_request_set_retry_after (VmdChannelRequest *self, gint64 microseconds);

/* Both answer when the directory has. */
typedef char *(*VmdChannelAnswer) (VmdChannelRequest *request, guint64 version, const char *text);
void vmd_channel_request_change (VmdChannelRequest *self, VmdDirectoryChange *change, guint status,
                                 VmdChannelAnswer answer);
void vmd_channel_request_query (VmdChannelRequest *self, const VmdDirectoryQuery *query);

G_END_DECLS
