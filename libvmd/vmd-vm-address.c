/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-vm-private.h"

/* Where the guest of the running launch is, and how both sides prove who they are. Read from
 * memory, but for the host key, which never changes in a VM's life and is read once. */

#define HOST_KEY_MAX 4096

/* "TYPE BASE64", without the comment. NULL when that is not what it is. */
static char *
parse_host_key (const char *line)
{
  g_auto (GStrv) words = g_strsplit_set (line, " \t\n", 3);

  if (g_strv_length (words) < 2 || *words[0] == '\0' || *words[1] == '\0')
    return NULL;
  return g_strdup_printf ("%s %s", words[0], words[1]);
}

static char *
read_host_key (VmdVm *self, const char *vm_dir, GError **error)
{
  g_autofree char *path = g_build_filename (vm_dir, "keys", "host.pub", NULL);
  g_autofree char *text = NULL;
  GError *foreign = NULL;
  char *key;

  if (!g_file_get_contents (path, &text, NULL, &foreign))
    {
      vmd_propagate_foreign (error, foreign, "Cannot read the host key of VM %s", self->id);
      return NULL;
    }
  key = strlen (text) <= HOST_KEY_MAX ? parse_host_key (text) : NULL;
  if (key == NULL)
    vmd_fail (error, VMD_ERROR_FAILED, "%s is no public key", path);
  return key;
}

static char *
dup_host_key (VmdVm *self, const char *vm_dir, GError **error)
{
  g_autofree char *read = NULL;
  char *key;

  g_mutex_lock (&self->mutex);
  key = g_strdup (self->host_key);
  g_mutex_unlock (&self->mutex);
  if (key != NULL)
    return key;
  read = read_host_key (self, vm_dir, error);
  if (read == NULL)
    return NULL;
  key = g_strdup (read);
  g_mutex_lock (&self->mutex);
  if (self->host_key == NULL)
    self->host_key = g_steal_pointer (&read);
  g_mutex_unlock (&self->mutex);
  return key;
}

static gboolean
check_has_address (const VmdVmSnapshot *now, const char *name, GError **error)
{
  const char *verb = vmd_vm_snapshot_get_verb (now);

  if (!vmd_vm_snapshot_is_running (now))
    return vmd_fail (error, VMD_ERROR_WRONG_STATE, "VM “%s” does not run: vmctl start %s", name,
                     name);
  if (now->launch->port != 0)
    return TRUE;
  return vmd_fail (error, VMD_ERROR_UNREACHABLE, "VM “%s” has no SSH port%s", name,
                   verb != NULL ? " yet" : "");
}

/**
 * vmd_vm_dup_address:
 *
 * Needs no lock, and waits for nothing but, once, a small file.
 *
 * Returns: (transfer full) (nullable): where the guest is; WRONG_STATE when the VM does not run,
 *   UNREACHABLE when its port is not known yet
 */
VmdGuestAddress *
vmd_vm_dup_address (VmdVm *self, GError **error)
{
  g_autoptr (VmdVmSnapshot) now = vmd_vm_ref_snapshot (self);
  g_autoptr (VmdGuestAddress) address = NULL;
  g_autofree char *name = vmd_vm_dup_name (self);
  g_autofree char *vm_dir = vmd_vm_dup_dir (self);

  if (!check_has_address (now, name, error))
    return NULL;
  address = g_new0 (VmdGuestAddress, 1);
  address->vm_id = g_strdup (self->id);
  address->launch = now->launch->launch;
  address->host = g_strdup ("127.0.0.1");
  address->port = now->launch->port;
  address->user = g_strdup ("root");
  address->server_software = g_strdup (now->row->ssh_server);
  if (!vmd_manager_is_real (self->manager))
    {
      address->fake_root = g_build_filename (vm_dir, "guest", NULL);
      return g_steal_pointer (&address);
    }
  address->client_key = g_build_filename (vm_dir, "keys", "client", NULL);
  address->host_key = dup_host_key (self, vm_dir, error);
  return address->host_key != NULL ? g_steal_pointer (&address) : NULL;
}
