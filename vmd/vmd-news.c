/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-news.h"

#include "vmd-job-pace.h"
#include "vmd-object-kind.h"

/* A connection keeps nothing of an object, so that it costs the same however many there are. Who
 * sends PropertiesChanged has to know what it said last, and that is kept here, once for all
 * connections: of a VM from its first change on, of a job until it has ended. The first time, all
 * that can change is told, since a client may have read it before we came to look.
 *
 * Of devices nothing is kept either: there may be ten thousand. Their changes are told when the
 * main loop has nothing better to do, some at a time: a value set on a group of ten thousand must
 * not keep a caller waiting, and what changes again meanwhile is told once. */

#define TOLD_AT_ONCE 64

struct _VmdNews
{
  GObject parent;

  VmdManager *manager;
  GHashTable *last; /* VmdVm or VmdJob (owned) → array of GVariant: what was said last */
  GHashTable *paces; /* VmdJob, which its pace owns → VmdJobPace */
  GHashTable *changed; /* set of devices and groups (owned), to be told of */
  guint telling; /* source, or 0 */
};

enum
{
  SIGNAL_CHANGED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (VmdNews, vmd_news, G_TYPE_OBJECT)

static void changed_vm_cb (VmdVm *vm, VmdNews *self);

static void
forget_vm (gpointer key, gpointer value, gpointer data)
{
  if (VMD_IS_VM (key))
    g_signal_handlers_disconnect_by_func (key, changed_vm_cb, data);
}

static void
vmd_news_dispose (GObject *object)
{
  VmdNews *self = VMD_NEWS (object);

  g_clear_handle_id (&self->telling, g_source_remove);
  g_hash_table_remove_all (self->paces);
  g_hash_table_foreach (self->last, forget_vm, self);
  g_hash_table_remove_all (self->last);
  g_hash_table_remove_all (self->changed);
  G_OBJECT_CLASS (vmd_news_parent_class)->dispose (object);
}

static void
vmd_news_finalize (GObject *object)
{
  VmdNews *self = VMD_NEWS (object);

  g_hash_table_unref (self->paces);
  g_hash_table_unref (self->last);
  g_hash_table_unref (self->changed);
  g_clear_object (&self->manager);
  G_OBJECT_CLASS (vmd_news_parent_class)->finalize (object);
}

static void
vmd_news_class_init (VmdNewsClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = vmd_news_dispose;
  object_class->finalize = vmd_news_finalize;
  signals[SIGNAL_CHANGED] =
      g_signal_new ("changed", VMD_TYPE_NEWS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                    2, G_TYPE_STRING | G_SIGNAL_TYPE_STATIC_SCOPE, G_TYPE_VARIANT);
}

static void
vmd_news_init (VmdNews *self)
{
  self->last =
      g_hash_table_new_full (NULL, NULL, g_object_unref, (GDestroyNotify) g_ptr_array_unref);
  self->paces = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) vmd_job_pace_stop);
  self->changed = g_hash_table_new_full (NULL, NULL, g_object_unref, NULL);
}

/* Writes down that @value is what is said of a property now. FALSE: it was said before. */
static gboolean
note_value (GPtrArray *last, guint index, GVariant *value)
{
  if (index == last->len)
    {
      g_ptr_array_add (last, g_variant_ref (value));
      return TRUE;
    }
  if (g_variant_equal (last->pdata[index], value))
    return FALSE;
  g_variant_unref (last->pdata[index]);
  last->pdata[index] = g_variant_ref (value);
  return TRUE;
}

/* @last: (nullable): what was said last, of each property in its order; empty: nothing yet. */
static void
tell (VmdNews *self, const VmdObjectKind *kind, GObject *object, GPtrArray *last)
{
  g_autofree char *path = vmd_object_kind_dup_path (kind, object);
  g_autoptr (GVariant) body = NULL;
  GVariantBuilder changed, invalidated;
  gboolean any = FALSE;
  guint index = 0;

  g_variant_builder_init (&changed, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_init (&invalidated, G_VARIANT_TYPE_STRING_ARRAY);
  for (const VmdProperty *property = kind->properties; property->name != NULL; property++)
    {
      g_autoptr (GVariant) value = NULL;

      if (property->news == VMD_PROPERTY_CONSTANT)
        continue;
      if (property->news == VMD_PROPERTY_INVALIDATED)
        {
          g_variant_builder_add (&invalidated, "s", property->name);
          any = TRUE;
          continue;
        }
      value = g_variant_ref_sink (property->get (object));
      if (last != NULL && !note_value (last, index++, value))
        continue;
      g_variant_builder_add (&changed, "{sv}", property->name, value);
      any = TRUE;
    }
  body = g_variant_ref_sink (
      g_variant_new ("(sa{sv}as)", kind->get_info ()->name, &changed, &invalidated));
  if (any)
    g_signal_emit (self, signals[SIGNAL_CHANGED], 0, path, body);
}

static void
changed_vm_cb (VmdVm *vm, VmdNews *self)
{
  GPtrArray *last = g_hash_table_lookup (self->last, vm);

  if (last != NULL)
    tell (self, &vmd_object_kind_vm, G_OBJECT (vm), last);
}

static void
remember (VmdNews *self, gpointer object)
{
  g_hash_table_insert (self->last, g_object_ref (object),
                       g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref));
}

static void
vm_added_cb (VmdManager *manager, VmdVm *vm, VmdNews *self)
{
  if (g_hash_table_contains (self->last, vm))
    return;
  remember (self, vm);
  g_signal_connect (vm, "changed", G_CALLBACK (changed_vm_cb), self);
}

static void
vm_removed_cb (VmdManager *manager, VmdVm *vm, VmdNews *self)
{
  g_signal_handlers_disconnect_by_func (vm, changed_vm_cb, self);
  g_hash_table_remove (self->last, vm);
}

static void
job_looked_at (VmdJob *job, gpointer data)
{
  VmdNews *self = data;
  GPtrArray *last = g_hash_table_lookup (self->last, job);
  /* Asked before, so that the end is told when nothing more is looked at. */
  gboolean ended = vmd_job_get_state (job) > VMD_JOB_RUNNING;

  tell (self, &vmd_object_kind_job, G_OBJECT (job), last);
  if (!ended)
    return;
  g_hash_table_remove (self->last, job);
  g_hash_table_remove (self->paces, job);
}

static void
job_added_cb (VmdManager *manager, VmdJob *job, VmdNews *self)
{
  if (g_hash_table_contains (self->paces, job))
    return;
  remember (self, job);
  g_hash_table_insert (self->paces, job, vmd_job_pace_start (job, job_looked_at, self));
}

static gboolean
tell_cb (gpointer data)
{
  VmdNews *self = data;
  GHashTableIter iterator;
  gpointer object;

  g_hash_table_iter_init (&iterator, self->changed);
  for (guint i = 0; i < TOLD_AT_ONCE && g_hash_table_iter_next (&iterator, &object, NULL); i++)
    {
      tell (self, VMD_IS_DEVICE (object) ? &vmd_object_kind_device : &vmd_object_kind_group, object,
            NULL);
      g_hash_table_iter_remove (&iterator);
    }
  if (g_hash_table_size (self->changed) > 0)
    return G_SOURCE_CONTINUE;
  self->telling = 0;
  return G_SOURCE_REMOVE;
}

/* A device, or a group. */
static void
many_changed_cb (VmdManager *manager, GObject *object, VmdNews *self)
{
  /* Nobody is connected. */
  if (!g_signal_has_handler_pending (self, signals[SIGNAL_CHANGED], 0, FALSE))
    return;
  g_hash_table_add (self->changed, g_object_ref (object));
  if (self->telling == 0)
    self->telling = g_idle_add (tell_cb, self);
}

static void
many_removed_cb (VmdManager *manager, GObject *object, VmdNews *self)
{
  g_hash_table_remove (self->changed, object);
}

VmdNews *
vmd_news_new (VmdManager *manager)
{
  VmdNews *self = g_object_new (VMD_TYPE_NEWS, NULL);
  g_autoptr (GListModel) vms = vmd_manager_list_vms (manager);
  const struct
  {
    const char *name;
    GCallback callback;
  } handlers[] = {
    { "vm-added", G_CALLBACK (vm_added_cb) },
    { "vm-removed", G_CALLBACK (vm_removed_cb) },
    { "job-added", G_CALLBACK (job_added_cb) },
    { "device-changed", G_CALLBACK (many_changed_cb) },
    { "device-removed", G_CALLBACK (many_removed_cb) },
    { "group-changed", G_CALLBACK (many_changed_cb) },
    { "group-removed", G_CALLBACK (many_removed_cb) },
  };

  self->manager = g_object_ref (manager);
  for (guint i = 0; i < G_N_ELEMENTS (handlers); i++)
    g_signal_connect_object (manager, handlers[i].name, handlers[i].callback, self, 0);
  for (guint i = 0; i < g_list_model_get_n_items (vms); i++)
    {
      g_autoptr (VmdVm) vm = g_list_model_get_item (vms, i);

      vm_added_cb (manager, vm, self);
    }
  return self;
}
