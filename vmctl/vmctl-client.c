/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-client.h"

#include <string.h>
#include <unistd.h>

struct _VmctlClient
{
  gboolean json;
  VmctlInterrupt *interrupt;
  VmctlProgress *progress;
  VmctlConnection *connection; /* NULL until connected */
};

VmctlClient *
vmctl_client_new (gboolean json)
{
  VmctlClient *self = g_new0 (VmctlClient, 1);

  self->json = json;
  self->interrupt = vmctl_interrupt_new ();
  self->progress = vmctl_progress_new (STDERR_FILENO);
  return self;
}

void
vmctl_client_free (VmctlClient *self)
{
  vmctl_progress_free (self->progress);
  g_clear_pointer (&self->connection, vmctl_connection_free);
  vmctl_interrupt_free (self->interrupt);
  g_free (self);
}

/* Connects, unless it is connected already. */
gboolean
vmctl_client_connect (VmctlClient *self, VmctlConnectionMode mode, GError **error)
{
  if (self->connection == NULL)
    self->connection = vmctl_connection_open (mode, vmctl_client_get_cancellable (self), error);
  return self->connection != NULL;
}

VmctlConnection *
vmctl_client_get_connection (VmctlClient *self)
{
  return self->connection;
}

GDBusConnection *
vmctl_client_get_bus (VmctlClient *self)
{
  return vmctl_connection_get_bus (self->connection);
}

/* (nullable): there is none on a connection without a bus. */
const char *
vmctl_client_get_bus_name (VmctlClient *self)
{
  return vmctl_connection_get_bus_name (self->connection);
}

/* Where the job with @token, which we chose, will be. */
char *
vmctl_client_dup_job_path (VmctlClient *self, const char *token)
{
  const char *unique = g_dbus_connection_get_unique_name (vmctl_client_get_bus (self));
  g_autofree char *peer = NULL;

  if (vmctl_client_get_bus_name (self) != NULL && unique != NULL)
    peer = g_strdelimit (g_strdup (unique + (*unique == ':')), ".", '_');
  else
    peer = vmd_dbus_manager_dup_peer (vmctl_connection_get_manager (self->connection));
  return g_strdup_printf (VMCTL_OBJECT_PATH "/jobs/%s_%s", peer, token);
}

gboolean
vmctl_client_is_json (VmctlClient *self)
{
  return self->json;
}

VmctlInterrupt *
vmctl_client_get_interrupt (VmctlClient *self)
{
  return self->interrupt;
}

/* Cancelled by Ctrl-C. */
GCancellable *
vmctl_client_get_cancellable (VmctlClient *self)
{
  return vmctl_interrupt_get_cancellable (self->interrupt);
}

VmctlProgress *
vmctl_client_get_progress (VmctlClient *self)
{
  return self->progress;
}

/* The proof that "vmctl lock" left in the environment, if it is one for this VM. What was locked is
 * in VMD_LOCK_VMS; without that, the token is shown for every VM. (nullable) */
const char *
vmctl_client_get_lock_token (VmctlClient *self, const char *object_path)
{
  const char *token = g_getenv ("VMD_LOCK");
  const char *vms = g_getenv ("VMD_LOCK_VMS");
  const char *id = strrchr (object_path, '/');

  if (token == NULL || *token == '\0')
    return NULL;
  if (vms != NULL && (id == NULL || strstr (vms, id + 1) == NULL))
    return NULL;
  return token;
}
