# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What every client of the configuration channel does alike: `vmd-device`, and `vmd-guest config` over TCP and over its port. Each
class is mixed into a ClientCase of each of them."""

import contextlib
import json
import os
import re
import signal
import threading
import time

from channel_client import OTHER_TOKEN, TOKEN
from sandbox import HANG_LIMIT


class Following:
    INSTANCE = "^[A-Za-z0-9_-]{1,64}$"

    def test_request(self):
        self.start()
        stream = self.open_stream()
        self.assertEqual((stream.method, stream.path), ("GET", f"/v1/devices/{self.DEVICE}/config/stream"))
        self.assertEqual(stream.headers["authorization"], f"Bearer {TOKEN}")
        self.assertEqual(stream.headers["accept"], "text/event-stream")
        self.assertEqual(stream.headers["host"], self.host_name())
        self.assertRegex(stream.headers["vmd-instance"], self.INSTANCE)
        self.assertNotIn("last-event-id", stream.headers)
        self.assertNotIn("accept-encoding", stream.headers)

    def host_name(self):
        return self.server.url.removeprefix("http://")

    def test_values(self):
        client = self.start()
        stream = self.open_stream()
        values = {"colour": "rot ü\n", "level": 7, "list": [1, 2], "ratio": 0.5}
        stream.snapshot(3, **values)
        self.assertEqual(self.report(), {"version": 3, "status": "ok", "message": ""})
        text = self.read("config.json")
        self.assertEqual(json.loads(text), {"version": 3, "values": values})
        self.assertRegex(text, r'^\{"version":3,"values":\{"colour":"rot [^"]*","level":7,"list":\[1,2\],"ratio":0\.5\}\}\n$')
        self.assertEqual({key: self.read(f"config/{key}") for key in os.listdir(self.values)},
                         {"colour": "rot ü\n", "level": "7", "list": "[1,2]", "ratio": "0.5"})
        stream.send(": heartbeat\n\n")
        stream.snapshot(9, level=8)
        self.assertEqual(self.report()["version"], 9)
        self.assertEqual(os.listdir(self.values), ["level"])
        self.assertEqual(sorted(os.listdir(self.directory)), sorted(["config", "config.json", *self.beside(applied=True)]))
        self.assertEqual(client.stop(), 0)
        stream.wait_for_close()

    def test_reader_sees_old_or_new(self):
        """By its name each file is whole."""
        self.start()
        stream = self.open_stream()
        stream.snapshot(1, a="1" * 60000, b="1")
        self.report()
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
            stream = self.server.next("stream")
            # Its lease is so short that the answer may come too late.
            with contextlib.suppress(OSError):
                stream.open_stream()
            stream.close()
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


class Reconnecting:
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
        client = self.start(second=40)
        stream = self.open_stream()
        began = time.monotonic()
        stream.wait_for_close()
        self.assertGreaterEqual(time.monotonic() - began, 0.8)
        self.assertIn("silent", client.wait_for("trying again"))
        self.server.next("stream")

    def test_silence_before_the_answer(self):
        client = self.start(second=10)
        self.server.next("stream").wait_for_close()
        self.assertIn("silent", client.wait_for("trying again"))

    def test_heartbeats_keep_it(self):
        """For longer than the lease, by a heartbeat now and then."""
        client = self.start(second=80)
        stream = self.open_stream()
        for _ in range(6):
            threading.Event().wait(0.5)  # the time that passes is what is tested
            stream.send(": heartbeat\n\n")
        stream.snapshot(1)
        self.assertEqual(self.report()["version"], 1)
        self.assertFalse(client.has_said("trying again"))

    def test_superseded(self):
        client = self.start(second=10)
        said = "silent"
        # Its lease is so short that what it is told may come too late.
        while "silent" in said:
            stream = self.server.next("stream")
            with contextlib.suppress(OSError):
                stream.open_stream()
                stream.end("superseded")
            said = client.wait_for("trying again")
        began = time.monotonic()
        self.assertIn("superseded", said)
        wait = float(re.search(r"again in ([0-9.]+) s", said)[1])
        self.assertGreaterEqual(wait, 300)
        self.assertLessEqual(wait, 360)
        again = self.server.next("stream")
        # It may have been said a while before it was read.
        self.assertGreaterEqual(time.monotonic() - began, 2)
        self.assertEqual(again.headers["vmd-instance"], stream.headers["vmd-instance"])
        self.assertIsNone(client.process.poll())

    def test_no_reports_when_superseded(self):
        self.write_waiting_hook()
        client = self.start_with_hook(second=1000)
        stream = self.open_stream()
        stream.snapshot(1)
        self.wait_for_hook()
        stream.end("superseded")
        client.wait_for("superseded")
        self.release_hook()
        client.wait_for("applied version 1")
        # Somebody says that it is to try: then the report is due as well.
        client.process.send_signal(signal.SIGHUP)
        self.wait_for_hook()
        self.release_hook()
        stream = self.server.next("stream")
        self.assertFalse(self.server.has("applied"))
        stream.open_stream()
        self.assertEqual(self.report()["version"], 1)

    def test_told_ends(self):
        for event in ("shutdown", "revoked", "deleted"):
            def act(stream, event=event):
                stream.open_stream()
                stream.end(event)
            wait, client = self.wait_after(act, event)
            self.assertLessEqual(wait, 1)
            client.stop()

    def test_contested(self):
        wait, _ = self.wait_after(lambda stream: stream.answer(409, "Retry-After: 40"), self.WORDS["contested"])
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
        wait, client = self.wait_after(lambda stream: stream.answer(401, "WWW-Authenticate: Basic realm=x"), self.WORDS["unknown"])
        self.assertGreaterEqual(wait, 30)
        self.assertLessEqual(wait, 60)
        # Another token, and a word that it is there.
        self.write_token(OTHER_TOKEN)
        client.process.send_signal(signal.SIGHUP)
        again = self.server.next("stream")
        self.assertEqual(again.headers["authorization"], f"Bearer {OTHER_TOKEN}")

    def test_broken_server(self):
        for status in (500, 503):
            wait, client = self.wait_after(lambda stream, status=status: stream.answer(status), str(status))
            self.assertLessEqual(wait, 1)
            client.stop()

    def test_redirect(self):
        elsewhere = self.serve()
        self.wait_after(lambda stream: stream.answer(302, f"Location: {elsewhere.url}/stream"), self.WORDS["redirect"])
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
        for data in ('{"version":1,"values":{"../x":1}}', '{"version":1,"values":{"a":' + "[" * 100000, '{"version":1}', "\\ud800", "[]",
                     '{"version":1,"values":{".":1}}', '{"version":1,"values":{"a":1,"a":2}}', '{"version":0,"values":{}}'):
            self.refuses_snapshot(data)

    def refuses_snapshot(self, data):
        def act(stream):
            stream.open_stream()
            stream.send(f"event: snapshot\ndata: {data}\n\n")
        _, client = self.wait_after(act, "values that are none")
        self.assertEqual(sorted(os.listdir(self.directory)), sorted(self.beside()))
        client.stop()

    def test_reason_cannot_steer_a_terminal(self):
        def act(stream):
            stream.open_stream()
            stream.send('event: shutdown\ndata: {"reason":"\\u001b[31m\\nvmd-device: all is well"}\n\n')
        _, client = self.wait_after(act, "shutdown")
        self.assertFalse(client.has_said("\x1b"))
        self.assertFalse(any(line.startswith("vmd-device: all is well") for line in client.said))


class Applying:
    def test_hook(self):
        self.write_hook('echo "$VMD_CONFIG_VERSION $VMD_DEVICE_ID $(cat "$VMD_CONFIG_DIRECTORY/a") $(cat "$VMD_CONFIG_FILE") $# '
                        f'$(wc -c)" >>{self.path("log")}\n')
        self.start_with_hook()
        self.open_stream().snapshot(1, a="$(touch evil); x")
        self.assertEqual(self.report()["status"], "ok")
        self.assertEqual(self.read("log"), f'1 {self.DEVICE} $(touch evil); x {{"version":1,"values":{{"a":"$(touch evil); x"}}}} 0 0\n')

    def test_hook_that_fails(self):
        self.write_hook("echo one\necho why >&2\nexit 3\n")
        client = self.start_with_hook()
        self.open_stream().snapshot(1)
        report = self.report()
        self.assertEqual((report["version"], report["status"]), (1, "failed"))
        self.assertRegex(report["message"], "status 3: why$")
        client.wait_for("could not apply version 1")

    def test_hook_with_a_long_message(self):
        self.write_hook("printf 'ü%.0s' $(seq 5000)\nexit 1\n")
        self.start_with_hook()
        self.open_stream().snapshot(1)
        message = self.report()["message"]
        self.assertLessEqual(len(message.encode()), 1024)
        self.assertGreaterEqual(len(message.encode()), 1000)
        self.assertTrue(message.endswith("ü"))

    def test_hook_that_hangs(self):
        # It does not care for SIGTERM, and has a child that holds its output.
        self.write_hook("trap '' TERM\nsleep 1000\nsleep 1000\n")
        self.start_with_hook(hook_deadline=1)
        self.open_stream().snapshot(1)
        report = self.report()
        self.assertEqual(report["status"], "failed")
        self.assertIn("in time", report["message"])

    def test_hook_that_leaves_a_service(self):
        """Which keeps the pipe open: the hook has ended all the same."""
        self.write_hook(f"sleep 1000 &\necho $! >{self.path('pid')}\n")
        self.start_with_hook()
        self.open_stream().snapshot(1)
        self.assertEqual(self.report()["status"], "ok")
        os.kill(int(self.read("pid")), signal.SIGTERM)

    def test_latest_wins(self):
        self.write_waiting_hook(f"echo $VMD_CONFIG_VERSION >>{self.path('log')}")
        self.start_with_hook(second=1000)
        stream = self.open_stream()
        stream.snapshot(1, a=1)
        self.wait_for_hook()
        for version in range(2, 6):
            stream.snapshot(version, a=version)
        # A connection that it makes is made after the versions that came before its cut.
        stream.close()
        self.assertEqual(self.server.next("stream").headers["last-event-id"], "5")
        # The files stay as the hook found them.
        self.assertEqual(self.read("config/a"), "1")
        self.release_hook()
        self.assertEqual(self.report()["version"], 1)
        self.wait_for_hook()
        self.release_hook()
        self.assertEqual(self.report()["version"], 5)
        self.assertEqual(self.read("log"), "1\n5\n")
        self.assertEqual(self.read("config/a"), "5")

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

    def test_newer_report_waits_for_its_turn(self):
        client = self.start(second=1000)
        stream = self.open_stream()
        stream.snapshot(1)
        first = self.server.next("applied")
        stream.snapshot(2, a=2)
        client.wait_for("applied version 2")
        self.assertFalse(self.server.has("applied"))
        first.close()
        second = self.server.next("applied")
        self.assertEqual(second.json["version"], 2)
        stream.snapshot(3, b=3)
        client.wait_for("applied version 3")
        second.answer(204)
        self.assertEqual(self.report()["version"], 3)

    def test_files_that_cannot_be_written(self):
        self.start()
        stream = self.open_stream()
        os.mkdir(self.output)
        stream.snapshot(1)
        report = self.report()
        self.assertEqual(report["status"], "failed")
        self.assertRegex(report["message"], "config.json.*: Is a directory")
        os.rmdir(self.output)
        stream.snapshot(2)
        self.assertEqual(self.report()["status"], "ok")

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
        for first, last in ((":", "sleep 1000"), ("trap '' TERM", "sleep 1000; sleep 1000")):
            self.write_waiting_hook(first, last)
            client = self.start_with_hook()
            self.open_stream().snapshot(1)
            pid = self.wait_for_hook()
            self.assertEqual(client.stop(), 0)
            self.assertFalse(os.path.exists(f"/proc/{pid}"))
            self.assertFalse(self.server.has("applied"))


class Ending:
    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            client = self.start()
            stream = self.open_stream()
            client.wait_for("connected")
            self.assertEqual(client.stop(number), 0)
            stream.wait_for_close()

    def test_while_it_waits(self):
        client = self.start(second=1000)
        self.server.next("stream").answer(401)
        client.wait_for("trying again")
        self.assertEqual(client.stop(), 0)

    def test_while_it_connects(self):
        client = self.start(second=1000)
        self.server.next("stream")
        self.assertEqual(client.stop(), 0)

    def test_while_it_reports(self):
        client = self.start(second=1000)
        self.open_stream().snapshot(1)
        self.server.next("applied")
        self.assertEqual(client.stop(), 0)
