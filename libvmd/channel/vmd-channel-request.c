/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-channel-request-private.h"

#include "../base/vmd-failure-private.h"
#include "vmd-channel-body-private.h"

#include <glib-unix.h>
#include <string.h>

/* Who may ask is settled before a body is read, and who may not learns no more than that: an
 * unknown device, a wrong token and an administrator's path all answer alike. */

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000

/* What an error is in HTTP; what is not here is 500. */
static const guint statuses[VMD_N_ERRORS] = {
  [VMD_ERROR_INVALID_ARGUMENT] = SOUP_STATUS_BAD_REQUEST,
  [VMD_ERROR_NOT_FOUND] = SOUP_STATUS_NOT_FOUND,
  [VMD_ERROR_EXISTS] = SOUP_STATUS_CONFLICT,
  [VMD_ERROR_BUSY] = SOUP_STATUS_CONFLICT,
  [VMD_ERROR_WRONG_STATE] = SOUP_STATUS_CONFLICT,
  [VMD_ERROR_IN_USE] = SOUP_STATUS_CONFLICT,
  [VMD_ERROR_CONFLICT] = SOUP_STATUS_CONFLICT,
  [VMD_ERROR_PERMISSION_DENIED] = SOUP_STATUS_FORBIDDEN,
  [VMD_ERROR_CANCELLED] = SOUP_STATUS_SERVICE_UNAVAILABLE,
  [VMD_ERROR_TIMED_OUT] = SOUP_STATUS_SERVICE_UNAVAILABLE,
  [VMD_ERROR_NO_SPACE] = SOUP_STATUS_INSUFFICIENT_STORAGE,
};

/* The last word of the name that the bus has for it. */
static const char *
get_code (VmdError code)
{
  return strrchr (vmd_error_get_bus_name (code), '.') + 1;
}

/* -- Answers -- */

const char *
vmd_channel_request_get_header (VmdChannelRequest *self, const char *name)
{
  return soup_message_headers_get_one (soup_server_message_get_request_headers (self->message),
                                       name);
}

static void
set_header (VmdChannelRequest *self, const char *name, const char *value)
{
  soup_message_headers_replace (soup_server_message_get_response_headers (self->message), name,
                                value);
}

/* NULL: libsoup knows it. */
static const char *
get_phrase (guint status)
{
  if (status == VMD_STATUS_TOO_MANY_REQUESTS)
    return "Too Many Requests";
  return status == VMD_STATUS_HEADER_TOO_LARGE ? "Request Header Fields Too Large" : NULL;
}

/* libsoup 3.2 forgets that there is no body, once it has seen to it that no length of it is told,
 * and then ends the connection to tell where it ends. */
static void
wrote_no_content_cb (SoupServerMessage *message, gpointer data)
{
  soup_message_headers_set_encoding (soup_server_message_get_response_headers (message),
                                     SOUP_ENCODING_NONE);
}

static void
answer (VmdChannelRequest *self, guint status, const char *type, char *text)
{
  VmdChannelMetrics *metrics = self->service->metrics;

  vmd_channel_metrics_count (metrics, VMD_CHANNEL_COUNT_REQUESTS);
  if (status >= 500)
    vmd_channel_metrics_count (metrics, VMD_CHANNEL_COUNT_FAILED_REQUESTS);
  else if (status >= 400)
    vmd_channel_metrics_count (metrics, VMD_CHANNEL_COUNT_BAD_REQUESTS);
  soup_server_message_set_status (self->message, status, get_phrase (status));
  if (text != NULL)
    soup_server_message_set_response (self->message, type, SOUP_MEMORY_TAKE, text, strlen (text));
  if (status == SOUP_STATUS_NO_CONTENT)
    g_signal_connect (self->message, "wrote-headers", G_CALLBACK (wrote_no_content_cb), NULL);
}

void
vmd_channel_request_answer (VmdChannelRequest *self, guint status, char *json)
{
  answer (self, status, "application/json", json);
}

void
vmd_channel_request_answer_text (VmdChannelRequest *self, const char *type, char *text)
{
  answer (self, SOUP_STATUS_OK, type, text);
}

void
vmd_channel_request_refuse (VmdChannelRequest *self, guint status, const char *code,
                            const char *message)
{
  g_autofree char *quoted = vmd_body_quote (message);

  vmd_channel_request_answer (
      self, status, g_strdup_printf ("{\"error\":{\"code\":\"%s\",\"message\":%s}}", code, quoted));
}

void
vmd_channel_request_fail (VmdChannelRequest *self, const GError *error)
{
  VmdError code = error->domain == VMD_ERROR ? (VmdError) error->code : VMD_ERROR_FAILED;
  guint status = statuses[code] != 0 ? statuses[code] : SOUP_STATUS_INTERNAL_SERVER_ERROR;

  /* It asked for that: If-Match. */
  if (code == VMD_ERROR_CONFLICT && self->if_version != VMD_DIRECTORY_ANY_VERSION)
    status = SOUP_STATUS_PRECONDITION_FAILED;
  vmd_channel_request_refuse (self, status, get_code (code), error->message);
}

void
vmd_channel_request_set_version (VmdChannelRequest *self, guint64 version)
{
  char tag[32];

  g_snprintf (tag, sizeof tag, "\"%" G_GUINT64_FORMAT "\"", version);
  set_header (self, "ETag", tag);
}

/* Whole seconds, rounded up, and at least one. */
void
vmd_channel_request_set_retry_after (VmdChannelRequest *self, gint64 microseconds)
{
  char seconds[32];

  g_snprintf (seconds, sizeof seconds, "%" G_GINT64_FORMAT,
              MAX ((microseconds + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC, 1));
  set_header (self, "Retry-After", seconds);
}

/* -- Checks -- */

static gsize
get_header_size (SoupServerMessage *message)
{
  const char *query = g_uri_get_query (soup_server_message_get_uri (message));
  gsize size = strlen (g_uri_get_path (soup_server_message_get_uri (message)));
  SoupMessageHeadersIter iterator;
  const char *name, *value;

  if (query != NULL)
    size += strlen (query);
  soup_message_headers_iter_init (&iterator, soup_server_message_get_request_headers (message));
  while (soup_message_headers_iter_next (&iterator, &name, &value))
    size += strlen (name) + strlen (value) + strlen (": \r\n");
  return size;
}

static gboolean
check_sizes (VmdChannelRequest *self)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (self->message);
  const VmdChannelOptions *options = self->service->options;

  if (get_header_size (self->message) > options->max_header)
    {
      vmd_channel_request_refuse (self, VMD_STATUS_HEADER_TOO_LARGE,
                                  get_code (VMD_ERROR_INVALID_ARGUMENT),
                                  "The request's header is too large");
      return FALSE;
    }
  if (soup_message_headers_get_encoding (headers) == SOUP_ENCODING_CHUNKED)
    {
      vmd_channel_request_refuse (self, SOUP_STATUS_LENGTH_REQUIRED,
                                  get_code (VMD_ERROR_INVALID_ARGUMENT),
                                  "The body must come with a Content-Length");
      return FALSE;
    }
  if (soup_message_headers_get_content_length (headers) > options->max_body)
    {
      vmd_channel_request_refuse (self, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE,
                                  get_code (VMD_ERROR_INVALID_ARGUMENT), "The body is too large");
      return FALSE;
    }
  return TRUE;
}

static const char *
get_token (VmdChannelRequest *self)
{
  const char *value = vmd_channel_request_get_header (self, "Authorization");

  if (value == NULL || g_ascii_strncasecmp (value, "Bearer ", strlen ("Bearer ")) != 0)
    return NULL;
  return value + strlen ("Bearer ");
}

gboolean
vmd_channel_request_is_allowed (VmdChannelRequest *self)
{
  VmdDeviceDirectory *directory = self->service->directory;
  VmdChannelAccess access = self->route->access;
  const char *token;

  if (access == VMD_ACCESS_ALL)
    return TRUE;
  token = get_token (self);
  if (token == NULL)
    return FALSE;
  if (access != VMD_ACCESS_ADMIN &&
      vmd_device_directory_authenticate (directory, self->parameters[0], token, &self->credential,
                                         NULL))
    return TRUE;
  /* Nobody administers from within a guest, whatever he has found there. */
  return access != VMD_ACCESS_DEVICE && !self->connection->is_guest &&
         vmd_device_directory_authenticate_admin (directory, token, NULL);
}

static gboolean
check_access (VmdChannelRequest *self)
{
  if (vmd_channel_request_is_allowed (self))
    return TRUE;
  vmd_channel_metrics_count (self->service->metrics, VMD_CHANNEL_COUNT_UNAUTHENTICATED);
  set_header (self, "WWW-Authenticate", "Bearer");
  vmd_channel_request_refuse (self, SOUP_STATUS_UNAUTHORIZED,
                              get_code (VMD_ERROR_PERMISSION_DENIED),
                              "The token is missing, or gives no right to this");
  return FALSE;
}

/* If-Match is one version in quotes, or "*". */
static gboolean
check_precondition (VmdChannelRequest *self)
{
  const char *value = vmd_channel_request_get_header (self, "If-Match");
  g_autofree char *digits = NULL;
  gsize length;

  self->if_version = VMD_DIRECTORY_ANY_VERSION;
  if (value == NULL || g_str_equal (value, "*"))
    return TRUE;
  length = strlen (value);
  if (length > 2 && value[0] == '"' && value[length - 1] == '"')
    digits = g_strndup (value + 1, length - 2);
  if (digits != NULL &&
      g_ascii_string_to_unsigned (digits, 10, 0, G_MAXUINT64 - 1, &self->if_version, NULL))
    return TRUE;
  vmd_channel_request_refuse (self, SOUP_STATUS_BAD_REQUEST, get_code (VMD_ERROR_INVALID_ARGUMENT),
                              "If-Match must be one version in quotes, or *");
  return FALSE;
}

static gboolean
find_route (VmdChannelRequest *self, const char *path)
{
  const char *method = soup_server_message_get_method (self->message);
  g_autofree char *methods = NULL;

  self->route = vmd_channel_route_find (method, path, self->parameters);
  if (self->route != NULL)
    return TRUE;
  methods = vmd_channel_route_dup_methods (path);
  if (methods != NULL)
    {
      set_header (self, "Allow", methods);
      vmd_channel_request_refuse (self, SOUP_STATUS_METHOD_NOT_ALLOWED,
                                  get_code (VMD_ERROR_UNSUPPORTED), "This cannot be done to it");
    }
  else
    vmd_channel_request_refuse (self, SOUP_STATUS_NOT_FOUND, get_code (VMD_ERROR_NOT_FOUND),
                                "There is nothing at this path");
  return FALSE;
}

VmdChannelRequest *
vmd_channel_request_new (VmdChannelService *service, SoupServerMessage *message,
                         VmdChannelConnection *connection, const char *path, GHashTable *query)
{
  g_autoptr (VmdChannelRequest) self = g_new0 (VmdChannelRequest, 1);

  g_atomic_ref_count_init (&self->references);
  self->service = service;
  self->message = g_object_ref (message);
  self->connection = connection;
  self->query = query != NULL ? g_hash_table_ref (query) : NULL;
  if (!check_sizes (self) || !find_route (self, path) || !check_access (self) ||
      !check_precondition (self))
    return NULL;
  return g_steal_pointer (&self);
}

VmdChannelRequest *
vmd_channel_request_ref (VmdChannelRequest *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
vmd_channel_request_unref (VmdChannelRequest *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  for (guint i = 0; i < VMD_ROUTE_PARAMETERS; i++)
    g_free (self->parameters[i]);
  g_clear_pointer (&self->query, g_hash_table_unref);
  g_clear_object (&self->message);
  g_free (self);
}

/* NUL-terminated. The message's. */
const char *
vmd_channel_request_get_body (VmdChannelRequest *self, gsize *length)
{
  SoupMessageBody *body = soup_server_message_get_request_body (self->message);

  g_bytes_unref (soup_message_body_flatten (body));
  *length = body->length;
  return body->data != NULL ? body->data : "";
}

/* Who a change is by. (transfer full) */
char *
vmd_channel_request_dup_author (VmdChannelRequest *self)
{
  if (*self->credential.id != '\0')
    return g_strdup (self->parameters[0]);
  return g_strconcat ("administrator at ", self->connection->peer, NULL);
}

/* -- The directory's answers -- */

/* libsoup watches no connection whose request is paused. A peer that says no more may wait for its
 * answer; one whose connection is broken, by itself or by its deadline, has gone, and what the
 * directory says is of no use any more. */
static gboolean
gone_cb (int fd, GIOCondition condition, gpointer data)
{
  VmdChannelRequest *self = data;

  g_autoptr (GIOStream) stolen = NULL;

  stolen = soup_server_message_steal_connection (self->message);
  vmd_channel_connection_let_go (self->connection);
  return G_SOURCE_REMOVE;
}

static void
go_on (VmdChannelRequest *self)
{
  self->service->n_waiting--;
  g_source_destroy (self->gone);
  g_clear_pointer (&self->gone, g_source_unref);
  if (vmd_channel_connection_is_open (self->connection))
    soup_server_message_unpause (self->message);
}

static void
pause_for_directory (VmdChannelRequest *self)
{
  self->service->n_waiting++;
  soup_server_message_pause (self->message);
  self->gone = g_unix_fd_source_new (vmd_socket_stream_get_fd (self->connection->socket),
                                     G_IO_HUP | G_IO_ERR);
  g_source_set_callback (self->gone, G_SOURCE_FUNC (gone_cb), self, NULL);
  g_source_attach (self->gone, g_main_context_get_thread_default ());
}

typedef struct
{
  VmdChannelRequest *request;
  guint status;
  VmdChannelAnswer answer; /* (nullable) */
} Change;

static void
change_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autofree Change *change = data;
  g_autoptr (VmdChannelRequest) self = change->request;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  guint64 version = 0;
  char *json = NULL;

  if (!vmd_device_directory_change_finish (VMD_DEVICE_DIRECTORY (source), result, &version, &text,
                                           &error))
    {
      vmd_channel_request_fail (self, error);
      go_on (self);
      return;
    }
  if (change->answer != NULL)
    json = change->answer (self, version, text);
  else if (change->status != SOUP_STATUS_NO_CONTENT)
    {
      json = g_strdup_printf ("{\"version\":%" G_GUINT64_FORMAT "}", version);
      vmd_channel_request_set_version (self, version);
    }
  vmd_channel_request_answer (self, change->status, json);
  go_on (self);
}

/* Answers @status when @change is durable, with what @answer (nullable) makes of it, or else the
 * new version, or with what went wrong. Target, author and if_version are filled in. */
void
vmd_channel_request_change (VmdChannelRequest *self, VmdDirectoryChange *change, guint status,
                            VmdChannelAnswer answer_func)
{
  g_autofree char *author = vmd_channel_request_dup_author (self);
  Change *waiting = g_new0 (Change, 1);

  *waiting = (Change){ vmd_channel_request_ref (self), status, answer_func };
  if (change->target == NULL)
    change->target = self->parameters[0];
  change->if_version = self->if_version;
  change->author = author;
  pause_for_directory (self);
  vmd_device_directory_change_async (self->service->directory, change, self->service->cancellable,
                                     change_cb, waiting);
}

static void
query_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (VmdChannelRequest) self = data;
  g_autoptr (GError) error = NULL;
  char *json = vmd_device_directory_query_finish (VMD_DEVICE_DIRECTORY (source), result, &error);

  if (json == NULL)
    vmd_channel_request_fail (self, error);
  else
    vmd_channel_request_answer (self, SOUP_STATUS_OK, json);
  go_on (self);
}

static gboolean
get_limit (VmdChannelRequest *self, guint *limit)
{
  const char *value = self->query != NULL ? g_hash_table_lookup (self->query, "limit") : NULL;
  guint64 number = LIMIT_DEFAULT;

  if (value != NULL && !g_ascii_string_to_unsigned (value, 10, 1, LIMIT_MAX, &number, NULL))
    {
      vmd_channel_request_refuse (self, SOUP_STATUS_BAD_REQUEST,
                                  get_code (VMD_ERROR_INVALID_ARGUMENT),
                                  "“limit” must be a number from 1 to 1000");
      return FALSE;
    }
  *limit = number;
  return TRUE;
}

/* Answers with what the directory says. `after` and `limit` are the query's. */
void
vmd_channel_request_query (VmdChannelRequest *self, const VmdDirectoryQuery *query)
{
  VmdDirectoryQuery full = *query;

  if (!get_limit (self, &full.limit))
    return;
  full.target = self->parameters[0];
  full.after = self->query != NULL ? g_hash_table_lookup (self->query, "after") : NULL;
  pause_for_directory (self);
  vmd_device_directory_query_async (self->service->directory, &full, self->service->cancellable,
                                    query_cb, vmd_channel_request_ref (self));
}
