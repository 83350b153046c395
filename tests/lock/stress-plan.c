/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "stress-plan.h"

const StressedResource stressed[N_STRESSED] = {
  { VMD_LOCK_VM, "a" },        { VMD_LOCK_VM, "b" },         { VMD_LOCK_VM, "c" },
  { VMD_LOCK_WORKSPACE, "d" }, { VMD_LOCK_IMAGE, "debian" }, { VMD_LOCK_KERNEL, "6.1" },
};

/* One to three things, most of them exclusive; one request in eight does not wait, one in eight not
 * long. */
void
stress_request_make (StressRequest *self, GRand *random)
{
  guint n = 1 + (guint) g_rand_int_range (random, 0, 3);
  int patience = g_rand_int_range (random, 0, 8);

  *self = (StressRequest){ .timeout = patience == 0 ? 0 : patience == 1 ? 1 : -1 };
  for (guint i = 0; i < n; i++)
    {
      guint bit = 1u << g_rand_int_range (random, 0, N_STRESSED);

      self->wanted |= bit;
      if (g_rand_int_range (random, 0, 3) != 0)
        self->exclusive |= bit;
    }
}

VmdLockRequest *
stress_request_build (const StressRequest *self, const char *owner)
{
  VmdLockRequest *request = vmd_lock_request_new (owner, "stress");

  for (guint i = 0; i < N_STRESSED; i++)
    if (self->wanted & (1u << i))
      vmd_lock_request_add (request, stressed[i].kind, stressed[i].name,
                            self->exclusive & (1u << i) ? VMD_LOCK_EXCLUSIVE : VMD_LOCK_SHARED);
  vmd_lock_request_set_timeout (request, self->timeout);
  return request;
}
