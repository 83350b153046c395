/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "lock/vmd-lock-info-private.h"

/**
 * VmdLockInfo:
 *
 * Who holds, or waits for, a lock, and why: what was so when it was read. It never changes.
 *
 * Since: 0.1
 */
struct _VmdLockInfo
{
  GObject parent_instance;

  VmdLockFacts facts; /* constant after construction */
  char *resources;
};

G_DEFINE_FINAL_TYPE (VmdLockInfo, vmd_lock_info, G_TYPE_OBJECT)

/* vmd_lock_facts_clear:
 *
 * Frees what @facts has. */
void
vmd_lock_facts_clear (VmdLockFacts *facts)
{
  g_clear_pointer (&facts->set, vmd_lock_set_free);
  g_clear_pointer (&facts->owner, g_free);
  g_clear_pointer (&facts->reason, g_free);
  g_clear_pointer (&facts->job, g_free);
  g_clear_pointer (&facts->sender, g_free);
}

static void
vmd_lock_info_finalize (GObject *object)
{
  VmdLockInfo *self = VMD_LOCK_INFO (object);

  vmd_lock_facts_clear (&self->facts);
  g_free (self->resources);
  G_OBJECT_CLASS (vmd_lock_info_parent_class)->finalize (object);
}

static void
vmd_lock_info_class_init (VmdLockInfoClass *class)
{
  G_OBJECT_CLASS (class)->finalize = vmd_lock_info_finalize;
}

static void
vmd_lock_info_init (VmdLockInfo *self)
{
}

/* What came from another client, or out of a record, ends on somebody's terminal, which must not
 * take it for commands. */
static void
disarm (char *text)
{
  if (text == NULL)
    return;
  for (char *c = text; *c != '\0'; c++)
    if (g_ascii_iscntrl (*c))
      *c = ' ';
}

VmdLockInfo *
vmd_lock_info_new (VmdLockFacts *facts)
{
  VmdLockInfo *self = g_object_new (VMD_TYPE_LOCK_INFO, NULL);

  self->facts = *facts;
  *facts = (VmdLockFacts){ 0 };
  disarm (self->facts.owner);
  disarm (self->facts.reason);
  disarm (self->facts.job);
  disarm (self->facts.sender);
  self->resources = vmd_lock_set_to_string (self->facts.set);
  return self;
}

const VmdLockSet *
vmd_lock_info_get_set (VmdLockInfo *self)
{
  return self->facts.set;
}

char *
vmd_lock_info_describe (VmdLockInfo *self)
{
  const VmdLockFacts *facts = &self->facts;
  g_autoptr (GDateTime) since = g_date_time_new_from_unix_local (facts->since / G_USEC_PER_SEC);
  g_autoptr (GString) text = g_string_new (NULL);

  g_string_append_printf (text, "“%s” (pid %" G_GINT64_FORMAT, facts->reason, facts->pid);
  if (facts->sender != NULL)
    g_string_append_printf (text, ", %s", facts->sender);
  if (facts->job != NULL)
    g_string_append_printf (text, ", job %s", facts->job);
  g_string_append_c (text, ')');
  if (since != NULL)
    {
      g_autofree char *stamp = g_date_time_format (since, "%F %T");

      g_string_append_printf (text, " since %s", stamp);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/**
 * vmd_lock_info_get_resources:
 * @self: an info
 *
 * Returns: (transfer none): what is locked or wanted: "vm/<id>:exclusive image/<name>:shared",
 *   "create:exclusive"
 * Since: 0.1
 */
const char *
vmd_lock_info_get_resources (VmdLockInfo *self)
{
  g_return_val_if_fail (VMD_IS_LOCK_INFO (self), NULL);

  return self->resources;
}

/**
 * vmd_lock_info_get_held:
 * @self: an info
 *
 * Returns: %TRUE: it is held; %FALSE: it is waited for
 * Since: 0.1
 */
gboolean
vmd_lock_info_get_held (VmdLockInfo *self)
{
  g_return_val_if_fail (VMD_IS_LOCK_INFO (self), FALSE);

  return self->facts.held;
}

/**
 * vmd_lock_info_get_owner:
 * @self: an info
 *
 * Returns: (transfer none): who asked, see vmd_lock_request_new()
 * Since: 0.1
 */
const char *
vmd_lock_info_get_owner (VmdLockInfo *self)
{
  g_return_val_if_fail (VMD_IS_LOCK_INFO (self), NULL);

  return self->facts.owner;
}

/**
 * vmd_lock_info_get_reason:
 * @self: an info
 *
 * Returns: (transfer none): why, for people
 * Since: 0.1
 */
const char *
vmd_lock_info_get_reason (VmdLockInfo *self)
{
  g_return_val_if_fail (VMD_IS_LOCK_INFO (self), NULL);

  return self->facts.reason;
}

/**
 * vmd_lock_info_get_job:
 * @self: an info
 *
 * Returns: (transfer none) (nullable): the id of the job for which it is
 * Since: 0.1
 */
const char *
vmd_lock_info_get_job (VmdLockInfo *self)
{
  g_return_val_if_fail (VMD_IS_LOCK_INFO (self), NULL);

  return self->facts.job;
}

/**
 * vmd_lock_info_get_sender:
 * @self: an info
 *
 * Returns: (transfer none) (nullable): the client for whom it is
 * Since: 0.1
 */
const char *
vmd_lock_info_get_sender (VmdLockInfo *self)
{
  g_return_val_if_fail (VMD_IS_LOCK_INFO (self), NULL);

  return self->facts.sender;
}

/**
 * vmd_lock_info_get_pid:
 * @self: an info
 *
 * Returns: the process that asked
 * Since: 0.1
 */
gint64
vmd_lock_info_get_pid (VmdLockInfo *self)
{
  g_return_val_if_fail (VMD_IS_LOCK_INFO (self), 0);

  return self->facts.pid;
}

/**
 * vmd_lock_info_get_since:
 * @self: an info
 *
 * Returns: since when it is held, or waited for: wall clock, microseconds since 1970
 * Since: 0.1
 */
gint64
vmd_lock_info_get_since (VmdLockInfo *self)
{
  g_return_val_if_fail (VMD_IS_LOCK_INFO (self), 0);

  return self->facts.since;
}
