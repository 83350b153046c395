/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <vmd.h>

G_BEGIN_DECLS

/* What changed of the library's objects, once for all connections. Signal "changed" (path, body):
 * the body of a PropertiesChanged. */
#define VMD_TYPE_NEWS (vmd_news_get_type ())
G_DECLARE_FINAL_TYPE (VmdNews, vmd_news, VMD, NEWS, GObject)

VmdNews *vmd_news_new (VmdManager *manager);

G_END_DECLS
