# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A test that has vmd-device, and a server which does what the test says."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from channel_client import SECOND, TOKEN, ClientCase  # noqa: E402
from sandbox import BUILD_ROOT  # noqa: E402

VMD_DEVICE = os.path.join(BUILD_ROOT, "vmctl", "vmd-device")


class DeviceCase(ClientCase):
    DEVICE = "lamp-1"
    WORDS = {"contested": "contested", "unknown": "does not know this device", "redirect": "redirects"}

    def setUp(self):
        super().setUp()
        self.token = self.path("token")
        self.write_token(TOKEN)
        kept = ("PATH", "G_DEBUG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
        self.environment = {name: os.environ[name] for name in kept if name in os.environ}
        self.environment |= {"LC_ALL": "C.UTF-8", "HOME": self.directory,
                             # No proxy is asked, whatever the environment says.
                             "http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"}

    def write_token(self, token):
        self.write("token", token + "\n")

    def beside(self, applied=False):
        """What lies beside what it is told to write."""
        return [".config.vmd-device", "token"] if applied else ["token"]

    def start_device(self, *arguments):
        return self.run_client([VMD_DEVICE, *arguments], self.environment)

    def start(self, *arguments, second=SECOND):
        return self.start_device("--url", self.server.url, "--id", self.DEVICE, "--token-file", self.token, "--output", self.output,
                                 "--directory", self.values, "--second", str(second), *arguments)

    def start_with_hook(self, second=SECOND, hook_deadline=60):
        return self.start("--hook", self.path("hook"), "--hook-deadline", str(hook_deadline), second=second)
