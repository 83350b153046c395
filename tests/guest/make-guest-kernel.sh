#!/bin/sh
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make-guest-kernel.sh DIRECTORY: puts DIRECTORY/vmlinuz and DIRECTORY/modules/ there, out of the package
# $VMD_TEST_KERNEL_DEB, or else of the one that linux-image-cloud-amd64 depends on, downloaded once: of those that
# want it at one moment the first makes it, and the others wait.
set -eu
directory=$1
mkdir -p "$directory"
exec 9> "$directory/lock"
flock 9
[ ! -e "$directory/vmlinuz" ] || exit 0

work=$(mktemp -d "$directory/work-XXXXXX")
trap 'rm -rf "$work"' EXIT
package=${VMD_TEST_KERNEL_DEB:-}
if [ -z "$package" ]; then
  name=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
  (cd "$work" && apt-get download -q "$name" >&2)
  package=$(echo "$work"/*.deb)
fi
dpkg-deb -x "$package" "$work/tree"

mkdir "$work/modules"
kernel=$(echo "$work"/tree/lib/modules/*/kernel)

# add_module NAME: copies it after those that it says it needs. Which way the virtio modules depend on each other is not the same
# in all kernels.
add_module ()
{
  module_file=$(find "$kernel" -name "$1.ko")
  if [ -z "$module_file" ] || [ -e "$work/modules/$1.ko" ]; then
    return
  fi
  cp "$module_file" "$work/modules/"
  for needed in $(tr '\0' '\n' < "$work/modules/$1.ko" | sed -n 's/^depends=//p' | tr ',' ' '); do
    add_module "$needed"
  done
  echo "$1.ko" >> "$work/modules/modules.order"
}

for module in virtio_pci virtio_blk virtio_net virtio_console virtio-rng; do
  add_module "$module"
done
# One that is not there is no reason not to boot.
echo missing.ko >> "$work/modules/modules.order"

rm -rf "$directory/modules"
mv "$work/modules" "$directory/modules"
# Last: whoever finds it has all.
mv "$work"/tree/boot/vmlinuz-* "$directory/vmlinuz"
