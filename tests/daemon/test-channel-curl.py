#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""curl as a device, written by doc/config-channel.md and nothing else, against the daemon; and the page's own client."""

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tap_main  # noqa: E402
from sandbox import HANG_LIMIT, Sandbox  # noqa: E402

PAGE = os.path.join(os.environ["G_TEST_SRCDIR"], "..", "doc", "config-channel.md")


class Lines:
    """What a process writes, line by line."""

    def __init__(self, process):
        self.process = process
        self.bytes = b""

    def next(self):
        """The next line; None at the end."""
        deadline = time.monotonic() + HANG_LIMIT
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self.bytes:
                if not selector.select(max(0, deadline - time.monotonic())):
                    raise AssertionError(f"nothing comes after {self.bytes}")
                if not (piece := os.read(self.process.stdout.fileno(), 65536)):
                    return None
                self.bytes += piece
        line, _, self.bytes = self.bytes.partition(b"\n")
        return line.decode()

    def event(self):
        """Its fields, in their order, comments left out; None at the end, where half an event is none."""
        fields = []
        while (line := self.next()) is not None:
            if not line and fields:
                return fields
            if line and not line.startswith(":"):
                fields.append(tuple(line.split(": ", 1)))
        return None


class Curl(unittest.TestCase):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.start("127.0.0.1:0")
        self.post("/v1/devices", {"id": "lamp-1"})
        self.token = self.add_token("first")

    def start(self, address):
        self.daemon = self.sandbox.start_daemon("--no-bus", "--channel-listen", address)
        self.channel = self.read("channel")
        self.admin = self.read("channel-admin-token")

    def read(self, name):
        with open(os.path.join(self.sandbox.state, name), encoding="utf-8") as file:
            return file.read().strip()

    # As an administrator.

    def curl(self, *arguments, token=None):
        """(status, body) of a request."""
        done = subprocess.run(["curl", "-sS", "-m", str(HANG_LIMIT), "-w", "\n%{http_code}",
                               "-H", f"Authorization: Bearer {token or self.admin}", *arguments],
                              env=self.sandbox.environment, capture_output=True, encoding="utf-8", check=True)
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body

    def post(self, path, body):
        status, text = self.curl(self.channel + path, "-d", json.dumps(body))
        self.assertEqual(status, 201, text)
        return json.loads(text)

    def add_token(self, label):
        return self.post("/v1/devices/lamp-1/tokens", {"label": label})["token"]

    def set(self, **values):
        status, text = self.curl("-X", "PATCH", self.channel + "/v1/devices/lamp-1/config", "-d", json.dumps(values))
        self.assertEqual(status, 200, text)
        return json.loads(text)["version"]

    # As a device.

    def follow(self, instance="a", token=None, last=None):
        headers = ["-H", f"Last-Event-ID: {last}"] if last is not None else []
        process = subprocess.Popen(
            ["curl", "-sSN", "-H", f"Authorization: Bearer {token or self.token}", "-H", f"Vmd-Instance: {instance}",
             *headers, self.channel + "/v1/devices/lamp-1/config/stream"],
            env=self.sandbox.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.addCleanup(self.end, process)
        return Lines(process)

    @staticmethod
    def end(process):
        process.kill()
        process.wait(HANG_LIMIT)
        process.stdout.close()

    def has_snapshot(self, stream, version, values):
        event, number, data = stream.event()
        self.assertEqual((event, number), (("event", "snapshot"), ("id", str(version))))
        self.assertEqual(data[0], "data")
        self.assertEqual(json.loads(data[1]), {"version": version, "values": values})

    def ends_by(self, stream, name):
        """That event, then the end of the response, which curl takes for a good one."""
        event, data = stream.event()
        self.assertEqual((event, data[0]), (("event", name), "data"))
        self.assertIsInstance(json.loads(data[1])["reason"], str)
        self.assertIsNone(stream.event())
        self.assertEqual(stream.process.wait(HANG_LIMIT), 0)

    def test_from_snapshot_to_report(self):
        """The page's worked example."""
        first = self.set(colour="red", level=7)
        stream = self.follow()
        self.has_snapshot(stream, first, {"colour": "red", "level": 7})
        second = self.set(level=8, list=["ä", "b"])
        self.has_snapshot(stream, second, {"colour": "red", "level": 8, "list": ["ä", "b"]})
        report = json.dumps({"version": second, "status": "ok", "message": ""})
        self.assertEqual(self.curl("-X", "PUT", self.channel + "/v1/devices/lamp-1/applied", "-d", report,
                                   token=self.token), (204, ""))
        device = json.loads(self.curl(self.channel + "/v1/devices/lamp-1")[1])
        self.assertEqual((device["applied"]["version"], device["applied"]["status"], device["connected"]), (second, "ok", True))

    def test_last_event_id(self):
        """Whoever has the version is sent a heartbeat and the next one; anything else is answered by a snapshot."""
        version = self.set(level=1)
        stream = self.follow(last=version)
        self.assertEqual((stream.next(), stream.next()), (": heartbeat", ""))
        version = self.set(level=2)
        self.has_snapshot(stream, version, {"level": 2})
        for last in (version - 1, version + 1, 0, "x", 1 << 64, ""):
            self.has_snapshot(self.follow(last=last), version, {"level": 2})

    def test_revoked(self):
        stream = self.follow()
        self.assertIsNotNone(stream.event())
        other = self.add_token("second")
        path = f"{self.channel}/v1/devices/lamp-1/tokens/"
        self.assertEqual(self.curl("-X", "DELETE", path + other[:16])[0], 204)
        version = self.set(level=1)
        self.has_snapshot(stream, version, {"level": 1})
        self.assertEqual(self.curl("-X", "DELETE", path + self.token[:16])[0], 204)
        self.ends_by(stream, "revoked")
        self.assertEqual(self.curl(f"{self.channel}/v1/devices/lamp-1/config", token=self.token)[0], 401)

    def test_superseded(self):
        first = self.follow("a")
        self.assertIsNotNone(first.event())
        second = self.follow("b")
        self.assertIsNotNone(second.event())
        self.ends_by(first, "superseded")
        version = self.set(level=1)
        self.has_snapshot(second, version, {"level": 1})

    def test_deleted(self):
        stream = self.follow()
        self.assertIsNotNone(stream.event())
        self.assertEqual(self.curl("-X", "DELETE", f"{self.channel}/v1/devices/lamp-1")[0], 204)
        self.ends_by(stream, "deleted")

    def test_shutdown_and_back(self):
        stream = self.follow()
        self.assertIsNotNone(stream.event())
        version = self.set(level=1)
        self.has_snapshot(stream, version, {"level": 1})
        self.sandbox.stop_daemon()
        self.ends_by(stream, "shutdown")
        self.start(self.channel.removeprefix("http://"))
        self.has_snapshot(self.follow(), version, {"level": 1})

    def test_killed(self):
        """A stream that ends without a word: a cut. The connection is told of nowhere after that."""
        stream = self.follow()
        self.assertIsNotNone(stream.event())
        version = self.set(level=1)
        self.has_snapshot(stream, version, {"level": 1})
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait(HANG_LIMIT)
        self.assertIsNone(stream.event())
        self.start("127.0.0.1:0")
        device = json.loads(self.curl(f"{self.channel}/v1/devices/lamp-1")[1])
        self.assertFalse(device["connected"])
        self.has_snapshot(self.follow(), version, {"level": 1})

    def test_refused(self):
        """As the table of statuses has it."""
        config = self.channel + "/v1/devices/lamp-1/config"
        self.assertEqual(self.curl(config, token="x")[0], 401)
        self.assertEqual(self.curl(config, token=self.token, *("-H", 'If-None-Match: "1"'))[0], 304)
        self.assertEqual(self.curl(config + "/stream", token=self.token, *("-H", "Vmd-Instance: a b"))[0], 400)
        self.assertEqual(self.curl("-X", "PUT", config, "-d", "{}", token=self.token)[0], 401)
        self.assertEqual(self.curl(self.channel + "/v1/nothing", token=self.token)[0], 404)
        self.assertEqual(self.curl("-X", "PUT", config + "/stream", "-d", "{}", token=self.token)[0], 405)
        # A stream is nothing but its body.
        self.assertEqual(self.curl("--head", config + "/stream", token=self.token)[0], 405)
        self.assertEqual(self.curl("--head", config, token=self.token)[0], 200)
        self.assertEqual(self.curl("--head", config)[0], 200)
        self.assertEqual(self.curl("--head", self.channel + "/v1/nothing")[0], 404)
        applied = self.channel + "/v1/devices/lamp-1/applied"
        large = json.dumps({"version": 1, "status": "ok", "message": "x" * 9000})
        self.assertEqual(self.curl("-X", "PUT", applied, "-d", large, token=self.token)[0], 413)
        self.assertEqual(self.curl("-H", "X: " + "x" * 20000, config, token=self.token)[0], 431)

    def test_client_of_the_page(self):
        """The thirty lines of Python that the page gives away, as they stand there."""
        with open(PAGE, encoding="utf-8") as file:
            program, = re.findall(r"```python\n(.*?)```", file.read(), re.DOTALL)
        path = os.path.join(self.sandbox.directory, "client.py")
        token = os.path.join(self.sandbox.directory, "token")
        for name, text in ((path, program), (token, self.token)):
            with open(name, "w", encoding="utf-8") as file:
                file.write(text)
        process = subprocess.Popen([sys.executable, path, self.channel, "lamp-1", token], env=self.sandbox.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.addCleanup(self.end, process)
        client = Lines(process)
        before = json.loads(client.next())["version"]
        for level in range(3):
            version = self.set(level=level)
            self.assertGreater(version, before)
            self.assertEqual(json.loads(client.next()), {"version": version, "values": {"level": level}})
        # It comes back by itself, with what it missed.
        self.sandbox.stop_daemon()
        self.start(self.channel.removeprefix("http://"))
        version = self.set(level=9)
        self.assertEqual(json.loads(client.next()), {"version": version, "values": {"level": 9}})


if __name__ == "__main__":
    tap_main.main()
