#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The guest's client of the configuration channel, `vmd-guest config`, against a server that does what a test says: over TCP, and over
the port that several connections share."""

import json
import os
import queue
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tap_main  # noqa: E402
import mux_host  # noqa: E402
from sandbox import HANG_LIMIT, wait_until  # noqa: E402
from scripted_server import ScriptedServer  # noqa: E402

VMD_GUEST = os.environ["VMD_TEST_GUEST"]
DEVICE = "0123456789abcdef0123456789abcdef"
TOKEN = "0123456789abcdef." + "ab" * 32


class Client:
    """It as a process, and what it says."""

    def __init__(self, arguments):
        self.process = subprocess.Popen([VMD_GUEST, "config", *arguments], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8")
        self.lines = queue.Queue()
        self.said = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            self.said.append(line)
            self.lines.put(line)

    def wait_for(self, pattern):
        """The next line like that."""
        end = time.monotonic() + HANG_LIMIT
        while True:
            line = self.lines.get(timeout=max(0, end - time.monotonic()))
            if re.search(pattern, line):
                return line

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.finish()

    def finish(self):
        status = self.process.wait(HANG_LIMIT)
        self.reader.join(HANG_LIMIT)
        self.process.stderr.close()
        return status

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.finish()


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="vmd-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.output = self.path("config.json")
        self.values = self.path("config")
        self.server = ScriptedServer()
        self.addCleanup(self.server.close)
        self.url = self.server.url

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        with open(path + "~", "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
        os.rename(path + "~", path)
        return path

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def write_seed(self, token=TOKEN):
        self.write("seed", f"vm_id=x\ndevice={DEVICE}\nchannel_url={self.url}\nchannel_token={token}\n")

    def write_hook(self, script):
        return self.write("hook", "#!/bin/sh\n" + script, 0o755)

    def start(self, *arguments, second=20):
        """@second: milliseconds that a second takes."""
        self.write_seed()
        client = Client([f"--run={self.directory}", f"--hook={self.path('hook')}", f"--second={second}", *arguments])
        self.addCleanup(client.kill)
        return client

    def open_stream(self):
        stream = self.server.next("stream")
        stream.open_stream()
        return stream

    def deliver(self, stream, text):
        """When this returns, it lies there for the client to read."""
        stream.send(text)

    def report(self, status=204):
        """What is reported next; it is answered."""
        request = self.server.next("applied")
        request.answer(status)
        return request.json


class Following(Case):
    def test_request(self):
        self.start()
        stream = self.open_stream()
        self.assertEqual((stream.method, stream.path), ("GET", f"/v1/devices/{DEVICE}/config/stream"))
        self.assertEqual(stream.headers["authorization"], f"Bearer {TOKEN}")
        self.assertEqual(stream.headers["accept"], "text/event-stream")
        self.assertRegex(stream.headers["vmd-instance"], "^[0-9a-f]{32}$")
        self.assertEqual(stream.headers["host"], self.url.removeprefix("http://") if self.url.startswith("http") else "vmd")
        self.assertNotIn("last-event-id", stream.headers)

    def test_values(self):
        client = self.start()
        stream = self.open_stream()
        stream.snapshot(3, colour="rot ü\n", level=7, list=[1, 2], ratio=0.1)
        self.assertEqual(self.report(), {"version": 3, "status": "ok", "message": ""})
        self.assertEqual(self.read("config.json"), '{"version":3,"values":{"colour":"rot \\u00fc\\n","level":7,"list":[1,2],"ratio":0.1}}\n')
        self.assertEqual(sorted(os.listdir(self.values)), ["colour", "level", "list", "ratio"])
        self.assertEqual([self.read(f"config/{key}") for key in ("colour", "level", "list", "ratio")], ["rot ü\n", "7", "[1,2]", "0.1"])
        stream.send(": heartbeat\n\n")
        stream.snapshot(9, level=8)
        self.assertEqual(self.report()["version"], 9)
        self.assertEqual(os.listdir(self.values), ["level"])
        self.assertEqual(sorted(os.listdir(self.directory)), sorted(["config", "config.json", "seed"] + self.beside()))
        self.assertEqual(client.stop(), 0)
        stream.wait_for_close()

    def beside(self):
        return []

    def test_reader_sees_old_or_new(self):
        """Whoever holds the directory open has one version of it; by its name each file is whole."""
        self.start()
        stream = self.open_stream()
        stream.snapshot(1, a="1" * 60000, b="1")
        self.report()
        held = os.open(self.values, os.O_DIRECTORY)
        self.addCleanup(os.close, held)
        inode = os.stat(self.values).st_ino
        seen, over = set(), threading.Event()

        def look():
            while not over.is_set():
                text = self.read("config/a")
                seen.add((len(text), len(set(text))))
        reader = threading.Thread(target=look)
        reader.start()
        for version in range(2, 60):
            stream.snapshot(version, a=str(version % 10) * 60000, b=version)
            self.report()
        over.set()
        reader.join(HANG_LIMIT)
        self.assertEqual(seen, {(60000, 1)})
        self.assertNotEqual(os.stat(self.values).st_ino, inode)
        self.assertEqual(os.listdir(held), [])

    def test_byte_by_byte(self):
        self.start()
        stream = self.server.next("stream")
        for byte in (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                     b'Transfer-Encoding: chunked\r\n\r\n1b;x=y\r\nevent: snapshot\nid: 1\ndata:\r\n1F\r\n '
                     b'{"version":1,"values":{"a":""}\r\n3\r\n}\n\n\r\n'):
            stream.send(bytes([byte]))
        self.assertEqual(self.report()["version"], 1)
        self.assertEqual(self.read("config/a"), "")

    def test_unknown_is_ignored(self):
        self.start()
        stream = self.open_stream()
        stream.send('event: future\nid: 1\ndata: {"version":1,"values":{}}\n\nretry: 1\n\n')
        stream.send('event: snapshot\nfield: x\ndata: {"new":{},"version":2,"values":{}}\n\n')
        self.assertEqual(self.report()["version"], 2)

    def test_restored_server(self):
        """The first snapshot of a stream is believed, also a lower version."""
        client = self.start()
        stream = self.open_stream()
        stream.snapshot(9, a=9)
        self.report()
        stream.close()
        client.wait_for("cut")
        stream = self.open_stream()
        stream.snapshot(2, a=2)
        self.assertEqual(self.report()["version"], 2)
        self.assertEqual(self.read("config/a"), "2")

    def test_backwards_within_a_stream(self):
        client = self.start()
        stream = self.open_stream()
        stream.snapshot(9)
        self.report()
        stream.snapshot(9, a="again")
        client.wait_for("version 9 after 9")
        stream.wait_for_close()

    def test_descriptors_do_not_grow(self):
        client = self.start(second=1)
        counts = []
        for _ in range(30):
            self.open_stream().close()
            stream = self.server.next("stream")
            counts.append(len(os.listdir(f"/proc/{client.process.pid}/fd")))
            stream.close()
        self.assertLessEqual(max(counts[15:]), max(counts[:15]))

    def test_largest(self):
        """256 keys, 64 KiB: what a device may have at most."""
        self.start()
        values = {f"key-{i:03}": "x" * 239 for i in range(256)}
        values["key-000"] += "é" * 100
        self.open_stream().snapshot(1, **values)
        self.assertEqual(self.report()["status"], "ok")
        self.assertEqual({key: self.read(f"config/{key}") for key in os.listdir(self.values)}, values)


class Reconnecting(Case):
    def test_cut(self):
        client = self.start()
        stream = self.open_stream()
        stream.snapshot(5)
        self.report()
        stream.close()
        again = self.server.next("stream")
        self.assertEqual(again.headers["last-event-id"], "5")
        self.assertEqual(again.headers["vmd-instance"], stream.headers["vmd-instance"])
        self.assertIn("cut", client.wait_for("trying again"))

    def test_cut_in_an_event(self):
        self.start()
        stream = self.open_stream()
        stream.send('event: snapshot\nid: 1\ndata: {"version":1,"values":{}}\n')
        stream.close()
        again = self.server.next("stream")
        self.assertNotIn("last-event-id", again.headers)
        self.assertFalse(os.path.exists(self.output))

    def test_silence(self):
        client = self.start(second=10)
        stream = self.open_stream()
        began = time.monotonic()
        stream.wait_for_close()
        self.assertGreaterEqual(time.monotonic() - began, 0.2)
        self.assertIn("silent", client.wait_for("trying again"))
        self.server.next("stream")

    def test_silence_before_the_answer(self):
        client = self.start(second=10)
        self.server.next("stream").wait_for_close()
        self.assertIn("silent", client.wait_for("trying again"))

    def test_heartbeats_keep_it(self):
        """Three times the lease, by a heartbeat now and then."""
        client = self.start(second=40)
        stream = self.open_stream()
        for _ in range(10):
            threading.Event().wait(0.3)  # the time that passes is what is tested
            stream.send(": heartbeat\n\n")
        stream.snapshot(1)
        self.assertEqual(self.report()["version"], 1)
        self.assertFalse(any("trying again" in line for line in client.said))

    def test_what_arrived_counts(self):
        """The machine stands still for longer than the lease, and finds a heartbeat when it goes on."""
        client = self.start(second=40)
        stream = self.open_stream()
        client.wait_for("connected")
        client.process.send_signal(signal.SIGSTOP)
        threading.Event().wait(1.5)  # the time that passes is what is tested
        self.deliver(stream, ": heartbeat\n\n")
        client.process.send_signal(signal.SIGCONT)
        stream.snapshot(1)
        self.assertEqual(self.report()["version"], 1)
        self.assertFalse(any("silent" in line for line in client.said))

    def wait_after(self, act, pattern="trying again", second=200):
        client = self.start(second=second)
        act(self.server.next("stream"))
        return float(re.search(r"again in ([0-9.]+) s", client.wait_for(pattern))[1]), client

    def test_superseded(self):
        def act(stream):
            self.instance = stream.headers["vmd-instance"]
            stream.open_stream()
            stream.end("superseded")
        wait, client = self.wait_after(act, "superseded", second=10)
        self.assertGreaterEqual(wait, 300)
        self.assertLessEqual(wait, 360)
        began = time.monotonic()
        again = self.server.next("stream")
        self.assertGreaterEqual(time.monotonic() - began, 2.8)
        self.assertEqual(again.headers["vmd-instance"], self.instance)
        self.assertIsNone(client.process.poll())

    def test_no_reports_when_superseded(self):
        os.mkfifo(self.path("fifo"))
        self.write_hook(f"read x <{self.path('fifo')}\n")
        client = self.start(second=1000)
        stream = self.open_stream()
        stream.snapshot(1)
        wait_until(lambda: os.path.exists(self.output), "the hook runs")
        stream.end("superseded")
        client.wait_for("superseded")
        self.write_fifo()
        client.wait_for("applied version 1")
        # Somebody says that it is to try: then the report is due as well.
        client.process.send_signal(signal.SIGHUP)
        self.write_fifo()
        stream = self.server.next("stream")
        self.assertFalse(self.server.has("applied"))
        stream.open_stream()
        self.assertEqual(self.report()["version"], 1)

    def write_fifo(self):
        with open(self.path("fifo"), "w", encoding="utf-8") as file:
            file.write("go\n")

    def test_told_ends(self):
        for event in ("shutdown", "revoked", "deleted"):
            def act(stream, event=event):
                stream.open_stream()
                stream.end(event)
            wait, client = self.wait_after(act, event)
            self.assertLessEqual(wait, 1)
            client.stop()

    def test_contested(self):
        wait, _ = self.wait_after(lambda stream: stream.answer(409, "Retry-After: 40"), "409")
        self.assertGreaterEqual(wait, 40)
        self.assertLessEqual(wait, 50)

    def test_told_to_come_later(self):
        for status in (429, 503):
            wait, client = self.wait_after(lambda stream, status=status: stream.answer(status, "Retry-After: 7"), str(status))
            self.assertGreaterEqual(wait, 7)
            self.assertLessEqual(wait, 9)
            client.stop()
        wait, _ = self.wait_after(lambda stream: stream.answer(503, "Retry-After: 99999999999999999999999"), "503")
        self.assertLessEqual(wait, 1)

    def test_unknown_token(self):
        wait, client = self.wait_after(lambda stream: stream.answer(401), "401")
        self.assertGreaterEqual(wait, 30)
        self.assertLessEqual(wait, 60)
        # A new seed, and a word that it is there.
        self.write_seed("f" * 16 + "." + "0" * 64)
        client.process.send_signal(signal.SIGHUP)
        again = self.server.next("stream")
        self.assertEqual(again.headers["authorization"], f"Bearer {'f' * 16}.{'0' * 64}")

    def test_broken_server(self):
        for status in (500, 302):
            wait, client = self.wait_after(lambda stream, status=status: stream.answer(status, "Location: /elsewhere"), str(status))
            self.assertLessEqual(wait, 1)
            client.stop()

    def test_no_event_stream(self):
        def act(stream):
            stream.open_stream("text/html")
            stream.send("<html>")
        self.wait_after(act, "no event stream")

    def test_no_http(self):
        for text in (b"\0\xff\n" * 1000, b"HTTP/1.1 200 OK\n\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 4000,
                     b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"):
            _, client = self.wait_after(lambda stream, text=text: stream.send(text), "the server sent")
            client.stop()

    def test_oversized_event(self):
        def act(stream):
            stream.open_stream()
            try:
                stream.send(b"data: " + b"x" * (128 * 1024))
            except OSError:
                pass
        self.wait_after(act, "too long")

    def test_hostile_snapshots(self):
        for data in ('{"version":1,"values":{"../x":1}}', '{"version":1,"values":{"a":' + "[" * 100000, '{"version":1}', "\\ud800", "[]",
                     '{"version":1,"values":{".":1}}', '{"version":1,"values":{"a":1,"a":2}}', '{"version":0,"values":{}}',
                     json.dumps({"version": 1, "values": {f"k{i}": 1 for i in range(257)}}),
                     json.dumps({"version": 1, "values": {"a": "x" * 65537}})):
            def act(stream, data=data):
                stream.open_stream()
                stream.send(f"event: snapshot\ndata: {data}\n\n")
            _, client = self.wait_after(act, "values that are none")
            self.assertEqual(sorted(os.listdir(self.directory)), sorted(["seed"] + self.beside()))
            client.stop()

    def beside(self):
        return []


class Applying(Case):
    def test_hook(self):
        self.write_hook('echo "$VMD_CONFIG_VERSION $VMD_DEVICE_ID $(cat "$VMD_CONFIG_DIRECTORY/a") $(cat "$VMD_CONFIG_FILE") $# '
                        f'$(wc -c)" >>{self.path("log")}\n')
        self.start()
        self.open_stream().snapshot(1, a="$(touch evil); x")
        self.assertEqual(self.report()["status"], "ok")
        self.assertEqual(self.read("log"), f'1 {DEVICE} $(touch evil); x {{"version":1,"values":{{"a":"$(touch evil); x"}}}} 0 0\n')

    def test_hook_that_fails(self):
        self.write_hook("echo one\necho 'why \"\\\\\x01\xff' >&2\necho\nexit 3\n")
        client = self.start()
        self.open_stream().snapshot(1)
        report = self.report()
        self.assertEqual((report["version"], report["status"]), (1, "failed"))
        self.assertTrue(report["message"].startswith("The hook exited with status 3: why"), report)
        client.wait_for("could not apply version 1")

    def test_hook_with_a_strange_message(self):
        self.write_hook("printf 'a\\377b\\001\"\\\\' >&2\nkill -9 $$\n")
        self.start()
        self.open_stream().snapshot(1)
        self.assertEqual(self.report()["message"], 'The hook was ended by signal 9: a?b\x01"\\')

    def test_hook_with_a_long_message(self):
        self.write_hook("printf 'ü%.0s' $(seq 5000)\nexit 1\n")
        self.start()
        self.open_stream().snapshot(1)
        message = self.report()["message"]
        self.assertLessEqual(len(message.encode()), 1024)
        self.assertGreaterEqual(len(message.encode()), 1000)
        self.assertTrue(message.endswith("ü"))

    def test_hook_that_may_not_be_run(self):
        self.write("hook", "#!/bin/sh\nexit 1\n", 0o644)
        self.start()
        self.open_stream().snapshot(1)
        self.assertEqual(self.report()["status"], "ok")

    def test_hook_that_cannot_be_run(self):
        self.write("hook", "#!/nowhere\n", 0o755)
        self.start()
        self.open_stream().snapshot(1)
        self.assertEqual(self.report()["message"], "The hook exited with status 127: cannot run it: No such file or directory")

    def test_hook_that_hangs(self):
        # It does not care for SIGTERM, and has a child that does neither, and holds its output.
        self.write_hook(f"trap '' TERM\nsleep 1000 &\necho $! >{self.path('pid')}\nwait\nsleep 1000\n")
        self.start("--hook-deadline=5")
        self.open_stream().snapshot(1)
        report = self.report()
        self.assertEqual((report["status"], report["message"]), ("failed", "The hook did not end in time"))
        wait_until(lambda: not self.is_alive(int(self.read("pid"))), "its child ends")

    def is_alive(self, pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                return file.read().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False

    def test_hook_that_leaves_a_service(self):
        """Which keeps the pipe open: the hook has ended all the same."""
        self.write_hook(f"sleep 1000 &\necho $! >{self.path('pid')}\n")
        self.start()
        self.open_stream().snapshot(1)
        self.assertEqual(self.report()["status"], "ok")
        os.kill(int(self.read("pid")), signal.SIGTERM)

    def test_latest_wins(self):
        os.mkfifo(self.path("fifo"))
        self.write_hook(f'echo $VMD_CONFIG_VERSION >>{self.path("log")}\nread x <{self.path("fifo")}\n')
        self.start(second=1000)
        stream = self.open_stream()
        for version in range(1, 6):
            stream.snapshot(version, a=version)
        # A connection that it makes is made after the versions that came before its cut.
        stream.close()
        self.assertEqual(self.server.next("stream").headers["last-event-id"], "5")
        # The files stay as the hook found them.
        self.assertEqual(self.read("config/a"), "1")
        for version in (1, 5):
            with open(self.path("fifo"), "w", encoding="utf-8") as file:
                file.write("go\n")
            self.assertEqual(self.report()["version"], version)
        self.assertEqual(self.read("log"), "1\n5\n")
        self.assertEqual(self.read("config/a"), "5")

    def test_report_again(self):
        self.start()
        stream = self.open_stream()
        stream.snapshot(1)
        self.server.next("applied").close()
        self.server.next("applied").answer(503)
        self.server.next("applied").answer(200)
        self.assertEqual(self.report(), {"version": 1, "status": "ok", "message": ""})
        stream.snapshot(2)
        self.assertEqual(self.report(409)["version"], 2)
        stream.snapshot(3)
        # The one that was refused is not told again.
        self.assertEqual(self.report()["version"], 3)

    def test_newer_report_waits_for_its_turn(self):
        self.start(second=1000)
        stream = self.open_stream()
        stream.snapshot(1)
        first = self.server.next("applied")
        stream.snapshot(2, a=2)
        wait_until(lambda: os.path.exists(self.path("config/a")), "version 2 is applied")
        self.assertFalse(self.server.has("applied"))
        first.close()
        second = self.server.next("applied")
        self.assertEqual(second.json["version"], 2)
        stream.snapshot(3, b=3)
        wait_until(lambda: os.path.exists(self.path("config/b")), "version 3 is applied")
        second.answer(204)
        self.assertEqual(self.report()["version"], 3)

    def test_files_that_cannot_be_written(self):
        self.start()
        stream = self.open_stream()
        os.mkdir(self.output)
        stream.snapshot(1)
        report = self.report()
        self.assertEqual(report["status"], "failed")
        self.assertIn("config.json: Is a directory", report["message"])
        os.rmdir(self.output)
        stream.snapshot(2)
        self.assertEqual(self.report()["status"], "ok")

    def test_rest_of_a_predecessor(self):
        """One that was killed while it wrote."""
        os.mkdir(self.path(".config.next"))
        self.write(".config.next/half", "x")
        self.write(".config.json.next", "x")
        self.start()
        self.open_stream().snapshot(1, a=1)
        self.assertEqual(self.report()["status"], "ok")
        self.assertEqual(os.listdir(self.values), ["a"])

    def test_sighup_applies_again(self):
        client = self.start()
        stream = self.open_stream()
        stream.snapshot(1, a=1)
        self.report()
        os.unlink(self.output)
        client.process.send_signal(signal.SIGHUP)
        self.report()
        self.assertTrue(os.path.exists(self.output))

    def test_stop_ends_the_hook(self):
        for script in ("sleep 1000", "trap '' TERM; sleep 1000; sleep 1000"):
            self.write_hook(f"echo $$ >{self.path('pid')}~\nmv {self.path('pid')}~ {self.path('pid')}\n{script}\n")
            client = self.start()
            self.open_stream().snapshot(1)
            wait_until(lambda: os.path.exists(self.path("pid")), "the hook runs")
            self.assertEqual(client.stop(), 0)
            self.assertFalse(os.path.exists(f"/proc/{int(self.read('pid'))}"))
            self.assertFalse(self.server.has("applied"))
            os.unlink(self.path("pid"))


class Ending(Case):
    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            client = self.start()
            stream = self.open_stream()
            client.wait_for("connected")
            self.assertEqual(client.stop(number), 0)
            stream.wait_for_close()

    def test_while_it_waits_connects_and_reports(self):
        client = self.start(second=1000)
        self.server.next("stream").answer(401)
        client.wait_for("trying again")
        self.assertEqual(client.stop(), 0)
        client = self.start(second=1000)
        self.server.next("stream")
        self.assertEqual(client.stop(), 0)
        client = self.start(second=1000)
        self.open_stream().snapshot(1)
        self.server.next("applied")
        self.assertEqual(client.stop(), 0)

    def test_bad_seeds(self):
        for seed in ("", f"device={DEVICE}\n", f"device={DEVICE}\nchannel_url=https://10.0.2.2\nchannel_token={TOKEN}\n",
                     f"device={DEVICE}\nchannel_url=http://host.example\nchannel_token={TOKEN}\n",
                     f"device={DEVICE}\nchannel_url=http://127.0.0.1:0\nchannel_token={TOKEN}\n",
                     f"device={DEVICE}\nchannel_url=http://127.0.0.1:99999999999999999999\nchannel_token={TOKEN}\n",
                     f"device=a b\nchannel_url={self.url}\nchannel_token={TOKEN}\n",
                     f"device={DEVICE}\nchannel_url={self.url}\nchannel_token=x\r\n"):
            path = self.write("bad", seed)
            client = Client([f"--seed={path}", f"--run={self.directory}"])
            self.assertEqual(client.process.wait(HANG_LIMIT), 1, seed)
            client.finish()


class Shared:
    """The same over the port."""

    def setUp(self):
        super().setUp()
        self.host = mux_host.MuxHost(self.server.port, self.path("port"))
        self.addCleanup(self.check_host)
        self.url = f"vport:{self.host.path}"

    def check_host(self):
        self.host.close()
        self.assertEqual(self.host.problems, [])

    def beside(self):
        return ["port"]

    def deliver(self, stream, text):
        before = self.host.n_sent
        stream.send(text)
        wait_until(lambda: self.host.n_sent == before + len(text), "the host passes it on")


class SharedFollowing(Shared, Following):
    pass


class SharedReconnecting(Shared, Reconnecting):
    pass


class SharedApplying(Shared, Applying):
    pass


class Port(Shared, Case):
    def applied(self, stream, version, **values):
        """A report whose answer was cut comes again, before this one."""
        stream.snapshot(version, **values)
        while self.report()["version"] != version:
            pass

    def test_host_that_restarts(self):
        """Its predecessor died within a frame, wherever."""
        client = self.start()
        stream = self.open_stream()
        self.applied(stream, 1)
        half = mux_host.frame(1, mux_host.DATA, b'event: snapshot\nid: 9\ndata: {"version":9,"values":{}}\n\n' * 40)
        for n, cut in enumerate((0, 1, 3, 4, 5, 8, 9, 10, 100, 1000)):
            self.host.wait_for_session()
            while not self.host.sessions.empty():
                self.host.sessions.get()
            asks = self.host.asks
            # A version that was cut is none; those before it in the frame may have come.
            self.host.begin_session(half[:cut] if cut < 60 else mux_host.frame(1, mux_host.DATA, b": " + b"x" * 1200)[:cut])
            stream.wait_for_close()
            stream = self.open_stream()
            self.assertEqual(stream.headers["last-event-id"], str(n + 1))
            self.applied(stream, n + 2)
            self.assertLessEqual(self.host.asks, asks)
        self.assertIsNone(client.process.poll())

    def test_hello_in_pieces(self):
        self.start()
        self.open_stream()
        self.host.wait_for_session()
        with self.host.condition:
            self.host.drop()
            self.host.nonce = 0xf5fff5fff5fff5ff
            self.host.waits = True
        # It died within a hello too.
        for byte in mux_host.hello(7)[:20] + mux_host.MARK[:5] + mux_host.hello(self.host.nonce):
            self.host.write(bytes([byte]))
        self.host.wait_for_session()
        self.applied(self.open_stream(), 1)

    def test_host_that_goes_and_comes(self):
        """While there is none nothing is tried, and when there is one at once."""
        client = self.start(second=200)
        stream = self.open_stream()
        self.applied(stream, 1)
        self.host.stop_listening()
        client.wait_for("cut")
        threading.Event().wait(1)  # five of its seconds: no failure is counted in them
        self.host = mux_host.MuxHost(self.server.port, self.path("port"))
        stream = self.open_stream()
        self.assertEqual(stream.headers["last-event-id"], "1")
        self.applied(stream, 2)
        self.assertEqual(sum("trying again" in line for line in client.said), 1)

    def test_host_that_comes_late(self):
        self.host.stop_listening()
        client = self.start()
        wait_until(lambda: "S" in self.state(client), "it waits")
        self.host = mux_host.MuxHost(self.server.port, self.path("port"))
        self.applied(self.open_stream(), 1)
        self.assertFalse(any("trying again" in line for line in client.said))
        self.assertEqual(self.host.asks, 0)

    def test_host_that_has_to_be_asked(self):
        """It said its hello to one that came before."""
        self.host.says_hello = False
        self.start()
        self.applied(self.open_stream(), 1)
        self.assertEqual(self.host.asks, 1)

    def state(self, client):
        with open(f"/proc/{client.process.pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0]

    def test_report_waits_for_the_host(self):
        os.mkfifo(self.path("fifo"))
        self.write_hook(f"read x <{self.path('fifo')}\n")
        client = self.start()
        self.open_stream().snapshot(1)
        wait_until(lambda: os.path.exists(self.output), "the hook runs")
        self.host.stop_listening()
        with open(self.path("fifo"), "w", encoding="utf-8") as file:
            file.write("go\n")
        client.wait_for("applied version 1")
        self.host = mux_host.MuxHost(self.server.port, self.path("port"))
        self.assertEqual(self.report()["version"], 1)

    def test_credit(self):
        """More than the credit that a connection begins with: each byte was allowed."""
        self.start(second=1000)
        stream = self.open_stream()
        for version in range(1, 21):
            stream.snapshot(version, a=chr(96 + version) * 50000)
        while self.report()["version"] != 20:
            pass
        self.assertEqual(self.read("config/a"), "t" * 50000)
        pipe = next(iter(self.host.pipes.values()))
        self.assertGreater(pipe.sent, 1000000)
        self.assertLessEqual(pipe.may_send, 65536)

    def test_broken_hosts(self):
        """The guest asks for a new session, and all is well in that."""
        client = self.start()
        header = struct.Struct(">IBI").pack
        cases = [lambda n, kind=kind, length=length: header(n, kind, length)
                 for kind, length in ((2, 16385), (2, 0), (2, 1 << 31), (3, 5), (4, 1), (5, 0), (0, 0), (1, 0), (255, 0))]
        cases += [lambda n: header(0, 2, 1), lambda n: header(1000, 2, 1), lambda n: mux_host.frame(n, 3, b"\xff\xff\xff\xff"),
                  lambda n: mux_host.frame(n, 3, b"\0\x10\0\0")]
        version = 0
        for case in cases:
            stream = self.open_stream()
            version += 1
            self.applied(stream, version)
            # The report has got its answer; what is left is the stream.
            wait_until(lambda: len(self.host.pipes) == 1, "the report is over")
            asks = self.host.asks
            number = next(iter(self.host.pipes))
            with self.host.condition:
                self.host.write(case(number))
            stream.wait_for_close()
            wait_until(lambda asks=asks: self.host.asks == asks + 1, "it asks")
            self.assertIn("cut", client.wait_for("trying again"))
        self.applied(self.open_stream(), version + 1)

    def test_more_than_is_read_at_once(self):
        """It lies in the socket already when the client looks, and nothing comes after it that would tell of it."""
        client = self.start(second=1000)
        stream = self.open_stream()
        self.applied(stream, 1)
        wait_until(lambda: list(self.host.pipes) == [1], "the report's connection is gone")
        client.process.send_signal(signal.SIGSTOP)
        with self.host.condition:
            # Of a connection that is gone, which counts against no credit.
            self.host.write(mux_host.frame(2, mux_host.DATA, b"x" * 16384) * 8)
        self.deliver(stream, 'event: snapshot\ndata: {"version":2,"values":{}}\n\n')
        client.process.send_signal(signal.SIGCONT)
        self.assertEqual(self.report()["version"], 2)

    def test_late_frames(self):
        """For a connection that the guest has closed."""
        self.start()
        stream = self.open_stream()
        self.applied(stream, 1)
        # The report was the second one.
        wait_until(lambda: list(self.host.pipes) == [1], "the report's connection is gone")
        with self.host.condition:
            self.host.write(mux_host.frame(2, mux_host.DATA, b"x" * 100) + mux_host.frame(2, mux_host.CREDIT, b"\0\0\0\1") +
                            mux_host.frame(2, mux_host.CLOSE) * 2)
        self.applied(stream, 2)
        self.assertEqual(self.host.sessions.qsize(), 1)


if __name__ == "__main__":
    tap_main.main()
