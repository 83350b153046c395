/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config.h"

#include <gio/gio.h>
#include <vmd.h>

G_BEGIN_DECLS

/* An a{sv} of the bus as a specification. @with_identity: `name`, `image` and `kernel` are allowed.
 * An unknown key, or one of the wrong type, is INVALID_ARGUMENT. */
VmdVmSpec *vmd_spec_from_variant (GVariant *dictionary, gboolean with_identity, GError **error);

G_END_DECLS
