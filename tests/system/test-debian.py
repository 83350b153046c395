#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Debian with systemd and OpenSSH, as it comes from Debian's archive: booted, worked in, powered off and booted again.

The tar is made by mmdebstrap, which needs the network; it stays in the build directory for the next time.
"""

import os
import subprocess
import unittest

from real_sandbox import MAKE_LIMIT, RealSandbox
import sandbox
from sandbox import BUILD_ROOT, wait_until
import tap_main

# Its SSH server alone is more work for an emulated processor than all of the tiny image.
sandbox.HANG_LIMIT = 900
PACKAGES = "systemd-sysv,udev,dbus,openssh-server"


def root_file_system():
    directory = os.path.join(BUILD_ROOT, "tests", "system")
    path, half_made = os.path.join(directory, "debian.tar"), os.path.join(directory, "half-made-debian.tar")
    if not os.path.exists(path):
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", "bookworm", half_made],
                       check=True, timeout=MAKE_LIMIT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.rename(half_made, path)
    return path


class Debian(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = RealSandbox()
        cls.addClassCleanup(cls.sandbox.close)
        cls.sandbox.environment["VMD_BOOT_TIMEOUT"] = "600"
        cls.sandbox.start()
        cls.sandbox.good("image", "import", "debian", root_file_system())

    def guest(self, *command):
        return self.sandbox.out("exec", "one", "--", *command)

    def test_life(self):
        repository = self.sandbox.repository(files={"README.md": "# What it says\n"})
        run = self.sandbox.vmctl("run", "--image", "debian", "--name", "one", repository, "--", "cat", "README.md")
        self.assertEqual((run.status, run.stdout), (0, "# What it says\n"), run)
        # It is that system, and it is this VM. The login has compared the host key already.
        self.assertEqual(self.guest("cat", "/proc/1/comm", "/etc/hostname"), "systemd\none\n")
        self.assertEqual(self.guest("systemctl", "is-active", "ssh", "systemd-journald"), "active\nactive\n")
        self.assertEqual(self.guest("systemctl", "--failed", "--quiet"), "")

        # The configuration's client and its token.
        self.sandbox.out("config", "set", "one", "colour=red")
        wait_until(lambda: self.sandbox.vmctl("exec", "one", "--", "cat", "/run/vmd/config/colour").stdout == "red",
                   "the guest has its configuration")

        # Powered off by its init, which has written what was not written yet.
        first = self.guest("sh", "-c", "echo fresh >/root/fresh; cat /proc/sys/kernel/random/boot_id")
        self.sandbox.out("stop", "--grace", "10m", "one")
        stopped = self.sandbox.vms()["one"]
        self.assertEqual((stopped["state"], stopped["reason"]), ("stopped", "stopped"))
        self.assertIn("Power down", self.sandbox.out("logs", "one"))
        self.sandbox.out("start", "one")
        self.assertEqual(self.guest("cat", "/root/fresh", "/workspace/README.md"), "fresh\n# What it says\n")
        self.assertNotEqual(self.guest("cat", "/proc/sys/kernel/random/boot_id"), first)
        self.assertEqual(self.guest("cat", "/run/vmd/config/colour"), "red")

        self.sandbox.out("delete", "--force", "one")
        self.assertEqual(self.sandbox.hypervisors(), [])


if __name__ == "__main__":
    tap_main.main()
