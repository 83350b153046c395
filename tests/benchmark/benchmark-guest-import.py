#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A work tree into a running guest: `vmctl workspace prepare`, and `tar | ssh tar` into the same guest.

Both flush. Nothing is removed in between, since ext4 makes whoever comes next pay for that."""

import itertools
import os
import subprocess

from peers import compare
from peer_bus import Bus
from guest_ssh import GuestSsh
from real_sandbox import RealSandbox

ROUNDS = 3


def main():
    with RealSandbox() as sandbox:
        sandbox.start()
        sandbox.good("create", "vm", "--memory", "1G")
        sandbox.good("start", "vm")
        bus = Bus(sandbox.address())
        found = bus.properties(bus.find_vm("vm"))
        ssh = GuestSsh(os.path.join(sandbox.state, "vms", found["Id"], "keys"), found["SshPort"], sandbox.directory)
        trees = {
            "20,000 files of 1 KiB": {f"d{i // 200}/file-{i}": os.urandom(512).hex() for i in range(20000)},
            "one file of 64 MiB": {"file": os.urandom(32 << 20).hex()},
        }
        numbers = itertools.count()
        for number, (what, files) in enumerate(trees.items()):
            repository = sandbox.repository(f"tree-{number}", files)
            names = subprocess.check_output(["git", "-C", repository, "ls-files", "-z"])

            def ours():
                sandbox.good("workspace", "prepare", "vm", repository, "--path", f"/root/a{next(numbers)}")

            def peer():
                target = f"/root/b{next(numbers)}"
                tar = subprocess.Popen(["tar", "-C", repository, "--null", "--files-from=-", "-cf", "-"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                copy = subprocess.Popen([*ssh.command, f"mkdir {target} && tar -C {target} -xf - && sync -f {target}"],
                                        stdin=tar.stdout)
                tar.stdout.close()
                tar.stdin.write(names)
                tar.stdin.close()
                assert copy.wait() == 0 and tar.wait() == 0

            compare(f"import of {what} into a guest", ours, peer, ROUNDS, "≤ 1.0")
        bus.close()


if __name__ == "__main__":
    main()
