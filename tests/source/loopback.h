/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An import without a guest: a VmdSource serves one end of a socket, and what comes out of the
 * other is fed to vmd-guest's unpack below a directory of the host. */

#include "vmd-source.h"

#include "libvmd/source/vmd-source-protocol-private.h"

G_BEGIN_DECLS

/* Imports @source to <@root>/tree and returns what it was. @error: of the source; anything else
 * ends the test. */
VmdSourceDescription *loopback_import (VmdSource *source, const char *root, GError **error);

G_END_DECLS
