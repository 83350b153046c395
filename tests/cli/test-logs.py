#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""vmctl logs of a guest that has written so much that vmd gives some of it back to the disk."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tap_main  # noqa: E402
from sandbox import HANG_LIMIT, Sandbox, wait_until  # noqa: E402

MIB = 1024 * 1024
KEPT = 8 * MIB
LINE = b"much of nothing\n"


class Case(unittest.TestCase):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.sandbox.environment["VMD_CONSOLE_INTERVAL"] = "10"
        vm_id = self.sandbox.good("create", "web", "--json").json["id"]
        self.sandbox.good("start", "web")
        self.log = os.path.join(self.sandbox.state, "vms", vm_id, "console.log")

    def write(self, data):
        """As a hypervisor does."""
        with open(self.log, "ab") as file:
            file.write(data)

    def find_data(self):
        with open(self.log, "rb") as file:
            return os.lseek(file.fileno(), 0, os.SEEK_DATA)

    def write_much(self, last):
        self.write(LINE * (20 * MIB // len(LINE)) + last)
        wait_until(self.find_data, "the beginning of the log is given back")

    def test_hole(self):
        self.write_much(b"the end\n")
        for arguments in (["logs", "web"], ["logs", "--json", "web"]):
            completed = self.sandbox.good(*arguments)
            text = completed.json["log"] if "--json" in arguments else completed.stdout
            self.assertNotIn("\0", text)
            self.assertTrue(text.endswith(LINE.decode() + "the end\n"))
            self.assertGreaterEqual(len(text), KEPT)
            # The look may have come when 16 of the 20 MiB were written; then the rest came.
            self.assertLess(len(text), KEPT + (20 - 16) * MIB + MIB)

    def test_hole_overtakes_a_reader(self):
        following = self.sandbox.popen("logs", "--follow", "web")
        self.addCleanup(following.stdout.close)
        self.addCleanup(following.stderr.close)
        self.assertIn(b"launch 1 of a guest", following.stdout.readline())
        # Nobody reads the pipe meanwhile, which holds much less.
        self.write_much(b"the end\n")
        self.sandbox.good("kill", "web")
        text, _ = following.communicate(timeout=HANG_LIMIT)
        self.assertEqual(following.returncode, 0)
        self.assertNotIn(b"\0", text)
        self.assertTrue(text.endswith(LINE + b"the end\n"))
        self.assertLess(len(text), 16 * MIB)

    def test_shortened(self):
        """Where the disk knows no holes."""
        following = self.sandbox.popen("logs", "--follow", "web")
        self.addCleanup(following.stdout.close)
        self.addCleanup(following.stderr.close)
        self.assertIn(b"launch 1 of a guest", following.stdout.readline())
        os.truncate(self.log, 0)
        self.write(b"after\n")
        self.assertEqual(following.stdout.readline(), b"after\n")
        self.sandbox.good("kill", "web")
        following.communicate(timeout=HANG_LIMIT)
        self.assertEqual(following.returncode, 0)


if __name__ == "__main__":
    tap_main.main()
