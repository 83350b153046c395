/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tls-client.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char *directory;

const char *
tls_client_make_certificate (const char *name, char **key)
{
  g_autofree char *file = g_strconcat (name, ".pem", NULL);
  g_autofree char *key_file = g_strconcat (name, ".key", NULL);
  char *path, *key_path;
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  int status = -1;

  if (directory == NULL)
    directory = g_dir_make_tmp ("vmd-tls-XXXXXX", NULL);
  path = g_build_filename (directory, file, NULL);
  key_path = g_build_filename (directory, key_file, NULL);
  {
    const char *const argv[] = { "openssl",
                                 "req",
                                 "-x509",
                                 "-newkey",
                                 "ec",
                                 "-pkeyopt",
                                 "ec_paramgen_curve:prime256v1",
                                 "-nodes",
                                 "-days",
                                 "2",
                                 "-subj",
                                 "/CN=localhost",
                                 "-addext",
                                 "subjectAltName=IP:127.0.0.1,DNS:localhost",
                                 "-keyout",
                                 key_path,
                                 "-out",
                                 path,
                                 NULL };

    g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &output,
                  &status, &error);
  }
  g_assert_no_error (error);
  if (status != 0)
    g_error ("openssl: %s", output);
  *key = key_path;
  return path;
}

void
tls_client_remove_certificates (void)
{
  g_autoptr (GDir) dir = directory != NULL ? g_dir_open (directory, 0, NULL) : NULL;
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (directory, name, NULL);

      g_unlink (path);
    }
  if (directory != NULL)
    g_rmdir (directory);
  g_clear_pointer (&directory, g_free);
}

TlsClient *
tls_client_new (int fd, const char *priority)
{
  TlsClient *self = g_new0 (TlsClient, 1);

  self->fd = fd;
  g_assert_cmpint (gnutls_init (&self->session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL), ==, 0);
  if (priority != NULL)
    g_assert_cmpint (gnutls_priority_set_direct (self->session, priority, NULL), ==, 0);
  else
    g_assert_cmpint (gnutls_set_default_priority (self->session), ==, 0);
  g_assert_cmpint (gnutls_certificate_allocate_credentials (&self->credentials), ==, 0);
  gnutls_credentials_set (self->session, GNUTLS_CRD_CERTIFICATE, self->credentials);
  gnutls_transport_set_int (self->session, fd);
  return self;
}

int
tls_client_shake_hands (TlsClient *self)
{
  int result;

  do
    result = gnutls_handshake (self->session);
  while (result < 0 && result != GNUTLS_E_AGAIN && !gnutls_error_is_fatal (result));
  /* The time limit is a hang. */
  g_assert_cmpint (result, !=, GNUTLS_E_AGAIN);
  return result;
}

void
tls_client_free (TlsClient *self)
{
  gnutls_deinit (self->session);
  gnutls_certificate_free_credentials (self->credentials);
  close (self->fd);
  g_free (self);
}

void
tls_client_send (TlsClient *self, const char *text)
{
  gsize length = strlen (text);

  while (length > 0)
    {
      gssize sent = gnutls_record_send (self->session, text, length);

      if (sent <= 0)
        return;
      text += sent;
      length -= sent;
    }
}

static gssize
read_more (TlsClient *self, GString *read_so_far, gsize most)
{
  char bytes[4096];
  gssize got = GNUTLS_E_AGAIN;

  /* An end within a record is this once, and an error then; the time limit, twice, is a hang. */
  for (guint i = 0; i < 2 && (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED); i++)
    got = gnutls_record_recv (self->session, bytes, MIN (most, sizeof bytes));
  g_assert_cmpint (got, !=, GNUTLS_E_AGAIN);
  if (got > 0)
    g_string_append_len (read_so_far, bytes, got);
  return got;
}

char *
tls_client_read_until (TlsClient *self, const char *text)
{
  GString *found = g_string_new (NULL);
  gsize length = strlen (text);

  /* Byte by byte, so that nothing of what follows it is taken: it can be at the end only. */
  while (found->len < length || memcmp (found->str + found->len - length, text, length) != 0)
    {
      gssize got = read_more (self, found, 1);

      if (got <= 0)
        g_error ("%s before “%s”, after: %s", got < 0 ? gnutls_strerror (got) : "the end", text,
                 found->str);
    }
  return g_string_free (found, FALSE);
}

char *
tls_client_read_answer (TlsClient *self)
{
  g_autofree char *header = tls_client_read_until (self, "\r\n\r\n");
  const char *length = strstr (header, "\r\nContent-Length: ");
  GString *found = g_string_new (header);
  gsize size;

  g_assert_nonnull (length);
  size = found->len + atoi (length + strlen ("\r\nContent-Length: "));
  while (found->len < size)
    g_assert_cmpint (read_more (self, found, size - found->len), >, 0);
  return g_string_free (found, FALSE);
}

char *
tls_client_read_all (TlsClient *self, gboolean *was_told)
{
  GString *found = g_string_new (NULL);
  gssize got;

  while ((got = read_more (self, found, G_MAXSIZE)) > 0)
    continue;
  *was_told = got == 0;
  return g_string_free (found, FALSE);
}

TlsClient *
tls_client_subscribe (Wire *wire, const char *device, const char *headers)
{
  g_autofree char *request =
      g_strdup_printf ("GET /v1/devices/%s/config/stream HTTP/1.1\r\nHost: vmd\r\n"
                       "Authorization: Bearer token-%s\r\n%s\r\n",
                       device, device, headers);
  TlsClient *self = tls_client_new (wire_connect (wire), NULL);
  g_autofree char *header = NULL;

  g_assert_cmpint (tls_client_shake_hands (self), ==, 0);
  tls_client_send (self, request);
  header = tls_client_read_until (self, ": heartbeat\n\n");
  g_assert_cmpuint (wire_get_status (header), ==, 200);
  return self;
}

char *
tls_client_ask (Wire *wire, const char *request)
{
  g_autoptr (TlsClient) self = tls_client_new (wire_connect (wire), NULL);
  gboolean was_told;

  g_assert_cmpint (tls_client_shake_hands (self), ==, 0);
  tls_client_send (self, request);
  return tls_client_read_all (self, &was_told);
}
