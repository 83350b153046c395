#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The configuration channel over TLS, with its real clients: vmd-device and curl."""

import json
import os
import signal
import subprocess
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tap_main  # noqa: E402
from client import MANAGER  # noqa: E402
from daemon_case import PeerCase  # noqa: E402
from sandbox import BUILD_ROOT, HANG_LIMIT, VMD, WITHOUT_LEAK_CHECKER, wait_until  # noqa: E402

VMD_DEVICE = os.path.join(BUILD_ROOT, "vmctl", "vmd-device")


class Tls(PeerCase):
    def start(self):
        self.authority = self.make_authority("authority")
        self.make_certificate("server", self.authority, "IP:127.0.0.1,DNS:localhost")
        return self.start_channel("127.0.0.1:0")

    def start_channel(self, listen, name="server"):
        return self.sandbox.start_daemon("--no-bus", "--channel-listen", listen,
                                         "--channel-certificate", self.path(name + ".pem"),
                                         "--channel-key", self.path(name + ".key"))

    def path(self, name):
        return os.path.join(self.sandbox.directory, name)

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=HANG_LIMIT)

    def make_authority(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                     "-subj", "/CN=" + name, "-keyout", self.path(name + ".key"), "-out", self.path(name + ".pem"))
        return name

    def make_certificate(self, name, authority, names):
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + name,
                     "-keyout", self.path(name + ".key"), "-out", self.path(name + ".csr"))
        with open(self.path(name + ".ext"), "w", encoding="utf-8") as file:
            file.write(f"subjectAltName={names}\n")
        self.openssl("x509", "-req", "-in", self.path(name + ".csr"), "-days", "2", "-CA", self.path(authority + ".pem"),
                     "-CAkey", self.path(authority + ".key"), "-CAcreateserial", "-extfile", self.path(name + ".ext"),
                     "-out", self.path(name + ".pem"))

    def url(self):
        with open(os.path.join(self.sandbox.state, "channel"), encoding="utf-8") as file:
            return file.read().strip()

    def add(self, name):
        path = self.client.call(MANAGER, "Manager", "AddDevice", "sa{sv}", name, {})[0]
        token = self.client.call(path, "Device", "AddToken", "sa{sv}", "first", {})[0]
        with open(self.path(name + ".token"), "w", encoding="utf-8") as file:
            file.write(token + "\n")
        return path, token

    def set(self, path, **values):
        return self.client.call(path, "Device", "ChangeConfig", "ssa{sv}", "patch", json.dumps(values), {})[0]

    def device_arguments(self, name, url=None, authority="authority"):
        return [VMD_DEVICE, "--url", url or self.url(), "--id", name, "--token-file", self.path(name + ".token"),
                "--ca", self.path(authority + ".pem"), "--output", self.path(name + ".json")]

    def spawn(self, arguments, **options):
        process = subprocess.Popen(arguments, env=self.sandbox.environment | WITHOUT_LEAK_CHECKER,
                                   stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)

        def end():
            if process.poll() is None:
                process.kill()
            process.wait(HANG_LIMIT)

        self.addCleanup(end)
        return process

    def once(self, name, **options):
        return subprocess.run([*self.device_arguments(name, **options), "--once"],
                              env=self.sandbox.environment | WITHOUT_LEAK_CHECKER, capture_output=True, encoding="utf-8", timeout=HANG_LIMIT, check=False)

    def values_at(self, name):
        try:
            with open(self.path(name + ".json"), encoding="utf-8") as file:
                return json.load(file)["values"]
        except FileNotFoundError:
            return None

    def curl(self, device, token, *arguments):
        process = self.spawn(["curl", "--silent", "--no-buffer", "--cacert", self.path("authority.pem"),
                              "-H", f"Authorization: Bearer {token}", *arguments,
                              f"{self.url()}/v1/devices/{device}/config/stream"],
                             stdout=subprocess.PIPE, encoding="utf-8")
        self.addCleanup(process.stdout.close)
        return process

    def event(self, curl):
        """The next one that is no comment, as (name, data)."""
        fields = {}
        for line in curl.stdout:
            if line == "\n" and fields:
                return fields["event"], json.loads(fields["data"])
            if line != "\n" and not line.startswith(":"):
                name, _, value = line.rstrip("\n").partition(": ")
                fields[name] = value
        return None

    def test_vmd_device(self):
        path, _ = self.add("door")
        self.spawn(self.device_arguments("door"))
        wait_until(lambda: self.values_at("door") == {}, "the first values are there")
        version = self.set(path, colour="red", long="x" * 60000)
        wait_until(lambda: (self.values_at("door") or {}).get("colour") == "red", "the values are there")
        wait_until(lambda: self.client.get(path, "Device", "AppliedVersion") == version, "it has reported them")
        self.assertEqual(self.client.get(path, "Device", "AppliedStatus"), "ok")
        self.assertTrue(self.url().startswith("https://127.0.0.1:"))

    def test_restart(self):
        """The server goes without a word; the device is back, by the same address, and has what was set meanwhile."""
        path, _ = self.add("door")
        self.spawn([*self.device_arguments("door"), "--second", "50"])
        wait_until(lambda: self.values_at("door") == {}, "the first values are there")
        listen = urllib.parse.urlsplit(self.url()).netloc
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait(HANG_LIMIT)
        self.daemon = self.start_channel(listen)
        self.client = self.connect()
        self.set(path, colour="blue")
        wait_until(lambda: self.values_at("door") == {"colour": "blue"}, "the values are there")

    def test_strangers(self):
        """A server that the device's authority does not vouch for gets no token, and a name that is not its own is none."""
        self.add("door")
        self.make_authority("stranger")
        good = self.once("door")
        self.assertEqual(good.returncode, 0, good.stderr)
        other = self.once("door", authority="stranger")
        self.assertNotEqual(other.returncode, 0)
        self.assertIn("certificate", other.stderr)
        self.sandbox.stop_daemon()
        self.make_certificate("elsewhere", self.authority, "DNS:elsewhere.example")
        self.start_channel("127.0.0.1:0", "elsewhere")
        named = self.once("door")
        self.assertNotEqual(named.returncode, 0)
        self.assertIn("certificate", named.stderr)

    def test_curl(self):
        path, token = self.add("lamp")
        curl = self.curl("lamp", token)
        self.assertEqual(self.event(curl)[0], "snapshot")
        self.set(path, colour="red")
        self.assertEqual(self.event(curl)[1]["values"], {"colour": "red"})
        newcomer = self.curl("lamp", token)
        self.assertEqual(self.event(newcomer)[1]["values"], {"colour": "red"})
        self.assertEqual(self.event(curl)[0], "superseded")
        self.assertIsNone(self.event(curl))
        # A cut would be 56: what has ended was said to have.
        self.assertEqual(curl.wait(HANG_LIMIT), 0)
        self.client.call(path, "Device", "RevokeToken", "sa{sv}", token.partition(".")[0], {})
        self.assertEqual(self.event(newcomer)[0], "revoked")
        self.assertEqual(newcomer.wait(HANG_LIMIT), 0)

    def test_stopped_curl(self):
        """One that has stopped is taken over from, and the daemon's end does not wait for it either."""
        path, token = self.add("lamp")
        stopped = self.curl("lamp", token)
        self.assertEqual(self.event(stopped)[0], "snapshot")
        stopped.send_signal(signal.SIGSTOP)
        for i in range(100):
            self.set(path, number=i, filling="x" * 60000)
        newcomer = self.curl("lamp", token)
        self.assertEqual(self.event(newcomer)[1]["values"]["number"], 99)
        newcomer.send_signal(signal.SIGSTOP)
        for i in range(100):
            self.set(path, number=i, filling="y" * 60000)
        self.daemon.send_signal(signal.SIGTERM)
        self.assertEqual(self.daemon.wait(HANG_LIMIT), 0)

    def shown_serial(self):
        address = urllib.parse.urlsplit(self.url()).netloc
        shown = subprocess.run(["openssl", "s_client", "-connect", address, "-CAfile", self.path("authority.pem"), "-verify_return_error"],
                               stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG_LIMIT, check=True).stdout
        return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=shown, capture_output=True, timeout=HANG_LIMIT,
                              check=True).stdout

    def serial(self, name):
        return subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", self.path(name + ".pem")], capture_output=True,
                              timeout=HANG_LIMIT, check=True).stdout

    def log(self):
        with open(self.path("vmd.log"), encoding="utf-8") as file:
            return file.read()

    def reload(self, expected):
        said = self.log().count(expected)
        self.daemon.send_signal(signal.SIGHUP)
        wait_until(lambda: self.log().count(expected) > said, "the daemon says: " + expected)

    def test_renewed(self):
        """SIGHUP: who connects then sees the renewed certificate; a stream that is there lives on, whatever is in the files."""
        path, token = self.add("lamp")
        curl = self.curl("lamp", token)
        self.assertEqual(self.event(curl)[0], "snapshot")
        first = self.serial("server")
        self.assertEqual(self.shown_serial(), first)
        self.make_certificate("server", self.authority, "IP:127.0.0.1,DNS:localhost")
        second = self.serial("server")
        self.assertNotEqual(first, second)
        self.assertEqual(self.shown_serial(), first)
        self.reload("were read again")
        self.assertEqual(self.shown_serial(), second)
        with open(self.path("server.key"), "w", encoding="utf-8") as file:
            file.write("no key\n")
        self.reload("stays as it was")
        self.assertIn(self.path("server.key"), self.log())
        self.assertEqual(self.shown_serial(), second)
        self.set(path, colour="red")
        self.assertEqual(self.event(curl)[1]["values"], {"colour": "red"})
        self.assertIsNone(self.daemon.poll())

    def test_openssl(self):
        """Another TLS than the server's own shakes hands with it, by both versions and by no older one."""
        address = urllib.parse.urlsplit(self.url()).netloc
        for version, is_spoken in (("-tls1_3", True), ("-tls1_2", True), ("-tls1_1", False)):
            attempt = subprocess.run(["openssl", "s_client", "-connect", address, "-CAfile", self.path("authority.pem"),
                                      "-verify_return_error", "-verify_ip", "127.0.0.1", version],
                                     stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG_LIMIT, check=False)
            self.assertEqual(attempt.returncode == 0, is_spoken, attempt.stderr)


class Start(PeerCase):
    def test_bad(self):
        """A channel that cannot be opened keeps the daemon from starting, and says which file it is."""
        missing = os.path.join(self.sandbox.directory, "missing.pem")
        attempt = subprocess.run([VMD, "--no-bus", "--backend", "fake", "--state-dir",
                                  os.path.join(self.sandbox.directory, "other"), "--channel-listen", "127.0.0.1:0",
                                  "--channel-certificate", missing, "--channel-key", missing],
                                 env=self.sandbox.environment, stdin=subprocess.DEVNULL, capture_output=True,
                                 encoding="utf-8", timeout=HANG_LIMIT, check=False)
        self.assertNotEqual(attempt.returncode, 0)
        self.assertIn(missing, attempt.stderr)


if __name__ == "__main__":
    tap_main.main()
