/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmctl-arguments.h"
#include "vmctl-client.h"

G_BEGIN_DECLS

/* One command. Help and the parser both read it, so that they cannot disagree. */
typedef struct _VmctlCommand VmctlCommand;

struct _VmctlCommand
{
  const char *name; /* "start", "image list", "device token new" */
  const char *alias; /* (nullable) */
  const char *arguments; /* in the language of vmctl_arguments_parse() */
  const char *summary;
  const char *details; /* (nullable) more than the summary says */
  const VmctlOption *options; /* (nullable) */
  /* Works with no daemon, or finds it by itself. */
  gboolean offline;
  /* (nullable) What the pattern cannot say; before there is a connection. */
  gboolean (*check) (const VmctlArguments *arguments, GError **error);
  /* An exit status, or -1 with @error set. */
  int (*run) (VmctlClient *client, const VmctlArguments *arguments, GError **error);
};

/* All of them, in the order of help; ends with NULL. */
extern const VmctlCommand *const vmctl_commands[];

/* What every command knows beside its own: --help, --json. */
extern const VmctlOption vmctl_shared_options[];

const VmctlCommand *vmctl_command_find (char **argv, int *n_words, GError **error);
const VmctlCommand *vmctl_command_lookup (const char *name);
gboolean vmctl_command_is_group (const char *words);

/* One in each verb's file. */
extern const VmctlCommand vmctl_command_run;
extern const VmctlCommand vmctl_command_create;
extern const VmctlCommand vmctl_command_start;
extern const VmctlCommand vmctl_command_stop;
extern const VmctlCommand vmctl_command_restart;
extern const VmctlCommand vmctl_command_kill;
extern const VmctlCommand vmctl_command_delete;
extern const VmctlCommand vmctl_command_set;
extern const VmctlCommand vmctl_command_list;
extern const VmctlCommand vmctl_command_show;
extern const VmctlCommand vmctl_command_wait;
extern const VmctlCommand vmctl_command_logs;
extern const VmctlCommand vmctl_command_console;
extern const VmctlCommand vmctl_command_exec;
extern const VmctlCommand vmctl_command_image_build;
extern const VmctlCommand vmctl_command_image_import;
extern const VmctlCommand vmctl_command_image_list;
extern const VmctlCommand vmctl_command_image_show;
extern const VmctlCommand vmctl_command_image_delete;
extern const VmctlCommand vmctl_command_kernel_import;
extern const VmctlCommand vmctl_command_kernel_list;
extern const VmctlCommand vmctl_command_kernel_show;
extern const VmctlCommand vmctl_command_kernel_delete;
extern const VmctlCommand vmctl_command_workspace_prepare;
extern const VmctlCommand vmctl_command_workspace_list;
extern const VmctlCommand vmctl_command_device_add;
extern const VmctlCommand vmctl_command_device_list;
extern const VmctlCommand vmctl_command_device_show;
extern const VmctlCommand vmctl_command_device_remove;
extern const VmctlCommand vmctl_command_device_token_new;
extern const VmctlCommand vmctl_command_device_token_list;
extern const VmctlCommand vmctl_command_device_token_revoke;
extern const VmctlCommand vmctl_command_device_schema_set;
extern const VmctlCommand vmctl_command_device_schema_show;
extern const VmctlCommand vmctl_command_device_schema_unset;
extern const VmctlCommand vmctl_command_device_group_add;
extern const VmctlCommand vmctl_command_device_group_list;
extern const VmctlCommand vmctl_command_device_group_remove;
extern const VmctlCommand vmctl_command_device_group_join;
extern const VmctlCommand vmctl_command_device_group_leave;
extern const VmctlCommand vmctl_command_config_get;
extern const VmctlCommand vmctl_command_config_set;
extern const VmctlCommand vmctl_command_config_unset;
extern const VmctlCommand vmctl_command_config_edit;
extern const VmctlCommand vmctl_command_config_history;
extern const VmctlCommand vmctl_command_config_rollback;
extern const VmctlCommand vmctl_command_config_watch;
extern const VmctlCommand vmctl_command_job_list;
extern const VmctlCommand vmctl_command_job_watch;
extern const VmctlCommand vmctl_command_job_cancel;
extern const VmctlCommand vmctl_command_lock;
extern const VmctlCommand vmctl_command_lock_list;
extern const VmctlCommand vmctl_command_version;
extern const VmctlCommand vmctl_command_completion;
extern const VmctlCommand vmctl_command_help;

G_END_DECLS
