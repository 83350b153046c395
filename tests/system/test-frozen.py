#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real guest that stands still holds up what is done in it, and nothing else."""

import os
import signal
import time
import unittest

from real_sandbox import RealSandbox
from peer_bus import Bus
from sandbox import HANG_LIMIT, wait_until
import tap_main


class Frozen(unittest.TestCase):
    def setUp(self):
        self.sandbox = RealSandbox()
        self.sandbox.start()
        self.addCleanup(self.sandbox.close)

    def test_guest_frozen_in_mid_import(self):
        """A frozen guest holds up its import and nothing else; `stop` has its deadline, `kill` needs none."""
        repository = self.sandbox.repository(files={f"file-{i}": os.urandom(1 << 19).hex() for i in range(64)})
        for end in ("stop", "kill"):
            self.sandbox.out("create", end)
            self.sandbox.out("start", end)
            bus = Bus(self.sandbox.address())
            path = bus.find_vm(end)
            pid = bus.properties(path)["Pid"]
            importing = self.sandbox.popen("workspace", "prepare", end, repository, text=True)
            wait_until(lambda: any(
                found.get("org.vmd.Vmd1.Job", {}).get("BytesDone", 0) > 0 for found in bus.objects().values()), "the import is under way")
            os.kill(pid, signal.SIGSTOP)
            self.read_often(bus, path)
            # What was read did not wait for the import: that stands still until somebody ends it.
            self.assertIsNone(importing.poll())
            arguments = ("--grace", "3s") if end == "stop" else ()
            self.sandbox.out(end, *arguments, end)
            _, stderr = importing.communicate(timeout=HANG_LIMIT)
            self.assertNotEqual(importing.returncode, 0)
            self.assertRegex(stderr, "stopp|kill")
            self.assertEqual(bus.properties(path)["State"], "stopped")
            self.assertEqual(self.sandbox.rows()["workspaces"], 0)
            bus.close()
            # What was half imported is not there after the next boot, and a retry works.
            self.sandbox.out("start", end)
            self.assertEqual(self.sandbox.out("exec", end, "--", "sh", "-c", "ls -A / | grep -c workspace || true"),
                             "0\n")
            self.sandbox.out("workspace", "prepare", end, repository)
            self.sandbox.out("delete", "--force", end)

    def read_often(self, bus, path):
        worst = 0.0
        for _ in range(50):
            began = time.monotonic()
            bus.objects()
            bus.properties(path)
            worst = max(worst, time.monotonic() - began)
        print(f"# the slowest of fifty looks took {worst * 1000:.1f} ms")


if __name__ == "__main__":
    tap_main.main()
