#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The guest's client follows a stream, over TCP and over the port."""

import os

from client_case import GuestCase, Shared
import channel_cases
import tap_main


class Following(channel_cases.Following, GuestCase):
    INSTANCE = "^[0-9a-f]{32}$"

    def test_whole_versions(self):
        """Whoever holds the directory open has one version of it."""
        self.start()
        stream = self.open_stream()
        stream.snapshot(1, a=1, b=1)
        self.report()
        held = os.open(self.values, os.O_DIRECTORY)
        self.addCleanup(os.close, held)
        inode = os.stat(self.values).st_ino
        stream.snapshot(2, a=2)
        self.report()
        self.assertNotEqual(os.stat(self.values).st_ino, inode)
        self.assertEqual(os.listdir(held), [])

    def test_values_as_they_came(self):
        """Numbers are not read and written again, nor is text."""
        self.start()
        self.open_stream().snapshot(3, colour="rot ü\n", ratio=0.1)
        self.report()
        self.assertEqual(self.read("config.json"), '{"version":3,"values":{"colour":"rot \\u00fc\\n","ratio":0.1}}\n')
        self.assertEqual(self.read("config/ratio"), "0.1")

    def test_chunks_byte_by_byte(self):
        self.start()
        stream = self.server.next("stream")
        for byte in (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                     b'Transfer-Encoding: chunked\r\n\r\n1b;x=y\r\nevent: snapshot\nid: 1\ndata:\r\n1F\r\n '
                     b'{"version":1,"values":{"a":""}\r\n3\r\n}\n\n\r\n'):
            stream.send(bytes([byte]))
        self.assertEqual(self.report()["version"], 1)
        self.assertEqual(self.read("config/a"), "")


class SharedFollowing(Shared, Following):
    pass


if __name__ == "__main__":
    tap_main.main()
