#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""From nothing to an SSH login: vmd, and a script that starts the same QEMU by hand."""

import itertools
import os
import shutil
import socket
import subprocess
import time

from peers import compare
from peer_bus import Bus, GLib
from guest_ssh import GuestSsh
from real_sandbox import RealSandbox
from sandbox import HANG_LIMIT

ROUNDS = 7


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def by_hand_network(argument):
    """vmd hands QEMU a socket that leads to passt; by hand, one takes QEMU's own."""
    return "user,id=user,net=10.0.3.0/24" if argument.startswith("stream,id=user") else argument


class ByHand:
    """The command line of a VM that vmd started, with paths of its own and a port picked beforehand."""

    def __init__(self, pid, vm_dir, runtime_dir, scratch):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            self.arguments = [part.decode() for part in file.read().split(b"\0")[:-1]]
        self.vm_dir, self.runtime_dir, self.scratch = vm_dir, runtime_dir, scratch
        self.numbers = itertools.count()
        self.qemu = None
        disk = next(os.path.join(vm_dir, name) for name in os.listdir(vm_dir) if name.endswith(".qcow2"))
        information = subprocess.check_output(["qemu-img", "info", "-U", disk], text=True)
        self.base = next(line.split(": ")[1].split(" (")[0] for line in information.splitlines()
                         if line.startswith("backing file:"))
        self.disk = os.path.basename(disk)
        self.size = next(line.split("(")[1].split()[0] for line in information.splitlines()
                         if line.startswith("virtual size:"))

    def __call__(self):
        directory = os.path.join(self.scratch, f"by-hand-{next(self.numbers)}")
        os.mkdir(directory)
        port = free_port()
        shutil.copytree(os.path.join(self.vm_dir, "keys"), os.path.join(directory, "keys"))
        for name in os.listdir(self.vm_dir):
            if name.startswith("initramfs"):
                shutil.copy(os.path.join(self.vm_dir, name), directory)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", self.base,
                        os.path.join(directory, self.disk), self.size], check=True)
        arguments = [by_hand_network(argument).replace(self.vm_dir, directory).replace(self.runtime_dir, directory)
                     .replace("tcp:127.0.0.1:0-", f"tcp:127.0.0.1:{port}-") for argument in self.arguments]
        self.qemu = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        ssh = GuestSsh(os.path.join(directory, "keys"), port, directory)
        deadline = time.monotonic() + HANG_LIMIT
        while not ssh.answers():
            assert time.monotonic() < deadline and self.qemu.poll() is None, "the peer does not boot"
            time.sleep(0.02)

    def end(self):
        if self.qemu is not None:
            self.qemu.kill()
            self.qemu.wait()
            self.qemu = None


def main():
    with RealSandbox() as sandbox:
        sandbox.start()
        bus = Bus(sandbox.address())
        numbers = itertools.count()

        def start():
            path = bus.create_vm(name=f"vm-{next(numbers)}")
            bus.vm(path, "Start", **{"wait-for": GLib.Variant("s", "reachable")})
            return path

        # The first one is the pattern, and warms the page cache for both.
        path = start()
        found = bus.properties(path)
        runtime = os.path.dirname(sandbox.address().split("=", 1)[1])
        by_hand = ByHand(found["Pid"], os.path.join(sandbox.state, "vms", found["Id"]),
                         os.path.join(runtime, found["Id"][:12]), sandbox.directory)
        bus.vm(path, "Kill")
        started = []

        def clear():
            for left in started:
                bus.vm(left, "Delete", force=GLib.Variant("b", True))
            started.clear()
            by_hand.end()

        compare("create to SSH login", lambda: started.append(start()), by_hand, ROUNDS, "≤ 1.10", clear)
        bus.close()


if __name__ == "__main__":
    main()
