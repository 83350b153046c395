#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What happens to real guests when something dies or freezes under them."""

import hashlib
import os
import signal
import unittest

from real_sandbox import RealSandbox
from peer_bus import Bus
from sandbox import HANG_LIMIT, wait_for_exit, wait_until
import tap_main


class Survival(unittest.TestCase):
    def setUp(self):
        self.sandbox = RealSandbox()
        self.sandbox.start()
        self.addCleanup(self.sandbox.close)

    def boot_id(self, name):
        return self.sandbox.out("exec", name, "--", "cat", "/proc/sys/kernel/random/boot_id").strip()

    def test_daemon_killed(self):
        names = ("one", "two")
        for name in names:
            self.sandbox.out("create", name)
        self.sandbox.out("start", *names)
        before = {name: self.boot_id(name) for name in names}
        hypervisors = self.sandbox.hypervisors()
        self.assertEqual(len(hypervisors), 2)

        self.sandbox.end(signal.SIGKILL)
        self.sandbox.start()

        self.assertEqual(self.sandbox.hypervisors(), hypervisors)
        self.assertEqual({name: self.boot_id(name) for name in names}, before)
        bus = Bus(self.sandbox.address())
        for name in names:
            found = bus.properties(bus.find_vm(name))
            self.assertEqual(found["State"], "running")
            self.assertIn(found["Pid"], hypervisors)
            self.assertEqual(found["GuestBootId"], before[name])
        bus.close()
        # And they can be stopped by the new one.
        self.sandbox.out("stop", *names)
        self.assertEqual(self.sandbox.hypervisors(), [])

    def test_daemon_ends(self):
        """An orderly end leaves VMs as much alone as a crash."""
        self.sandbox.out("create", "one")
        self.sandbox.out("start", "one")
        hypervisors, boot_id = self.sandbox.hypervisors(), self.boot_id("one")
        self.sandbox.end()
        self.sandbox.start()
        self.assertEqual(self.sandbox.hypervisors(), hypervisors)
        self.assertEqual(self.boot_id("one"), boot_id)

    def test_hypervisor_killed(self):
        self.sandbox.out("create", "one")
        self.sandbox.out("start", "one")
        bus = Bus(self.sandbox.address())
        path = bus.find_vm("one")
        waiting = self.sandbox.popen("wait", "--for", "stopped", "one")
        os.kill(bus.properties(path)["Pid"], signal.SIGKILL)
        _, stderr = waiting.communicate(timeout=HANG_LIMIT)
        self.assertEqual(waiting.returncode, 0, stderr)
        found = bus.properties(path)
        self.assertEqual(found["State"], "stopped")
        self.assertIn("signal 9", found["Reason"].lower().replace("sigkill", "signal 9"))
        bus.close()
        self.sandbox.out("start", "one")
        self.sandbox.out("delete", "--force", "one")

    def test_hypervisor_killed_while_nobody_looks(self):
        self.sandbox.out("create", "one")
        self.sandbox.out("start", "one")
        self.sandbox.end(signal.SIGKILL)
        (pid,) = self.sandbox.hypervisors()
        os.kill(pid, signal.SIGKILL)
        wait_for_exit(pid)
        self.sandbox.start()
        bus = Bus(self.sandbox.address())
        self.assertEqual(bus.properties(bus.find_vm("one"))["State"], "stopped")
        bus.close()

    def test_hypervisor_killed_after_an_import(self):
        """What is told to be imported is on the guest's disk, whole."""
        self.sandbox.out("create", "one")
        bus = Bus(self.sandbox.address())
        path = bus.find_vm("one")
        self.sandbox.out("start", "one")
        for generation in ("old", "new"):
            files = {f"d{i // 50}/{generation}-{i}": os.urandom(300).hex() for i in range(300)}
            files["large"] = os.urandom(1 << 20).hex()
            repository = self.sandbox.repository(generation, files)
            self.sandbox.out("workspace", "prepare", "--replace", "one", repository)
            os.kill(bus.properties(path)["Pid"], signal.SIGKILL)
            self.sandbox.out("wait", "--for", "stopped", "one")
            self.sandbox.out("start", "one")
            found = self.sandbox.out("exec", "one", "--", "sh", "-c",
                                     "cd /workspace && find . -type f -exec sha256sum {} +; ls -A / | grep vmd-staging; true")
            expected = {f"{hashlib.sha256(content.encode()).hexdigest()}  ./{name}" for name, content in files.items()}
            self.assertEqual(set(found.splitlines()), expected)
        bus.close()

    def test_five_cycles_leave_the_ledger_as_it_was(self):
        self.sandbox.out("create", "warm")
        self.sandbox.out("start", "warm")
        self.sandbox.out("delete", "--force", "warm")
        before, descriptors = self.sandbox.ledger(), self.sandbox.descriptors()
        for i in range(5):
            self.sandbox.out("create", f"vm-{i}")
            self.sandbox.out("start", f"vm-{i}")
            self.sandbox.out("exec", f"vm-{i}", "--", "true")
            self.sandbox.out("kill", f"vm-{i}")
            self.sandbox.out("delete", f"vm-{i}")
        self.assertEqual(self.sandbox.ledger(), before)
        wait_until(lambda: self.sandbox.descriptors() <= descriptors, "descriptors are as before")


if __name__ == "__main__":
    tap_main.main()
