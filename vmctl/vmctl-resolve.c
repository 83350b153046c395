/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmctl-resolve.h"

#include "vmctl-call.h"

#include <string.h>
#include <vmd-error.h>

/* Arguments become objects once, before anything is done: so the same thing named twice is one,
 * and what one verb does can't change what the next name means. */

static void
target_free (gpointer data)
{
  VmctlTarget *target = data;

  g_free (target->given);
  g_free (target->path);
  g_clear_error (&target->error);
  g_free (target);
}

static GPtrArray *
new_targets (const char *const *names)
{
  GPtrArray *targets = g_ptr_array_new_with_free_func (target_free);

  for (; *names != NULL; names++)
    {
      VmctlTarget *target = g_new0 (VmctlTarget, 1);

      target->given = g_strdup (*names);
      g_ptr_array_add (targets, target);
    }
  return targets;
}

/* Of several that are the same, the first stays. */
static void
drop_duplicates (GPtrArray *targets)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < targets->len;)
    {
      VmctlTarget *target = targets->pdata[i];

      char *key = target->path != NULL ? target->path : target->given;

      if (g_hash_table_contains (seen, key))
        {
          g_ptr_array_remove_index (targets, i);
          continue;
        }
      g_hash_table_add (seen, key);
      i++;
    }
}

/* @method: of the Manager; it takes a name and gives a path. */
static VmctlCall *
begin_find (VmctlClient *client, const char *method, const char *name)
{
  VmctlCall *call = vmctl_call_new (client, VMCTL_OBJECT_PATH "/Manager",
                                    vmd_dbus_manager_interface_info (), method);

  vmctl_call_add_argument (call, g_variant_new_string (name));
  vmctl_call_begin (call);
  return call;
}

/* One target for each name; some may have an error instead of a path. All are asked for at
 * once. */
static GPtrArray *
find_all (VmctlClient *client, const char *method, const char *const *names)
{
  GPtrArray *targets = new_targets (names);
  g_autoptr (GPtrArray) calls = g_ptr_array_new_with_free_func ((GDestroyNotify) vmctl_call_unref);

  for (guint i = 0; i < targets->len; i++)
    g_ptr_array_add (calls, begin_find (client, method, names[i]));
  for (guint i = 0; i < targets->len; i++)
    {
      VmctlTarget *target = targets->pdata[i];
      g_autoptr (GVariant) reply = NULL;

      while (!vmctl_call_is_done (calls->pdata[i]))
        g_main_context_iteration (NULL, TRUE);
      reply = vmctl_call_finish (calls->pdata[i], &target->error);
      if (reply != NULL)
        g_variant_get (reply, "(o)", &target->path);
    }
  drop_duplicates (targets);
  return targets;
}

static char *
find_one (VmctlClient *client, const char *method, const char *name, GError **error)
{
  const char *const names[] = { name, NULL };
  g_autoptr (GPtrArray) targets = find_all (client, method, names);
  VmctlTarget *target = targets->pdata[0];

  if (target->error != NULL)
    g_propagate_error (error, g_steal_pointer (&target->error));
  return g_steal_pointer (&target->path);
}

/* VMs, each named by its name, its id or a prefix that fits one only. (transfer full) */
GPtrArray *
vmctl_resolve_vms (VmctlClient *client, const char *const *names)
{
  return find_all (client, "FindVm", names);
}

/* The path of the one VM that @name means. (transfer full) */
char *
vmctl_resolve_vm (VmctlClient *client, const char *name, GError **error)
{
  return find_one (client, "FindVm", name, error);
}

/* The same for devices: VMs named as above, others by their ids. */
GPtrArray *
vmctl_resolve_devices (VmctlClient *client, const char *const *names)
{
  return find_all (client, "FindDevice", names);
}

char *
vmctl_resolve_device (VmctlClient *client, const char *name, GError **error)
{
  return find_one (client, "FindDevice", name, error);
}

/* The same for groups of devices, by their names. */
GPtrArray *
vmctl_resolve_groups (VmctlClient *client, const char *const *names)
{
  return find_all (client, "FindGroup", names);
}

char *
vmctl_resolve_group (VmctlClient *client, const char *name, GError **error)
{
  return find_one (client, "FindGroup", name, error);
}

/* By its key, or a prefix that fits one only. */
static void
find_object (VmctlTarget *target, const VmctlObjectKind *kind, GPtrArray *proxies)
{
  GDBusProxy *found = NULL;
  guint n_found = 0;

  for (guint i = 0; i < proxies->len; i++)
    {
      const char *key = vmctl_object_get_key (proxies->pdata[i], kind);

      if (!g_str_has_prefix (key, target->given))
        continue;
      found = proxies->pdata[i];
      n_found++;
      if (!g_str_equal (key, target->given))
        continue;
      n_found = 1;
      break;
    }
  if (n_found == 1)
    target->path = g_strdup (g_dbus_proxy_get_object_path (found));
  else
    target->error =
        g_error_new (VMD_ERROR, n_found == 0 ? VMD_ERROR_NOT_FOUND : VMD_ERROR_AMBIGUOUS,
                     n_found == 0 ? "There is no %s “%s”: “%s” shows those there are"
                                  : "More than one %s begins with “%s”: see “%s”",
                     kind->word, target->given, kind->list_command);
}

/* The same for objects of any kind. @proxies: (out) (transfer full): all there are. */
GPtrArray *
vmctl_resolve_objects (VmctlClient *client, const VmctlObjectKind *kind, const char *const *names,
                       GPtrArray **proxies, GError **error)
{
  GPtrArray *targets;

  *proxies = vmctl_objects_list (client, kind, error);
  if (*proxies == NULL)
    return NULL;
  targets = new_targets (names);
  for (guint i = 0; i < targets->len; i++)
    find_object (targets->pdata[i], kind, *proxies);
  drop_duplicates (targets);
  return targets;
}

/* (transfer none) (nullable) */
GDBusProxy *
vmctl_resolve_find (GPtrArray *proxies, const char *path)
{
  for (guint i = 0; i < proxies->len; i++)
    if (g_str_equal (g_dbus_proxy_get_object_path (proxies->pdata[i]), path))
      return proxies->pdata[i];
  return NULL;
}
