/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A line between a broker and its storage, which hands on what the broker says later, in another
 * order, or, when it is cut, not at all. */

#include "channel/vmd-broker-storage-private.h"

#define LINE_TYPE_STORAGE (line_storage_get_type ())
G_DECLARE_FINAL_TYPE (LineStorage, line_storage, LINE, STORAGE, GObject)

void line_storage_pass_on (LineStorage *self, VmdBrokerStorage *storage, GRand *random);
