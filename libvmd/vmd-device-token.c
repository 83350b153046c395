/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/vmd-fault-private.h"
#include "vmd-device-call-private.h"

#include <string.h>

G_STATIC_ASSERT (VMD_TOKEN_ROW_HASH_SIZE == VMD_TOKEN_HASH_SIZE);

#define MAX_LABEL 64
/* Several, so that a new one can be given out before the old one is revoked. */
#define MAX_TOKENS 16
#define GUEST_LABEL "guest"

/**
 * VmdDeviceToken:
 *
 * One of the secrets by which a device is known, without the secret: that is not kept. Never
 * changes.
 *
 * Since: 0.1
 */
struct _VmdDeviceToken
{
  GObject parent;

  /* Constant. */
  char *label;
  gint64 created;
  gint64 expires;
  guint8 hash[VMD_TOKEN_HASH_SIZE];
  char id[VMD_TOKEN_ID_LENGTH + 1];
};

G_DEFINE_FINAL_TYPE (VmdDeviceToken, vmd_device_token, G_TYPE_OBJECT)

static void
vmd_device_token_finalize (GObject *object)
{
  g_free (VMD_DEVICE_TOKEN (object)->label);
  G_OBJECT_CLASS (vmd_device_token_parent_class)->finalize (object);
}

static void
vmd_device_token_class_init (VmdDeviceTokenClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmd_device_token_finalize;
}

static void
vmd_device_token_init (VmdDeviceToken *self)
{
}

VmdDeviceToken *
vmd_device_token_new (const VmdTokenRow *row)
{
  VmdDeviceToken *self = g_object_new (VMD_TYPE_DEVICE_TOKEN, NULL);

  g_strlcpy (self->id, row->id, sizeof self->id);
  memcpy (self->hash, row->hash, sizeof self->hash);
  self->label = g_strdup (row->label);
  self->created = row->created;
  self->expires = row->expires;
  return self;
}

/* Is it the one whose secret has @hash, and good at @now (wall clock, microseconds)? */
gboolean
vmd_device_token_matches (VmdDeviceToken *self, const char *id,
                          const guint8 hash[VMD_TOKEN_HASH_SIZE], gint64 now)
{
  return g_str_equal (self->id, id) && vmd_bearer_token_hash_equal (self->hash, hash) &&
         (self->expires == 0 || now < self->expires);
}

/**
 * vmd_device_token_get_id:
 *
 * Returns: its id, which is no secret: what stands before the dot
 *
 * Since: 0.1
 */
const char *
vmd_device_token_get_id (VmdDeviceToken *self)
{
  g_return_val_if_fail (VMD_IS_DEVICE_TOKEN (self), NULL);
  return self->id;
}

/**
 * vmd_device_token_get_label:
 *
 * Returns: what it was called when it was made; "guest": the one that a VM got at its start
 *
 * Since: 0.1
 */
const char *
vmd_device_token_get_label (VmdDeviceToken *self)
{
  g_return_val_if_fail (VMD_IS_DEVICE_TOKEN (self), NULL);
  return self->label;
}

/**
 * vmd_device_token_get_created:
 *
 * Returns: when it was made, in microseconds since 1970
 *
 * Since: 0.1
 */
gint64
vmd_device_token_get_created (VmdDeviceToken *self)
{
  g_return_val_if_fail (VMD_IS_DEVICE_TOKEN (self), 0);
  return self->created;
}

/**
 * vmd_device_token_get_expires:
 *
 * Returns: from when on it is no good any more, in microseconds since 1970; 0: never
 *
 * Since: 0.1
 */
gint64
vmd_device_token_get_expires (VmdDeviceToken *self)
{
  g_return_val_if_fail (VMD_IS_DEVICE_TOKEN (self), 0);
  return self->expires;
}

/**
 * vmd_device_list_tokens:
 *
 * Returns: (transfer full): the #VmdDeviceToken that the device has, those that have expired too,
 *   the oldest first
 *
 * Since: 0.1
 */
GListModel *
vmd_device_list_tokens (VmdDevice *self)
{
  GListStore *list = g_list_store_new (VMD_TYPE_DEVICE_TOKEN);
  g_autoptr (GPtrArray) tokens = NULL;

  g_return_val_if_fail (VMD_IS_DEVICE (self), NULL);
  g_mutex_lock (&self->mutex);
  tokens = self->tokens != NULL ? g_ptr_array_ref (self->tokens) : NULL;
  g_mutex_unlock (&self->mutex);
  if (tokens != NULL)
    g_list_store_splice (list, 0, 0, tokens->pdata, tokens->len);
  return G_LIST_MODEL (list);
}

/* -- New ones -- */

/* The secret is made here and now, and nowhere else: the answer is the only copy. */
static gboolean
insert (sqlite3 *db, VmdDeviceCall *call, const char *label, GError **error)
{
  VmdTokenRow row = { .device = call->target,
                      .label = (char *) label,
                      .created = vmd_clock_get_wall (vmd_manager_get_clock (call->manager)),
                      .expires = call->time };
  char id[VMD_TOKEN_ID_LENGTH + 1];
  g_autofree char *token = vmd_bearer_token_new (id, row.hash, error);

  if (token == NULL)
    return FALSE;
  row.id = id;
  if (!vmd_token_row_insert (db, &row, error))
    return FALSE;
  call->answer = g_steal_pointer (&token);
  return TRUE;
}

static gboolean
check_room (sqlite3 *db, const char *device, GError **error)
{
  g_autoptr (GPtrArray) tokens = vmd_token_row_load_of_device (db, device, error);

  return tokens != NULL &&
         (tokens->len < MAX_TOKENS ||
          vmd_fail (error, VMD_ERROR_WRONG_STATE,
                    "Device “%s” has %u tokens already: revoke one that is not used any more",
                    device, tokens->len));
}

static gboolean
add_in_store (sqlite3 *db, gpointer data, GError **error)
{
  VmdDeviceCall *call = data;

  if (strlen (call->text) > MAX_LABEL || !g_utf8_validate (call->text, -1, NULL) || call->time < 0)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "A token has a label of at most %d bytes, and expires at some time or never",
                     MAX_LABEL);
  return vmd_fault_point ("token-add", error) && check_room (db, call->target, error) &&
         insert (db, call, call->text, error);
}

/**
 * vmd_device_add_token_async:
 * @label: (nullable): what to call it; at most 64 bytes
 * @expires: from when on it is no good any more, in microseconds since 1970; 0: never
 *
 * Makes a new token. Those that the device has stay good, so that it can change from one to the
 * other.
 *
 * Since: 0.1
 */
void
vmd_device_add_token_async (VmdDevice *self, const char *label, gint64 expires,
                            GCancellable *cancellable, GAsyncReadyCallback callback,
                            gpointer user_data)
{
  VmdDeviceCall *call;

  g_return_if_fail (VMD_IS_DEVICE (self));
  call = vmd_device_call_new (self->manager, self->id);
  call->text = g_strdup (label != NULL ? label : "");
  call->time = expires;
  vmd_device_call_async (call, add_in_store, self, vmd_device_add_token_async, cancellable,
                         callback, user_data);
}

/**
 * vmd_device_add_token_finish:
 *
 * Returns: (transfer full) (nullable): the token, which cannot be had again: only a hash is kept;
 *   %VMD_ERROR_INVALID_ARGUMENT, %VMD_ERROR_WRONG_STATE when there are 16, %VMD_ERROR_NOT_FOUND,
 *   %VMD_ERROR_CANCELLED, %VMD_ERROR_STORE
 *
 * Since: 0.1
 */
char *
vmd_device_add_token_finish (VmdDevice *self, GAsyncResult *result, GError **error)
{
  VmdDeviceCall *call = vmd_device_call_finish (self, result, vmd_device_add_token_async, error);

  return call != NULL ? g_steal_pointer (&call->answer) : NULL;
}

static gboolean
revoke_in_store (sqlite3 *db, gpointer data, GError **error)
{
  const VmdDeviceCall *call = data;

  return vmd_fault_point ("token-revoke", error) &&
         vmd_token_row_remove (db, call->target, call->text, error);
}

/**
 * vmd_device_revoke_token_async:
 * @token_id: vmd_device_token_get_id()
 *
 * Makes a token no good any more. A connection that was opened with it is ended at once.
 *
 * Since: 0.1
 */
void
vmd_device_revoke_token_async (VmdDevice *self, const char *token_id, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data)
{
  VmdDeviceCall *call;

  g_return_if_fail (VMD_IS_DEVICE (self));
  g_return_if_fail (token_id != NULL);
  call = vmd_device_call_new (self->manager, self->id);
  call->text = g_strdup (token_id);
  vmd_device_call_async (call, revoke_in_store, self, vmd_device_revoke_token_async, cancellable,
                         callback, user_data);
}

/**
 * vmd_device_revoke_token_finish:
 *
 * Returns: %TRUE; or %FALSE with %VMD_ERROR_NOT_FOUND, %VMD_ERROR_CANCELLED, %VMD_ERROR_STORE
 *
 * Since: 0.1
 */
gboolean
vmd_device_revoke_token_finish (VmdDevice *self, GAsyncResult *result, GError **error)
{
  return vmd_device_call_finish (self, result, vmd_device_revoke_token_async, error) != NULL;
}

static gboolean
renew_in_store (sqlite3 *db, gpointer data, GError **error)
{
  VmdDeviceCall *call = data;

  call->time = 0;
  return vmd_fault_point ("token-renew", error) &&
         vmd_token_row_remove_labelled (db, call->target, GUEST_LABEL, error) &&
         insert (db, call, GUEST_LABEL, error);
}

char *
vmd_manager_renew_guest_token (VmdManager *manager, const char *vm_id, GError **error)
{
  g_autoptr (VmdDeviceCall) call = vmd_device_call_new (manager, vm_id);

  if (!vmd_store_transact (vmd_manager_get_store (manager), renew_in_store, call, NULL, error))
    return NULL;
  return g_steal_pointer (&call->answer);
}

static gboolean
revoke_guest_in_store (sqlite3 *db, gpointer data, GError **error)
{
  return vmd_token_row_remove_labelled (db, data, GUEST_LABEL, error);
}

gboolean
vmd_manager_revoke_guest_token (VmdManager *manager, const char *vm_id, GError **error)
{
  return vmd_store_transact (vmd_manager_get_store (manager), revoke_guest_in_store,
                             (gpointer) vm_id, NULL, error);
}
