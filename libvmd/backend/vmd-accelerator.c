/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-accelerator-private.h"

#include "../base/vmd-failure-private.h"
#include "../base/vmd-poll-private.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* KVM is used only where it really works. There are hosts, themselves virtual, on which /dev/kvm
 * opens and KVM_CREATE_VM succeeds, and a stock kernel hangs in the guest: on those the CPU does
 * not show vmx or svm. */

/* Has the first CPU one of the flags that KVM needs? */
static gboolean
has_virtualization (const char *cpuinfo)
{
  const char *flags = strstr (cpuinfo, "\nflags");
  const char *end = flags != NULL ? strchr (flags + 1, '\n') : NULL;
  g_autofree char *line = NULL;
  g_auto (GStrv) words = NULL;

  if (flags == NULL)
    return FALSE;
  line = end != NULL ? g_strndup (flags + 1, (gsize) (end - flags - 1)) : g_strdup (flags + 1);
  words = g_strsplit_set (line, " \t", -1);

  return g_strv_contains ((const char *const *) words, "vmx") ||
         g_strv_contains ((const char *const *) words, "svm");
}

/* The decision, of what is known: @override (nullable) is "kvm" or "tcg", @can_open says whether
 * /dev/kvm opens, @cpuinfo is the text of /proc/cpuinfo. @reason is for people, and static.
 * INVALID_ARGUMENT for any other @override. */
gboolean
vmd_accelerator_decide (const char *override, gboolean can_open, const char *cpuinfo,
                        VmdAccelerator *accelerator, const char **reason, GError **error)
{
  gboolean is_chosen = override != NULL && override[0] != '\0';

  *accelerator = VMD_ACCELERATOR_TCG;
  *reason = "VMD_ACCELERATOR says so";
  if (is_chosen && !g_str_equal (override, "kvm") && !g_str_equal (override, "tcg"))
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "VMD_ACCELERATOR is “%s”, which is neither “kvm” nor “tcg”", override);
  if (is_chosen)
    {
      *accelerator = g_str_equal (override, "kvm") ? VMD_ACCELERATOR_KVM : VMD_ACCELERATOR_TCG;
      return TRUE;
    }
  if (!can_open)
    *reason = "/dev/kvm cannot be opened";
  else if (!has_virtualization (cpuinfo))
    *reason = "the CPU shows neither vmx nor svm";
  else
    {
      *accelerator = VMD_ACCELERATOR_KVM;
      *reason = "/dev/kvm opens and the CPU can";
    }

  return TRUE;
}

/* The same for this host. */
gboolean
vmd_accelerator_choose (VmdAccelerator *accelerator, const char **reason, GError **error)
{
  vmd_autofd int fd = open ("/dev/kvm", O_RDWR | O_CLOEXEC);
  g_autofree char *cpuinfo = NULL;

  if (!g_file_get_contents ("/proc/cpuinfo", &cpuinfo, NULL, NULL))
    cpuinfo = g_strdup ("");

  return vmd_accelerator_decide (g_getenv ("VMD_ACCELERATOR"), fd >= 0, cpuinfo, accelerator,
                                 reason, error);
}
