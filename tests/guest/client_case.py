# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A test that has the guest's client of the configuration channel, `vmd-guest config`, and a server which does what the test says: over
TCP, or over the port that several connections share."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import mux_host  # noqa: E402
from channel_client import SECOND, TOKEN, ClientCase  # noqa: E402

VMD_GUEST = os.environ["VMD_TEST_GUEST"]


class GuestCase(ClientCase):
    DEVICE = "0123456789abcdef0123456789abcdef"
    WORDS = {"contested": "409", "unknown": "401", "redirect": "302"}

    def setUp(self):
        super().setUp()
        self.url = self.server.url

    def write_token(self, token):
        """Of it and the rest the seed is made."""
        self.write("seed", f"vm_id=x\ndevice={self.DEVICE}\nchannel_url={self.url}\nchannel_token={token}\n")

    def beside(self, applied=False):
        """What lies beside what it writes."""
        return ["seed"]

    def start_client(self, *arguments):
        return self.run_client([VMD_GUEST, "config", *arguments])

    def start(self, *arguments, second=SECOND):
        self.write_token(TOKEN)
        return self.start_client(f"--run={self.directory}", f"--hook={self.path('hook')}", f"--second={second}", *arguments)

    def start_with_hook(self, second=SECOND, hook_deadline=60):
        return self.start(f"--hook-deadline={hook_deadline}", second=second)

    def deliver(self, stream, text):
        """When this returns, it lies there for the client to read."""
        stream.send(text)


class Shared:
    """The same over the port: mixed into a GuestCase."""

    def setUp(self):
        super().setUp()
        self.host = mux_host.MuxHost(self.server.port, self.path("port"))
        self.addCleanup(self.check_host)
        self.url = f"vport:{self.host.path}"

    def check_host(self):
        self.host.close()
        self.assertEqual(self.host.problems, [])

    def host_name(self):
        return "vmd"

    def beside(self, applied=False):
        return ["port", "seed"]

    def deliver(self, stream, text):
        with self.host.condition:
            before = self.host.n_sent
            stream.send(text)
            self.host.wait_until(lambda: self.host.n_sent == before + len(text), "the host passes it on")
