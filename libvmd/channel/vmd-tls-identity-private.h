/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The certificate that a server shows, and its key, which are renewed while it runs. Any thread. */

#include "vmd-tls-session-private.h"

G_BEGIN_DECLS

typedef struct _VmdTlsIdentity VmdTlsIdentity;

/* Reads both files. Fails like vmd_tls_credentials_load(). (transfer full) */
VmdTlsIdentity *vmd_tls_identity_new (const char *certificate, const char *key, GError **error);
void vmd_tls_identity_free (VmdTlsIdentity *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmdTlsIdentity, vmd_tls_identity_free)

/* Reads them again. Likewise, and then what there was stays. */
gboolean vmd_tls_identity_reload (VmdTlsIdentity *self, GError **error);
/* What is shown now. (transfer full) */
VmdTlsCredentials *vmd_tls_identity_ref_credentials (VmdTlsIdentity *self);

G_END_DECLS
