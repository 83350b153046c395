/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-export.h"

G_BEGIN_DECLS

/* One method call at work: options checked, caller authorised, job begun, lock found; then run, and
 * answered once. */
typedef struct _VmdCall VmdCall;

typedef struct
{
  const char *name;
  const char *type; /* a GVariant type string */
} VmdOption;

typedef struct
{
  const char *signal; /* of the skeleton: "handle-start" */
  const char *operation; /* kind of its job, or NULL: it has none */
  void (*run) (VmdCall *call);
  VmdOption options[12]; /* ends with a NULL name */
} VmdMethod;

/* Connects @methods (ending with a NULL signal) of @skeleton, which stands for @object (a library
 * object, or NULL). */
void vmd_call_connect (VmdExport *export, GDBusInterfaceSkeleton *skeleton,
                       const VmdMethod *methods, GObject *object);

/* The same for an object that has no skeleton: runs the one of @methods that is called. Consumes
 * @invocation. */
void vmd_call_dispatch (VmdExport *export, const VmdMethod *methods, GObject *object,
                        GDBusMethodInvocation *invocation);

/* For `run` and what follows. */
VmdExport *vmd_call_get_export (VmdCall *self);
gpointer vmd_call_get_object (VmdCall *self);
GVariant *vmd_call_get_parameters (VmdCall *self); /* (transfer none) */
VmdJob *vmd_call_get_job (VmdCall *self); /* (nullable) */
VmdLock *vmd_call_get_lock (VmdCall *self); /* (nullable) */
GCancellable *vmd_call_get_cancellable (VmdCall *self);
const char *vmd_call_get_owner (VmdCall *self);
/* The options' dictionary; types are as declared. */
GVariantDict *vmd_call_get_options (VmdCall *self);
/* A descriptor of the message, the caller's; -1 and @error set when @index names none. */
int vmd_call_take_fd (VmdCall *self, int index, GError **error);
/* The descriptor in option @name; *@fd -1 when it is absent. */
gboolean vmd_call_take_option_fd (VmdCall *self, const char *name, int *fd, GError **error);
/* A running VM's start goes on when its client vanishes. */
void vmd_call_survive_launch (VmdCall *self, VmdVm *vm);
/* For ResizeTerminal: the exec that this call runs. */
void vmd_call_set_exec (VmdCall *self, VmdExecSpec *spec);
VmdExecSpec *vmd_call_get_exec (VmdCall *self);

/* Each ends the call. @result may be floating, NULL: no values. @fds (nullable) */
void vmd_call_return (VmdCall *self, GVariant *result, GUnixFDList *fds);
void vmd_call_fail (VmdCall *self, GError *error);
/* Ends it by @error if that is set (consumed), else with no values. */
void vmd_call_end (VmdCall *self, GError *error);

/* The lock whose token @call shows, NULL when it shows none (vmd-call-lock.c). FALSE: there is no
 * such lock, or the caller holds one that the verb would wait for. @lock: (out) (transfer full)
 * (nullable) */
gboolean vmd_call_find_lock (VmdCall *call, VmdLock **lock, GError **error);
/* Of its method. */
gboolean vmd_call_takes_option (VmdCall *self, const char *name);
gboolean vmd_call_is_job (VmdCall *self);

/* Asks polkit where the service has it; calls back in the main context. */
void vmd_authorise_async (VmdExport *export, const char *sender, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer data);
gboolean vmd_authorise_finish (GAsyncResult *result, GError **error);

/* The clients of a connection (vmd-clients.c): told when one vanishes. */
typedef struct _VmdClients VmdClients;
VmdClients *vmd_clients_new (VmdExport *export);
void vmd_clients_free (VmdClients *self);
void vmd_clients_vanish_all (VmdClients *self);
void vmd_clients_add_call (VmdClients *self, const char *sender, VmdCall *call);
void vmd_clients_remove_call (VmdClients *self, const char *sender, VmdCall *call);
void vmd_clients_add_lock (VmdClients *self, const char *sender, const char *token);
void vmd_clients_remove_lock (VmdClients *self, const char *sender, const char *token);
VmdCall *vmd_clients_find_call (VmdClients *self, const char *sender, const char *job_id);
VmdClients *vmd_export_get_clients (VmdExport *self);
/* The client is gone: what must not go on without it is cancelled. */
void vmd_call_client_vanished (VmdCall *self);

G_END_DECLS
