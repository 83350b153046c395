/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-http.h"

#include "vmd-device-retry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <vmd-error.h>

#define MAX_TOKEN 1024

struct _VmdDeviceHttp
{
  const VmdDeviceOptions *options; /* not owned */
  SoupSession *session;
  char *instance; /* of this run of the program: the server tells a reconnect by it */
};

/* No proxies, no redirects, no compression, no passwords: the token goes to the one server that the
 * URL names, and an answer is no larger than its bytes. */
VmdDeviceHttp *
vmd_device_http_new (const VmdDeviceOptions *options, GError **error)
{
  g_autoptr (VmdDeviceHttp) self = g_new0 (VmdDeviceHttp, 1);
  g_autoptr (GTlsDatabase) authorities = NULL;

  self->options = options;
  self->instance = g_uuid_string_random ();
  self->session = soup_session_new_with_options ("user-agent", "vmd-device/" VMD_VERSION,
                                                 "proxy-resolver", NULL, NULL);
  soup_session_remove_feature_by_type (self->session, SOUP_TYPE_CONTENT_DECODER);
  soup_session_remove_feature_by_type (self->session, SOUP_TYPE_AUTH_MANAGER);
  if (options->ca != NULL)
    {
      g_autofree char *path = g_canonicalize_filename (options->ca, NULL);

      authorities = G_TLS_DATABASE (g_tls_file_database_new (path, error));
      if (authorities == NULL)
        {
          g_prefix_error (error, "%s: ", options->ca);
          return NULL;
        }
      soup_session_set_tls_database (self->session, authorities);
    }
  return g_steal_pointer (&self);
}

void
vmd_device_http_free (VmdDeviceHttp *self)
{
  g_clear_object (&self->session);
  g_free (self->instance);
  g_free (self);
}

SoupSession *
vmd_device_http_get_session (VmdDeviceHttp *self)
{
  return self->session;
}

static gboolean
is_token (const char *text)
{
  if (*text == '\0')
    return FALSE;
  for (; *text != '\0'; text++)
    if (!g_ascii_isalnum (*text) && strchr ("-._~+/=", *text) == NULL)
      return FALSE;
  return TRUE;
}

/* Each time anew, so that a token can be replaced without a restart. (transfer full) */
static char *
read_token (const char *path, GError **error)
{
  g_autofree char *shown = g_filename_display_name (path);
  g_autofree char *text = g_malloc0 (MAX_TOKEN + 1);
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  gssize length = fd >= 0 ? read (fd, text, MAX_TOKEN) : -1;
  int saved_errno = errno;

  if (fd >= 0)
    close (fd);
  if (length < 0)
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_FAILED, "Cannot read the token in %s: %s", shown,
                   g_strerror (saved_errno));
      return NULL;
    }
  g_strstrip (text);
  if (!is_token (text))
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT,
                   "%s holds no token, which is one line of letters, digits and a dot", shown);
      return NULL;
    }
  return g_steal_pointer (&text);
}

/* For /v1/devices/ID/@resource. (transfer full) */
SoupMessage *
vmd_device_http_new_message (VmdDeviceHttp *self, const char *method, const char *resource,
                             GError **error)
{
  g_autofree char *uri =
      g_strdup_printf ("%s/v1/devices/%s/%s", self->options->url, self->options->id, resource);
  g_autofree char *token = read_token (self->options->token_file, error);
  g_autofree char *authorization = g_strconcat ("Bearer ", token, NULL);
  g_autoptr (SoupMessage) message = NULL;
  SoupMessageHeaders *headers;

  if (token == NULL)
    return NULL;
  message = soup_message_new (method, uri);
  if (message == NULL)
    {
      g_set_error (error, VMD_ERROR, VMD_ERROR_INVALID_ARGUMENT, "%s is no URL", uri);
      return NULL;
    }
  headers = soup_message_get_request_headers (message);
  soup_message_headers_replace (headers, "Authorization", authorization);
  soup_message_headers_replace (headers, "Vmd-Instance", self->instance);
  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  return g_steal_pointer (&message);
}

/* What is wrong with the server's certificate, in words for whoever has to mend it. */
static char *
explain_certificate (SoupMessage *message, const VmdDeviceOptions *options)
{
  const struct
  {
    GTlsCertificateFlags flag;
    const char *words;
  } faults[] = {
    { G_TLS_CERTIFICATE_UNKNOWN_CA,
      options->ca != NULL
          ? "nobody whom “--ca” names has signed it"
          : "nobody whom this machine trusts has signed it (“--ca” names a file with others)" },
    { G_TLS_CERTIFICATE_BAD_IDENTITY, "it is not one for the host that the URL names" },
    { G_TLS_CERTIFICATE_NOT_ACTIVATED, "it is not valid yet" },
    { G_TLS_CERTIFICATE_EXPIRED, "it has expired" },
    { G_TLS_CERTIFICATE_REVOKED, "it was revoked" },
    { G_TLS_CERTIFICATE_INSECURE, "it uses an algorithm that is not safe" },
  };
  GTlsCertificateFlags found = soup_message_get_tls_peer_certificate_errors (message);
  GString *text = g_string_new ("The server's certificate is refused");

  for (guint i = 0; i < G_N_ELEMENTS (faults); i++)
    if (found & faults[i].flag)
      g_string_append_printf (text, "%s %s", strchr (text->str, ':') == NULL ? ":" : ", and",
                              faults[i].words);
  return g_string_free (text, FALSE);
}

/* soup_session_send_finish(), with an error that says more. */
GInputStream *
vmd_device_http_send_finish (SoupSession *session, SoupMessage *message,
                             const VmdDeviceOptions *options, GAsyncResult *result, GError **error)
{
  g_autoptr (GError) local = NULL;
  GInputStream *body = soup_session_send_finish (session, result, &local);

  if (g_error_matches (local, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE))
    {
      g_autofree char *words = explain_certificate (message, options);

      g_set_error_literal (error, VMD_ERROR, VMD_ERROR_FAILED, words);
    }
  else if (local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  return body;
}

/* Is that what was to be answered? Else the error says what it means. */
gboolean
vmd_device_http_check (SoupMessage *message, guint expected, GError **error)
{
  static const struct
  {
    guint status;
    VmdError code;
    const char *meaning;
  } table[] = {
    { SOUP_STATUS_UNAUTHORIZED, VMD_ERROR_PERMISSION_DENIED,
      "the server does not know this device with this token; look at --id and at the token file" },
    { SOUP_STATUS_FORBIDDEN, VMD_ERROR_PERMISSION_DENIED, "the server refuses this device" },
    { SOUP_STATUS_NOT_FOUND, VMD_ERROR_NOT_FOUND,
      "the server has no such place; is --url that of a channel?" },
    { SOUP_STATUS_CONFLICT, VMD_ERROR_BUSY,
      "the device is contested: other clients have its identity too" },
    { VMD_DEVICE_HTTP_TOO_MANY_REQUESTS, VMD_ERROR_BUSY, "the server wants fewer requests" },
    { SOUP_STATUS_SERVICE_UNAVAILABLE, VMD_ERROR_UNREACHABLE, "the server is shutting down" },
  };
  guint status = soup_message_get_status (message);
  const char *meaning = "that is not the answer of a channel";
  VmdError code = VMD_ERROR_PROTOCOL;

  if (status == expected)
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    if (table[i].status == status)
      {
        meaning = table[i].meaning;
        code = table[i].code;
      }
  if (SOUP_STATUS_IS_REDIRECTION (status))
    meaning = "redirects are not followed; look at --url";
  g_set_error (error, VMD_ERROR, code, "HTTP status %u: %s", status, meaning);
  return FALSE;
}

/* Milliseconds before the request of @message (nullable: it was not sent) is to be tried again. */
gint64
vmd_device_http_get_wait (SoupMessage *message, guint n_failures)
{
  guint status = message != NULL ? soup_message_get_status (message) : SOUP_STATUS_NONE;
  gint64 wait = vmd_device_retry_after_failures (n_failures, g_random_double ());
  const char *told;

  if (status != SOUP_STATUS_CONFLICT && status != VMD_DEVICE_HTTP_TOO_MANY_REQUESTS &&
      status != SOUP_STATUS_SERVICE_UNAVAILABLE)
    return SOUP_STATUS_IS_CLIENT_ERROR (status) && status != SOUP_STATUS_REQUEST_TIMEOUT
               ? vmd_device_retry_when_refused (g_random_double ())
               : wait;
  told = soup_message_headers_get_one (soup_message_get_response_headers (message), "Retry-After");
  return vmd_device_retry_when_told (wait, told, g_random_double ());
}
