/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-device-apply.h"

#include "vmd-device-files.h"
#include "vmd-device-hook.h"

/* One version at a time: the files do not change under a hook that reads them. What comes meanwhile
 * waits, and only the newest does, so a hook that takes long costs versions in between and never
 * the last one. */

#define HOOK_GRACE (5 * 1000) /* milliseconds */

struct _VmdDeviceApply
{
  const VmdDeviceOptions *options; /* not owned */
  VmdDeviceAppliedFunc func;
  gpointer data;

  VmdDeviceSnapshot *current; /* (nullable) being applied, or applied last */
  VmdDeviceSnapshot *waiting; /* (nullable) */
  gboolean busy; /* a hook runs */
  GCancellable *cancellable; /* of the hook */
};

static void start (VmdDeviceApply *self);

VmdDeviceApply *
vmd_device_apply_new (const VmdDeviceOptions *options, VmdDeviceAppliedFunc func, gpointer data)
{
  VmdDeviceApply *self = g_new0 (VmdDeviceApply, 1);

  self->options = options;
  self->func = func;
  self->data = data;
  self->cancellable = g_cancellable_new ();
  return self;
}

/* Not while it is busy. */
void
vmd_device_apply_free (VmdDeviceApply *self)
{
  g_return_if_fail (!self->busy);

  g_clear_pointer (&self->current, vmd_device_snapshot_free);
  g_clear_pointer (&self->waiting, vmd_device_snapshot_free);
  g_object_unref (self->cancellable);
  g_free (self);
}

static void
finish (VmdDeviceApply *self, const GError *error)
{
  self->busy = FALSE;
  self->func (self->current->version, error, self->data);
  if (self->waiting != NULL && !g_cancellable_is_cancelled (self->cancellable))
    start (self);
}

static void
hook_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  VmdDeviceApply *self = data;
  g_autoptr (GError) error = NULL;

  vmd_device_hook_run_finish (result, &error);
  finish (self, error);
}

static void
run_hook (VmdDeviceApply *self)
{
  const VmdDeviceOptions *options = self->options;
  g_autoptr (GPtrArray) environment = g_ptr_array_new_with_free_func (g_free);
  VmdDeviceHook hook = {
    .program = options->hook,
    .deadline = vmd_device_options_scale (options, (gint64) options->hook_deadline * 1000),
    .grace = vmd_device_options_scale (options, HOOK_GRACE),
  };

  g_ptr_array_add (environment, g_strdup_printf ("VMD_CONFIG_VERSION=%" G_GUINT64_FORMAT,
                                                 self->current->version));
  g_ptr_array_add (environment, g_strconcat ("VMD_DEVICE_ID=", options->id, NULL));
  if (options->output != NULL)
    g_ptr_array_add (environment, g_strconcat ("VMD_CONFIG_FILE=", options->output, NULL));
  if (options->directory != NULL)
    g_ptr_array_add (environment, g_strconcat ("VMD_CONFIG_DIRECTORY=", options->directory, NULL));
  g_ptr_array_add (environment, NULL);
  hook.environment = (const char *const *) environment->pdata;
  vmd_device_hook_run_async (&hook, self->cancellable, hook_cb, self);
}

static gboolean
write_files (VmdDeviceApply *self, GError **error)
{
  const VmdDeviceOptions *options = self->options;

  if (options->directory != NULL &&
      !vmd_device_files_write_directory (options->directory, self->current, error))
    return FALSE;
  return options->output == NULL ||
         vmd_device_files_write_output (options->output, self->current, error);
}

static void
start (VmdDeviceApply *self)
{
  g_autoptr (GError) error = NULL;

  self->busy = TRUE;
  if (self->waiting != NULL)
    {
      g_clear_pointer (&self->current, vmd_device_snapshot_free);
      self->current = g_steal_pointer (&self->waiting);
    }
  if (write_files (self, &error) && self->options->hook != NULL)
    run_hook (self);
  else
    finish (self, error);
}

/* Takes @snapshot. */
void
vmd_device_apply_take (VmdDeviceApply *self, VmdDeviceSnapshot *snapshot)
{
  g_clear_pointer (&self->waiting, vmd_device_snapshot_free);
  self->waiting = snapshot;
  if (!self->busy && !g_cancellable_is_cancelled (self->cancellable))
    start (self);
}

/* The version that was applied last, once more, if there is one. */
void
vmd_device_apply_again (VmdDeviceApply *self)
{
  if (!self->busy && self->current != NULL && !g_cancellable_is_cancelled (self->cancellable))
    start (self);
}

/* Nothing new is begun, and a hook is told to end; its end is told of as ever. */
void
vmd_device_apply_stop (VmdDeviceApply *self)
{
  g_cancellable_cancel (self->cancellable);
}

gboolean
vmd_device_apply_is_busy (VmdDeviceApply *self)
{
  return self->busy;
}
