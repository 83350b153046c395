/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-channel-body-private.h"
#include "vmd-channel-serve-private.h"

#include <string.h>

/* What devices ask for. The order in vmd_channel_serve_stream() is what no update and no
 * revocation is lost by: subscribe, then look at the token once more, then read the snapshot, then
 * offer it; the subscription drops what is not newer. */

#define INSTANCE_MAX 64
#define APPLIED_BODY_MAX (8 * 1024)
#define APPLIED_MESSAGE_MAX 1024

/* A new one for a client that does not name its incarnation; NULL: it is none. (transfer full) */
static char *
dup_instance (VmdChannelRequest *request)
{
  const char *instance = vmd_channel_request_get_header (request, "Vmd-Instance");
  gsize length;

  if (instance == NULL)
    return g_strdup_printf ("%08x%08x", g_random_int (), g_random_int ());
  length = strlen (instance);
  if (length == 0 || length > INSTANCE_MAX ||
      instance[strspn (instance, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-")] != '\0')
    return NULL;
  return g_strdup (instance);
}

static gboolean
is_version (const char *text, guint64 version)
{
  guint64 number = 0;

  return text != NULL && g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, &number, NULL) &&
         number == version;
}

/* The client may say what it has; only the current version spares it the snapshot, for one that it
 * has of another store may be higher. */
static void
offer_snapshot (VmdChannelRequest *request, VmdSubscription *subscription,
                VmdConfigSnapshot *snapshot)
{
  if (is_version (vmd_channel_request_get_header (request, "Last-Event-ID"), snapshot->version))
    vmd_subscription_skip (subscription, snapshot->version);
  else
    vmd_subscription_offer (subscription, snapshot);
}

static VmdSubscription *
subscribe (VmdChannelRequest *request, const char *instance, const VmdSubscriptionSink *sink)
{
  const VmdSubscriber subscriber = { request->parameters[0], instance, request->connection->peer,
                                     request->credential.id, request->credential.expires };
  g_autoptr (GError) error = NULL;
  gint64 retry_after = 0;
  VmdSubscription *subscription =
      vmd_broker_subscribe (request->service->broker, &subscriber, sink, &retry_after, &error);

  if (subscription != NULL)
    return subscription;
  vmd_channel_request_set_retry_after (request, retry_after);
  vmd_channel_request_fail (request, error);
  return NULL;
}

void
vmd_channel_serve_stream (VmdChannelRequest *request)
{
  VmdChannelService *service = request->service;
  VmdChannelConnection *connection = request->connection;
  g_autoptr (VmdConfigSnapshot) snapshot = NULL;
  g_autoptr (GIOStream) stolen = NULL;
  g_autofree char *instance = dup_instance (request);
  VmdSubscription *subscription;
  VmdSubscriptionSink sink;
  VmdStream *stream;

  if (instance == NULL)
    {
      vmd_channel_request_refuse (request, SOUP_STATUS_BAD_REQUEST, "InvalidArgument",
                                  "Vmd-Instance must be 1 to 64 of A-Z, a-z, 0-9, _ and -");
      return;
    }
  if (!vmd_channel_limits_may_connect (service->limits, request->parameters[0],
                                       g_get_monotonic_time ()))
    {
      vmd_channel_request_set_retry_after (request, G_USEC_PER_SEC);
      vmd_channel_request_refuse (request, VMD_STATUS_TOO_MANY_REQUESTS, "Busy",
                                  "The device connects too often");
      return;
    }
  stream = vmd_stream_new (service->streams, vmd_socket_stream_get_fd (connection->socket),
                           vmd_socket_stream_get_tls (connection->socket), &sink);
  subscription = subscribe (request, instance, &sink);
  if (subscription == NULL)
    return;
  snapshot = vmd_device_directory_ref_snapshot (service->directory, request->parameters[0], NULL);
  if (!vmd_channel_request_is_allowed (request))
    vmd_subscription_end (subscription, VMD_SUBSCRIPTION_REVOKED);
  if (snapshot != NULL)
    offer_snapshot (request, subscription, snapshot);
  else
    vmd_subscription_end (subscription, VMD_SUBSCRIPTION_DELETED);

  vmd_channel_metrics_count (service->metrics, VMD_CHANNEL_COUNT_REQUESTS);
  soup_server_message_set_status (request->message, SOUP_STATUS_OK, NULL);
  vmd_socket_stream_release (connection->socket);
  stolen = soup_server_message_steal_connection (request->message);
  vmd_stream_start (stream, subscription, g_steal_pointer (&connection->place));
}

void
vmd_channel_serve_config (VmdChannelRequest *request)
{
  g_autoptr (VmdConfigSnapshot) snapshot = NULL;
  g_autoptr (GError) error = NULL;
  const char *known = vmd_channel_request_get_header (request, "If-None-Match");
  char tag[32];
  gconstpointer payload;
  gsize length;

  snapshot = vmd_device_directory_ref_snapshot (request->service->directory, request->parameters[0],
                                                &error);
  if (snapshot == NULL)
    {
      vmd_channel_request_fail (request, error);
      return;
    }
  vmd_channel_request_set_version (request, snapshot->version);
  g_snprintf (tag, sizeof tag, "\"%" G_GUINT64_FORMAT "\"", snapshot->version);
  if (known != NULL && (g_str_equal (known, tag) || g_str_equal (known, "*")))
    {
      vmd_channel_request_answer (request, SOUP_STATUS_NOT_MODIFIED, NULL);
      return;
    }
  payload = g_bytes_get_data (snapshot->payload, &length);
  vmd_channel_request_answer (request, SOUP_STATUS_OK, g_strndup (payload, length));
}

void
vmd_channel_serve_applied (VmdChannelRequest *request)
{
  g_autofree char *status = NULL;
  g_autofree char *message = NULL;
  guint64 version = 0;
  const VmdBodyMember members[] = {
    { "version", VMD_BODY_NUMBER, &version, TRUE },
    { "status", VMD_BODY_STRING, &status, TRUE },
    { "message", VMD_BODY_STRING, &message, FALSE },
  };
  VmdDirectoryChange change = { .verb = VMD_DIRECTORY_REPORT_APPLIED };
  g_autoptr (GError) error = NULL;
  gsize length;
  const char *body = vmd_channel_request_get_body (request, &length);

  if (length > APPLIED_BODY_MAX)
    {
      vmd_channel_request_refuse (request, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE, "InvalidArgument",
                                  "The body is too large");
      return;
    }
  if (!vmd_body_parse (body, length, members, G_N_ELEMENTS (members), &error))
    {
      vmd_channel_request_fail (request, error);
      return;
    }
  if (message != NULL && strlen (message) > APPLIED_MESSAGE_MAX)
    {
      vmd_channel_request_refuse (request, SOUP_STATUS_BAD_REQUEST, "InvalidArgument",
                                  "“message” is longer than 1,024 bytes");
      return;
    }
  if (!g_str_equal (status, "ok") && !g_str_equal (status, "failed"))
    {
      vmd_channel_request_refuse (request, SOUP_STATUS_BAD_REQUEST, "InvalidArgument",
                                  "“status” must be “ok” or “failed”");
      return;
    }
  change.version = version;
  change.text = status;
  change.json = message;
  vmd_channel_request_change (request, &change, SOUP_STATUS_NO_CONTENT, NULL);
}
