/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-lock-record-private.h"

#include "base/vmd-poll-private.h"
#include "vmd-lock-request-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A record is a file `requests/<pid>-<n>`, which its owner keeps locked for as long as it waits or
 * holds, and removes at release. One that is found unlocked has lost its owner, and whoever finds
 * it removes it: so a process that was killed leaves nothing for long, and a pid that is used again
 * misleads nobody.
 *
 * Records tell; they lock nothing. A record that cannot be written (the disk is full, say) is done
 * without: deleting a VM has to work then. And what is read from one is believed only as far as it
 * has the right form.
 *
 *     H 00001769860805000000      H: held, W: waits; since when, wall clock in microseconds.
 *                                 This line alone is rewritten, in place
 *     resources vm/0123…:exclusive
 *     owner :1.42                 escaped like C strings, from here on
 *     reason import of ./repo
 *     job 12                      if any
 *     sender :1.42                if any
 *
 * Rejected: telling a live owner from a dead one by its pid and start time: it can't be seen from
 * another pid namespace. */

#define MAX_RECORD (512 * 1024) /* the longest that a request can make has 300 KiB of names */
#define MAX_NAMES_TRIED 1000
#define STATE_FORMAT "%c %020" G_GINT64_FORMAT "\n"

struct _VmdLockRecord
{
  int requests_fd; /* the caller's */
  int fd; /* locked */
  char name[32];
};

/* FALSE with errno EAGAIN: somebody else has it locked. */
static gboolean
lock_file (int fd)
{
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

  return fcntl (fd, F_OFD_SETLK, &lock) == 0;
}

static gboolean
is_locked (int fd)
{
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

  return fcntl (fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

static gboolean
has_name (int fd)
{
  struct stat status;

  return fstat (fd, &status) == 0 && status.st_nlink > 0;
}

/* A file of our own, locked. A name may be taken by a dead namesake of this process, or by a live
 * one in another pid namespace; and who reads the directory may find our file in the instant before
 * it is locked, and remove it. */
static gboolean
make_file (VmdLockRecord *self)
{
  static guint last; /* atomic */

  for (guint i = 0; i < MAX_NAMES_TRIED; i++)
    {
      vmd_autofd int fd = -1;
      gboolean locked;

      g_snprintf (self->name, sizeof self->name, "%d-%u", (int) getpid (),
                  (guint) g_atomic_int_add (&last, 1) + 1);
      fd = openat (self->requests_fd, self->name,
                   O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
      if (fd < 0 && errno != EEXIST)
        return FALSE;
      if (fd < 0)
        continue;
      locked = lock_file (fd);
      if (locked && has_name (fd))
        {
          self->fd = vmd_steal_fd (&fd);
          return TRUE;
        }
      if (!locked && errno != EAGAIN && errno != EACCES)
        {
          unlinkat (self->requests_fd, self->name, 0);
          return FALSE;
        }
    }
  errno = EEXIST;
  return FALSE;
}

static void
append_line (GString *text, const char *key, const char *value)
{
  g_autofree char *escaped = NULL;

  if (value == NULL)
    return;
  escaped = g_strescape (value, NULL);
  g_string_append_printf (text, "%s %s\n", key, escaped);
}

/* vmd_lock_record_new:
 * @since: now, wall clock
 *
 * Records that @request waits.
 *
 * Returns: (transfer full) (nullable): the record; NULL if none can be written, which is no
 *   error */
VmdLockRecord *
vmd_lock_record_new (int requests_fd, VmdLockRequest *request, gint64 since)
{
  g_autofree VmdLockRecord *self = g_new0 (VmdLockRecord, 1);
  g_autofree char *resources = vmd_lock_set_to_string (vmd_lock_request_get_set (request));
  g_autoptr (GString) text = g_string_sized_new (256);

  self->requests_fd = requests_fd;
  if (!make_file (self))
    {
      g_debug ("No record of a lock request: %s", g_strerror (errno));
      return NULL;
    }
  g_string_append_printf (text, STATE_FORMAT, 'W', since);
  append_line (text, "resources", resources);
  append_line (text, "owner", vmd_lock_request_get_owner (request));
  append_line (text, "reason", vmd_lock_request_get_reason (request));
  append_line (text, "job", vmd_lock_request_get_job (request));
  append_line (text, "sender", vmd_lock_request_get_sender (request));
  if (pwrite (self->fd, text->str, text->len, 0) != (gssize) text->len)
    {
      g_debug ("No record of a lock request: cannot write it");
      vmd_lock_record_free (g_steal_pointer (&self));
      return NULL;
    }
  return g_steal_pointer (&self);
}

/* vmd_lock_record_set_held:
 * @since: now, wall clock
 *
 * Records that what was waited for is held. */
void
vmd_lock_record_set_held (VmdLockRecord *self, gint64 since)
{
  g_autofree char *line = g_strdup_printf (STATE_FORMAT, 'H', since);

  if (pwrite (self->fd, line, strlen (line), 0) < 0)
    g_debug ("Cannot write that a lock is held: %s", g_strerror (errno));
}

/* vmd_lock_record_free:
 *
 * Removes the record. */
void
vmd_lock_record_free (VmdLockRecord *self)
{
  if (unlinkat (self->requests_fd, self->name, 0) < 0)
    g_debug ("Cannot remove the record %s: %s", self->name, g_strerror (errno));
  close (self->fd);
  g_free (self);
}

/* Of a record that nobody has locked. Under its lock nobody else removes it, nor is it somebody's
 * new one. */
static void
reap (int requests_fd, const char *name, int fd)
{
  if (lock_file (fd) && has_name (fd))
    unlinkat (requests_fd, name, 0);
}

static char *
unescape (const char *escaped)
{
  gsize length = strlen (escaped);
  gsize n_backslashes = 0;
  g_autofree char *whole = NULL;
  g_autofree char *bytes = NULL;

  /* Without a last backslash that escapes nothing, of which GLib would warn. */
  while (n_backslashes < length && escaped[length - 1 - n_backslashes] == '\\')
    n_backslashes++;
  whole = g_strndup (escaped, length - n_backslashes % 2);
  bytes = g_strcompress (whole);
  return g_utf8_make_valid (bytes, -1);
}

static void
parse_line (VmdLockFacts *facts, const char *line)
{
  const struct
  {
    const char *key;
    char **value;
  } fields[] = {
    { "owner ", &facts->owner },
    { "reason ", &facts->reason },
    { "job ", &facts->job },
    { "sender ", &facts->sender },
  };

  if (g_str_has_prefix (line, "resources ") && facts->set == NULL)
    facts->set = vmd_lock_set_parse (line + strlen ("resources "));
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    if (g_str_has_prefix (line, fields[i].key) && *fields[i].value == NULL)
      *fields[i].value = unescape (line + strlen (fields[i].key));
}

static VmdLockInfo *
parse_record (const char *text, gint64 pid)
{
  VmdLockFacts facts = { .pid = pid };
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  VmdLockInfo *info = NULL;

  if (lines[0] == NULL || (lines[0][0] != 'H' && lines[0][0] != 'W') || lines[0][1] != ' ' ||
      !g_ascii_string_to_signed (lines[0] + 2, 10, 0, G_MAXINT64, &facts.since, NULL))
    return NULL;
  facts.held = lines[0][0] == 'H';
  for (guint i = 1; lines[i] != NULL; i++)
    parse_line (&facts, lines[i]);
  if (facts.set != NULL && facts.owner != NULL && facts.reason != NULL)
    info = vmd_lock_info_new (&facts);
  vmd_lock_facts_clear (&facts);
  return info;
}

/* "<pid>-<n>", and nothing else: what has another name is not ours to read or to remove. */
static gboolean
parse_name (const char *name, gint64 *pid)
{
  g_auto (GStrv) parts = g_strsplit (name, "-", -1);
  guint64 process, number;

  if (g_strv_length (parts) != 2 ||
      !g_ascii_string_to_unsigned (parts[0], 10, 1, G_MAXINT32, &process, NULL) ||
      !g_ascii_string_to_unsigned (parts[1], 10, 0, G_MAXUINT32, &number, NULL))
    return FALSE;
  *pid = (gint64) process;
  return TRUE;
}

static VmdLockInfo *
read_record (int requests_fd, const char *name, gint64 pid)
{
  vmd_autofd int fd =
      openat (requests_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  g_autofree char *text = NULL;
  struct stat status;
  gssize length;

  if (fd < 0 || fstat (fd, &status) < 0 || !S_ISREG (status.st_mode))
    return NULL;
  if (!is_locked (fd))
    {
      reap (requests_fd, name, fd);
      return NULL;
    }
  if (status.st_size > MAX_RECORD)
    return NULL;
  text = g_malloc (status.st_size + 1);
  length = pread (fd, text, status.st_size, 0);
  if (length <= 0)
    return NULL;
  text[length] = '\0';
  return parse_record (text, pid);
}

static int
compare_infos (gconstpointer a, gconstpointer b)
{
  gint64 first = vmd_lock_info_get_since (*(VmdLockInfo *const *) a);
  gint64 second = vmd_lock_info_get_since (*(VmdLockInfo *const *) b);

  return (first > second) - (first < second);
}

/* vmd_lock_record_read_all:
 * @except: (nullable): a record to leave out
 *
 * Reads all records, and removes those that lost their owner.
 *
 * Returns: (transfer full) (element-type VmdLockInfo): the oldest first */
GPtrArray *
vmd_lock_record_read_all (int requests_fd, VmdLockRecord *except)
{
  g_autoptr (GPtrArray) infos = g_ptr_array_new_with_free_func (g_object_unref);
  int fd = openat (requests_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = fd >= 0 ? fdopendir (fd) : NULL;
  struct dirent *entry;
  gint64 pid;

  if (directory == NULL)
    {
      vmd_clear_fd (&fd);
      return g_steal_pointer (&infos);
    }
  while ((entry = readdir (directory)) != NULL)
    {
      VmdLockInfo *info = NULL;

      if (parse_name (entry->d_name, &pid) &&
          (except == NULL || strcmp (entry->d_name, except->name) != 0))
        info = read_record (requests_fd, entry->d_name, pid);
      if (info != NULL)
        g_ptr_array_add (infos, info);
    }
  closedir (directory);
  g_ptr_array_sort (infos, compare_infos);
  return g_steal_pointer (&infos);
}
