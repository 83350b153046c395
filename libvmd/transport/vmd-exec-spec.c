/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-exec-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-name-private.h"
#include "../base/vmd-poll-private.h"

#include <string.h>
#include <sys/eventfd.h>

/* What libssh2 and every server take; dropbear takes less, and then refuses. */
#define COMMAND_MAX 30000

/**
 * VmdExecSpec:
 *
 * What to run in a guest: arguments, environment, directory, the caller's descriptors for its
 * standard streams, perhaps a terminal, perhaps a time limit. Set up by one thread, then given to
 * one vmd_vm_exec(), which uses up the streams; vmd_exec_spec_resize() alone may be called while
 * that runs.
 *
 * Since: 0.1
 */
struct _VmdExecSpec
{
  GObject parent;

  char **argv; /* (nullable) */
  char **environment; /* (nullable) */
  char *directory; /* (nullable) */
  char *term; /* (nullable) no PTY */
  char *token; /* never changes */
  int streams[VMD_N_STREAMS];
  guint timeout; /* milliseconds; 0: none */
  int resize_fd; /* an eventfd */

  GMutex mutex; /* a leaf; guards columns and rows */
  guint columns;
  guint rows;
};

G_DEFINE_FINAL_TYPE (VmdExecSpec, vmd_exec_spec, G_TYPE_OBJECT)

static void
vmd_exec_spec_finalize (GObject *object)
{
  VmdExecSpec *self = VMD_EXEC_SPEC (object);

  vmd_exec_spec_close_streams (self);
  vmd_clear_fd (&self->resize_fd);
  g_strfreev (self->argv);
  g_strfreev (self->environment);
  g_free (self->directory);
  g_free (self->term);
  g_free (self->token);
  g_mutex_clear (&self->mutex);
  G_OBJECT_CLASS (vmd_exec_spec_parent_class)->finalize (object);
}

static void
vmd_exec_spec_class_init (VmdExecSpecClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_exec_spec_finalize;
}

static void
vmd_exec_spec_init (VmdExecSpec *self)
{
  g_mutex_init (&self->mutex);
  for (guint i = 0; i < VMD_N_STREAMS; i++)
    self->streams[i] = -1;
  self->token = vmd_id_new ();
  self->resize_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/**
 * vmd_exec_spec_new:
 * @argv: (nullable) (array zero-terminated=1): program and arguments; %NULL or empty: the login
 *   shell
 *
 * Arguments arrive in the guest as they are, byte by byte.
 *
 * Returns: (transfer full): the specification
 *
 * Since: 0.1
 */
VmdExecSpec *
vmd_exec_spec_new (const char *const *argv)
{
  VmdExecSpec *self = g_object_new (VMD_TYPE_EXEC_SPEC, NULL);

  if (argv != NULL && argv[0] != NULL)
    self->argv = g_strdupv ((char **) argv);
  return self;
}

/**
 * vmd_exec_spec_set_environment:
 * @environment: (nullable) (array zero-terminated=1): "NAME=value" strings, in addition to what the
 *   guest gives every login
 *
 * A name that is not of letters, digits and underscores makes vmd_vm_exec() fail with
 * %VMD_ERROR_INVALID_ARGUMENT.
 *
 * Since: 0.1
 */
void
vmd_exec_spec_set_environment (VmdExecSpec *self, const char *const *environment)
{
  g_return_if_fail (VMD_IS_EXEC_SPEC (self));
  g_strfreev (self->environment);
  self->environment = g_strdupv ((char **) environment);
}

/**
 * vmd_exec_spec_set_directory:
 * @directory: (nullable): an absolute path in the guest; %NULL: the home directory
 *
 * Since: 0.1
 */
void
vmd_exec_spec_set_directory (VmdExecSpec *self, const char *directory)
{
  g_return_if_fail (VMD_IS_EXEC_SPEC (self));
  g_free (self->directory);
  self->directory = g_strdup (directory);
}

/**
 * vmd_exec_spec_take_streams:
 * @stdin_fd: read by the command; -1: it finds the end of the file
 * @stdout_fd: -1: thrown away
 * @stderr_fd: -1: thrown away; unused with a terminal
 *
 * Takes the descriptors. They are closed when the command ends, when the call that was to run it
 * fails, or with the specification. Their flags are not changed: they may be shared with other
 * processes.
 *
 * Since: 0.1
 */
void
vmd_exec_spec_take_streams (VmdExecSpec *self, int stdin_fd, int stdout_fd, int stderr_fd)
{
  g_return_if_fail (VMD_IS_EXEC_SPEC (self));
  vmd_exec_spec_close_streams (self);
  self->streams[0] = stdin_fd;
  self->streams[1] = stdout_fd;
  self->streams[2] = stderr_fd;
}

/**
 * vmd_exec_spec_set_terminal:
 * @term: the value of TERM
 * @columns: width in characters
 * @rows: height in characters
 *
 * Gives the command a terminal in the guest. Its standard output and error are then one stream.
 *
 * Since: 0.1
 */
void
vmd_exec_spec_set_terminal (VmdExecSpec *self, const char *term, guint columns, guint rows)
{
  g_return_if_fail (VMD_IS_EXEC_SPEC (self));
  g_return_if_fail (term != NULL);
  g_free (self->term);
  self->term = g_strdup (term);
  vmd_exec_spec_resize (self, columns, rows);
}

/**
 * vmd_exec_spec_resize:
 * @columns: width in characters
 * @rows: height in characters
 *
 * Changes the size of the terminal, also while the command runs. Any thread. Without a terminal
 * nothing happens.
 *
 * Since: 0.1
 */
void
vmd_exec_spec_resize (VmdExecSpec *self, guint columns, guint rows)
{
  g_return_if_fail (VMD_IS_EXEC_SPEC (self));
  g_mutex_lock (&self->mutex);
  self->columns = columns;
  self->rows = rows;
  g_mutex_unlock (&self->mutex);
  eventfd_write (self->resize_fd, 1);
}

/**
 * vmd_exec_spec_set_timeout:
 * @milliseconds: from the start to the end of the command; 0, the default: as long as it takes
 *
 * Past that, the call fails with %VMD_ERROR_TIMED_OUT and the command loses its streams.
 *
 * Since: 0.1
 */
void
vmd_exec_spec_set_timeout (VmdExecSpec *self, guint milliseconds)
{
  g_return_if_fail (VMD_IS_EXEC_SPEC (self));
  self->timeout = milliseconds;
}

static gboolean
is_variable (const char *text)
{
  const char *equals = strchr (text, '=');
  gsize length = equals != NULL ? (gsize) (equals - text) : 0;

  return length > 0 && !g_ascii_isdigit (text[0]) &&
         strspn (text, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_") == length;
}

/* INVALID_ARGUMENT where a shell could not be told so. */
gboolean
vmd_exec_spec_check (VmdExecSpec *self, GError **error)
{
  g_autofree char *command = NULL;

  for (gsize i = 0; self->environment != NULL && self->environment[i] != NULL; i++)
    if (!is_variable (self->environment[i]))
      {
        g_autofree char *shown = g_utf8_make_valid (self->environment[i], -1);

        return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                         "“%s” is no environment variable of the form NAME=value", shown);
      }
  if (self->directory != NULL && self->directory[0] != '/')
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "The directory “%s” is no absolute path in the guest", self->directory);
  command = vmd_exec_spec_dup_command (self);
  return command == NULL || strlen (command) <= COMMAND_MAX ||
         vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                   "The command is of %zu bytes, arguments and environment included, and may be of "
                   "%d at most: give it a file, or its standard input",
                   strlen (command), COMMAND_MAX);
}

/* (nullable) */
const char *
vmd_exec_spec_get_directory (VmdExecSpec *self)
{
  return self->directory;
}

/* (nullable) */
const char *const *
vmd_exec_spec_get_environment (VmdExecSpec *self)
{
  return (const char *const *) self->environment;
}

/* (nullable) */
const char *const *
vmd_exec_spec_get_argv (VmdExecSpec *self)
{
  return (const char *const *) self->argv;
}

static void
append_environment (VmdExecSpec *self, GString *line)
{
  for (gsize i = 0; self->environment != NULL && self->environment[i] != NULL; i++)
    {
      const char *value = self->environment[i] + strcspn (self->environment[i], "=") + 1;

      if (!is_variable (self->environment[i]))
        continue;
      g_string_append (line, "export ");
      g_string_append_len (line, self->environment[i], value - self->environment[i]);
      vmd_shell_append_quoted (line, value);
      g_string_append (line, " && ");
    }
}

/* Environment and program: what runs, wherever that is. */
void
vmd_exec_spec_append_program (VmdExecSpec *self, GString *line)
{
  g_autofree char *words = vmd_shell_quote_argv (vmd_exec_spec_get_argv (self));

  append_environment (self, line);
  g_string_append_printf (line, "exec %s", words != NULL ? words : "\"${SHELL:-/bin/sh}\" -l");
}

/* (nullable): by what the command's processes are known in the guest: VMD_EXEC in their
 * environment. A command with a terminal needs none: a server that loses the connection hangs up on
 * that. */
const char *
vmd_exec_spec_get_token (VmdExecSpec *self)
{
  return self->argv != NULL && self->term == NULL ? self->token : NULL;
}

/**
 * vmd_exec_spec_dup_command:
 *
 * Returns: (transfer full) (nullable): the command line for the guest's shell; NULL: the login
 *   shell as it comes
 */
char *
vmd_exec_spec_dup_command (VmdExecSpec *self)
{
  g_autoptr (GString) line = NULL;

  if (self->argv == NULL && self->directory == NULL &&
      (self->environment == NULL || self->environment[0] == NULL))
    return NULL;
  line = g_string_new (NULL);
  if (self->directory != NULL)
    {
      g_string_append (line, "cd ");
      vmd_shell_append_quoted (line, self->directory);
      g_string_append (line, " && ");
    }
  if (vmd_exec_spec_get_token (self) != NULL)
    g_string_append_printf (line, "export VMD_EXEC=%s && ", self->token);
  vmd_exec_spec_append_program (self, line);
  return g_string_free (g_steal_pointer (&line), FALSE);
}

/* (nullable): without it there is no terminal. */
const char *
vmd_exec_spec_get_term (VmdExecSpec *self)
{
  return self->term;
}

void
vmd_exec_spec_get_size (VmdExecSpec *self, guint *columns, guint *rows)
{
  g_mutex_lock (&self->mutex);
  *columns = CLAMP (self->columns, 1, G_MAXUINT16);
  *rows = CLAMP (self->rows, 1, G_MAXUINT16);
  g_mutex_unlock (&self->mutex);
}

/* Becomes readable when the terminal is to have another size. */
int
vmd_exec_spec_get_resize_fd (VmdExecSpec *self)
{
  return self->resize_fd;
}

/* Whether it was resized since the last call. */
gboolean
vmd_exec_spec_take_resize (VmdExecSpec *self)
{
  eventfd_t count;

  return eventfd_read (self->resize_fd, &count) == 0;
}

/* When a command that begins now must have ended. */
gint64
vmd_exec_spec_get_deadline (VmdExecSpec *self)
{
  return self->timeout > 0 ? vmd_deadline_in (self->timeout) : VMD_NO_DEADLINE;
}

/* Returns: the descriptor, now the caller's; -1 when there is none (any more) */
int
vmd_exec_spec_steal_stream (VmdExecSpec *self, guint number)
{
  return vmd_steal_fd (&self->streams[number]);
}

void
vmd_exec_spec_close_streams (VmdExecSpec *self)
{
  for (guint i = 0; i < VMD_N_STREAMS; i++)
    vmd_clear_fd (&self->streams[i]);
}
