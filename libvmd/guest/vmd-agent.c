/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-guest-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The host's end of the line to a guest's agent; the words are in
 * subprojects/vmd-guest/agent-verbs.c.
 *
 * What comes back is written by whoever is root in the guest, and is believed for nothing but
 * what it says about that guest. Each answer is one bounded line of printable ASCII; anything
 * else ends the use of this object with PROTOCOL, since after it nobody knows where the next line
 * begins. A well-formed answer to a question of another's (of a vmd that died, or of ours after
 * its deadline) is skipped: ids begin with a random part for that. Skipping is bounded too, and
 * looks at deadline and cancellable each time, or a guest that never stops talking would keep its
 * reader for ever. */

/* The longest line, its end included. */
#define LINE_MAX_BYTES 4096
/* How many answers to nobody's question are borne with. */
#define SKIPPED_MAX 4096

/* How soon the status is asked for again, at first and at most: the question may have been lost
 * with a guest that was reset. (A guest that just has not booted yet finds it waiting in the
 * socket.) */
#define REPEAT_FIRST_MILLISECONDS 500
#define REPEAT_MOST_MILLISECONDS 8000
/* How long the agent holds a status back while the guest is not ready, so that we learn of it at
 * once without asking often. */
#define STATUS_HOLD "250"

/**
 * VmdAgent:
 *
 * A connection to the agent in a guest. One request at a time; belongs to one thread.
 *
 * Since: 0.1
 */
struct _VmdAgent
{
  GObject parent_instance;

  int fd; /* owned, not blocking */
  guint32 nonce; /* begins all ids of this connection */
  guint32 counter; /* ends them */
  gboolean is_begun; /* the end of a predecessor's half line has been sent */
  gboolean is_broken;
  gsize length; /* of what is in buffer */
  char buffer[LINE_MAX_BYTES + 1];
};

G_DEFINE_FINAL_TYPE (VmdAgent, vmd_agent, G_TYPE_OBJECT)

static gboolean
break_off (VmdAgent *self, GError **error, const char *what)
{
  self->is_broken = TRUE;
  return vmd_fail (error, VMD_ERROR_PROTOCOL, "the guest's agent %s", what);
}

/* Takes the first line out of the buffer; NULL if there is none yet. */
static char *
take_line (VmdAgent *self)
{
  char *end = memchr (self->buffer, '\n', self->length);
  char *line;
  gsize used;

  if (end == NULL)
    return NULL;

  used = (gsize) (end - self->buffer) + 1;
  line = g_strndup (self->buffer, used - 1);
  memmove (self->buffer, end + 1, self->length - used);
  self->length -= used;
  return line;
}

static gboolean
is_printable (const char *data, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if ((data[i] < ' ' || data[i] > '~') && data[i] != '\n')
      return FALSE;

  return TRUE;
}

/* Waits for more and appends it to the buffer. */
static gboolean
fill_buffer (VmdAgent *self, GCancellable *cancellable, gint64 deadline, GError **error)
{
  char *end = self->buffer + self->length;
  gssize n;

  if (self->length >= LINE_MAX_BYTES)
    return break_off (self, error, "sent a line that is too long");

  n = vmd_read_some (self->fd, end, LINE_MAX_BYTES - self->length, cancellable, deadline, error);
  if (n < 0)
    return FALSE;
  if (n == 0)
    return vmd_fail (error, VMD_ERROR_UNREACHABLE, "the guest's agent closed the connection");
  if (!is_printable (end, (gsize) n))
    return break_off (self, error, "sent bytes that are no text");

  self->length += (gsize) n;
  return TRUE;
}

static char *
read_line (VmdAgent *self, GCancellable *cancellable, gint64 deadline, GError **error)
{
  char *line;

  while ((line = take_line (self)) == NULL)
    if (!fill_buffer (self, cancellable, deadline, error))
      return NULL;

  return line;
}

/* Splits "<id> ok|error [rest]" in place. */
static gboolean
parse_answer (char *line, const char **id, gboolean *is_good, const char **rest)
{
  char *verdict = strchr (line, ' ');
  char *tail;

  if (verdict == NULL || verdict == line)
    return FALSE;
  *verdict++ = '\0';
  tail = strchr (verdict, ' ');
  if (tail != NULL)
    *tail++ = '\0';

  *id = line;
  *is_good = g_str_equal (verdict, "ok");
  *rest = tail != NULL ? tail : "";
  return *is_good || g_str_equal (verdict, "error");
}

/* Reads answers up to the one to @id. Returns what follows its "ok". */
static char *
read_answer (VmdAgent *self, const char *wanted, GCancellable *cancellable, gint64 deadline,
             GError **error)
{
  for (guint skipped = 0; skipped < SKIPPED_MAX; skipped++)
    {
      g_autofree char *line = NULL;
      const char *id = NULL;
      const char *rest = NULL;
      gboolean is_good = FALSE;

      if (vmd_is_cancelled (cancellable, error))
        return NULL;
      if (g_get_monotonic_time () >= deadline)
        {
          vmd_fail (error, VMD_ERROR_TIMED_OUT, "the guest's agent did not answer in time");
          return NULL;
        }
      line = read_line (self, cancellable, deadline, error);
      if (line == NULL)
        return NULL;
      if (!parse_answer (line, &id, &is_good, &rest))
        {
          break_off (self, error, "sent a line that is no answer");
          return NULL;
        }
      if (!g_str_equal (id, wanted))
        continue;
      if (is_good)
        return g_strdup (rest);

      vmd_fail (error, VMD_ERROR_GUEST, "the guest's agent refused: %s", rest);
      return NULL;
    }

  break_off (self, error, "talks without being asked");
  return NULL;
}

static gboolean
send_request (VmdAgent *self, const char *id, const char *request, GCancellable *cancellable,
              gint64 deadline, GError **error)
{
  /* The first line of a connection ends what a predecessor may have left half. */
  g_autofree char *line = g_strdup_printf ("%s%s %s\n", self->is_begun ? "" : "\n", id, request);

  self->is_begun = TRUE;
  if (vmd_write_all (self->fd, line, strlen (line), cancellable, deadline, error))
    return TRUE;

  /* Who knows how much of the line went out? Let the next one end it. */
  self->is_begun = FALSE;
  return FALSE;
}

static gboolean
check_usable (VmdAgent *self, GError **error)
{
  return !self->is_broken ||
         vmd_fail (error, VMD_ERROR_PROTOCOL, "the guest's agent did not speak as agreed before");
}

static char *
dup_next_id (VmdAgent *self)
{
  return g_strdup_printf ("%08x-%u", self->nonce, self->counter++);
}

/* One question, one answer. */
static gboolean
ask (VmdAgent *self, const char *request, GCancellable *cancellable, gint64 deadline,
     GError **error)
{
  g_autofree char *id = dup_next_id (self);
  g_autofree char *answer = NULL;

  if (!check_usable (self, error) ||
      !send_request (self, id, request, cancellable, deadline, error))
    return FALSE;

  answer = read_answer (self, id, cancellable, deadline, error);
  return answer != NULL;
}

/* Asks for the status until something comes back, but not past @deadline. */
static char *
ask_repeatedly (VmdAgent *self, GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_autofree char *id = dup_next_id (self);
  guint interval = REPEAT_FIRST_MILLISECONDS;

  for (;;)
    {
      g_autoptr (GError) local_error = NULL;
      gint64 until = MIN (deadline, vmd_deadline_in (interval));
      char *answer;

      if (!send_request (self, id, "status " STATUS_HOLD, cancellable, deadline, error))
        return NULL;
      answer = read_answer (self, id, cancellable, until, &local_error);
      if (answer != NULL)
        return answer;
      if (until >= deadline || !g_error_matches (local_error, VMD_ERROR, VMD_ERROR_TIMED_OUT))
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return NULL;
        }
      interval = MIN (interval * 2, REPEAT_MOST_MILLISECONDS);
    }
}

static gboolean
parse_boot_id (const char *value, VmdAgentStatus *status)
{
  if (!g_uuid_string_is_valid (value))
    return FALSE;

  g_strlcpy (status->boot_id, value, sizeof status->boot_id);
  return TRUE;
}

static gboolean
parse_boolean (const char *value, gboolean *boolean)
{
  *boolean = g_str_equal (value, "1");
  return *boolean || g_str_equal (value, "0");
}

/* The message will be shown on terminals and sent over the bus: what is not printable ASCII
 * becomes a question mark. */
static gboolean
parse_message (const char *value, VmdAgentStatus *status)
{
  g_autofree char *decoded = g_uri_unescape_string (value, NULL);

  if (decoded == NULL)
    return FALSE;
  for (char *c = decoded; *c != '\0'; c++)
    if (*c < ' ' || *c > '~')
      *c = '?';

  g_strlcpy (status->message, decoded, sizeof status->message);
  return TRUE;
}

/* Reads "key=value …". A key that is not known is for a later version. */
static gboolean
parse_status (const char *text, VmdAgentStatus *status)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  gboolean has_ssh = FALSE;
  gboolean has_provisioned = FALSE;

  memset (status, 0, sizeof *status);
  for (gsize i = 0; words[i] != NULL; i++)
    {
      char *value = strchr (words[i], '=');
      gboolean is_good = TRUE;

      if (value == NULL)
        return FALSE;
      *value++ = '\0';
      if (g_str_equal (words[i], "boot_id"))
        is_good = parse_boot_id (value, status);
      else if (g_str_equal (words[i], "ssh"))
        is_good = has_ssh = parse_boolean (value, &status->ssh_listening);
      else if (g_str_equal (words[i], "provisioned"))
        is_good = has_provisioned = parse_boolean (value, &status->provisioned);
      else if (g_str_equal (words[i], "message"))
        is_good = parse_message (value, status);
      if (!is_good)
        return FALSE;
    }

  return status->boot_id[0] != '\0' && has_ssh && has_provisioned;
}

static void
vmd_agent_finalize (GObject *object)
{
  VmdAgent *self = VMD_AGENT (object);

  vmd_clear_fd (&self->fd);
  G_OBJECT_CLASS (vmd_agent_parent_class)->finalize (object);
}

static void
vmd_agent_class_init (VmdAgentClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = vmd_agent_finalize;
}

static void
vmd_agent_init (VmdAgent *self)
{
  self->fd = -1;
  self->nonce = g_random_int ();
}

/**
 * vmd_agent_new:
 * @fd: a connected socket to the guest's agent port; taken, and made non-blocking
 *
 * Nothing is sent yet.
 *
 * Returns: (transfer full): the agent
 *
 * Since: 0.1
 */
VmdAgent *
vmd_agent_new (int fd)
{
  VmdAgent *self = g_object_new (VMD_TYPE_AGENT, NULL);

  self->fd = fd;
  g_unix_set_fd_nonblocking (fd, TRUE, NULL);
  return self;
}

/**
 * vmd_agent_get_status:
 * @self: the agent
 * @status: (out caller-allocates): what the guest says of itself
 * @cancellable: (nullable): ends the wait
 * @deadline: until when to wait for an answer, as g_get_monotonic_time()
 * @error: return location
 *
 * Asks how far the guest is. The guest may not have booted yet: the question is repeated until it
 * is answered. A guest that is not ready (SSH listening, provisioned) answers after a quarter of
 * a second, or as soon as it is, so this can be called in a loop.
 *
 * Returns: whether @status was filled; else %VMD_ERROR_TIMED_OUT, %VMD_ERROR_CANCELLED,
 *   %VMD_ERROR_UNREACHABLE when the connection ended, %VMD_ERROR_PROTOCOL for an answer that is
 *   none, %VMD_ERROR_GUEST for a refusal
 *
 * Since: 0.1
 */
gboolean
vmd_agent_get_status (VmdAgent *self, VmdAgentStatus *status, GCancellable *cancellable,
                      gint64 deadline, GError **error)
{
  g_autofree char *answer = NULL;

  g_return_val_if_fail (VMD_IS_AGENT (self), FALSE);

  if (!check_usable (self, error))
    return FALSE;
  answer = ask_repeatedly (self, cancellable, deadline, error);
  if (answer == NULL)
    return FALSE;
  if (!parse_status (answer, status))
    return break_off (self, error, "sent a status that is none");

  return TRUE;
}

/**
 * vmd_agent_sync:
 * @self: the agent
 * @cancellable: (nullable): ends the wait
 * @deadline: until when to wait for the answer
 * @error: return location
 *
 * Has the guest write all that is in its memory to its disks.
 *
 * Returns: whether it says it has; errors as of vmd_agent_get_status()
 *
 * Since: 0.1
 */
gboolean
vmd_agent_sync (VmdAgent *self, GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_return_val_if_fail (VMD_IS_AGENT (self), FALSE);

  return ask (self, "sync", cancellable, deadline, error);
}

/**
 * vmd_agent_power_off:
 * @self: the agent
 * @cancellable: (nullable): ends the wait
 * @deadline: until when to wait for the answer
 * @error: return location
 *
 * Asks the guest to end in order: processes, file systems, power. It answers before it begins,
 * and how long it takes is for the caller to bound by watching the hypervisor.
 *
 * Returns: whether the guest has begun; errors as of vmd_agent_get_status()
 *
 * Since: 0.1
 */
gboolean
vmd_agent_power_off (VmdAgent *self, GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_return_val_if_fail (VMD_IS_AGENT (self), FALSE);

  return ask (self, "poweroff", cancellable, deadline, error);
}

/**
 * vmd_agent_set_clock:
 * @self: the agent
 * @wall_microseconds: what time it is, in µs since 1970
 * @cancellable: (nullable): ends the wait
 * @deadline: until when to wait for the answer
 * @error: return location
 *
 * Sets the guest's clock, which stood still while the guest was paused or saved.
 *
 * Returns: whether it is set; errors as of vmd_agent_get_status()
 *
 * Since: 0.1
 */
gboolean
vmd_agent_set_clock (VmdAgent *self, gint64 wall_microseconds, GCancellable *cancellable,
                     gint64 deadline, GError **error)
{
  g_autofree char *request = NULL;

  g_return_val_if_fail (VMD_IS_AGENT (self), FALSE);

  request = g_strdup_printf ("clock %" G_GINT64_FORMAT, wall_microseconds);
  return ask (self, request, cancellable, deadline, error);
}
