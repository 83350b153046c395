/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-tls-identity-private.h"

/* A certificate lives for weeks and a stream for as long: whoever renews the one must not have to
 * end the other. A session holds the credentials that it shook hands with, so they are replaced as
 * a whole, and the old ones go with the last session that has them. The files are read before
 * anything is replaced, and outside the mutex. */
struct _VmdTlsIdentity
{
  /* Constant. */
  char *certificate;
  char *key;

  GMutex mutex; /* a leaf; guards what follows */
  VmdTlsCredentials *credentials; /* a reference */
};

VmdTlsIdentity *
vmd_tls_identity_new (const char *certificate, const char *key, GError **error)
{
  VmdTlsCredentials *credentials = vmd_tls_credentials_load (certificate, key, error);
  VmdTlsIdentity *self;

  if (credentials == NULL)
    return NULL;
  self = g_new0 (VmdTlsIdentity, 1);
  self->certificate = g_strdup (certificate);
  self->key = g_strdup (key);
  g_mutex_init (&self->mutex);
  self->credentials = credentials;
  return self;
}

void
vmd_tls_identity_free (VmdTlsIdentity *self)
{
  vmd_tls_credentials_unref (self->credentials);
  g_mutex_clear (&self->mutex);
  g_free (self->certificate);
  g_free (self->key);
  g_free (self);
}

gboolean
vmd_tls_identity_reload (VmdTlsIdentity *self, GError **error)
{
  g_autoptr (VmdTlsCredentials) replaced = NULL;
  VmdTlsCredentials *credentials = vmd_tls_credentials_load (self->certificate, self->key, error);

  if (credentials == NULL)
    return FALSE;
  g_mutex_lock (&self->mutex);
  replaced = self->credentials;
  self->credentials = credentials;
  g_mutex_unlock (&self->mutex);
  return TRUE;
}

VmdTlsCredentials *
vmd_tls_identity_ref_credentials (VmdTlsIdentity *self)
{
  VmdTlsCredentials *credentials;

  g_mutex_lock (&self->mutex);
  credentials = vmd_tls_credentials_ref (self->credentials);
  g_mutex_unlock (&self->mutex);
  return credentials;
}
