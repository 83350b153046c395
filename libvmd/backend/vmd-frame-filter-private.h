/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The longest frame: an IPv4 packet, and the Ethernet header before it. */
#define VMD_FRAME_MAX (65535 + 14)
/* On the sockets of QEMU and passt each frame has its length before it, big-endian. */
#define VMD_FRAME_LENGTH_SIZE 4

gboolean vmd_frame_filter_passes (const guint8 *frame, gsize length);
gssize
vmd_frame_filter_stream (const guint8 *input, gsize length, guint8 *output, gsize *output_length);

G_END_DECLS
