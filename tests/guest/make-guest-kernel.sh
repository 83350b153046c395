#!/bin/sh
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make-guest-kernel.sh DIRECTORY: puts DIRECTORY/vmlinuz and DIRECTORY/modules/ there, out of the package
# $VMD_TEST_KERNEL_DEB, or else of the one that linux-image-cloud-amd64 depends on, downloaded once.
set -eu
directory=$1
[ ! -e "$directory/vmlinuz" ] || exit 0

mkdir -p "$directory"
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
for module in drivers/virtio/virtio drivers/virtio/virtio_ring drivers/virtio/virtio_pci_legacy_dev \
  drivers/virtio/virtio_pci_modern_dev drivers/virtio/virtio_pci drivers/block/virtio_blk \
  net/core/failover drivers/net/net_failover drivers/net/virtio_net drivers/char/virtio_console; do
  if [ -e "$kernel/$module.ko" ]; then
    cp "$kernel/$module.ko" "$work/modules/"
    echo "$(basename "$module").ko" >> "$work/modules/modules.order"
  fi
done
# One that is not there is no reason not to boot.
echo missing.ko >> "$work/modules/modules.order"

rm -rf "$directory/modules"
mv "$work/modules" "$directory/modules"
# Last: whoever finds it has all.
mv "$work"/tree/boot/vmlinuz-* "$directory/vmlinuz"
