/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-qmp-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <string.h>
#include <unistd.h>

/* QMP: one JSON object on each line. The hypervisor greets, takes qmp_capabilities, and then
 * answers commands; events come in between and are skipped, since what vmd wants to know it asks,
 * and the process's end it learns from its pidfd.
 *
 * What is at the other end runs a hostile guest and may have been taken over by it. So a line has a
 * greatest length, objects in objects have a greatest depth (json-glib's parser calls itself for
 * each), and what is skipped is counted; anything that is not as agreed is PROTOCOL, after which
 * nobody knows where the next answer begins and the client is of no more use. */

#define LINE_MAX_BYTES (256 * 1024)
#define DEPTH_MAX 32
#define SKIPPED_MAX 10000

struct _VmdQmp
{
  int fd; /* owned */
  GString *input; /* what was read and is not yet used */
  gsize searched; /* that much of it has no end of line */
  gint64 last_id;
  gboolean is_broken;
};

static gboolean
break_off (VmdQmp *self, GError **error, const char *what)
{
  self->is_broken = TRUE;

  return vmd_fail (error, VMD_ERROR_PROTOCOL, "the hypervisor %s", what);
}

/* The next line without its end; (transfer full), NULL on error. */
static char *
read_line (VmdQmp *self, GCancellable *cancellable, gint64 deadline, GError **error)
{
  char buffer[4096];
  char *end;
  char *line;
  gssize n;

  while ((end = memchr (self->input->str + self->searched, '\n',
                        self->input->len - self->searched)) == NULL)
    {
      self->searched = self->input->len;
      if (self->input->len > LINE_MAX_BYTES)
        {
          break_off (self, error, "sent a line that is too long");
          return NULL;
        }
      n = vmd_read_some (self->fd, buffer, sizeof buffer, cancellable, deadline, error);
      if (n == 0)
        vmd_fail (error, VMD_ERROR_BACKEND, "the hypervisor closed its control socket");
      if (n <= 0)
        {
          self->is_broken = TRUE;
          return NULL;
        }
      g_string_append_len (self->input, buffer, n);
    }
  line = g_strndup (self->input->str, (gsize) (end - self->input->str));
  g_string_erase (self->input, 0, end - self->input->str + 1);
  self->searched = 0;

  return line;
}

/* What JSON has outside of strings. */
static gboolean
is_structure (char c)
{
  return g_ascii_isalnum (c) || strchr ("{}[]:,+-. \t\r", c) != NULL;
}

/* json-glib takes more than JSON: a quote in a comment, or between single quotes, begins no string
 * for it. So nothing but JSON is let through, or else the brackets would be counted in other
 * strings than the parser sees. */
static gboolean
is_safe_to_parse (const char *line)
{
  gboolean in_string = FALSE;
  gint depth = 0;

  for (const char *c = line; *c != '\0'; c++)
    {
      if (in_string && *c == '\\' && c[1] != '\0')
        c++;
      else if (*c == '"')
        in_string = !in_string;
      else if (in_string)
        continue;
      else if (!is_structure (*c))
        return FALSE;
      else if (*c == '{' || *c == '[')
        depth++;
      else if (*c == '}' || *c == ']')
        depth--;
      if (depth > DEPTH_MAX)
        return FALSE;
    }

  return TRUE;
}

/* The next message, which must be an object; (transfer full), NULL on error. */
static JsonObject *
read_message (VmdQmp *self, GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_autofree char *line = read_line (self, cancellable, deadline, error);
  g_autoptr (JsonNode) node = NULL;

  if (line == NULL)
    return NULL;
  if (g_utf8_validate (line, -1, NULL) && is_safe_to_parse (line))
    node = json_from_string (line, NULL);
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    {
      break_off (self, error, "sent what is no JSON object");
      return NULL;
    }

  return json_node_dup_object (node);
}

/* Some member of it that is a string; NULL if there is none. */
static const char *
get_string (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_get_string (node)
             : NULL;
}

static gboolean
is_answer_to (JsonObject *message, gint64 id)
{
  JsonNode *node = json_object_get_member (message, "id");

  return node != NULL && json_node_get_value_type (node) == G_TYPE_INT64 &&
         json_node_get_int (node) == id;
}

/* Fails with what the hypervisor said in its "error". */
static void
fail_with_answer (VmdQmp *self, const char *command, JsonObject *answer, GError **error)
{
  JsonNode *node = json_object_get_member (answer, "error");
  const char *description = NULL;

  if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    description = get_string (json_node_get_object (node), "desc");
  if (description != NULL)
    vmd_fail (error, VMD_ERROR_BACKEND, "the hypervisor refused %s: %s", command, description);
  else
    break_off (self, error, "sent an answer that is none");
}

/* Reads up to the answer to @id; events and answers to nobody are skipped. */
static JsonNode *
read_answer (VmdQmp *self, const char *command, gint64 id, GCancellable *cancellable,
             gint64 deadline, GError **error)
{
  for (guint skipped = 0; skipped < SKIPPED_MAX; skipped++)
    {
      g_autoptr (JsonObject) message = read_message (self, cancellable, deadline, error);

      if (message == NULL)
        return NULL;
      if (!is_answer_to (message, id))
        continue;
      if (json_object_has_member (message, "return"))
        return json_object_dup_member (message, "return");
      fail_with_answer (self, command, message, error);
      return NULL;
    }
  break_off (self, error, "sends events without end");

  return NULL;
}

static gboolean
send_command (VmdQmp *self, const char *command, JsonObject *arguments, GCancellable *cancellable,
              gint64 deadline, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *text = NULL;
  g_autofree char *line = NULL;

  json_object_set_string_member (object, "execute", command);
  if (arguments != NULL)
    json_object_set_object_member (object, "arguments", json_object_ref (arguments));
  json_object_set_int_member (object, "id", ++self->last_id);
  json_node_set_object (node, object);
  text = json_to_string (node, FALSE);
  line = g_strconcat (text, "\n", NULL);
  if (vmd_write_all (self->fd, line, strlen (line), cancellable, deadline, error))
    return TRUE;
  self->is_broken = TRUE;

  return FALSE;
}

/* Sends @command with @arguments (nullable) and waits for its answer: (transfer full), NULL on
 * error, BACKEND when the hypervisor refuses. After any other error the client is of no more
 * use. */
JsonNode *
vmd_qmp_execute (VmdQmp *self, const char *command, JsonObject *arguments,
                 GCancellable *cancellable, gint64 deadline, GError **error)
{
  if (self->is_broken)
    {
      vmd_fail (error, VMD_ERROR_PROTOCOL, "the hypervisor's control socket was given up");
      return NULL;
    }
  if (!send_command (self, command, arguments, cancellable, deadline, error))
    return NULL;

  return read_answer (self, command, self->last_id, cancellable, deadline, error);
}

/* QEMU sends events from another thread than the one that accepts connections, and looks only
 * whether the client that it last had was ready for them: so one that comes at the wrong moment is
 * there before the greeting. */
static gboolean
await_greeting (VmdQmp *self, GCancellable *cancellable, gint64 deadline, GError **error)
{
  for (guint skipped = 0; skipped < SKIPPED_MAX; skipped++)
    {
      g_autoptr (JsonObject) message = read_message (self, cancellable, deadline, error);

      if (message == NULL)
        return FALSE;
      if (json_object_has_member (message, "QMP"))
        return TRUE;
      if (!json_object_has_member (message, "event"))
        return break_off (self, error, "does not greet as agreed");
    }
  return break_off (self, error, "sends events without end");
}

/* A client on the connected socket @fd (not blocking; taken in any case): waits for the greeting
 * and for the hypervisor to be ready for commands. (transfer full), NULL on error. */
VmdQmp *
vmd_qmp_open (int fd, GCancellable *cancellable, gint64 deadline, GError **error)
{
  g_autoptr (VmdQmp) self = g_new0 (VmdQmp, 1);
  g_autoptr (JsonNode) answer = NULL;

  self->fd = fd;
  self->input = g_string_new (NULL);
  if (!await_greeting (self, cancellable, deadline, error))
    return NULL;
  answer = vmd_qmp_execute (self, "qmp_capabilities", NULL, cancellable, deadline, error);
  if (answer == NULL)
    return NULL;

  return g_steal_pointer (&self);
}

void
vmd_qmp_free (VmdQmp *self)
{
  vmd_clear_fd (&self->fd);
  g_string_free (self->input, TRUE);
  g_free (self);
}
