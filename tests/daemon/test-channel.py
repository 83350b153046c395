#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The configuration channel of a daemon: from what is set on the bus or over HTTP to what a device gets."""

import http.client
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tap_main  # noqa: E402
from client import MANAGER  # noqa: E402
from daemon_case import PeerCase  # noqa: E402
from sandbox import HANG_LIMIT, VMCTL, VMD, wait_until  # noqa: E402


class Stream:
    """A device's live stream, read event by event."""

    def __init__(self, address, device, token, headers=None):
        self.connection = http.client.HTTPConnection(address, timeout=HANG_LIMIT)
        self.connection.request("GET", f"/v1/devices/{device}/config/stream",
                                headers={"Authorization": f"Bearer {token}"} | (headers or {}))
        self.answer = self.connection.getresponse()

    def event(self):
        """The next one that is no comment, as (name, data); None: the stream has ended."""
        fields = {}
        while line := self.answer.readline().decode():
            if line == "\n" and fields:
                return fields["event"], json.loads(fields["data"])
            if line != "\n" and not line.startswith(":"):
                name, _, value = line.rstrip("\n").partition(": ")
                fields[name] = value
        return None

    def values(self):
        name, data = self.event()
        assert name == "snapshot", name
        return data["values"]

    def close(self):
        self.answer.close()
        self.connection.close()


class Channel(PeerCase):
    def start(self, *arguments):
        return self.sandbox.start_daemon("--no-bus", "--channel-listen", "127.0.0.1:0", *arguments)

    def state_file(self, name):
        return os.path.join(self.sandbox.state, name)

    def read(self, name):
        with open(self.state_file(name), encoding="utf-8") as file:
            return file.read().strip()

    def address(self):
        return urllib.parse.urlsplit(self.read("channel")).netloc

    def add(self, name):
        path = self.client.call(MANAGER, "Manager", "AddDevice", "sa{sv}", name, {})[0]
        return path, self.client.call(path, "Device", "AddToken", "sa{sv}", "first", {})[0]

    def set(self, path, interface="Device", **values):
        return self.client.call(path, interface, "ChangeConfig", "ssa{sv}", "patch",
                                json.dumps(values), {})[0]

    def stream(self, device, token, **headers):
        stream = Stream(self.address(), device, token, headers)
        self.addCleanup(stream.close)
        return stream

    def rest(self, method, path, body=None, token=None, **headers):
        """(status, decoded body) of an administrator's request."""
        connection = http.client.HTTPConnection(self.address(), timeout=HANG_LIMIT)
        self.addCleanup(connection.close)
        connection.request(method, path, body=None if body is None else json.dumps(body),
                           headers={"Authorization": f"Bearer {token or self.read('channel-admin-token')}"} | headers)
        answer = connection.getresponse()
        data = answer.read()
        return answer.status, json.loads(data) if data else None

    def shows(self, path, name):
        return self.client.get(path, "Device", name)

    def test_from_set_to_device(self):
        path, token = self.add("door")
        stream = self.stream("door", token)
        self.assertEqual(stream.values(), {})
        self.set(path, key="a")
        self.assertEqual(stream.values(), {"key": "a"})
        wait_until(lambda: self.shows(path, "Connected"), "the device shows as connected")
        self.assertTrue(self.shows(path, "Peer").startswith("127.0.0.1:"))
        self.assertGreater(self.shows(path, "Generation"), 1 << 40)
        stream.close()
        wait_until(lambda: not self.shows(path, "Connected"), "the device shows as gone")

    def test_group(self):
        group = self.client.call(MANAGER, "Manager", "AddGroup", "sa{sv}", "doors", {})[0]
        streams = []
        for name in ("front", "back"):
            _, token = self.add(name)
            self.client.call(group, "DeviceGroup", "AddMember", "sa{sv}", name, {})
            streams.append(self.stream(name, token))
            self.assertEqual(streams[-1].values(), {})
        self.set(group, "DeviceGroup", light="on")
        for stream in streams:
            self.assertEqual(stream.values(), {"light": "on"})

    def test_takeover(self):
        path, token = self.add("door")
        first = self.stream("door", token)
        self.assertEqual(first.values(), {})
        second = self.stream("door", token)
        self.assertEqual(first.event()[0], "superseded")
        self.assertIsNone(first.event())
        self.assertEqual(second.values(), {})
        self.set(path, key=1)
        self.assertEqual(second.values(), {"key": 1})

    def test_revoked_and_removed(self):
        path, token = self.add("door")
        other = self.client.call(path, "Device", "AddToken", "sa{sv}", "second", {})[0]
        stream = self.stream("door", token)
        self.assertEqual(stream.values(), {})
        self.client.call(path, "Device", "RevokeToken", "sa{sv}", token.split(".")[0], {})
        self.assertEqual(stream.event()[0], "revoked")
        self.assertEqual(self.stream("door", token).answer.status, 401)
        stream = self.stream("door", other)
        self.assertEqual(stream.values(), {})
        self.client.call(path, "Device", "Remove", "a{sv}", {})
        self.assertEqual(stream.event()[0], "deleted")
        self.assertEqual(self.stream("door", other).answer.status, 401)

    def test_contested(self):
        """The bus names both peers."""
        path, token = self.add("door")
        streams = [self.stream("door", token, **{"Vmd-Instance": f"i{n}"}) for n in range(7)]
        self.assertIn(409, [stream.answer.status for stream in streams])
        wait_until(lambda: self.shows(path, "Contested"), "the device shows as contested")
        self.assertNotEqual(self.shows(path, "Rival"), "")
        self.assertNotEqual(self.shows(path, "Rival"), self.shows(path, "Peer"))

    def test_rest(self):
        """An administrator's whole way, beside what the bus shows of it."""
        self.assertEqual(self.rest("POST", "/v1/devices", {"id": "pump"})[0], 201)
        self.assertEqual(self.rest("POST", "/v1/devices", {"id": "pump"})[0], 409)
        path = self.client.call(MANAGER, "Manager", "FindDevice", "sa{sv}", "pump", {})[0]
        status, answer = self.rest("PATCH", "/v1/devices/pump/config", {"rate": 3, "name": "p"})
        self.assertEqual((status, answer["version"]), (200, self.shows(path, "Version")))
        version = answer["version"]
        self.assertEqual(self.rest("PUT", "/v1/devices/pump/config", {"rate": 4},
                                   **{"If-Match": f'"{version + 7}"'})[0], 412)
        self.assertEqual(self.rest("PUT", "/v1/devices/pump/config", {"rate": 4},
                                   **{"If-Match": f'"{version}"'})[0], 200)
        self.assertEqual(json.loads(self.shows(path, "Values")), {"rate": 4})
        self.assertEqual(self.rest("POST", "/v1/devices/pump/rollback", {"version": version})[0], 200)
        device = self.rest("GET", "/v1/devices/pump")[1]
        self.assertEqual(device["values"], {"rate": 3, "name": "p"})
        history = self.rest("GET", "/v1/devices/pump/history")[1]["history"]
        self.assertEqual([row["values"] for row in history[:3]],
                         [{"rate": 3, "name": "p"}, {"rate": 4}, {"rate": 3, "name": "p"}])
        self.assertTrue(history[0]["author"].startswith("administrator at 127.0.0.1:"))
        token = self.rest("POST", "/v1/devices/pump/tokens", {"label": "l"})[1]["token"]
        self.assertEqual(self.rest("GET", "/v1/devices/pump/config", token=token)[1],
                         {"version": device["version"], "values": device["values"]})
        self.assertEqual(self.rest("PUT", "/v1/devices/pump/applied", token=token,
                                   body={"version": device["version"], "status": "ok"})[0], 204)
        self.assertEqual(self.shows(path, "AppliedVersion"), device["version"])
        self.assertEqual(self.rest("PUT", "/v1/devices/pump/applied", token=token,
                                   body={"version": device["version"] + 1, "status": "ok"})[0], 409)
        self.assertEqual(self.rest("GET", "/v1/devices", token=token)[0], 401)
        self.assertEqual(self.rest("DELETE", "/v1/devices/pump")[0], 204)
        self.assertEqual(self.rest("GET", "/v1/devices/pump")[0], 404)

    def test_pages(self):
        names = [f"d{n:02}" for n in range(25)]
        for name in names:
            self.assertEqual(self.rest("POST", "/v1/devices", {"id": name})[0], 201)
        seen, after = [], ""
        while after is not None:
            page = self.rest("GET", f"/v1/devices?limit=10&after={after}")[1]
            self.assertLessEqual(len(page["devices"]), 10)
            seen += [device["id"] for device in page["devices"]]
            after = page["next"]
        self.assertEqual(seen, names)

    def test_rest_of_groups(self):
        self.rest("POST", "/v1/devices", {"id": "a"})
        self.assertEqual(self.rest("POST", "/v1/groups", {"name": "g"})[0], 201)
        self.assertEqual(self.rest("PUT", "/v1/groups/g/members/a")[0], 204)
        self.assertEqual(self.rest("PUT", "/v1/groups/g/members/none")[0], 404)
        self.assertEqual(self.rest("PATCH", "/v1/groups/g/config", {"x": True})[0], 200)
        self.assertEqual(self.rest("GET", "/v1/devices/a")[1]["values"], {"x": True})
        self.assertEqual(self.rest("GET", "/v1/groups")[1], {"groups": ["g"]})
        group = self.rest("GET", "/v1/groups/g")[1]
        self.assertEqual((group["members"], group["values"]), (["a"], {"x": True}))
        history = self.rest("GET", "/v1/groups/g/history")[1]["history"]
        self.assertEqual(history[0]["values"], {"x": True})
        self.assertEqual(self.rest("DELETE", "/v1/groups/g")[0], 204)
        self.assertEqual(self.rest("GET", "/v1/devices/a")[1]["values"], {})

    def test_killed(self):
        """Nobody is connected after a crash, whoever was; and what was set is there."""
        path, token = self.add("door")
        stream = self.stream("door", token)
        self.assertEqual(stream.values(), {})
        before = self.shows(path, "Generation")
        version = self.set(path, key="kept")
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait(HANG_LIMIT)
        self.assertIsNone(self.ended(stream))
        self.daemon = self.start()
        self.client = self.connect()
        self.assertFalse(self.shows(path, "Connected"))
        stream = self.stream("door", token)
        self.assertEqual(stream.event(), ("snapshot", {"version": version, "values": {"key": "kept"}}))
        wait_until(lambda: self.shows(path, "Generation") > before, "its generation is above all before it")

    @staticmethod
    def ended(stream):
        """What comes of a stream whose server was killed: snapshots at most, then its end."""
        try:
            while (event := stream.event()) is not None:
                assert event[0] == "snapshot", event
        except ConnectionError:
            pass

    def test_address(self):
        """Where devices connect is told by the file, the bus and vmctl alike."""
        address = self.read("channel")
        self.assertEqual(self.client.get(MANAGER, "Manager", "ChannelAddress"), address)
        shown = subprocess.run([VMCTL, "version"], env=self.sandbox.environment, capture_output=True,
                               encoding="utf-8", timeout=HANG_LIMIT, check=True).stdout
        self.assertIn(f"devices connect at {address}\n", shown)

    def test_descriptors(self):
        """As many as may be, for as many devices."""
        soft, hard = resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE)
        self.assertEqual(soft, hard)
        self.sandbox.stop_daemon()
        self.daemon = self.sandbox.start_daemon("--no-bus", wrapper=["prlimit", "--nofile=200:300"])
        self.assertEqual(resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE), (300, 300))

    def test_stopped(self):
        _, token = self.add("door")
        stream = self.stream("door", token)
        self.assertEqual(stream.values(), {})
        self.sandbox.stop_daemon()
        self.assertEqual(stream.event()[0], "shutdown")
        self.assertEqual(self.read("channel"), "")


class Settings(PeerCase):
    def start(self):
        return None

    def connect(self):
        return None

    def write(self, name, content, mode=0o600):
        os.makedirs(self.sandbox.state, mode=0o700, exist_ok=True)
        path = os.path.join(self.sandbox.state, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(path, mode)
        return path

    def refused(self, *arguments):
        """vmd does not start; returns what it says."""
        attempt = subprocess.run([VMD, "--no-bus", "--backend", "fake", *arguments],
                                 env=self.sandbox.environment, stdin=subprocess.DEVNULL,
                                 capture_output=True, encoding="utf-8", timeout=HANG_LIMIT, check=False)
        self.assertNotEqual(attempt.returncode, 0, attempt.stderr)
        return attempt.stderr

    def test_file(self):
        self.write("vmd.conf", "[channel]\nlisten=127.0.0.1:0\nmax-connects-per-second=1\n")
        self.sandbox.start_daemon("--no-bus")
        with open(os.path.join(self.sandbox.state, "channel"), encoding="utf-8") as file:
            self.assertTrue(file.read().startswith("http://127.0.0.1:"))

    def test_bad(self):
        self.assertIn("--channel-limit: there is no setting “heartbeats”",
                      self.refused("--channel-limit", "heartbeats=3"))
        self.assertIn("“lease” is a number from 1 to 86400, and not “x”",
                      self.refused("--channel-limit", "lease=x"))
        self.assertIn("“lease”", self.refused("--channel-limit", "lease"))
        self.assertIn("“nonsense” is no address", self.refused("--channel-listen", "nonsense"))
        # In the clear, where others can listen.
        self.assertIn("certificate", self.refused("--channel-listen", "0.0.0.0:0"))
        path = self.write("vmd.conf", "[channel]\nlisten\n")
        self.assertIn(path, self.refused())
        self.write("vmd.conf", "[channel]\nport=1\n")
        self.assertIn(f"{path}: there is no setting “port”", self.refused())
        self.write("vmd.conf", "[chanel]\nlisten=127.0.0.1:0\n")
        self.assertIn(f"{path}: there is no group “chanel”", self.refused())

    def test_admin_token(self):
        self.sandbox.start_daemon("--no-bus")
        path = os.path.join(self.sandbox.state, "channel-admin-token")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.sandbox.stop_daemon()
        os.chmod(path, 0o644)
        self.assertIn(f"{path} can be read by others", self.refused())
        self.write("channel-admin-token", "secret\n")
        self.assertIn(f"{path} is no token", self.refused())

    def test_in_use(self):
        """A second state directory, the same port."""
        self.sandbox.start_daemon("--no-bus", "--channel-listen", "127.0.0.1:0")
        with open(os.path.join(self.sandbox.state, "channel"), encoding="utf-8") as file:
            address = file.read().removeprefix("http://")
        other = os.path.join(self.sandbox.directory, "other")
        self.assertIn(address, self.refused("--state-dir", other, "--channel-listen", address))

    def test_idle_exit(self):
        """A subscriber keeps the daemon."""
        self.daemon = self.sandbox.start_daemon("--no-bus", "--channel-listen", "127.0.0.1:0",
                                                "--idle-exit", "1")
        self.client = PeerCase.connect(self)
        _, token = Channel.add(self, "door")
        stream = Stream(Channel.address(self), "door", token)
        self.addCleanup(stream.close)
        self.assertEqual(stream.values(), {})
        self.client.connection.close()
        with self.assertRaises(subprocess.TimeoutExpired):
            self.daemon.wait(3)
        stream.close()
        self.assertEqual(self.daemon.wait(HANG_LIMIT), 0)

    def read(self, name):
        return Channel.read(self, name)

    def state_file(self, name):
        return Channel.state_file(self, name)


if __name__ == "__main__":
    tap_main.main()
