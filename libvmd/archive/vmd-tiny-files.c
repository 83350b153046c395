/* SPDX-FileCopyrightText: 2026 The vmd developers
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "vmd-tiny-private.h"

#include <string.h>

/* The tree is laid out as Debian's is today: all programs are in /usr/bin and all libraries in
 * /usr/lib, and the other places are links to these. */

static const struct
{
  const char *path;
  guint mode;
} directories[] = {
  { "/dev", 0755 },
  { "/etc", 0755 },
  { "/home", 0755 },
  { "/mnt", 0755 },
  { "/opt", 0755 },
  { "/proc", 0555 },
  { "/root", 0700 },
  { "/run", 0755 },
  { "/srv", 0755 },
  { "/sys", 0555 },
  { "/tmp", 01777 },
  { "/usr", 0755 },
  { "/usr/bin", 0755 },
  { "/usr/lib", 0755 },
  { "/usr/lib64", 0755 },
  { "/usr/local", 0755 },
  { "/usr/local/bin", 0755 },
  { "/usr/share", 0755 },
  { "/usr/share/udhcpc", 0755 },
  { "/var", 0755 },
  { "/var/lib", 0755 },
  { "/var/log", 0755 },
  { "/var/tmp", 01777 },
};

static const struct
{
  const char *path;
  const char *target;
} links[] = {
  { "/bin", "usr/bin" },
  { "/sbin", "usr/bin" },
  { "/lib", "usr/lib" },
  { "/lib64", "usr/lib64" },
  { "/usr/sbin", "bin" },
  { "/var/run", "../run" },
  { "/etc/mtab", "../proc/self/mounts" },
};

/* Those of busybox 1.35 that make sense in a VM without a screen and without an init of its own.
 * Links cost nothing, and one whose name a later busybox has no more says so when it is called. */
static const char applets[] =
    "[ [[ acpid adjtimex ar arch arp arping ascii ash awk base64 basename bc blkdiscard blockdev "
    "brctl "
    "bunzip2 bzcat bzip2 cal cat chgrp chmod chown chroot clear cmp cp cpio crc32 cut date dc dd "
    "devmem df diff dirname dmesg dnsdomainname dos2unix dpkg dpkg-deb du dumpleases echo ed egrep "
    "env expand expr factor fallocate false fdisk fgrep find findfs fold free fsfreeze fstrim "
    "ftpget "
    "ftpput getopt grep groups gunzip gzip halt head hexdump hostid hostname httpd hwclock id "
    "ifconfig insmod ionice ip ipcalc ipneigh kill killall last less link linux32 linux64 ln "
    "logger "
    "login logname losetup ls lsmod lsscsi lzcat lzma lzop md5sum mdev microcom mkdir mke2fs "
    "mkfifo "
    "mknod mkpasswd mkswap mktemp modinfo modprobe more mount mt mv nameif nc netstat nl nologin "
    "nproc nsenter nslookup nuke od partprobe paste patch pidof ping ping6 pivot_root poweroff "
    "printf "
    "ps pwd rdate readlink realpath reboot renice reset resume rev rm rmdir rmmod route rpm "
    "rpm2cpio "
    "run-parts sed seq setpriv setsid sh sha1sum sha256sum sha3sum sha512sum shred shuf sleep sort "
    "ssl_client start-stop-daemon stat strings stty su swapoff swapon switch_root sync sysctl tac "
    "tail tar taskset tc tee telnet test tftp time timeout top touch tr traceroute traceroute6 "
    "true "
    "truncate ts tty umount uname uncompress unexpand uniq unix2dos unlink unlzma unshare unxz "
    "unzip "
    "uptime usleep uudecode uuencode vconfig vi w watch watchdog wc wget which who whoami xargs "
    "xxd "
    "xz xzcat yes zcat";

/* root has no password: the one way in is the key that vmd brings. */
static const struct
{
  const char *path;
  guint mode;
  const char *content;
} files[] = {
  { "/etc/passwd", 0644,
    "root:x:0:0:root:/root:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/bin/nologin\n" },
  { "/etc/shadow", 0600, "root:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n" },
  { "/etc/group", 0644, "root:x:0:\ntty:x:5:\ndisk:x:6:\nnogroup:x:65534:\n" },
  { "/etc/shells", 0644, "/bin/sh\n/bin/ash\n" },
  { "/etc/hosts", 0644, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" },
  { "/etc/hostname", 0644, "vm\n" },
  { "/etc/resolv.conf", 0644, "" },
  { "/etc/machine-id", 0444, "" },
  { "/etc/nsswitch.conf", 0644, "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n" },
  { "/etc/os-release", 0644, "ID=vmd-tiny\nNAME=\"vmd tiny\"\nPRETTY_NAME=\"vmd tiny image\"\n" },
  { "/etc/profile", 0644,
    "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
    "export PS1='\\u@\\h:\\w\\$ '\n" },
  /* vmd-guest sets the addresses; this is for networks that are added by hand. */
  { "/usr/share/udhcpc/default.script", 0755,
    "#!/bin/sh\n"
    "case \"$1\" in\n"
    "  deconfig)\n"
    "    ip addr flush dev \"$interface\"\n"
    "    ip link set \"$interface\" up\n"
    "    ;;\n"
    "  renew | bound)\n"
    "    ip addr flush dev \"$interface\"\n"
    "    ip addr add \"$ip/${mask:-24}\" dev \"$interface\"\n"
    "    for gateway in $router; do\n"
    "      ip route add default via \"$gateway\" dev \"$interface\"\n"
    "      break\n"
    "    done\n"
    "    : > /etc/resolv.conf\n"
    "    for server in $dns; do\n"
    "      echo \"nameserver $server\" >> /etc/resolv.conf\n"
    "    done\n"
    "    ;;\n"
    "esac\n" },
};

gboolean
vmd_tiny_add_directories (VmdExt4 *disk, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (directories); i++)
    if (!vmd_ext4_add_directory (disk, directories[i].path, directories[i].mode, error))
      return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (links); i++)
    if (!vmd_ext4_add_symlink (disk, links[i].path, links[i].target, error))
      return FALSE;

  return TRUE;
}

gboolean
vmd_tiny_add_files (VmdExt4 *disk, GError **error)
{
  g_auto (GStrv) names = g_strsplit (applets, " ", -1);

  for (gsize i = 0; names[i] != NULL; i++)
    {
      g_autofree char *path = g_strconcat ("/usr/bin/", names[i], NULL);

      if (!vmd_ext4_add_symlink (disk, path, "busybox", error))
        return FALSE;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    if (!vmd_ext4_add_file (disk, files[i].path, files[i].mode, files[i].content,
                            strlen (files[i].content), error))
      return FALSE;

  return TRUE;
}
