#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""vmd-device over TLS, to servers whose certificates are good or not."""

import subprocess

from device_case import DeviceCase
from sandbox import HANG_LIMIT, WITHOUT_LEAK_CHECKER
import tap_main


class Tls(DeviceCase):
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

    def refuses(self, certificate, authority, *why):
        self.server = self.serve(certificate)
        device = self.start(*(["--ca", authority] if authority else []))
        said = device.wait_for("certificate")
        for words in why:
            self.assertIn(words, said)
        self.assertFalse(self.server.has("stream"))
        device.stop()

    def test_unknown_authority(self):
        self.refuses(self.make_certificate("bad", "IP:127.0.0.1"), self.make_certificate("other", "IP:127.0.0.1")[0],
                     "nobody whom “--ca” names")

    def test_system_authorities(self):
        self.refuses(self.make_certificate("bad", "IP:127.0.0.1"), None, "nobody whom this machine trusts", "--ca")

    def test_other_host(self):
        certificate = self.make_certificate("bad", "DNS:other.example")
        self.refuses(certificate, certificate[0], "not one for the host")

    def test_no_tls_behind_https(self):
        self.server.url = self.server.url.replace("http:", "https:")
        device = self.start(second=20)
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
