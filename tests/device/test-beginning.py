#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""How vmd-device is called: its options, its token, its files; and `--once`."""

import os
import re
import subprocess

from device_case import VMD_DEVICE, DeviceCase
from channel_client import TOKEN
from sandbox import HANG_LIMIT
import tap_main


class Beginning(DeviceCase):
    def run_it(self, *arguments):
        return subprocess.run([VMD_DEVICE, *arguments], env=self.environment, capture_output=True, encoding="utf-8",
                              timeout=HANG_LIMIT, check=False)

    def test_usage(self):
        done = self.run_it("--url", "https://h", "--id", "a", "--token", TOKEN)
        self.assertEqual(done.returncode, 2)
        self.assertTrue(done.stderr.startswith("vmd-device: "))

    def test_version(self):
        self.assertRegex(self.run_it("--version").stdout, r"^vmd-device \d")

    def test_every_option_is_in_the_manual(self):
        page = os.path.join(os.path.dirname(__file__), "..", "..", "doc", "vmd-device.1")
        with open(page, encoding="utf-8") as file:
            manual = file.read().replace("\\-", "-")
        options = re.findall(r"--([a-z-]+)", self.run_it("--help").stdout)
        self.assertGreater(len(options), 10)
        for option in options:
            self.assertRegex(manual, f"--{option}[=\\s]")

    def test_foreign_directory(self):
        os.mkdir(self.values)
        self.write("config/mine", "x")
        device = self.start()
        self.assertEqual(device.finish(), 2)
        self.assertIn("did not write", "".join(device.said))
        self.assertEqual(self.read("config/mine"), "x")

    def test_no_token(self):
        for text in ("", "a b\n", "a\r\nEvil: header\n", "\x1b[31m"):
            self.write("token", text)
            device = self.start()
            device.wait_for("no token")
            device.stop()
        os.unlink(self.token)
        device = self.start()
        device.wait_for("Cannot read the token")
        # It is looked for again at each attempt.
        self.write("token", TOKEN)
        self.server.next("stream")

    def test_key_file(self):
        path = self.write("device.conf", f"[Device]\nUrl={self.server.url}\nId=lamp-2\nTokenFile={self.token}\n"
                                         f"Output={self.output}\n")
        self.start_device("--config", path)
        self.assertEqual(self.server.next("stream").path, "/v1/devices/lamp-2/config/stream")

    def test_token_is_on_no_command_line(self):
        device = self.start()
        self.server.next("stream")
        for name in ("cmdline", "environ"):
            with open(f"/proc/{device.process.pid}/{name}", "rb") as file:
                self.assertNotIn(TOKEN.encode(), file.read())


class Once(DeviceCase):
    BODY = b'{"version":4,"values":{"a":"b"}}'

    def test_good(self):
        device = self.start("--once")
        request = self.server.next("config")
        self.assertEqual((request.method, request.path), ("GET", f"/v1/devices/{self.DEVICE}/config"))
        request.answer(200, "Content-Type: application/json", body=self.BODY)
        self.assertEqual(self.report()["version"], 4)
        self.assertEqual(device.finish(), 0)
        self.assertEqual(self.read("config/a"), "b")
        self.assertFalse(self.server.has("stream"))

    def fails(self, device, status, pattern):
        self.assertEqual(device.finish(), status)
        self.assertRegex("".join(device.said), pattern)

    def test_refused(self):
        device = self.start("--once")
        self.server.next("config").answer(401)
        self.fails(device, 1, "does not know this device")

    def test_silence(self):
        self.fails(self.start("--once", second=20), 1, "in time")

    def test_too_much(self):
        device = self.start("--once", second=1000)
        request = self.server.next("config")
        try:
            request.answer(200, body=b" " * 1024 * 1024)
        except OSError:
            pass
        self.fails(device, 1, "more than")

    def test_failing_hook(self):
        device = self.start("--once", "--hook", "/bin/false")
        self.server.next("config").answer(200, body=self.BODY)
        self.assertEqual(self.report()["status"], "failed")
        self.fails(device, 1, "status 1")

    def test_report_not_taken(self):
        device = self.start("--once")
        self.server.next("config").answer(200, body=self.BODY)
        self.report(500)
        self.fails(device, 1, "500")

    def test_interrupted(self):
        device = self.start("--once", second=1000)
        self.server.next("config")
        self.assertEqual(device.stop(), 5)


if __name__ == "__main__":
    tap_main.main()
