/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-tls-session-private.h"

#include "../base/vmd-failure-private.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <string.h>

/* Each file is looked at by itself before the two are put together, so that whoever has to mend
 * something is told which file it is. */

struct _VmdTlsCredentials
{
  gnutls_certificate_credentials_t foreign;
};

typedef struct
{
  char *data;
  gsize length;
} Text;

/* A key is not to stay in memory that somebody else is given. */
static void
text_clear (Text *text)
{
  if (text->data != NULL)
    explicit_bzero (text->data, text->length);
  g_clear_pointer (&text->data, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Text, text_clear)

static void
credentials_clear (gpointer data)
{
  VmdTlsCredentials *self = data;

  if (self->foreign != NULL)
    gnutls_certificate_free_credentials (self->foreign);
}

VmdTlsCredentials *
vmd_tls_credentials_ref (VmdTlsCredentials *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
vmd_tls_credentials_unref (VmdTlsCredentials *self)
{
  g_atomic_rc_box_release_full (self, credentials_clear);
}

/* A gnutls_certificate_credentials_t, borrowed: that header stays out of all who need none of it.
 */
gpointer
vmd_tls_credentials_get_foreign (VmdTlsCredentials *self)
{
  return self->foreign;
}

static gboolean
read_text (const char *path, const char *what, Text *text, GError **error)
{
  g_autofree char *shown = g_filename_display_name (path);
  GError *local = NULL;

  if (g_file_get_contents (path, &text->data, &text->length, &local))
    return TRUE;
  vmd_propagate_foreign (error, local, "Cannot read the channel's %s “%s”", what, shown);
  return FALSE;
}

static gnutls_datum_t
as_datum (const Text *text)
{
  return (gnutls_datum_t){ (unsigned char *) text->data, text->length };
}

static gboolean
check_certificate (const Text *text, const char *path, GError **error)
{
  gnutls_datum_t datum = as_datum (text);
  g_autofree char *shown = g_filename_display_name (path);
  gnutls_x509_crt_t *chain = NULL;
  unsigned int n = 0;
  int result = gnutls_x509_crt_list_import2 (&chain, &n, &datum, GNUTLS_X509_FMT_PEM, 0);

  if (result < 0)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "“%s” is no certificate (%s): give a PEM file that begins with the server's "
                     "own, then those that signed it",
                     shown, gnutls_strerror (result));
  for (unsigned int i = 0; i < n; i++)
    gnutls_x509_crt_deinit (chain[i]);
  gnutls_free (chain);
  return TRUE;
}

static gboolean
check_key (const Text *text, const char *path, GError **error)
{
  gnutls_datum_t datum = as_datum (text);
  g_autofree char *shown = g_filename_display_name (path);
  gnutls_privkey_t key = NULL;
  int result = gnutls_privkey_init (&key);

  if (result == 0)
    result = gnutls_privkey_import_x509_raw (key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
  if (key != NULL)
    gnutls_privkey_deinit (key);
  if (result < 0)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "“%s” is no private key (%s): give a PEM file that no password protects",
                     shown, gnutls_strerror (result));
  return TRUE;
}

static gboolean
put_together (VmdTlsCredentials *self, const Text *certificate, const Text *key, GError **error)
{
  gnutls_datum_t certificate_datum = as_datum (certificate);
  gnutls_datum_t key_datum = as_datum (key);
  int result = gnutls_certificate_allocate_credentials (&self->foreign);

  if (result == 0)
    result = gnutls_certificate_set_x509_key_mem2 (self->foreign, &certificate_datum, &key_datum,
                                                   GNUTLS_X509_FMT_PEM, NULL, 0);
  if (result >= 0)
    return TRUE;
  return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "%s", gnutls_strerror (result));
}

VmdTlsCredentials *
vmd_tls_credentials_load (const char *certificate, const char *key, GError **error)
{
  g_autoptr (VmdTlsCredentials) self = g_atomic_rc_box_new0 (VmdTlsCredentials);
  g_auto (Text) certificate_text = { NULL, 0 };
  g_auto (Text) key_text = { NULL, 0 };

  if (!read_text (certificate, "certificate", &certificate_text, error) ||
      !check_certificate (&certificate_text, certificate, error) ||
      !read_text (key, "key", &key_text, error) || !check_key (&key_text, key, error))
    return NULL;
  if (!put_together (self, &certificate_text, &key_text, error))
    {
      g_prefix_error (error,
                      "The key “%s” is not that of the first certificate in “%s”: give the "
                      "key that the certificate was made for: ",
                      key, certificate);
      return NULL;
    }
  return g_steal_pointer (&self);
}
