#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""vmd-device against a server that does what a test says."""

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tap_main  # noqa: E402
from sandbox import BUILD_ROOT, HANG_LIMIT, WITHOUT_LEAK_CHECKER, wait_until  # noqa: E402
from scripted_server import ScriptedServer  # noqa: E402

VMD_DEVICE = os.path.join(BUILD_ROOT, "vmctl", "vmd-device")
TOKEN = "0123456789abcdef." + "ab" * 32


class Device:
    """vmd-device as a process, and what it says."""

    def __init__(self, arguments, environment):
        self.process = subprocess.Popen([VMD_DEVICE, *arguments], env=environment, stdin=subprocess.DEVNULL,
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
        deadline = time.monotonic() + HANG_LIMIT
        while True:
            line = self.lines.get(timeout=max(0, deadline - time.monotonic()))
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
        self.token = self.path("token")
        self.write("token", TOKEN + "\n")
        kept = ("PATH", "G_DEBUG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
        self.environment = {name: os.environ[name] for name in kept if name in os.environ}
        self.environment |= {"LC_ALL": "C.UTF-8", "HOME": self.directory,
                             # No proxy is asked, whatever the environment says.
                             "http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"}
        self.server = self.serve()

    def serve(self, *arguments, **options):
        server = ScriptedServer(*arguments, **options)
        self.addCleanup(server.close)
        return server

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

    def start(self, *arguments, server=None, second=20):
        """@second: milliseconds that a second takes."""
        server = server or self.server
        device = Device(["--url", server.url, "--id", "lamp-1", "--token-file", self.token, "--output", self.output,
                         "--directory", self.values, "--second", str(second), *arguments], self.environment)
        self.addCleanup(device.kill)
        return device

    def open_stream(self):
        stream = self.server.next("stream")
        stream.open_stream()
        return stream

    def report(self, status=204):
        """What is reported next; it is answered."""
        request = self.server.next("applied")
        request.answer(status)
        return request.json


class Following(Case):
    def test_request(self):
        self.start()
        stream = self.open_stream()
        self.assertEqual((stream.method, stream.path), ("GET", "/v1/devices/lamp-1/config/stream"))
        self.assertEqual(stream.headers["authorization"], f"Bearer {TOKEN}")
        self.assertEqual(stream.headers["accept"], "text/event-stream")
        self.assertRegex(stream.headers["vmd-instance"], "^[A-Za-z0-9_-]{1,64}$")
        self.assertNotIn("last-event-id", stream.headers)
        self.assertNotIn("accept-encoding", stream.headers)

    def test_values(self):
        device = self.start()
        stream = self.open_stream()
        stream.snapshot(3, colour="red", level=7, list=[1, 2])
        self.assertEqual(self.report(), {"version": 3, "status": "ok", "message": ""})
        self.assertEqual(self.read("config.json"),
                         '{"version":3,"values":{"colour":"red","level":7,"list":[1,2]}}\n')
        self.assertEqual(sorted(os.listdir(self.values)), ["colour", "level", "list"])
        self.assertEqual(self.read("config/colour"), "red")
        self.assertEqual(self.read("config/list"), "[1,2]")
        stream.send(": heartbeat\n\n")
        stream.snapshot(9, level=8)
        self.assertEqual(self.report()["version"], 9)
        self.assertEqual(os.listdir(self.values), ["level"])
        self.assertEqual(device.stop(), 0)
        self.assertTrue(stream.is_closed())

    def test_byte_by_byte(self):
        self.start()
        stream = self.open_stream()
        for byte in b'event: snapshot\nid: 1\ndata: {"version":1,"values":{"a":"b"}}\n\n':
            stream.send(bytes([byte]))
        self.assertEqual(self.report()["version"], 1)

    def test_unknown_is_ignored(self):
        self.start()
        stream = self.open_stream()
        stream.send('event: future\nid: 1\ndata: {"version":1,"values":{}}\n\nretry: 1\n\n')
        stream.send('event: snapshot\nfield: x\ndata: {"new":{},"version":2,"values":{}}\n\n')
        self.assertEqual(self.report()["version"], 2)

    def test_restored_server(self):
        """The first snapshot of a stream is believed, also a lower version."""
        device = self.start()
        stream = self.open_stream()
        stream.snapshot(9, a=9)
        self.report()
        stream.close()
        device.wait_for("cut")
        stream = self.open_stream()
        stream.snapshot(2, a=2)
        self.assertEqual(self.report()["version"], 2)
        self.assertEqual(self.read("config/a"), "2")

    def test_backwards_within_a_stream(self):
        device = self.start()
        stream = self.open_stream()
        stream.snapshot(9)
        self.report()
        stream.snapshot(9, a="again")
        device.wait_for("version 9 after 9")
        stream.wait_for_close()

    def test_descriptors_do_not_grow(self):
        device = self.start(second=1)
        counts = []
        for _ in range(30):
            self.open_stream().close()
            stream = self.server.next("stream")
            counts.append(len(os.listdir(f"/proc/{device.process.pid}/fd")))
            stream.close()
        self.assertLessEqual(max(counts[15:]), max(counts[:15]))


class Reconnecting(Case):
    def test_cut(self):
        device = self.start()
        stream = self.open_stream()
        stream.snapshot(5)
        self.report()
        stream.close()
        again = self.server.next("stream")
        self.assertEqual(again.headers["last-event-id"], "5")
        self.assertEqual(again.headers["vmd-instance"], stream.headers["vmd-instance"])
        self.assertIn("cut", device.wait_for("trying again"))

    def test_cut_in_an_event(self):
        self.start()
        stream = self.open_stream()
        stream.send('event: snapshot\nid: 1\ndata: {"version":1,"values":{}}\n')
        stream.close()
        again = self.server.next("stream")
        self.assertNotIn("last-event-id", again.headers)
        self.assertFalse(os.path.exists(self.output))

    def test_silence(self):
        device = self.start(second=10)
        stream = self.open_stream()
        began = time.monotonic()
        stream.wait_for_close()
        self.assertGreaterEqual(time.monotonic() - began, 0.2)
        self.assertIn("silent", device.wait_for("trying again"))
        self.server.next("stream")

    def test_silence_before_the_answer(self):
        device = self.start(second=10)
        self.server.next("stream").wait_for_close()
        self.assertIn("silent", device.wait_for("trying again"))

    def test_heartbeats_keep_it(self):
        """Three times the lease, by a heartbeat now and then."""
        device = self.start(second=40)
        stream = self.open_stream()
        for _ in range(10):
            threading.Event().wait(0.3)  # the time that passes is what is tested
            stream.send(": heartbeat\n\n")
        stream.snapshot(1)
        self.assertEqual(self.report()["version"], 1)
        self.assertFalse(any("trying again" in line for line in device.said))

    def waits(self, n):
        """Of so many refused connections in a row, in seconds as they are said."""
        self.server.close()
        device = self.start(second=1)
        found = []
        for _ in range(n):
            found.append(float(re.search(r"again in ([0-9.]+) s", device.wait_for("trying again"))[1]))
        return found

    def test_back_off(self):
        for n, wait in enumerate(self.waits(9)):
            longest = min(60, 2 ** n)
            self.assertGreaterEqual(wait, longest / 2 - 0.1)
            self.assertLessEqual(wait, longest + 0.1)

    def test_back_off_is_random(self):
        self.assertGreater(len(set(self.waits(12)[6:])), 1)

    def wait_after(self, act, pattern="trying again", second=200):
        device = self.start(second=second)
        act(self.server.next("stream"))
        return float(re.search(r"again in ([0-9.]+) s", device.wait_for(pattern))[1]), device

    def test_superseded(self):
        def act(stream):
            stream.open_stream()
            stream.end("superseded")
        wait, device = self.wait_after(act, "superseded", second=10)
        self.assertGreaterEqual(wait, 300)
        self.assertLessEqual(wait, 360)
        began = time.monotonic()
        again = self.server.next("stream")
        self.assertGreaterEqual(time.monotonic() - began, 2.8)
        self.assertIsNone(device.process.poll())
        again.open_stream()
        again.snapshot(1)
        self.assertEqual(self.report()["version"], 1)

    def test_no_reports_when_superseded(self):
        os.mkfifo(self.path("fifo"))
        hook = self.write("hook", f"#!/bin/sh\nread x <{self.path('fifo')}\n", 0o755)
        device = self.start("--hook", hook, second=1000)
        stream = self.open_stream()
        stream.snapshot(1)
        wait_until(lambda: os.path.exists(self.output), "the hook runs")
        stream.end("superseded")
        device.wait_for("superseded")
        self.write_fifo()
        device.wait_for("Applied version 1")
        self.assertFalse(self.server.has("applied"))
        # Somebody says that it is to try: then the report is due as well.
        device.process.send_signal(signal.SIGHUP)
        self.write_fifo()
        self.open_stream()
        self.assertEqual(self.report()["version"], 1)

    def write_fifo(self):
        with open(self.path("fifo"), "w", encoding="utf-8") as file:
            file.write("go\n")

    def test_shutdown(self):
        for event in ("shutdown", "revoked", "deleted"):
            def act(stream, event=event):
                stream.open_stream()
                stream.end(event)
            wait, device = self.wait_after(act, event)
            self.assertLessEqual(wait, 1)
            device.stop()

    def test_contested(self):
        wait, _ = self.wait_after(lambda stream: stream.answer(409, "Retry-After: 40"), "contested")
        self.assertGreaterEqual(wait, 40)
        self.assertLessEqual(wait, 50)

    def test_too_many(self):
        wait, _ = self.wait_after(lambda stream: stream.answer(429, "Retry-After: 7"), "429")
        self.assertGreaterEqual(wait, 7)
        self.assertLessEqual(wait, 9)

    def test_unknown_token(self):
        wait, device = self.wait_after(
            lambda stream: stream.answer(401, "WWW-Authenticate: Basic realm=x"), "does not know this device")
        self.assertGreaterEqual(wait, 30)
        # A new token, and a word that it is there.
        self.write("token", "f" * 16 + "." + "0" * 64)
        device.process.send_signal(signal.SIGHUP)
        again = self.server.next("stream")
        self.assertEqual(again.headers["authorization"], f"Bearer {'f' * 16}.{'0' * 64}")

    def test_broken_server(self):
        for status in (500, 503):
            wait, device = self.wait_after(lambda stream, status=status: stream.answer(status), str(status))
            self.assertLessEqual(wait, 1)
            device.stop()

    def test_redirect(self):
        elsewhere = self.serve()
        self.wait_after(lambda stream: stream.answer(302, f"Location: {elsewhere.url}/stream"), "redirects")
        self.server.next("stream")
        self.assertFalse(elsewhere.has("stream"))

    def test_no_event_stream(self):
        def act(stream):
            stream.open_stream("text/html")
            stream.send("<html>")
        self.wait_after(act, "no event stream")

    def test_no_http(self):
        self.wait_after(lambda stream: (stream.send(b"\0\xff\n" * 1000), stream.close()))

    def test_oversized_event(self):
        def act(stream):
            stream.open_stream()
            try:
                stream.send(b"data: " + b"x" * (128 * 1024))
            except OSError:
                pass
        self.wait_after(act, "too long")

    def test_hostile_snapshots(self):
        for data in ('{"version":1,"values":{"../x":1}}', '{"version":1,"values":{"a":' + "[" * 100000,
                     '{"version":1}', "\\ud800", "[]"):
            def act(stream, data=data):
                stream.open_stream()
                stream.send(f"event: snapshot\ndata: {data}\n\n")
            _, device = self.wait_after(act, "values that are none")
            self.assertEqual(os.listdir(self.directory), ["token"])
            device.stop()

    def test_reason_cannot_steer_a_terminal(self):
        def act(stream):
            stream.open_stream()
            stream.send('event: shutdown\ndata: {"reason":"\\u001b[31m\\nvmd-device: all is well"}\n\n')
        _, device = self.wait_after(act, "shutdown")
        self.assertNotIn("\x1b", "".join(device.said))
        self.assertFalse(any(line.startswith("vmd-device: all is well") for line in device.said))


class Applying(Case):
    HOOK = ('#!/bin/sh\necho "$VMD_CONFIG_VERSION $VMD_DEVICE_ID $(cat "$VMD_CONFIG_DIRECTORY/a") '
            '$(cat "$VMD_CONFIG_FILE")" >>{log}\n')

    def test_hook(self):
        self.start("--hook", self.write("hook", self.HOOK.format(log=self.path("log")), 0o755))
        stream = self.open_stream()
        stream.snapshot(1, a="$(touch evil); x")
        self.assertEqual(self.report()["status"], "ok")
        self.assertEqual(self.read("log"), '1 lamp-1 $(touch evil); x {"version":1,"values":{"a":"$(touch evil); x"}}\n')

    def test_hook_that_fails(self):
        device = self.start("--hook", self.write("hook", "#!/bin/sh\necho one\necho why >&2\nexit 3\n", 0o755))
        self.open_stream().snapshot(1)
        report = self.report()
        self.assertEqual((report["version"], report["status"]), (1, "failed"))
        self.assertRegex(report["message"], "status 3: why$")
        device.wait_for("Could not apply version 1")

    def test_hook_with_a_long_message(self):
        self.start("--hook", self.write("hook", "#!/bin/sh\nprintf 'ü%.0s' $(seq 5000)\nexit 1\n", 0o755))
        self.open_stream().snapshot(1)
        message = self.report()["message"]
        self.assertLessEqual(len(message.encode()), 1024)
        self.assertTrue(message.endswith("ü"))

    def test_hook_that_is_not_there(self):
        self.start("--hook", self.path("nowhere"))
        self.open_stream().snapshot(1)
        self.assertEqual(self.report()["status"], "failed")

    def test_hook_that_hangs(self):
        # It does not care for SIGTERM, and has a child that holds its output.
        hook = self.write("hook", "#!/bin/sh\ntrap '' TERM\nsleep 1000\nsleep 1000\n", 0o755)
        self.start("--hook", hook, "--hook-deadline", "5")
        self.open_stream().snapshot(1)
        report = self.report()
        self.assertEqual(report["status"], "failed")
        self.assertIn("in time", report["message"])

    def test_hook_that_leaves_a_service(self):
        """Which keeps the pipe open: the hook has ended all the same."""
        pid = self.path("pid")
        self.start("--hook", self.write("hook", f"#!/bin/sh\nsleep 1000 &\necho $! >{pid}\n", 0o755))
        self.open_stream().snapshot(1)
        self.assertEqual(self.report()["status"], "ok")
        os.kill(int(self.read("pid")), signal.SIGTERM)

    def test_latest_wins(self):
        os.mkfifo(self.path("fifo"))
        hook = f'#!/bin/sh\necho $VMD_CONFIG_VERSION >>{self.path("log")}\nread x <{self.path("fifo")}\n'
        device = self.start("--verbose", "--hook", self.write("hook", hook, 0o755), second=1000)
        stream = self.open_stream()
        for version in range(1, 6):
            stream.snapshot(version, a=version)
        device.wait_for("Version 5 has come")
        # The files stay as the hook found them.
        self.assertEqual(self.read("config/a"), "1")
        for version in (1, 5):
            with open(self.path("fifo"), "w", encoding="utf-8") as file:
                file.write("go\n")
            self.assertEqual(self.report()["version"], version)
        self.assertEqual(self.read("log"), "1\n5\n")

    def test_report_again(self):
        self.start()
        stream = self.open_stream()
        stream.snapshot(1)
        self.server.next("applied").close()
        self.server.next("applied").answer(503)
        self.assertEqual(self.report(), {"version": 1, "status": "ok", "message": ""})
        stream.snapshot(2)
        self.assertEqual(self.report(409)["version"], 2)
        stream.snapshot(3)
        # The one that was refused is not told again.
        self.assertEqual(self.report()["version"], 3)

    def test_files_that_cannot_be_written(self):
        self.start()
        stream = self.open_stream()
        os.mkdir(self.output)
        stream.snapshot(1)
        self.assertEqual(self.report()["status"], "failed")
        os.rmdir(self.output)
        stream.snapshot(2)
        self.assertEqual(self.report()["status"], "ok")

    def test_sighup_applies_again(self):
        device = self.start()
        stream = self.open_stream()
        stream.snapshot(1, a=1)
        self.report()
        os.unlink(self.output)
        device.process.send_signal(signal.SIGHUP)
        self.report()
        self.assertTrue(os.path.exists(self.output))

    def test_stop_ends_the_hook(self):
        for script in ("sleep 1000", "trap '' TERM; sleep 1000; sleep 1000"):
            device = self.start("--hook", self.write("hook", f"#!/bin/sh\necho $$ >{self.path('pid')}~\n"
                                                     f"mv {self.path('pid')}~ {self.path('pid')}\n{script}\n", 0o755))
            self.open_stream().snapshot(1)
            wait_until(lambda: os.path.exists(self.path("pid")), "the hook runs")
            self.assertEqual(device.stop(), 0)
            self.assertFalse(os.path.exists(f"/proc/{int(self.read('pid'))}"))
            self.assertFalse(self.server.has("applied"))
            os.unlink(self.path("pid"))


class Ending(Case):
    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            device = self.start()
            stream = self.open_stream()
            self.assertEqual(device.stop(number), 0)
            stream.wait_for_close()

    def test_while_it_waits(self):
        device = self.start(second=1000)
        self.server.next("stream").answer(401)
        device.wait_for("trying again")
        self.assertEqual(device.stop(), 0)

    def test_while_it_connects(self):
        device = self.start(second=1000)
        self.server.next("stream")
        self.assertEqual(device.stop(), 0)

    def test_while_it_reports(self):
        device = self.start(second=1000)
        self.open_stream().snapshot(1)
        self.server.next("applied")
        self.assertEqual(device.stop(), 0)


class Once(Case):
    BODY = b'{"version":4,"values":{"a":"b"}}'

    def test_good(self):
        device = self.start("--once")
        request = self.server.next("config")
        self.assertEqual((request.method, request.path), ("GET", "/v1/devices/lamp-1/config"))
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
        self.fails(self.start("--once"), 1, "in time")

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


class Beginning(Case):
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
        device = Device(["--config", path], self.environment)
        self.addCleanup(device.kill)
        self.assertEqual(self.server.next("stream").path, "/v1/devices/lamp-2/config/stream")

    def test_token_is_on_no_command_line(self):
        device = self.start()
        self.server.next("stream")
        for name in ("cmdline", "environ"):
            with open(f"/proc/{device.process.pid}/{name}", "rb") as file:
                self.assertNotIn(TOKEN.encode(), file.read())


class Tls(Case):
    def setUp(self):
        super().setUp()
        self.environment |= WITHOUT_LEAK_CHECKER

    def make_certificate(self, name, *subject):
        """(certificate, key) that an authority of its own signed: itself."""
        paths = self.path(f"{name}.pem"), self.path(f"{name}.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "2", "-out", paths[0], "-keyout", paths[1], "-subj", "/CN=test",
                        "-addext", f"subjectAltName={','.join(subject)}"],
                       check=True, capture_output=True, timeout=HANG_LIMIT)
        return paths

    def test_good(self):
        certificate = self.make_certificate("good", "IP:127.0.0.1")
        self.server = self.serve(certificate)
        device = self.start("--ca", certificate[0], second=1000)
        self.open_stream().snapshot(1, a=1)
        self.assertEqual(self.report()["version"], 1)
        self.assertEqual(device.stop(), 0)

    def refuses(self, certificate, authority):
        self.server = self.serve(certificate)
        device = self.start(*(["--ca", authority] if authority else []))
        device.wait_for("certificate")
        self.assertFalse(self.server.has("stream"))
        device.stop()

    def test_unknown_authority(self):
        self.refuses(self.make_certificate("bad", "IP:127.0.0.1"), self.make_certificate("other", "IP:127.0.0.1")[0])

    def test_system_authorities(self):
        self.refuses(self.make_certificate("bad", "IP:127.0.0.1"), None)

    def test_other_host(self):
        certificate = self.make_certificate("bad", "DNS:other.example")
        self.refuses(certificate, certificate[0])

    def test_no_tls_behind_https(self):
        self.server.url = self.server.url.replace("http:", "https:")
        device = self.start()
        device.wait_for("trying again")
        self.assertFalse(self.server.has("stream"))

    def test_no_authorities(self):
        self.write("empty", "")
        for name in ("nowhere", "empty"):
            device = self.start("--ca", self.path(name))
            self.assertEqual(device.finish(), 1)
            self.assertIn(name, "".join(device.said))


if __name__ == "__main__":
    tap_main.main()
