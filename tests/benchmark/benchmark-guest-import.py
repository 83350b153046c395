#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A work tree into a running guest: `vmctl workspace prepare`, and `tar | ssh tar` into the same guest."""

import itertools
import os
import subprocess

from peers import compare
from bus import Bus
from guest_ssh import GuestSsh
from sandbox import Sandbox, make_repository

ROUNDS = 3


def main():
    with Sandbox() as sandbox:
        sandbox.start_daemon()
        sandbox.ok("create", "vm", "--memory", "1G")
        sandbox.ok("start", "vm")
        bus = Bus(sandbox.address())
        found = bus.properties(bus.find_vm("vm"))
        ssh = GuestSsh(os.path.join(sandbox.state, "vms", found["Id"], "keys"), found["SshPort"], sandbox.root)
        trees = {
            "20,000 files of 1 KiB": {f"d{i // 200}/file-{i}": os.urandom(1024) for i in range(20000)},
            "one file of 64 MiB": {"file": os.urandom(64 << 20)},
        }
        for number, (what, files) in enumerate(trees.items()):
            repository = make_repository(os.path.join(sandbox.root, f"tree-{number}"), files)
            numbers = itertools.count()
            names = subprocess.check_output(["git", "-C", repository, "ls-files", "-z"])

            def ours():
                sandbox.ok("workspace", "prepare", "vm", repository, "--path", f"/root/a{next(numbers)}")

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

            def clear():
                ssh.run("rm -rf /root/a* /root/b*")

            compare(f"import of {what} into a guest", ours, peer, ROUNDS, "≤ 1.0", clear)
        bus.close()


if __name__ == "__main__":
    main()
