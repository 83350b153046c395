#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What it costs to connect to a daemon with 300 VMs and 100 jobs that have ended, beside the same with none, in
turn: to the first answer, as a command of vmctl, and of the daemon's processor time. On the fake backend."""

import os

from peers import compare
from peer_bus import Bus
from real_sandbox import RealSandbox

ROUNDS = 200
VMS = 300
MANAGER = "/org/vmd/Vmd1/Manager"


class Side:
    def __init__(self, sandbox, n_vms):
        self.sandbox = sandbox
        sandbox.start()
        bus = Bus(sandbox.address())
        for i in range(n_vms):
            bus.create_vm(name=f"vm{i}")
        bus.close()

    def connect(self):
        bus = Bus(self.sandbox.address())
        bus.properties(MANAGER, "Manager")
        bus.close()

    def processor(self):
        """In seconds, of user and system."""
        with open(f"/proc/{self.sandbox.daemon.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    with RealSandbox(backend="fake", seeded=False) as first, RealSandbox(backend="fake", seeded=False) as second:
        full, empty = Side(first, VMS), Side(second, 0)
        before = full.processor(), empty.processor()
        compare(f"connect, {VMS} VMs and 100 jobs beside none", full.connect, empty.connect, ROUNDS, "about 1")
        after = full.processor(), empty.processor()
        print("processor time of one: " + " and ".join(f"{(b - a) / ROUNDS * 1000:.2f} ms" for a, b in zip(before, after)))
        compare("vmctl version", lambda: first.good("version"), lambda: second.good("version"), ROUNDS, "about 1")


if __name__ == "__main__":
    main()
