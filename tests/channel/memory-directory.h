/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Devices that are in memory only, for tests of the server: as much of a directory as it asks for,
 * without schemas or history of its own. */

#include "channel/vmd-broker-private.h"
#include "channel/vmd-device-directory-private.h"

G_BEGIN_DECLS

#define MEMORY_ADMIN_TOKEN "administrator"

#define TYPE_MEMORY_DIRECTORY (memory_directory_get_type ())
G_DECLARE_FINAL_TYPE (MemoryDirectory, memory_directory, TEST, MEMORY_DIRECTORY, GObject)

/* What changes is published by @broker. */
MemoryDirectory *memory_directory_new (VmdBroker *broker);
/* A device's token is "token-" and its id; any thread. */
void memory_directory_add (MemoryDirectory *self, const char *device);
void memory_directory_remove (MemoryDirectory *self, const char *device);
/* Every token is good until then: wall clock, microseconds. */
void memory_directory_let_expire (MemoryDirectory *self, gint64 when);
/* Every token is good so many times more. */
void memory_directory_revoke_after (MemoryDirectory *self, guint n_authentications);
/* The new version, whose payload has @size bytes of value. Any thread. */
guint64 memory_directory_set (MemoryDirectory *self, const char *device, gsize size);
/* Whenever somebody reads a snapshot there is a new one before he has it. */
void memory_directory_make_restless (MemoryDirectory *self, gboolean is_restless);
/* "VERSION STATUS MESSAGE" as reported last. (transfer full) (nullable) */
char *memory_directory_dup_applied (MemoryDirectory *self, const char *device);
/* Changes fail from now on, until this is called again with FALSE. */
void memory_directory_break (MemoryDirectory *self, gboolean is_broken);
/* Changes are answered from now on only once this has been called again with FALSE. */
void memory_directory_hold (MemoryDirectory *self, gboolean hold);
guint memory_directory_get_n_held (MemoryDirectory *self);

G_END_DECLS
