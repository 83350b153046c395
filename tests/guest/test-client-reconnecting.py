#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The guest's client connects again, over TCP and over the port."""

import json
import signal
import threading

from client_case import GuestCase, Shared
import channel_cases
import tap_main


class Reconnecting(channel_cases.Reconnecting, GuestCase):
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
        self.assertFalse(client.has_said("silent"))

    def test_bad_http(self):
        for text in (b"\0\xff\n" * 1000, b"HTTP/1.1 200 OK\n\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 4000,
                     b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"):
            _, client = self.wait_after(lambda stream, text=text: stream.send(text), "the server sent")
            client.stop()

    def test_hostile_snapshots_of_a_server(self):
        """What vmd's own server refuses to store, and would fill a guest's memory."""
        for values in ({f"k{i}": 1 for i in range(257)}, {"a": "x" * 65537}):
            self.refuses_snapshot(json.dumps({"version": 1, "values": values}))


class SharedReconnecting(Shared, Reconnecting):
    pass


if __name__ == "__main__":
    tap_main.main()
