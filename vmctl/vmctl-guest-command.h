/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-client.h"
#include "vmctl-json.h"

G_BEGIN_DECLS

/* A command in a guest, with our standard streams; with --json its output is kept instead. */
typedef struct
{
  const char *const *argv; /* (nullable): the login shell */
  const char *const *environment; /* (nullable) */
  const char *directory; /* (nullable) in the guest */
  guint timeout; /* milliseconds; 0: none */
  gboolean terminal; /* a PTY; standard input is a terminal */
  gboolean no_stdin;
} VmctlGuestCommand;

/* How it ended. */
typedef struct _VmctlGuestResult VmctlGuestResult;

gboolean vmctl_guest_command_check (const char *const *argv, GError **error);
gboolean vmctl_guest_command_wants_terminal (VmctlClient *client);
VmctlGuestResult *vmctl_guest_command_run (VmctlClient *client, const char *vm_path,
                                           const VmctlGuestCommand *command, GError **error);
void vmctl_guest_result_free (VmctlGuestResult *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmctlGuestResult, vmctl_guest_result_free)
int vmctl_guest_result_get_exit_status (VmctlGuestResult *self);
void vmctl_guest_result_add_json (JsonBuilder *builder, VmctlGuestResult *self);

G_END_DECLS
