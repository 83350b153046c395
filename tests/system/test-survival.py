#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What happens to real guests when something dies or freezes under them."""

import os
import signal
import subprocess
import time
import unittest

from bus import Bus, error_name
from sandbox import HANG, Sandbox, make_repository, wait_until


class Survival(unittest.TestCase):
    def setUp(self):
        self.sandbox = Sandbox()
        self.sandbox.start_daemon()
        self.addCleanup(self.sandbox.close)

    def boot_id(self, name):
        return self.sandbox.ok("exec", name, "--", "cat", "/proc/sys/kernel/random/boot_id").strip()

    def test_daemon_killed(self):
        names = ("one", "two")
        for name in names:
            self.sandbox.ok("create", name)
        self.sandbox.ok("start", *names)
        before = {name: self.boot_id(name) for name in names}
        hypervisors = self.sandbox.hypervisors()
        self.assertEqual(len(hypervisors), 2)

        self.sandbox.stop_daemon(signal.SIGKILL)
        self.sandbox.start_daemon()

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
        self.sandbox.ok("stop", *names)
        self.assertEqual(self.sandbox.hypervisors(), [])

    def test_daemon_ends(self):
        """An orderly end leaves VMs as much alone as a crash."""
        self.sandbox.ok("create", "one")
        self.sandbox.ok("start", "one")
        hypervisors, boot_id = self.sandbox.hypervisors(), self.boot_id("one")
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon()
        self.assertEqual(self.sandbox.hypervisors(), hypervisors)
        self.assertEqual(self.boot_id("one"), boot_id)

    def test_hypervisor_killed(self):
        self.sandbox.ok("create", "one")
        self.sandbox.ok("start", "one")
        bus = Bus(self.sandbox.address())
        path = bus.find_vm("one")
        waiting = self.sandbox.popen("wait", "--for", "stopped", "one")
        os.kill(bus.properties(path)["Pid"], signal.SIGKILL)
        self.assertEqual(waiting.wait(HANG), 0, waiting.stderr.read())
        found = bus.properties(path)
        self.assertEqual(found["State"], "stopped")
        self.assertIn("signal 9", found["Reason"].lower().replace("sigkill", "signal 9"))
        bus.close()
        self.sandbox.ok("start", "one")
        self.sandbox.ok("delete", "--force", "one")

    def test_hypervisor_killed_while_nobody_looks(self):
        self.sandbox.ok("create", "one")
        self.sandbox.ok("start", "one")
        self.sandbox.stop_daemon(signal.SIGKILL)
        (pid,) = self.sandbox.hypervisors()
        os.kill(pid, signal.SIGKILL)
        wait_until("the hypervisor is gone", lambda: not self.sandbox.hypervisors())
        self.sandbox.start_daemon()
        bus = Bus(self.sandbox.address())
        self.assertEqual(bus.properties(bus.find_vm("one"))["State"], "stopped")
        bus.close()

    def test_guest_frozen_in_mid_import(self):
        """A frozen guest holds up its import and nothing else; `stop` has its deadline, `kill` needs none."""
        repository = make_repository(os.path.join(self.sandbox.root, "repository"),
                                     {f"file-{i}": os.urandom(1 << 20) for i in range(64)})
        for end in ("stop", "kill"):
            self.sandbox.ok("create", end)
            self.sandbox.ok("start", end)
            bus = Bus(self.sandbox.address())
            path = bus.find_vm(end)
            pid = bus.properties(path)["Pid"]
            idle = self.measure_reads(bus, path)
            importing = self.sandbox.popen("workspace", "prepare", end, repository, text=True)
            wait_until("the import is under way", lambda: any(
                found.get("org.vmd.Vmd1.Job", {}).get("BytesDone", 0) > 0 for found in bus.objects().values()))
            os.kill(pid, signal.SIGSTOP)
            frozen = self.measure_reads(bus, path)
            self.assertLess(frozen, idle + 0.1)
            began = time.monotonic()
            arguments = ("--grace", "3s") if end == "stop" else ()
            self.sandbox.ok(end, *arguments, end)
            self.assertLess(time.monotonic() - began, 60)
            _, stderr = importing.communicate(timeout=HANG)
            self.assertNotEqual(importing.returncode, 0)
            self.assertRegex(stderr, "stopp|kill")
            self.assertEqual(bus.properties(path)["State"], "stopped")
            self.assertEqual(self.sandbox.rows()["workspaces"], 0)
            bus.close()
            # What was half imported is not there after the next boot, and a retry works.
            self.sandbox.ok("start", end)
            self.assertEqual(self.sandbox.ok("exec", end, "--", "sh", "-c", "ls -A / | grep -c workspace || true"),
                             "0\n")
            self.sandbox.ok("workspace", "prepare", end, repository)
            self.sandbox.ok("delete", "--force", end)

    def measure_reads(self, bus, path):
        worst = 0.0
        for _ in range(50):
            began = time.monotonic()
            bus.objects()
            bus.properties(path)
            worst = max(worst, time.monotonic() - began)
        return worst

    def test_five_cycles_leave_the_ledger_as_it_was(self):
        self.sandbox.ok("create", "warm")
        self.sandbox.ok("start", "warm")
        self.sandbox.ok("delete", "--force", "warm")
        before, descriptors = self.sandbox.ledger(), self.sandbox.descriptors()
        for i in range(5):
            self.sandbox.ok("create", f"vm-{i}")
            self.sandbox.ok("start", f"vm-{i}")
            self.sandbox.ok("exec", f"vm-{i}", "--", "true")
            self.sandbox.ok("kill", f"vm-{i}")
            self.sandbox.ok("delete", f"vm-{i}")
        self.assertEqual(self.sandbox.ledger(), before)
        wait_until("descriptors are as before", lambda: self.sandbox.descriptors() <= descriptors, limit=30)


if __name__ == "__main__":
    unittest.main()
