#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The round trip of a command in a running guest: the library's call and `vmctl exec`, each beside
OpenSSH's client over a connection that it shares. After each there is a pause, in which the guest gets done
what it has left to do: neither is charged for what the other leaves. Then the same in a row, without a pause."""

import os
import subprocess
import time

from peers import compare
from peer_bus import Bus
from guest_ssh import GuestSsh
from real_sandbox import RealSandbox

ROUNDS = 40
PAUSE = 0.1
IN_A_ROW = 10

# What vmd sends too: a program of the guest is started. "true" alone is one of its shell's own commands.
COMMAND = "exec true"


class Library:
    """A process that has the library open and runs one command for each line it is sent."""

    def __init__(self, sandbox, name):
        program = os.path.join(os.environ["VMD_TEST_BUILD_ROOT"], "tests", "benchmark", "exec-caller")
        self.process = subprocess.Popen([program, sandbox.state, name], env=sandbox.environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == "ready\n"

    def __call__(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "0\n"

    def end(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


def pause():
    time.sleep(PAUSE)


def repeat(function):
    for _ in range(IN_A_ROW):
        function()


def main():
    with RealSandbox() as sandbox:
        sandbox.start()
        sandbox.good("create", "vm")
        sandbox.good("start", "vm")
        bus = Bus(sandbox.address())
        found = bus.properties(bus.find_vm("vm"))
        ssh = GuestSsh(os.path.join(sandbox.state, "vms", found["Id"], "keys"), found["SshPort"], sandbox.directory)
        ssh.share()
        library = Library(sandbox, "vm")
        try:
            ssh.run(COMMAND)
            library()
            sandbox.good("exec", "vm", "--", "true")
            vmctl, peer = lambda: sandbox.good("exec", "vm", "--", "true"), lambda: ssh.run(COMMAND)
            compare("exec by a library call", library, peer, ROUNDS, "≤ 0.5", pause)
            compare("vmctl exec", vmctl, peer, ROUNDS, "≤ 1.0", pause)
            compare(f"{IN_A_ROW} by a library call, in a row", lambda: repeat(library), lambda: repeat(peer),
                    ROUNDS // 4, "none", pause)
        finally:
            library.end()
            ssh.stop_sharing()
        bus.close()


if __name__ == "__main__":
    main()
