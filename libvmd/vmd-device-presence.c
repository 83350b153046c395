/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-manager-devices-private.h"

/* Who is connected. In the process that serves the channel the broker knows, at every moment; in
 * others it is what that one has written down, up to a quarter of a second ago. */

void
vmd_device_get_presence (VmdDevice *self, VmdBrokerStatus *status)
{
  g_autoptr (VmdBroker) broker = vmd_manager_ref_broker (self->manager);

  if (broker != NULL)
    {
      vmd_broker_get_status (broker, self->id, status);
      return;
    }
  *status = (VmdBrokerStatus){ 0 };
  g_mutex_lock (&self->mutex);
  if (self->presence != NULL && self->presence->connected)
    {
      status->connected = TRUE;
      status->generation = self->presence->generation;
      status->since = self->presence->since;
      status->peer = g_strdup (self->presence->peer);
    }
  g_mutex_unlock (&self->mutex);
}

/**
 * vmd_device_is_connected:
 *
 * Returns: whether it has a live connection to the channel
 *
 * Since: 0.1
 */
gboolean
vmd_device_is_connected (VmdDevice *self)
{
  g_auto (VmdBrokerStatus) status = { 0 };

  g_return_val_if_fail (VMD_IS_DEVICE (self), FALSE);
  vmd_device_get_presence (self, &status);
  return status.connected;
}

/**
 * vmd_device_get_since:
 *
 * Returns: since when it is connected, in microseconds since 1970; 0: it is not
 *
 * Since: 0.1
 */
gint64
vmd_device_get_since (VmdDevice *self)
{
  g_auto (VmdBrokerStatus) status = { 0 };

  g_return_val_if_fail (VMD_IS_DEVICE (self), 0);
  vmd_device_get_presence (self, &status);
  return status.since;
}

/**
 * vmd_device_get_generation:
 *
 * Returns: which connection is the live one: a number that rises with each; 0: none
 *
 * Since: 0.1
 */
guint64
vmd_device_get_generation (VmdDevice *self)
{
  g_auto (VmdBrokerStatus) status = { 0 };

  g_return_val_if_fail (VMD_IS_DEVICE (self), 0);
  vmd_device_get_presence (self, &status);
  return status.generation;
}

/**
 * vmd_device_dup_peer:
 *
 * Returns: (transfer full) (nullable): from where it is connected, for people
 *
 * Since: 0.1
 */
char *
vmd_device_dup_peer (VmdDevice *self)
{
  g_auto (VmdBrokerStatus) status = { 0 };

  g_return_val_if_fail (VMD_IS_DEVICE (self), NULL);
  vmd_device_get_presence (self, &status);
  return g_steal_pointer (&status.peer);
}

/**
 * vmd_device_is_contested:
 *
 * Returns: whether several clients claim to be this device, and those that come later are refused.
 *   Known in the process that serves the channel, and nowhere else
 *
 * Since: 0.1
 */
gboolean
vmd_device_is_contested (VmdDevice *self)
{
  g_auto (VmdBrokerStatus) status = { 0 };

  g_return_val_if_fail (VMD_IS_DEVICE (self), FALSE);
  vmd_device_get_presence (self, &status);
  return status.contested;
}

/**
 * vmd_device_dup_rival:
 *
 * Returns: (transfer full) (nullable): from where came the last client that was refused because the
 *   device is contested
 *
 * Since: 0.1
 */
char *
vmd_device_dup_rival (VmdDevice *self)
{
  g_auto (VmdBrokerStatus) status = { 0 };

  g_return_val_if_fail (VMD_IS_DEVICE (self), NULL);
  vmd_device_get_presence (self, &status);
  return g_steal_pointer (&status.rival);
}
