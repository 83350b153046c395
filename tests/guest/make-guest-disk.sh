#!/bin/sh
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make-guest-disk.sh DIRECTORY: makes DIRECTORY/tiny.ext4 (busybox and dropbear of this host, no init), DIRECTORY/own-init.ext4 (the
# same with an init of its own), and openssh.ext4 and openssh-own-init.ext4, which have OpenSSH instead; without root.
set -eu
directory=$1
tree=$directory/tree
blocks=16384 # of 4 KiB

for name in bin sbin usr/bin usr/sbin etc root dev proc sys run tmp opt var/lib/vmd/staging; do
  mkdir -p "$tree/$name"
done
chmod 0755 "$tree" "$tree/root"
cp /bin/busybox "$tree/bin/busybox"
for applet in $("$tree/bin/busybox" --list); do
  [ "$applet" = busybox ] || ln -s /bin/busybox "$tree/bin/$applet"
done
# As `busybox --install` does; without an inittab that is no init of the image's.
rm -f "$tree/bin/init"
ln -s /bin/busybox "$tree/sbin/init"
ln -s /bin/busybox "$tree/sbin/poweroff"

# add_program NAME: with the libraries that it is linked with.
add_program ()
{
  program=$(PATH=$PATH:/usr/sbin command -v "$1")
  cp "$program" "$tree/usr/sbin/$1"
  for library in $(ldd "$program" | grep -o '/[^ ]*'); do
    mkdir -p "$tree$(dirname "$library")"
    cp -L "$library" "$tree$library"
  done
}

add_program dropbear
echo 'root:x:0:0:root:/root:/bin/sh' > "$tree/etc/passwd"
echo 'sshd:x:100:65534::/run/sshd:/bin/false' >> "$tree/etc/passwd"
echo 'root:x:0:' > "$tree/etc/group"
echo '127.0.0.1 localhost' > "$tree/etc/hosts"

# What an import that was cut leaves, and what a guest's root might write there.
mkdir -p "$tree/opt/.vmd-staging-cut/deep" "$tree/opt/kept"
echo half > "$tree/opt/.vmd-staging-cut/deep/file"
echo /opt/.vmd-staging-cut > "$tree/var/lib/vmd/staging/cut"
echo /opt/kept > "$tree/var/lib/vmd/staging/forged"

make_disk ()
{
  mke2fs -q -t ext4 -b 4096 -E root_owner=0:0 -d "$tree" "$1" "$blocks"
  # dropbear refuses keys in a home that is not its owner's.
  debugfs -w -R 'set_inode_field /root uid 0' "$1" 2> /dev/null
  debugfs -w -R 'set_inode_field /root gid 0' "$1" 2> /dev/null
}

PATH=$PATH:/usr/sbin:/sbin
make_disk "$directory/tiny.ext4"

# make_own_init COMMAND: an init of the image's own, which knows nothing of vmd but what COMMAND says.
make_own_init ()
{
  rm -f "$tree/sbin/init"
  cat > "$tree/sbin/init" << END
#!/bin/sh
echo "\$\$" > /own-init-ran
trap 'sync; /bin/busybox poweroff -f' USR2
mkdir -p /dev/pts
/bin/mount -t devpts devpts /dev/pts
$1 &
while :; do wait; done
END
  chmod 0755 "$tree/sbin/init"
}

make_own_init '/usr/sbin/dropbear -F -s -r /run/vmd/host.dropbear -P /run/dropbear.pid'
make_disk "$directory/own-init.ext4"

rm "$tree/usr/sbin/dropbear" "$tree/sbin/init"
add_program sshd
mkdir -p "$tree/etc/ssh/sshd_config.d" "$tree/var/empty"
echo 'Include /etc/ssh/sshd_config.d/*.conf' > "$tree/etc/ssh/sshd_config"
make_disk "$directory/openssh.ext4"

# OpenSSH is told by the drop-in alone.
make_own_init '/usr/sbin/sshd -D'
make_disk "$directory/openssh-own-init.ext4"
rm -rf "$tree"
