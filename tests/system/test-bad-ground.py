#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What vmd stands on gives way: a full disk, a damaged database, a missing program."""

import os
import shutil
import subprocess
import sys
import unittest

from real_sandbox import RealSandbox, copy_seed
import tap_main

INSIDE = "VMD_TEST_HAS_MOUNTS"


class BadGround(unittest.TestCase):
    def new_sandbox(self, **options):
        sandbox = RealSandbox(**options)
        self.addCleanup(sandbox.close)
        return sandbox

    def mount_small(self, sandbox, size):
        os.mkdir(sandbox.state, 0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", sandbox.state], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", sandbox.state])

    def test_disk_full_while_an_image_is_imported(self):
        sandbox = self.new_sandbox(seeded=False)
        self.mount_small(sandbox, "6m")
        sandbox.start()
        archive = os.path.join(sandbox.directory, "big.tar")
        os.mkdir(os.path.join(sandbox.directory, "tree"))
        with open(os.path.join(sandbox.directory, "tree", "file"), "wb") as file:
            file.write(os.urandom(16 << 20))
        subprocess.run(["tar", "-C", os.path.join(sandbox.directory, "tree"), "-cf", archive, "."], check=True)
        result = sandbox.vmctl("image", "import", "big", archive)
        self.assertEqual(result.status, 1, result)
        self.assertIn("space", result.stderr)
        self.assertIn("make room", result.stderr)
        self.assertEqual(sandbox.good("image", "list", "--json").json, [])
        self.assertEqual(os.listdir(os.path.join(sandbox.state, "staging")), [])
        self.assertEqual([name for name in os.listdir(os.path.join(sandbox.state, "images"))], [])

    def test_disk_full_while_a_vm_is_made(self):
        """At each of several amounts of room: it works or says why not, and then there is a way out."""
        reasons = []
        for room in (100, 400, 1000, 2000, 4000, 8000, 12000):
            sandbox = self.new_sandbox(seeded=False)
            seed = os.path.join(sandbox.directory, "seed")
            copy_seed(seed)
            used = int(subprocess.check_output(["du", "-sk", seed]).split()[0])
            self.mount_small(sandbox, f"{used + room}k")
            subprocess.run(["cp", "-a", "--sparse=always", seed + "/.", sandbox.state], check=True)
            sandbox.start()
            before = sandbox.files()
            result = sandbox.vmctl("create", "vm")
            if result.status == 0:
                result = sandbox.vmctl("start", "vm")
                if result.status == 0:
                    # A guest may fill the disk, too; what it is told is its own business.
                    sandbox.vmctl("exec", "vm", "--", "sh", "-c", "dd if=/dev/zero of=/root/zero bs=1M count=64; sync",
                                  limit=60)
            if result.status != 0:
                reasons.append(result.stderr)
                self.assertEqual(result.status, 1, result)
                self.assertIn("space", result.stderr)
                self.assertEqual(sandbox.hypervisors(), [])
            if sandbox.vms():
                sandbox.good("delete", "--force", "vm")
            self.assertEqual(sandbox.files(), before)
            self.assertEqual(sandbox.hypervisors(), [])
            sandbox.close()
        self.assertGreaterEqual(len(set(reasons)), 2, reasons)

    def test_database_damaged(self):
        sandbox = self.new_sandbox(backend="fake", seeded=False)
        os.makedirs(sandbox.state, 0o700)
        with open(os.path.join(sandbox.state, "vmd.db"), "wb") as file:
            file.write(b"this is no database" * 1000)
        result = sandbox.vmctl("list")
        self.assertEqual(result.status, 1, result)
        self.assertIn(os.path.join(sandbox.state, "vmd.db"), result.stderr)

    def test_qemu_missing(self):
        sandbox = self.new_sandbox()
        binaries = os.path.join(sandbox.directory, "bin")
        os.mkdir(binaries)
        for name in ("ssh-keygen", "dropbearconvert", "sh", "git", "qemu-img"):
            os.symlink(shutil.which(name), os.path.join(binaries, name))
        sandbox.environment["PATH"] = binaries
        # Programs are looked for in the system's directories too: these are empty here.
        empty = os.path.join(sandbox.directory, "empty")
        os.mkdir(empty)
        for directory in ("/usr/bin", "/usr/local/bin", "/usr/sbin"):
            if os.path.exists(os.path.join(directory, "qemu-system-x86_64")):
                shadow(os.path.join(directory, "qemu-system-x86_64"))
                self.addCleanup(subprocess.run, ["/bin/umount", os.path.join(directory, "qemu-system-x86_64")])
        sandbox.start()
        sandbox.good("create", "one")
        result = sandbox.vmctl("start", "one")
        self.assertEqual(result.status, 1, result)
        self.assertIn("qemu-system-x86", result.stderr)
        self.assertIn("install", result.stderr.lower())


def shadow(program):
    """Makes a program one that cannot be run, in this mount namespace alone."""
    subprocess.run(["mount", "--bind", "/dev/null", program], check=True)


if __name__ == "__main__":
    if INSIDE not in os.environ:
        command = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
        os.execvpe(command[0], [*command, sys.executable, *sys.argv], dict(os.environ, **{INSIDE: "1"}))
    tap_main.main()
