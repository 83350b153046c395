#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The guest's client on the port that several connections share: hosts that restart, come late, are strange, or break."""

import signal
import struct
import threading

from client_case import GuestCase, Shared
from sandbox import wait_until
import mux_host
import tap_main


class Port(Shared, GuestCase):
    def applied(self, stream, version, **values):
        """A report whose answer was cut comes again, before this one."""
        stream.snapshot(version, **values)
        while self.report()["version"] != version:
            pass

    def hurry(self, client):
        """It waits longer each time that it is cut, and not when it is told to try."""
        said = client.wait_for("trying again")
        client.process.send_signal(signal.SIGHUP)
        return said

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
            self.hurry(client)
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
            # It died within a hello too. What follows is no frame, so that the guest may ask: a host answers that when it has
            # said all that it was saying.
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
        # Nothing tells that it has looked for the port, and found none.
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
        self.write_waiting_hook()
        client = self.start()
        self.open_stream().snapshot(1)
        self.wait_for_hook()
        self.host.stop_listening()
        self.release_hook()
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
        self.host.wait_until(lambda: pipe.may_send == 65536, "all that was sent is acknowledged")

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
            self.host.wait_until(lambda: len(self.host.pipes) == 1, "the report is over")
            asks = self.host.asks
            number = next(iter(self.host.pipes))
            with self.host.condition:
                self.host.write(case(number))
            stream.wait_for_close()
            self.host.wait_until(lambda asks=asks: self.host.asks == asks + 1, "it asks")
            self.assertIn("cut", self.hurry(client))
        self.applied(self.open_stream(), version + 1)

    def test_more_than_is_read_at_once(self):
        """It lies in the socket already when the client looks, and nothing comes after it that would tell of it."""
        client = self.start(second=1000)
        stream = self.open_stream()
        self.applied(stream, 1)
        self.host.wait_until(lambda: list(self.host.pipes) == [1], "the report's connection is gone")
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
        self.host.wait_until(lambda: list(self.host.pipes) == [1], "the report's connection is gone")
        with self.host.condition:
            self.host.write(mux_host.frame(2, mux_host.DATA, b"x" * 100) + mux_host.frame(2, mux_host.CREDIT, b"\0\0\0\1") +
                            mux_host.frame(2, mux_host.CLOSE) * 2)
        self.applied(stream, 2)
        self.assertEqual(self.host.sessions.qsize(), 1)


if __name__ == "__main__":
    tap_main.main()
