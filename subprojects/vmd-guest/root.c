/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* The root disk: found, mounted, grown and entered.
 *
 * It is known by the serial number that vmd gave it, not by its name: an extra disk may come
 * first. The kernel announces a disk on a netlink socket, which is opened before the first look,
 * so none is missed and nothing is polled. No fsck is run: ext4 replays its journal at mount, and
 * beyond that an image would have to be repaired by its own tools. */

#include "root.h"
#include "file.h"
#include "report.h"
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROOT_SERIAL "vmd-root"
#define NEW_ROOT "/newroot"

/* linux/ext4.h came after the kernel headers of Debian 12. */
#define RESIZE_FS _IOW ('f', 16, uint64_t)

/* Offsets in the ext4 super block, little endian, at byte 1024 of the disk. */
enum
{
  SUPER_OFFSET = 1024,
  SUPER_BLOCKS_LOW = 0x04,
  SUPER_LOG_BLOCK_SIZE = 0x18,
  SUPER_MAGIC = 0x38,
  SUPER_INCOMPATIBLE = 0x60,
  SUPER_BLOCKS_HIGH = 0x150,
  SUPER_SIZE = 1024,
};
#define EXT4_MAGIC 0xef53
#define EXT4_INCOMPATIBLE_64BIT 0x80

static char device[300];
static int old_root_fd = -1;

/* Is the disk with our serial number there? Remembers it. */
bool
root_is_there (void)
{
  char path[300];
  char serial[64];
  struct dirent *entry;
  DIR *blocks;

  if (device[0] != '\0')
    return true;
  blocks = opendir ("/sys/block");
  if (blocks == NULL)
    return false;
  while (device[0] == '\0' && (entry = readdir (blocks)) != NULL)
    {
      if (entry->d_name[0] != 'v')
        continue;
      snprintf (path, sizeof path, "/sys/block/%s/serial", entry->d_name);
      if (file_read_line (path, serial, sizeof serial) && strcmp (serial, ROOT_SERIAL) == 0)
        snprintf (device, sizeof device, "/dev/%s", entry->d_name);
    }
  closedir (blocks);

  return device[0] != '\0';
}

static int
open_announcements (void)
{
  struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
  int fd = socket (AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

  if (fd >= 0 && bind (fd, (struct sockaddr *) &address, sizeof address) < 0)
    {
      close (fd);
      return -1;
    }
  return fd;
}

static int64_t
now_milliseconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits until the disk is there, for at most @milliseconds. */
bool
root_wait (int milliseconds)
{
  int64_t deadline = now_milliseconds () + milliseconds;
  autofd int fd = -1;
  char event[4096];

  if (root_is_there ())
    return true;
  fd = open_announcements ();
  while (!root_is_there ())
    {
      struct pollfd announcement = { .fd = fd, .events = POLLIN };
      int64_t left = deadline - now_milliseconds ();

      if (left <= 0 || poll (&announcement, 1, (int) left) <= 0)
        return root_is_there () ||
               report_problem ("no disk with the serial number \"%s\" after %d ms: is it "
                               "attached, and does the initramfs have virtio_blk?",
                               ROOT_SERIAL, milliseconds);
      while (recv (fd, event, sizeof event, 0) > 0)
        continue;
    }

  return true;
}

bool
root_mount (void)
{
  mkdir (NEW_ROOT, 0755);
  if (mount (device, NEW_ROOT, "ext4", 0, NULL) < 0)
    return report_errno ("cannot mount the root disk %s as ext4", device);

  return true;
}

static uint32_t
little_endian_32 (const unsigned char *bytes)
{
  return (uint32_t) bytes[0] | (uint32_t) bytes[1] << 8 | (uint32_t) bytes[2] << 16 |
         (uint32_t) bytes[3] << 24;
}

/* How many blocks the file system on @fd has, and how large one is. */
static bool
read_size (int fd, uint64_t *blocks, uint64_t *block_size)
{
  unsigned char super[SUPER_SIZE];

  if (pread (fd, super, sizeof super, SUPER_OFFSET) != (ssize_t) sizeof super ||
      (super[SUPER_MAGIC] | super[SUPER_MAGIC + 1] << 8) != EXT4_MAGIC ||
      little_endian_32 (super + SUPER_LOG_BLOCK_SIZE) > 6)
    return false;

  *blocks = little_endian_32 (super + SUPER_BLOCKS_LOW);
  if (little_endian_32 (super + SUPER_INCOMPATIBLE) & EXT4_INCOMPATIBLE_64BIT)
    *blocks |= (uint64_t) little_endian_32 (super + SUPER_BLOCKS_HIGH) << 32;
  *block_size = UINT64_C (1024) << little_endian_32 (super + SUPER_LOG_BLOCK_SIZE);
  return true;
}

/* Makes the mounted file system as large as its disk, which may be larger than the image was. */
void
root_grow (void)
{
  autofd int disk = open (device, O_RDONLY | O_CLOEXEC);
  autofd int root = -1;
  uint64_t disk_size;
  uint64_t blocks;
  uint64_t block_size;
  uint64_t wanted;

  if (disk < 0 || ioctl (disk, BLKGETSIZE64, &disk_size) < 0 ||
      !read_size (disk, &blocks, &block_size))
    {
      report_problem ("cannot read the size of the root file system on %s", device);
      return;
    }
  wanted = disk_size / block_size;
  if (wanted <= blocks)
    return;

  root = open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0 || ioctl (root, RESIZE_FS, &wanted) < 0)
    report_errno ("cannot grow the root file system from %llu to %llu blocks",
                  (unsigned long long) blocks, (unsigned long long) wanted);
}

/* Makes the new root the root, with the kernel's file systems and /run in it. The initramfs stays
 * reachable through a descriptor until root_forget_initramfs(). */
bool
root_enter (void)
{
  static const char *const moved[] = { "/dev", "/proc", "/sys", "/run" };
  char path[64];

  old_root_fd = open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (size_t i = 0; i < sizeof moved / sizeof moved[0]; i++)
    {
      snprintf (path, sizeof path, NEW_ROOT "%s", moved[i]);
      mkdir (path, 0755);
      if (mount (moved[i], path, NULL, MS_MOVE, NULL) < 0)
        return report_errno ("cannot move %s into the image", moved[i]);
    }
  if (chdir (NEW_ROOT) < 0 || mount (".", "/", NULL, MS_MOVE, NULL) < 0 || chroot (".") < 0 ||
      chdir ("/") < 0)
    return report_errno ("cannot make the root disk the root");

  return true;
}

/* Gives back the initramfs's memory, and removes the keys that are in it. */
void
root_forget_initramfs (void)
{
  static const char *const names[] = { "init", "seed", "lib" };

  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (old_root_fd >= 0 && remove_tree_at (old_root_fd, names[i]) < 0)
      report_errno ("cannot remove /%s of the initramfs", names[i]);
  if (old_root_fd >= 0)
    close (old_root_fd);
  old_root_fd = -1;
}
