/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-lock-set-private.h"

#include "base/vmd-failure-private.h"

#include <string.h>

/* A set of resources has two faces. People and records see names ("vm/<id>:exclusive"); the line
 * and the file see places: numbers hashed from the names. Whether two requests conflict is decided
 * by places alone, in the process as in the file, so that two names which hash to one number are
 * one thing everywhere: they keep each other out needlessly, and never deadlock. The leaves have
 * numbers of their own above all hashed ones; so a holder that asks for a leaf goes up in the order
 * too, and a name can't be made up that collides with them. */

#define LEAF_OFFSET ((guint64) 1 << 61)
#define MAX_NAME_LENGTH 255
#define MAX_RESOURCES                                                                              \
  1024 /* in one set: they come from bus clients, and each is compared with all */

static const char *const kind_words[] = {
  "vm", "workspace", "image", "kernel", "create", "publish"
};
static const char *const mode_words[] = { "shared", "exclusive" };

static gboolean
kind_is_leaf (VmdLockKind kind)
{
  return kind >= VMD_LOCK_CREATE;
}

/* FNV-1a. It must be the same in every process and every release, and need not resist anybody: who
 * can name an image can lock it. */
static guint64
hash_bytes (guint64 hash, const char *bytes)
{
  for (; *bytes != '\0'; bytes++)
    hash = (hash ^ (guint8) *bytes) * G_GUINT64_CONSTANT (0x100000001b3);
  return hash;
}

static guint64
place_offset (VmdLockKind kind, const char *name)
{
  guint64 hash = G_GUINT64_CONSTANT (0xcbf29ce484222325);

  if (kind_is_leaf (kind))
    return LEAF_OFFSET + (kind - VMD_LOCK_CREATE);
  hash = hash_bytes (hash, kind_words[kind]);
  hash = hash_bytes (hash, "/");
  return hash_bytes (hash, name) & (LEAF_OFFSET - 1);
}

static void
clear_resource (gpointer data)
{
  VmdLockResource *resource = data;

  g_free (resource->name);
}

/* vmd_lock_set_new:
 *
 * Returns: (transfer full): an empty set */
VmdLockSet *
vmd_lock_set_new (void)
{
  VmdLockSet *self = g_new0 (VmdLockSet, 1);

  self->resources = g_array_new (FALSE, FALSE, sizeof (VmdLockResource));
  g_array_set_clear_func (self->resources, clear_resource);
  self->places = g_array_new (FALSE, FALSE, sizeof (VmdLockPlace));
  return self;
}

void
vmd_lock_set_free (VmdLockSet *self)
{
  g_array_unref (self->resources);
  g_array_unref (self->places);
  g_free (self);
}

/* Printable ASCII without space: what a record can hold as one word, and a message can show. */
static gboolean
name_is_valid (const char *name)
{
  gsize length = 0;

  for (; name[length] != '\0'; length++)
    if (!g_ascii_isgraph (name[length]))
      return FALSE;
  return length > 0 && length <= MAX_NAME_LENGTH;
}

static VmdLockResource *
find_resource (const VmdLockSet *self, VmdLockKind kind, const char *name)
{
  for (guint i = 0; i < self->resources->len; i++)
    {
      VmdLockResource *resource = &g_array_index (self->resources, VmdLockResource, i);

      if (resource->kind == kind && g_strcmp0 (resource->name, name) == 0)
        return resource;
    }
  return NULL;
}

/* vmd_lock_set_add:
 * @name: (nullable): what to lock; NULL for the leaves, and only for them
 *
 * Adds a resource. One that is there already stays once, and exclusive if either asked for that.
 *
 * Returns: FALSE with INVALID_ARGUMENT when @kind, @name or @mode cannot be, or there are too
 *   many */
gboolean
vmd_lock_set_add (VmdLockSet *self, VmdLockKind kind, const char *name, VmdLockMode mode,
                  GError **error)
{
  VmdLockResource added = { kind, mode, NULL };
  VmdLockResource *there;

  if ((guint) kind >= G_N_ELEMENTS (kind_words) || (guint) mode >= G_N_ELEMENTS (mode_words))
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "There is no lock of kind %d, mode %d",
                     (int) kind, (int) mode);
  if (kind_is_leaf (kind) && name != NULL)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "The lock “%s” has no name",
                     kind_words[kind]);
  if (!kind_is_leaf (kind) && (name == NULL || !name_is_valid (name)))
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "A lock of kind “%s” is named by 1 to %d printable ASCII characters",
                     kind_words[kind], MAX_NAME_LENGTH);

  there = find_resource (self, kind, name);
  if (there != NULL)
    {
      there->mode = MAX (there->mode, mode);
      return TRUE;
    }
  if (self->resources->len >= MAX_RESOURCES)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "More than %d things cannot be locked in one request", MAX_RESOURCES);
  added.name = g_strdup (name);
  g_array_append_val (self->resources, added);
  return TRUE;
}

static int
compare_places (gconstpointer a, gconstpointer b)
{
  const VmdLockPlace *first = a, *second = b;

  return (first->offset > second->offset) - (first->offset < second->offset);
}

static void
make_places (VmdLockSet *self)
{
  VmdLockPlace *places;
  guint kept = 0;

  g_array_set_size (self->places, 0);
  for (guint i = 0; i < self->resources->len; i++)
    {
      VmdLockResource *resource = &g_array_index (self->resources, VmdLockResource, i);
      VmdLockPlace place = { place_offset (resource->kind, resource->name), resource->mode };

      g_array_append_val (self->places, place);
    }
  g_array_sort (self->places, compare_places);
  places = (VmdLockPlace *) (void *) self->places->data;
  for (guint i = 1; i < self->places->len; i++)
    if (places[i].offset == places[kept].offset)
      places[kept].mode = MAX (places[kept].mode, places[i].mode);
    else
      places[++kept] = places[i];
  g_array_set_size (self->places, kept + 1);
}

/* vmd_lock_set_seal:
 *
 * Checks the set as a whole and works out its places. Nothing may be added afterwards.
 *
 * Refused with INVALID_ARGUMENT: an empty set; a leaf beside anything but leaves (a request that
 * waits for a VM while it has, or stands before others for, a leaf would let that VM's holder,
 * which may ask for the leaf, wait for itself); the VM and the workspace of one VM (who needs both
 * wants a verb, which takes them one after the other). */
gboolean
vmd_lock_set_seal (VmdLockSet *self, GError **error)
{
  guint n_leaves = 0;

  if (self->resources->len == 0)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT, "The lock request names nothing to lock");
  for (guint i = 0; i < self->resources->len; i++)
    {
      VmdLockResource *resource = &g_array_index (self->resources, VmdLockResource, i);

      if (kind_is_leaf (resource->kind))
        n_leaves++;
      else if (resource->kind == VMD_LOCK_VM &&
               find_resource (self, VMD_LOCK_WORKSPACE, resource->name) != NULL)
        return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                         "VM %s and its workspace cannot be locked together", resource->name);
    }
  if (n_leaves != 0 && n_leaves != self->resources->len)
    return vmd_fail (error, VMD_ERROR_INVALID_ARGUMENT,
                     "The locks “create” and “publish” cannot be requested together with others");
  self->is_leaf = n_leaves != 0;
  make_places (self);
  return TRUE;
}

/* vmd_lock_set_conflicts:
 *
 * Both sealed. Returns: whether the two cannot be held at once */
gboolean
vmd_lock_set_conflicts (const VmdLockSet *self, const VmdLockSet *other)
{
  guint i = 0, j = 0;

  while (i < self->places->len && j < other->places->len)
    {
      const VmdLockPlace *mine = &g_array_index (self->places, VmdLockPlace, i);
      const VmdLockPlace *theirs = &g_array_index (other->places, VmdLockPlace, j);

      if (mine->offset == theirs->offset &&
          (mine->mode == VMD_LOCK_EXCLUSIVE || theirs->mode == VMD_LOCK_EXCLUSIVE))
        return TRUE;
      i += mine->offset <= theirs->offset;
      j += theirs->offset <= mine->offset;
    }
  return FALSE;
}

/* vmd_lock_set_dup_conflict:
 *
 * Returns: (transfer full): the first resource of @self that @other keeps it from, "vm/<id>"; for a
 *   message */
char *
vmd_lock_set_dup_conflict (const VmdLockSet *self, const VmdLockSet *other)
{
  const VmdLockResource *resource = &g_array_index (self->resources, VmdLockResource, 0);

  for (guint i = 0; i < self->resources->len; i++)
    {
      g_autoptr (VmdLockSet) one = vmd_lock_set_new ();

      resource = &g_array_index (self->resources, VmdLockResource, i);
      if (vmd_lock_set_add (one, resource->kind, resource->name, resource->mode, NULL) &&
          vmd_lock_set_seal (one, NULL) && vmd_lock_set_conflicts (one, other))
        break;
    }
  return vmd_lock_resource_to_string (resource->kind, resource->name);
}

/* vmd_lock_set_covers:
 *
 * Returns: whether who holds @self may do what needs @kind, @name in @mode: exclusive covers
 *   shared */
gboolean
vmd_lock_set_covers (const VmdLockSet *self, VmdLockKind kind, const char *name, VmdLockMode mode)
{
  const VmdLockResource *resource = find_resource (self, kind, name);

  return resource != NULL && resource->mode >= mode;
}

/* vmd_lock_resource_to_string:
 *
 * Returns: (transfer full): "vm/<id>", or "create" */
char *
vmd_lock_resource_to_string (VmdLockKind kind, const char *name)
{
  return g_strconcat (kind_words[kind], name != NULL ? "/" : NULL, name, NULL);
}

const char *
vmd_lock_mode_to_string (VmdLockMode mode)
{
  return mode_words[mode];
}

/* vmd_lock_set_to_string:
 *
 * Returns: (transfer full): "vm/<id>:exclusive image/<name>:shared"; vmd_lock_set_parse() reads
 *   it */
char *
vmd_lock_set_to_string (const VmdLockSet *self)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < self->resources->len; i++)
    {
      const VmdLockResource *resource = &g_array_index (self->resources, VmdLockResource, i);

      if (i > 0)
        g_string_append_c (text, ' ');
      g_string_append (text, kind_words[resource->kind]);
      if (resource->name != NULL)
        g_string_append_printf (text, "/%s", resource->name);
      g_string_append_printf (text, ":%s", mode_words[resource->mode]);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static gboolean
find_word (const char *const *words, guint n_words, const char *word, guint *found)
{
  for (*found = 0; *found < n_words; (*found)++)
    if (g_str_equal (words[*found], word))
      return TRUE;
  return FALSE;
}

static gboolean
parse_resource (VmdLockSet *self, char *word)
{
  char *colon = strrchr (word, ':');
  char *slash;
  guint kind, mode;

  if (colon == NULL || !find_word (mode_words, G_N_ELEMENTS (mode_words), colon + 1, &mode))
    return FALSE;
  *colon = '\0';
  slash = strchr (word, '/');
  if (slash != NULL)
    *slash++ = '\0';
  return find_word (kind_words, G_N_ELEMENTS (kind_words), word, &kind) &&
         vmd_lock_set_add (self, kind, slash, mode, NULL);
}

/* vmd_lock_set_parse:
 *
 * Reads what vmd_lock_set_to_string() wrote, in whatever process.
 *
 * Returns: (transfer full) (nullable): a sealed set, NULL if @text is not of that form */
VmdLockSet *
vmd_lock_set_parse (const char *text)
{
  g_autoptr (VmdLockSet) self = vmd_lock_set_new ();
  g_auto (GStrv) words = g_strsplit (text, " ", -1);

  for (guint i = 0; words[i] != NULL; i++)
    if (!parse_resource (self, words[i]))
      return NULL;
  return vmd_lock_set_seal (self, NULL) ? g_steal_pointer (&self) : NULL;
}
