/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <gio/gio.h>
#include <pthread.h>
#include <valgrind/helgrind.h>

/* Preloaded under helgrind, which understands pthreads and nothing else: GLib's mutexes and
 * conditions are futexes, its reference counts atomic instructions, and what goes through a main
 * context goes through both. To helgrind all of that is unlocked memory, and every report would be
 * a false one.
 *
 * So mutexes and conditions are pthread's here, as in GLib on systems without futexes; and where
 * one thread hands something to another, helgrind is told so: by an unref before the one that
 * frees, by a source before its callback.
 *
 * GLib's own library calls itself directly and not through here. That is no harm: its mutexes are
 * its own, and helgrind.supp keeps quiet about its insides. Rejected: building GLib with
 * -fsanitize=thread, which takes longer than all tests together; and suppressions alone, which
 * would have to cover our own files too. */

#define SHIM __attribute__ ((visibility ("default")))

/* By which the tests of this shim see that it is there. */
SHIM int vmd_glib_shim = 1;

static void *
next_symbol (const char *name)
{
  void *symbol = dlsym (RTLD_NEXT, name);

  if (symbol == NULL)
    g_abort ();
  return symbol;
}

/* The function that this one stands in for; looked up at the first call. */
#define REAL(name)                                                                                 \
  ({                                                                                               \
    static __typeof__ (&name) real;                                                                \
    if (__atomic_load_n (&real, __ATOMIC_ACQUIRE) == NULL)                                         \
      {                                                                                            \
        VALGRIND_HG_DISABLE_CHECKING (&real, sizeof real);                                         \
        __atomic_store_n (&real, (__typeof__ (&name)) next_symbol (#name), __ATOMIC_RELEASE);      \
      }                                                                                            \
    real;                                                                                          \
  })

/* -- Mutexes and conditions -- */

static pthread_mutex_t *
new_mutex (void)
{
  pthread_mutex_t *mutex = malloc (sizeof *mutex);

  if (mutex == NULL || pthread_mutex_init (mutex, NULL) != 0)
    g_abort ();
  return mutex;
}

/* A static GMutex is zero until it is used. The pointer is not looked at: objects of GIO's own get
 * from one thread to another in ways of GLib's own. */
static pthread_mutex_t *
get_mutex (GMutex *mutex)
{
  pthread_mutex_t *found = g_atomic_pointer_get (&mutex->p);

  if (found != NULL)
    return found;
  VALGRIND_HG_DISABLE_CHECKING (mutex, sizeof *mutex);
  found = new_mutex ();
  if (g_atomic_pointer_compare_and_exchange (&mutex->p, NULL, found))
    return found;
  pthread_mutex_destroy (found);
  free (found);
  return mutex->p;
}

SHIM void
g_mutex_init (GMutex *mutex)
{
  VALGRIND_HG_DISABLE_CHECKING (mutex, sizeof *mutex);
  mutex->p = new_mutex ();
}

SHIM void
g_mutex_clear (GMutex *mutex)
{
  if (mutex->p != NULL)
    pthread_mutex_destroy (mutex->p);
  free (mutex->p);
  mutex->p = NULL;
  VALGRIND_HG_ENABLE_CHECKING (mutex, sizeof *mutex);
}

SHIM void
g_mutex_lock (GMutex *mutex)
{
  if (pthread_mutex_lock (get_mutex (mutex)) != 0)
    g_abort ();
}

SHIM gboolean
g_mutex_trylock (GMutex *mutex)
{
  return pthread_mutex_trylock (get_mutex (mutex)) == 0;
}

SHIM void
g_mutex_unlock (GMutex *mutex)
{
  if (pthread_mutex_unlock (get_mutex (mutex)) != 0)
    g_abort ();
}

static pthread_cond_t *
new_cond (void)
{
  pthread_cond_t *cond = malloc (sizeof *cond);
  pthread_condattr_t attributes;

  if (cond == NULL || pthread_condattr_init (&attributes) != 0 ||
      pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC) != 0 ||
      pthread_cond_init (cond, &attributes) != 0)
    g_abort ();
  pthread_condattr_destroy (&attributes);
  return cond;
}

static pthread_cond_t *
get_cond (GCond *cond)
{
  pthread_cond_t *found = g_atomic_pointer_get (&cond->p);

  if (found != NULL)
    return found;
  VALGRIND_HG_DISABLE_CHECKING (cond, sizeof *cond);
  found = new_cond ();
  if (g_atomic_pointer_compare_and_exchange (&cond->p, NULL, found))
    return found;
  pthread_cond_destroy (found);
  free (found);
  return cond->p;
}

SHIM void
g_cond_init (GCond *cond)
{
  VALGRIND_HG_DISABLE_CHECKING (cond, sizeof *cond);
  cond->p = new_cond ();
}

SHIM void
g_cond_clear (GCond *cond)
{
  if (cond->p != NULL)
    pthread_cond_destroy (cond->p);
  free (cond->p);
  cond->p = NULL;
  VALGRIND_HG_ENABLE_CHECKING (cond, sizeof *cond);
}

SHIM void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  if (pthread_cond_wait (get_cond (cond), get_mutex (mutex)) != 0)
    g_abort ();
}

SHIM gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_time)
{
  struct timespec until = { end_time / G_USEC_PER_SEC, end_time % G_USEC_PER_SEC * 1000 };
  int result = pthread_cond_timedwait (get_cond (cond), get_mutex (mutex), &until);

  if (result != 0 && result != ETIMEDOUT)
    g_abort ();
  return result == 0;
}

SHIM void
g_cond_signal (GCond *cond)
{
  pthread_cond_signal (get_cond (cond));
}

SHIM void
g_cond_broadcast (GCond *cond)
{
  pthread_cond_broadcast (get_cond (cond));
}

/* -- References: what a thread did comes before another one frees -- */

SHIM void
g_object_unref (gpointer object)
{
  ANNOTATE_HAPPENS_BEFORE (object);
  ANNOTATE_HAPPENS_AFTER (object);
  REAL (g_object_unref) (object);
}

#undef g_atomic_ref_count_dec
SHIM gboolean
g_atomic_ref_count_dec (gatomicrefcount *count)
{
  ANNOTATE_HAPPENS_BEFORE (count);
  ANNOTATE_HAPPENS_AFTER (count);
  return REAL (g_atomic_ref_count_dec) (count);
}

SHIM void
g_atomic_rc_box_release_full (gpointer box, GDestroyNotify clear)
{
  ANNOTATE_HAPPENS_BEFORE (box);
  ANNOTATE_HAPPENS_AFTER (box);
  REAL (g_atomic_rc_box_release_full) (box, clear);
}

SHIM void
g_bytes_unref (GBytes *bytes)
{
  ANNOTATE_HAPPENS_BEFORE (bytes);
  ANNOTATE_HAPPENS_AFTER (bytes);
  REAL (g_bytes_unref) (bytes);
}

/* -- What is made once: read by everybody ever after without a lock -- */

#undef g_once_init_enter
SHIM gboolean
g_once_init_enter (volatile void *location)
{
  gboolean first;

  VALGRIND_HG_DISABLE_CHECKING (location, sizeof (gpointer));
  first = REAL (g_once_init_enter) (location);
  if (!first)
    ANNOTATE_HAPPENS_AFTER (location);
  return first;
}

#undef g_once_init_leave
SHIM void
g_once_init_leave (volatile void *location, gsize result)
{
  ANNOTATE_HAPPENS_BEFORE (location);
  REAL (g_once_init_leave) (location, result);
}

/* -- Classes: what class_init wrote, whoever has an object may read -- */

static void
init_class (gpointer class, gpointer data)
{
  ((GClassInitFunc) data) (class, NULL);
  ANNOTATE_HAPPENS_BEFORE (class);
}

SHIM GType
g_type_register_static_simple (GType parent_type, const char *type_name, guint class_size,
                               GClassInitFunc class_init, guint instance_size,
                               GInstanceInitFunc instance_init, GTypeFlags flags)
{
  const GTypeInfo info = {
    .class_size = (guint16) class_size,
    .class_init = class_init != NULL ? init_class : NULL,
    .class_data = class_init,
    .instance_size = (guint16) instance_size,
    .instance_init = instance_init,
  };

  return g_type_register_static (parent_type, type_name, &info, flags);
}

#undef g_object_new
SHIM gpointer
g_object_new (GType type, const char *first_property_name, ...)
{
  GObject *object;
  va_list properties;

  va_start (properties, first_property_name);
  object = g_object_new_valist (type, first_property_name, properties);
  va_end (properties);
  ANNOTATE_HAPPENS_AFTER (G_OBJECT_GET_CLASS (object));
  return object;
}

/* -- Main contexts: what came before a source was attached comes before its callback -- */

typedef struct
{
  GSource *source;
  GSourceFunc func;
  gpointer data;
  GDestroyNotify notify;
} Callback;

static gboolean
run_callback (gpointer data)
{
  Callback *callback = data;

  ANNOTATE_HAPPENS_AFTER (callback);
  ANNOTATE_HAPPENS_AFTER (callback->source);
  return callback->func (callback->data);
}

static void
free_callback (gpointer data)
{
  Callback *callback = data;

  if (callback->notify != NULL)
    callback->notify (callback->data);
  free (callback);
}

/* Of idle and timeout sources only: others call their callbacks with other arguments. */
SHIM void
g_source_set_callback (GSource *source, GSourceFunc func, gpointer data, GDestroyNotify notify)
{
  Callback *callback;

  if (source->source_funcs != &g_idle_funcs && source->source_funcs != &g_timeout_funcs)
    {
      REAL (g_source_set_callback) (source, func, data, notify);
      return;
    }
  callback = malloc (sizeof *callback);
  if (callback == NULL)
    g_abort ();
  *callback = (Callback){ source, func, data, notify };
  ANNOTATE_HAPPENS_BEFORE (callback);
  REAL (g_source_set_callback) (source, run_callback, callback, free_callback);
}

SHIM guint
g_source_attach (GSource *source, GMainContext *context)
{
  ANNOTATE_HAPPENS_BEFORE (source);
  return REAL (g_source_attach) (source, context);
}
