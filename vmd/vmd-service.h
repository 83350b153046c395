/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vmd-news.h"

G_BEGIN_DECLS

/* What all connections of one daemon share. */
#define VMD_TYPE_SERVICE (vmd_service_get_type ())
G_DECLARE_FINAL_TYPE (VmdService, vmd_service, VMD, SERVICE, GObject)

VmdService *vmd_service_new (VmdManager *manager);
VmdManager *vmd_service_get_manager (VmdService *self);
VmdNews *vmd_service_get_news (VmdService *self);

/* Where devices connect, "" when only guests can; set before anything is exported. @address:
 * (nullable) */
void vmd_service_set_channel_address (VmdService *self, const char *address);
const char *vmd_service_get_channel_address (VmdService *self);

/* On the system bus, polkit is asked; elsewhere the peer is the daemon's own user. */
void vmd_service_set_polkit (VmdService *self, GDBusConnection *system_bus);
GDBusConnection *vmd_service_get_polkit (VmdService *self);

/* Whatever keeps the daemon from exiting when idle: a connected peer, a call, a lock. Signal "idle"
 * when the last has gone, "busy" when the first has come. */
void vmd_service_hold (VmdService *self);
void vmd_service_release (VmdService *self);

/* Runs @func with @task on one of a few threads, for what waits for a second or two; more than they
 * can do waits for them. Consumes @task. */
void vmd_service_run_aside (VmdService *self, GTask *task, void (*func) (GTask *task));

/* Locks that clients hold, by their tokens. @released is called with @data when the lock has been
 * removed, whoever does it. */
void vmd_service_add_lock (VmdService *self, const char *token, VmdLock *lock, const char *sender,
                           GDestroyNotify released, gpointer data);
void vmd_service_remove_lock (VmdService *self, const char *token);
VmdLock *vmd_service_find_lock (VmdService *self, const char *token);
/* Does this sender hold a lock on @name, in @mode or a stronger one? */
gboolean vmd_service_sender_holds (VmdService *self, const char *sender, VmdLockKind kind,
                                   const char *name, VmdLockMode mode);

G_END_DECLS
