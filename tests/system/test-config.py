#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real guests have what is set on them, whatever happens to them, their hypervisor or the daemon."""

import os
import signal
import time
import unittest
import urllib.request

from real_sandbox import RealSandbox
from sandbox import wait_until
import tap_main

DIRECTORY = "/run/vmd/config"
FIND_CLIENT = """
cd /proc
for pid in [0-9]*; do
  if test "$(tr '\\0' ' ' <$pid/cmdline 2>/dev/null)" = "vmd-guest config "; then echo $pid; fi
done
"""


class Config(unittest.TestCase):
    def setUp(self):
        self.sandbox = RealSandbox()
        self.sandbox.start()
        self.addCleanup(self.sandbox.close)

    def set(self, value, name="one"):
        self.sandbox.out("config", "set", name, f"colour={value}")

    def seen(self, name="one"):
        found = self.sandbox.vmctl("exec", name, "--", "cat", f"{DIRECTORY}/colour")
        return found.stdout if found.status == 0 else None

    def device(self, name="one"):
        return self.sandbox.good("device", "show", name, "--json").json[0]

    def wait_for(self, value, name="one"):
        wait_until(lambda: self.seen(name) == value, f"the guest has {value}")

    def wait_connected(self, name="one"):
        wait_until(lambda: self.device(name)["connected"], "the guest is connected")

    def wait_applied(self, name="one"):
        """The guest is connected, and has said that it has the newest."""
        def is_settled():
            device = self.device(name)
            return device["connected"] and device["applied"]["version"] == device["version"]
        wait_until(is_settled, "the newest is applied")

    def metrics(self):
        texts = {}
        for name in ("channel", "channel-admin-token"):
            with open(os.path.join(self.sandbox.state, name), encoding="utf-8") as file:
                texts[name] = file.read().strip()
        request = urllib.request.Request(
            texts["channel"] + "/metrics",
            headers={"Authorization": "Bearer " + texts["channel-admin-token"]})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    def test_running(self):
        self.sandbox.out("create", "one")
        self.set("red")
        self.sandbox.out("start", "one")
        # What was set before it booted is there when it has booted, or a moment later.
        self.wait_for("red")
        self.wait_applied()
        generation = self.device()["generation"]
        for value in ("green", "blue", "white"):
            begin = time.monotonic()
            self.set(value)
            told = time.monotonic()
            self.wait_for(value)
            seen = time.monotonic()
            print(f"# set in {told - begin:.3f} s, seen in the guest {seen - told:.3f} s later")
            # Generous: it is a few hundredths.
            self.assertLess(seen - told, 10)
        self.wait_applied()
        self.assertEqual(self.device()["generation"], generation)

    def test_daemon_killed(self):
        self.sandbox.out("create", "one")
        self.set("red")
        self.sandbox.out("start", "one")
        self.wait_applied()
        hypervisors = self.sandbox.hypervisors()
        self.sandbox.end(signal.SIGKILL)
        self.sandbox.start()
        self.set("green")
        self.wait_for("green")
        self.wait_applied()
        self.assertEqual(self.sandbox.hypervisors(), hypervisors)

    def test_hypervisor_paused(self):
        self.sandbox.out("create", "one")
        self.sandbox.out("start", "one")
        self.wait_connected()
        generation = self.device()["generation"]
        (pid,) = self.sandbox.hypervisors()
        os.kill(pid, signal.SIGSTOP)
        self.set("red")
        self.set("green")
        os.kill(pid, signal.SIGCONT)
        self.wait_for("green")
        self.wait_applied()
        # The connection is the one that it was.
        self.assertEqual(self.device()["generation"], generation)

    def check_stopped(self, stop, go_on):
        """For longer than its lease, which is a short one here."""
        generation = self.device()["generation"]
        stop()
        wait_until(lambda: not self.device()["connected"], "nobody is connected")
        self.assertIn('\nvmd_channel_streams_ended_total{reason="silent"} 1\n', self.metrics())
        self.set("red")
        go_on()
        self.wait_for("red")
        self.wait_applied()
        self.assertGreater(self.device()["generation"], generation)

    def start_with_short_lease(self):
        self.sandbox.end()
        self.sandbox.start("--channel-limit", "heartbeat=1", "--channel-limit", "lease=5",
                           "--channel-listen", "127.0.0.1:0")
        self.sandbox.out("create", "one")
        self.sandbox.out("start", "one")
        self.wait_connected()

    def test_hypervisor_stopped(self):
        self.start_with_short_lease()
        (pid,) = self.sandbox.hypervisors()
        self.check_stopped(lambda: os.kill(pid, signal.SIGSTOP),
                           lambda: os.kill(pid, signal.SIGCONT))

    def test_client_stopped(self):
        """In a guest that runs, whose kernel takes what comes."""
        self.start_with_short_lease()
        pid = self.sandbox.out("exec", "one", "--", "sh", "-c", FIND_CLIENT).strip()
        self.assertTrue(pid.isdigit(), pid)
        self.check_stopped(lambda: self.sandbox.out("exec", "one", "--", "kill", "-STOP", pid),
                           lambda: self.sandbox.out("exec", "one", "--", "kill", "-CONT", pid))

    def test_restarted(self):
        self.sandbox.out("create", "one")
        self.sandbox.out("start", "one")
        self.set("red")
        self.wait_applied()
        self.sandbox.out("restart", "one")
        self.wait_for("red")
        self.wait_applied()
        self.set("green")
        self.wait_for("green")
        self.sandbox.out("stop", "one")
        wait_until(lambda: not self.device()["connected"], "nobody is connected")


if __name__ == "__main__":
    tap_main.main()
