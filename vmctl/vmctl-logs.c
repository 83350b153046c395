/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-await.h"
#include "vmctl-call.h"
#include "vmctl-command.h"
#include "vmctl-json.h"
#include "vmctl-resolve.h"
#include "vmctl-text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vmd-error.h>

/* As much as vmd keeps of a console, and a little more. */
#define LOG_MAX (32 * 1024 * 1024)
#define FOLLOW_MS 200

typedef struct
{
  int fd;
  off_t offset; /* how far it is printed */
  VmctlTextFilter filter; /* for a terminal */
} Log;

static const VmctlOption options[] = {
  { "follow", 'f', VMCTL_OPTION_FLAG, NULL, "Go on with what comes, until the VM stops" },
  { NULL, 0, VMCTL_OPTION_FLAG, NULL, NULL },
};

/* A guest must not steer the user's terminal: of control characters only those that lay out text go
 * there. Into a file or a pipe goes what the guest wrote. */
static void
print_piece (Log *log, const char *bytes, gsize length, gboolean terminal)
{
  g_autoptr (GString) text = NULL;

  if (!terminal)
    {
      fwrite (bytes, 1, length, stdout);
      return;
    }
  text = g_string_sized_new (length + 1);
  vmctl_text_filter (&log->filter, bytes, length, text);
  fwrite (text->str, 1, text->len, stdout);
}

/* How long the hole is in which the log goes on; 0: there is data. vmd gives the beginning of a
 * long log back to the disk, also while it is being read. */
static off_t
measure_hole (const Log *log)
{
  off_t data = lseek (log->fd, log->offset, SEEK_DATA);

  return data < 0 ? 0 : data - log->offset;
}

/* Where the disk knows no holes, vmd moves the end of a long log to its beginning. That is printed
 * again, as far as it was printed: better twice than never. */
static void
notice_shortening (Log *log)
{
  struct stat status;

  if (fstat (log->fd, &status) == 0 && status.st_size < log->offset)
    log->offset = 0;
}

/* Prints or keeps the @length bytes that were read, but for what is a hole by now: had it become
 * one between a look and the reading, it would be NUL bytes. */
static void
take_piece (Log *log, const char *bytes, off_t length, gboolean terminal, GByteArray *keep)
{
  off_t hole = measure_hole (log);

  log->offset += MAX (hole, length);
  if (hole >= length)
    return;
  if (keep == NULL)
    print_piece (log, bytes + hole, length - hole, terminal);
  else if (keep->len < LOG_MAX)
    g_byte_array_append (keep, (const guint8 *) bytes + hole, length - hole);
}

/* What is there now. FALSE on error. */
static gboolean
print_available (Log *log, GByteArray *keep, GError **error)
{
  gboolean terminal = isatty (STDOUT_FILENO);
  char buffer[65536];
  gssize n;

  notice_shortening (log);
  while ((n = pread (log->fd, buffer, sizeof buffer, log->offset)) != 0)
    {
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          g_set_error (error, VMD_ERROR, VMD_ERROR_FAILED, "Cannot read the log: %s",
                       g_strerror (errno));
          return FALSE;
        }
      take_piece (log, buffer, n, terminal, keep);
    }
  fflush (stdout);
  return TRUE;
}

/* Ends when the VM does not run, and all that it wrote is printed. */
static gboolean
follow (VmctlClient *client, const char *path, Log *log, GError **error)
{
  GCancellable *cancellable = vmctl_client_get_cancellable (client);
  g_autoptr (VmctlCall) call = vmctl_call_new (client, path, vmd_dbus_vm_interface_info (), "Wait");
  g_autoptr (GVariant) reply = NULL;
  gboolean good = TRUE;

  vmctl_call_add_argument (call, g_variant_new_string ("stopped"));
  vmctl_call_begin (call);
  while (good && !vmctl_call_is_done (call))
    {
      good = print_available (log, NULL, error);
      vmctl_await_time (FOLLOW_MS, cancellable);
      /* Cancelled: its answer comes in an instant. */
      while (g_cancellable_is_cancelled (cancellable) && !vmctl_call_is_done (call))
        g_main_context_iteration (NULL, TRUE);
    }
  if (!good)
    return FALSE;
  reply = vmctl_call_finish (call, error);
  return reply != NULL && print_available (log, NULL, error);
}

static void
print_json (const char *given, const char *path, GByteArray *log)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  vmctl_json_add_string (builder, "target", given);
  vmctl_json_add_string (builder, "id", strrchr (path, '/') + 1);
  vmctl_json_add_bytes (builder, "log", log->len > 0 ? (const char *) log->data : "", log->len);
  json_builder_end_object (builder);
  vmctl_json_print (builder);
}

static gboolean
check (const VmctlArguments *arguments, GError **error)
{
  if (!vmctl_arguments_has (arguments, "follow") || !vmctl_arguments_has (arguments, "json"))
    return TRUE;
  g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
               "--follow and --json exclude each other: a value has an end");
  return FALSE;
}

static int
run (VmctlClient *client, const VmctlArguments *arguments, GError **error)
{
  const char *given = vmctl_arguments_get (arguments, 0);
  g_autofree char *path = vmctl_resolve_vm (client, given, error);
  g_autoptr (GByteArray) kept = vmctl_client_is_json (client) ? g_byte_array_new () : NULL;
  g_autoptr (VmctlCall) call = NULL;
  g_autoptr (GVariant) reply = NULL;
  Log log = { 0 };
  gboolean good;

  if (path == NULL)
    return -1;
  call = vmctl_call_new (client, path, vmd_dbus_vm_interface_info (), "OpenLog");
  reply = vmctl_call_run (call, error);
  if (reply == NULL)
    return -1;
  log.fd = vmctl_call_take_fd (call, 0);
  good = vmctl_arguments_has (arguments, "follow") ? follow (client, path, &log, error)
                                                   : print_available (&log, kept, error);
  close (log.fd);
  if (good && kept != NULL)
    print_json (given, path, kept);
  return good ? 0 : -1;
}

const VmctlCommand vmctl_command_logs = {
  .name = "logs",
  .arguments = "VM",
  .summary = "Print what a guest wrote on its console",
  .options = options,
  .check = check,
  .run = run,
};
