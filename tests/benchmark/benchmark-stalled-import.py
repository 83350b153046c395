#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a stalled import costs others: `list`, `show`, `stop` and `kill` of a VM while the import into it
stands still, each beside the same on the same VM while nothing goes on. On the fake backend, whose guest
stops reading when told to."""

import os
import shutil
import subprocess

from peers import percentile, timed
from peer_bus import Bus
from real_sandbox import RealSandbox
from sandbox import wait_until

ROUNDS = 100


class Guest:
    def __init__(self, sandbox, bus):
        self.sandbox, self.bus = sandbox, bus
        self.path = bus.create_vm(name="vm")
        self.repository = sandbox.repository(files={"file": os.urandom(2 << 20).hex()})
        self.script = os.path.join(sandbox.state, "vms", bus.properties(self.path)["Id"], "guest", ".vmd-fake")
        self.importing = None

    def start(self):
        self.bus.vm(self.path, "Start")

    def stall(self):
        os.makedirs(self.script, exist_ok=True)
        with open(os.path.join(self.script, "stall-write"), "w") as file:
            file.write("1000000")
        self.importing = self.sandbox.popen("workspace", "prepare", "vm", self.repository)
        wait_until(lambda: os.path.exists(os.path.join(self.script, "stalled")), "the import stands still")

    def settle(self):
        if self.importing is not None:
            self.importing.communicate(timeout=60)
            assert self.importing.returncode != 0
            self.importing = None
            shutil.rmtree(self.script)


def main():
    with RealSandbox(backend="fake", seeded=False) as sandbox:
        sandbox.start()
        bus = Bus(sandbox.address())
        sandbox.good("image", "build", "--tiny", "tiny", limit=900)
        guest = Guest(sandbox, bus)
        verbs = {
            "list": bus.read_objects,
            "show": lambda: bus.properties(guest.path),
            "stop": lambda: bus.vm(guest.path, "Stop"),
            "kill": lambda: bus.vm(guest.path, "Kill"),
        }
        times = {(verb, state): [] for verb in verbs for state in ("idle", "stalled")}
        for i in range(ROUNDS):
            for end in ("stop", "kill"):
                for state in ("idle", "stalled") if i % 2 else ("stalled", "idle"):
                    guest.start()
                    if state == "stalled":
                        guest.stall()
                    for verb in ("list", "show", end):
                        times[verb, state].append(timed(verbs[verb]) * 1000)
                    guest.settle()
        for verb in verbs:
            idle, stalled = times[verb, "idle"], times[verb, "stalled"]
            p99 = percentile(idle, 0.99), percentile(stalled, 0.99)
            p50 = percentile(idle, 0.5), percentile(stalled, 0.5)
            print(f"{verb}: idle p50 {p50[0]:.2f} p99 {p99[0]:.2f} ms, stalled p50 {p50[1]:.2f} p99 {p99[1]:.2f} ms,"
                  f" added {p99[1] - p99[0]:+.2f} ms (goal ≤ 10)", flush=True)
        bus.close()


if __name__ == "__main__":
    main()
