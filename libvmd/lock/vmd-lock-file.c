/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-lock-file-private.h"

#include "base/vmd-failure-private.h"
#include "base/vmd-poll-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file `locks` is empty, never unlinked, and its bytes are locked beyond its end. Each resource
 * has two of them, at a place hashed from its name (vmd-lock-set.c): the gate and the lock. They
 * are locked as open file description locks, so that threads keep each other out as processes do,
 * and closing some other descriptor of the file drops nothing. Each grip therefore has an open file
 * description of its own.
 *
 * A grip takes its places in rising order and keeps what it has. At each place:
 *
 *   - nobody has the gate, and the lock is free: it takes the lock. This is all that happens when
 *     nobody is in the way;
 *   - else it asks for the gate, again and again; who has the gate asks for the lock, again and
 *     again; who got the lock gives the gate back.
 *
 * Nobody overtakes the one who has the gate: who finds a gate taken queues up for it, whatever mode
 * it wants, so readers who keep coming don't keep a writer out. (Between a look at a free gate and
 * the attempt on the lock somebody may take the gate, and is then overtaken once by each of those
 * that had looked; a finite number.) And since everybody waits only for places above all that it
 * has, there is no circle of waiting.
 *
 * Rejected: taking the gate on the way through even when nothing is contended. It costs a third
 * system call, and while one reader passes, another one's attempt without waiting would fail though
 * nobody keeps it out. Rejected too: dropping everything and starting again when one place is busy.
 * It needs no order, and was measured to starve: a request for two locks waited for seconds.
 *
 * A child of a fork shares our open file descriptions, and would keep their locks after we close
 * ours: so release is an explicit unlock. That makes it safe, too, to use a description again: up
 * to N_SPARE wait for the next grip. */

#define N_SPARE 32

struct _VmdLockFile
{
  char *path;
  int state_dir_fd; /* the caller's, open as long as we are */
  dev_t device; /* which file it is: constant after opening */
  ino_t inode;

  GMutex mutex; /* protects the two below; a leaf */
  int spare[N_SPARE];
  guint n_spare;
};

struct _VmdLockGrip
{
  VmdLockFile *file;
  const VmdLockSet *set; /* the request's */
  int fd;
  guint n_taken; /* so many of the set's places are ours */
  gboolean has_gate; /* of the place behind those */
};

static int
open_description (VmdLockFile *self, int flags, GError **error)
{
  int fd = openat (self->state_dir_fd, "locks", O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | flags,
                   0600);

  if (fd < 0)
    vmd_fail_errno (error, errno, "Cannot open the lock file %s", self->path);
  return fd;
}

/* vmd_lock_file_open:
 * @state_dir_fd: the state directory; stays the caller's and must outlive the result
 * @state_dir: its path, for messages
 *
 * Opens the file `locks`, and makes it if there is none.
 *
 * Returns: (transfer full) (nullable): the file, or NULL with @error */
VmdLockFile *
vmd_lock_file_open (int state_dir_fd, const char *state_dir, GError **error)
{
  g_autoptr (VmdLockFile) self = g_new0 (VmdLockFile, 1);
  struct stat status;
  int fd;

  g_mutex_init (&self->mutex);
  self->path = g_build_filename (state_dir, "locks", NULL);
  self->state_dir_fd = state_dir_fd;
  fd = open_description (self, O_CREAT, error);
  if (fd < 0)
    return NULL;
  self->spare[self->n_spare++] = fd;
  if (fstat (fd, &status) < 0)
    {
      vmd_fail_errno (error, errno, "Cannot look at the lock file %s", self->path);
      return NULL;
    }
  if (!S_ISREG (status.st_mode))
    {
      vmd_fail (error, VMD_ERROR_STORE, "The lock file %s is not a file", self->path);
      return NULL;
    }
  self->device = status.st_dev;
  self->inode = status.st_ino;
  return g_steal_pointer (&self);
}

/* vmd_lock_file_free:
 *
 * No grip may be left. */
void
vmd_lock_file_free (VmdLockFile *self)
{
  for (guint i = 0; i < self->n_spare; i++)
    close (self->spare[i]);
  g_mutex_clear (&self->mutex);
  g_free (self->path);
  g_free (self);
}

static int
take_description (VmdLockFile *self, GError **error)
{
  vmd_autofd int fd = -1;
  struct stat status;

  g_mutex_lock (&self->mutex);
  if (self->n_spare > 0)
    fd = self->spare[--self->n_spare];
  g_mutex_unlock (&self->mutex);
  if (fd < 0)
    fd = open_description (self, 0, error);
  if (fd < 0)
    return -1;
  /* Locks on two files would exclude nobody, and whoever comes next makes another one. */
  if (fstat (fd, &status) < 0 || status.st_nlink == 0 || status.st_dev != self->device ||
      status.st_ino != self->inode)
    {
      vmd_fail (error, VMD_ERROR_STORE,
                "The lock file %s was removed or replaced while it was in use; end every program "
                "that uses this state directory, then start again",
                self->path);
      return -1;
    }
  return vmd_steal_fd (&fd);
}

static void
give_description (VmdLockFile *self, int fd)
{
  gboolean kept;

  g_mutex_lock (&self->mutex);
  kept = self->n_spare < N_SPARE;
  if (kept)
    self->spare[self->n_spare++] = fd;
  g_mutex_unlock (&self->mutex);
  if (!kept)
    close (fd);
}

/* vmd_lock_grip_new:
 * @set: what to take; sealed; must outlive the result
 *
 * Returns: (transfer full) (nullable): a grip that has nothing yet; NULL with @error when no
 *   descriptor is to be had */
VmdLockGrip *
vmd_lock_grip_new (VmdLockFile *file, const VmdLockSet *set, GError **error)
{
  int fd = take_description (file, error);
  VmdLockGrip *self;

  if (fd < 0)
    return NULL;
  self = g_new0 (VmdLockGrip, 1);
  self->file = file;
  self->set = set;
  self->fd = fd;
  return self;
}

static int
lock_byte (VmdLockGrip *self, int command, guint64 byte, short type, short *found)
{
  struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t) byte, .l_len = 1 };
  int result;

  do
    result = fcntl (self->fd, command, &lock);
  while (result < 0 && errno == EINTR);
  if (found != NULL)
    *found = lock.l_type;
  return result;
}

/* 1: taken, 0: somebody has it, -1: errno says what went wrong. */
static int
try_byte (VmdLockGrip *self, guint64 byte, short type)
{
  if (lock_byte (self, F_OFD_SETLK, byte, type, NULL) == 0)
    return 1;
  return errno == EAGAIN || errno == EACCES ? 0 : -1;
}

/* 1: nobody has it. */
static int
byte_is_free (VmdLockGrip *self, guint64 byte)
{
  short found;

  if (lock_byte (self, F_OFD_GETLK, byte, F_WRLCK, &found) < 0)
    return -1;
  return found == F_UNLCK;
}

/* One attempt on the place that comes next. 1: it is ours, 0: not yet, -1: errno. */
static int
try_place (VmdLockGrip *self, gboolean may_queue)
{
  const VmdLockPlace *place = &g_array_index (self->set->places, VmdLockPlace, self->n_taken);
  guint64 gate = 2 * place->offset;
  short type = place->mode == VMD_LOCK_EXCLUSIVE ? F_WRLCK : F_RDLCK;
  int result;

  if (!self->has_gate)
    {
      result = byte_is_free (self, gate);
      if (result > 0)
        result = try_byte (self, gate + 1, type);
      if (result != 0 || !may_queue)
        return result;
      result = try_byte (self, gate, F_WRLCK);
      if (result <= 0)
        return result;
      self->has_gate = TRUE;
    }
  result = try_byte (self, gate + 1, type);
  if (result <= 0)
    return result;
  self->has_gate = FALSE;
  return lock_byte (self, F_OFD_SETLK, gate, F_UNLCK, NULL) < 0 ? -1 : 1;
}

/* vmd_lock_grip_tighten:
 * @may_queue: whether to take the gate where somebody is in the way. Who will not wait must not,
 *   lest it keeps others out that nobody else keeps out
 *
 * Takes what can be taken now. Does not wait.
 *
 * Returns: WHOLE when everything is ours; PART when somebody is in the way: try again within a
 *   millisecond or so; FAILED with @error when the kernel refuses for another reason (it has no
 *   memory, say) */
VmdLockGripResult
vmd_lock_grip_tighten (VmdLockGrip *self, gboolean may_queue, GError **error)
{
  while (self->n_taken < self->set->places->len)
    {
      int result = try_place (self, may_queue);

      if (result == 0)
        return VMD_LOCK_GRIP_PART;
      if (result < 0)
        {
          vmd_fail_errno (error, errno, "Cannot lock in %s", self->file->path);
          return VMD_LOCK_GRIP_FAILED;
        }
      self->n_taken++;
    }
  return VMD_LOCK_GRIP_WHOLE;
}

/* vmd_lock_grip_free:
 *
 * Lets go of everything that the grip has: explicitly, see above. */
void
vmd_lock_grip_free (VmdLockGrip *self)
{
  struct flock all = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

  /* Only memory for the kernel's bookkeeping could be wanting, and taking all away splits nothing.
   * If it fails after all, the description must not be used again. */
  if (fcntl (self->fd, F_OFD_SETLK, &all) == 0)
    give_description (self->file, self->fd);
  else
    close (self->fd);
  g_free (self);
}
