/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>

/**
 * VMD_AVAILABLE_IN_0_1:
 *
 * Marks a symbol that libvmd exports, and the release that brought it. Whatever is not marked stays
 * hidden.
 */
#define VMD_AVAILABLE_IN_0_1 __attribute__ ((visibility ("default"))) extern
