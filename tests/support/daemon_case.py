# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Test cases with a daemon of their own, to which clients connect peer to peer, or over a bus."""

import os
import unittest

from client import BusError, Client
from private_bus import PrivateBus
from sandbox import Sandbox


class PeerCase(unittest.TestCase):
    """Without a bus."""

    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.daemon = self.start()
        self.client = self.connect()

    def start(self):
        return self.sandbox.start_daemon("--no-bus")

    def connect(self):
        with open(os.path.join(self.sandbox.state, "daemon"), encoding="utf-8") as file:
            client = Client(file.read())
        self.addCleanup(client.connection.close)
        return client

    def fails(self, name, function, *arguments, **options):
        """The call ends with this error; returns its message."""
        with self.assertRaises(BusError) as caught:
            function(*arguments, **options)
        self.assertEqual(caught.exception.name, name, caught.exception)
        return str(caught.exception)

    def running(self, name="web"):
        path = self.client.create(name)
        self.client.vm(path, "Start")
        return path

    def is_linked(self):
        """The daemon has connected to a guest's port for the channel, as it does at any time after the start."""
        with open("/proc/net/unix", encoding="utf-8") as table:
            return any(row[5] == "03" and row[7].startswith(self.sandbox.runtime) and row[7].endswith("/channel")
                       for row in map(str.split, table) if len(row) == 8)


class BusCase(PeerCase):
    """The same on a session bus."""

    def start(self):
        self.bus = PrivateBus(self.sandbox)
        self.addCleanup(self.bus.close)
        daemon = self.sandbox.start_daemon()
        self.bus.wait_for_owner()
        return daemon

    def connect(self):
        client = Client(self.bus.address, bus=True)
        self.addCleanup(client.connection.close)
        return client
