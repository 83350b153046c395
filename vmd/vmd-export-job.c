/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-dbus.h"
#include "vmd-object-kind.h"

static const char *const state_names[] = { "queued", "running", "done", "failed", "cancelled" };

VMD_DEFINE_STRING (id, vmd_job_get_id)
VMD_DEFINE_STRING (operation, vmd_job_get_kind)
VMD_DEFINE_STRING (target, vmd_job_get_target)
VMD_DEFINE_STRING (started_by, vmd_job_get_owner)
VMD_DEFINE_STRING (phase, vmd_job_get_phase)
VMD_DEFINE_VALUE (progress, vmd_job_get_progress, double)
VMD_DEFINE_VALUE (bytes_done, vmd_job_get_bytes_done, uint64)
VMD_DEFINE_VALUE (bytes_total, vmd_job_get_bytes_total, uint64)
VMD_DEFINE_VALUE (started, vmd_job_get_started, int64)
VMD_DEFINE_VALUE (ended, vmd_job_get_ended, int64)

static GVariant *
get_state (gpointer job)
{
  return g_variant_new_string (state_names[vmd_job_get_state (job)]);
}

static GVariant *
get_error_name (gpointer job)
{
  g_autoptr (GError) error = vmd_job_dup_error (job);

  if (error == NULL)
    return g_variant_new_string ("");
  return g_variant_new_string (vmd_error_get_bus_name (
      error->domain == VMD_ERROR ? (VmdError) error->code : VMD_ERROR_FAILED));
}

static GVariant *
get_error_message (gpointer job)
{
  g_autoptr (GError) error = vmd_job_dup_error (job);

  return g_variant_new_string (error != NULL ? error->message : "");
}

static const VmdProperty properties[] = {
  { "Id", get_id, VMD_PROPERTY_CONSTANT },
  { "Operation", get_operation, VMD_PROPERTY_CONSTANT },
  { "Target", get_target, VMD_PROPERTY_CONSTANT },
  { "StartedBy", get_started_by, VMD_PROPERTY_CONSTANT },
  { "State", get_state, VMD_PROPERTY_TOLD },
  { "Phase", get_phase, VMD_PROPERTY_TOLD },
  { "Progress", get_progress, VMD_PROPERTY_TOLD },
  { "BytesDone", get_bytes_done, VMD_PROPERTY_TOLD },
  { "BytesTotal", get_bytes_total, VMD_PROPERTY_TOLD },
  { "Started", get_started, VMD_PROPERTY_TOLD },
  { "Ended", get_ended, VMD_PROPERTY_TOLD },
  { "ErrorName", get_error_name, VMD_PROPERTY_TOLD },
  { "ErrorMessage", get_error_message, VMD_PROPERTY_TOLD },
  { NULL, NULL, VMD_PROPERTY_CONSTANT },
};

static void
run_cancel (VmdCall *call)
{
  VmdJob *job = vmd_call_get_object (call);

  if (vmd_job_get_state (job) > VMD_JOB_RUNNING)
    {
      vmd_call_fail (call, g_error_new (VMD_ERROR, VMD_ERROR_WRONG_STATE,
                                        "Job %s has ended already", vmd_job_get_id (job)));
      return;
    }
  if (!vmd_job_get_cancellable_by_user (job))
    {
      vmd_call_fail (call, g_error_new (VMD_ERROR, VMD_ERROR_UNSUPPORTED,
                                        "Job %s cannot be cancelled", vmd_job_get_id (job)));
      return;
    }
  vmd_job_cancel (job);
  vmd_call_return (call, NULL, NULL);
}

static const VmdMethod methods[] = {
  { "handle-cancel", NULL, run_cancel, { { NULL, NULL } } },
  { NULL, NULL, NULL, { { NULL, NULL } } },
};

static GObject *
find (VmdManager *manager, const char *node)
{
  return (GObject *) vmd_manager_find_job (manager, node, NULL);
}

static char *
dup_node (gpointer job)
{
  return g_strdup (vmd_job_get_id (job));
}

const VmdObjectKind vmd_object_kind_job = {
  .path = "jobs",
  .get_info = vmd_dbus_job_interface_info,
  .properties = properties,
  .methods = methods,
  .added_signal = "job-added",
  .removed_signal = "job-removed",
  .list = vmd_manager_list_jobs,
  .find = find,
  .dup_node = dup_node,
  .is_managed = TRUE,
};
