#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Devices, their groups and their configuration on a bus and peer to peer."""

import json
import os
import re
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tap_main  # noqa: E402
from client import MANAGER, ROOT, BusError, flag, text  # noqa: E402
from daemon_case import BusCase, PeerCase  # noqa: E402
from gi.repository import GLib  # noqa: E402
from sandbox import HANG_LIMIT, wait_until  # noqa: E402

PROPERTIES = "org.freedesktop.DBus.Properties"
SCHEMA = {"fields": {"port": {"type": "integer", "minimum": 1, "default": 80},
                     "name": {"type": "string"}}}


def number(value):
    return GLib.Variant("t", value)


class Calls:
    """What the tests below say often."""

    def add(self, name, **options):
        values = {key: text(value) for key, value in options.items()}
        return self.client.call(MANAGER, "Manager", "AddDevice", "sa{sv}", name, values)[0]

    def add_group(self, name):
        return self.client.call(MANAGER, "Manager", "AddGroup", "sa{sv}", name, {})[0]

    def find(self, name):
        return self.client.call(MANAGER, "Manager", "FindDevice", "sa{sv}", name, {})[0]

    def set(self, path, change, kind="patch", interface="Device", client=None, **options):
        values = {key.replace("_", "-"): value for key, value in options.items()}
        change = change if isinstance(change, str) else json.dumps(change)
        return (client or self.client).call(path, interface, "ChangeConfig", "ssa{sv}", kind,
                                            change, values)[0]

    def values(self, path, name="Values", interface="Device"):
        return json.loads(self.client.get(path, interface, name))

    def history(self, path, interface="Device", **options):
        return self.client.call(path, interface, "History", "a{sv}", options)[0]

    def changes(self, path, **options):
        """Those of the history that are of values: not the birth, nor joining a group."""
        return [row for row in self.history(path, **options) if row[4] == ""]

    def member(self, group, method, device):
        self.client.call(group, "DeviceGroup", method, "sa{sv}", device, {})

    def list(self, after="", limit=0, **options):
        values = {key: text(value) for key, value in options.items()}
        return self.client.call(MANAGER, "Manager", "ListDevices", "sua{sv}", after, limit, values)

    def gone(self, path):
        """There is nothing at the path any more."""
        with self.assertRaises(BusError):
            self.client.get(path, "Device", "Id")


class Devices(Calls):
    def test_added_and_removed(self):
        added = self.client.watch("org.vmd.Vmd1.Manager", "DeviceAdded", MANAGER)
        removed = self.client.watch("org.vmd.Vmd1.Manager", "DeviceRemoved", MANAGER)
        path = self.add("door-sensor")
        self.assertEqual(path, f"{ROOT}/devices/door_2dsensor")
        self.client.wait_for(lambda: added, "it is told")
        self.assertEqual(added[0][1:], (path, "door-sensor"))
        properties = self.client.get_all(path, "Device")
        self.assertEqual(
            [properties[name] for name in ("Id", "Name", "Guest", "Values", "OwnValues", "Schema",
                                           "Groups", "AppliedVersion", "AppliedStatus",
                                           "Connected", "Peer", "Contested", "Rival")],
            ["door-sensor", "door-sensor", False, "{}", "{}", "", [], 0, "", False, "", False, ""])
        self.assertGreater(properties["Created"], 0)
        self.assertEqual(self.find("door-sensor"), path)
        self.fails("Exists", self.add, "door-sensor")
        self.client.call(path, "Device", "Remove", "a{sv}", {})
        self.client.wait_for(lambda: removed, "its end is told")
        self.assertEqual(removed[0][1:], (path, "door-sensor"))
        self.gone(path)
        self.fails("NotFound", self.find, "door-sensor")
        self.add("door-sensor")

    def test_names(self):
        for name in ("", "UPPER", "-a", "a-", "a_b", "a.b", "x" * 64, "ü", "a b", "0" * 32):
            with self.subTest(name=name):
                self.fails("InvalidArgument", self.add, name)
        self.add("x" * 63)
        self.fails("InvalidArgument", self.add_group, "UPPER")

    def test_a_vm_is_a_device(self):
        added = self.client.watch("org.vmd.Vmd1.Manager", "DeviceAdded", MANAGER)
        removed = self.client.watch("org.vmd.Vmd1.Manager", "DeviceRemoved", MANAGER)
        vm = self.client.create("web")
        vm_id = vm.rsplit("/", 1)[1]
        path = self.find("web")
        self.assertEqual(path, f"{ROOT}/devices/{vm_id}")
        self.assertEqual(self.find(vm_id[:10]), path)
        properties = self.client.get_all(path, "Device")
        self.assertEqual((properties["Id"], properties["Name"], properties["Guest"]),
                         (vm_id, "web", True))
        self.client.wait_for(lambda: added, "it is told")
        self.fails("WrongState", self.client.call, path, "Device", "Remove", "a{sv}", {})
        self.fails("Exists", self.add, "web")
        self.client.vm(vm, "Delete")
        self.client.wait_for(lambda: removed, "its end is told")
        self.assertEqual(removed[0][1:], (path, vm_id))
        self.gone(path)

    def test_change(self):
        path = self.add("sensor")
        changed = self.client.watch(PROPERTIES, "PropertiesChanged", path)
        first = self.set(path, {"port": 8080, "name": "a", "rate": 0.5, "on": True, "l": [1, 2]})
        self.assertEqual(self.values(path),
                         {"port": 8080, "name": "a", "rate": 0.5, "on": True, "l": [1, 2]})
        self.client.wait_for(lambda: changed, "it is told")
        _, interface, told, invalidated = changed[-1]
        self.assertEqual((interface, told["Version"]), ("org.vmd.Vmd1.Device", first))
        self.assertEqual(set(invalidated), {"Values", "OwnValues", "Schema", "Groups"})
        second = self.set(path, {"rate": None, "port": 1})
        self.assertGreater(second, first)
        self.assertEqual(self.values(path), {"port": 1, "name": "a", "on": True, "l": [1, 2]})
        third = self.set(path, {"x": "y"}, kind="replace")
        self.assertEqual(self.values(path), {"x": "y"})
        self.assertEqual(self.client.get(path, "Device", "Version"), third)
        # What changes nothing makes no version.
        self.assertEqual(self.set(path, {"x": "y"}), third)
        self.assertEqual(self.set(path, {"absent": None}), third)
        self.fails("InvalidArgument", self.set, path, {}, kind="nonsense")

    def test_two_clients(self):
        """Of two who saw the same version, one changes it, and the other is told."""
        path = self.add("sensor")
        other = self.connect()
        seen = self.set(path, {"port": 1})
        won = self.set(path, {"port": 2}, if_version=number(seen))
        message = self.fails("Conflict", self.set, path, {"port": 3}, client=other,
                             if_version=number(seen))
        self.assertIn(str(won), message)
        self.assertEqual(json.loads(other.get(path, "Device", "Values")), {"port": 2})
        self.set(path, {"port": 3}, client=other, if_version=number(won))
        self.assertEqual(self.values(path), {"port": 3})

    def test_author(self):
        """It is who calls, whatever else the caller says."""
        path = self.add("sensor")
        self.set(path, {"port": 1})
        self.set(path, {"port": 2}, note=text("for the demonstration"))
        noted, plain = self.changes(path)
        self.assertEqual((noted[0] > plain[0], noted[3], json.loads(noted[5])),
                         (True, "", {"port": 2}))
        self.assertRegex(plain[2], rf"^\S+ \(pid {os.getpid()}\)$")
        self.assertEqual(noted[2], plain[2] + ": for the demonstration")
        self.assertGreaterEqual(noted[1], plain[1])
        self.fails("InvalidArgument", self.set, path, {}, author=text("somebody else"))
        for note in ("a\nb", "\033[31m", "x" * 201, "\u009b"):
            self.fails("InvalidArgument", self.set, path, {"port": 3}, note=text(note))
        self.assertEqual(len(self.changes(path)), 2)

    def test_author_of_what_is_no_value(self):
        """A schema or a group changes what a device gets, and so has an author as well."""
        path = self.add("sensor")
        group = self.add_group("hall")
        self.client.call(path, "Device", "SetSchema", "sa{sv}", json.dumps(SCHEMA), {})
        for verb in ("AddMember", "RemoveMember", "AddMember"):
            self.member(group, verb, "sensor")
        self.client.call(group, "DeviceGroup", "Remove", "a{sv}", {})
        *rows, created = self.history(path)
        self.assertEqual([row[4] for row in rows], ["left group hall", "joined group hall", "left group hall",
                                                    "joined group hall", "schema"])
        for row in rows:
            self.assertRegex(row[2], rf"^\S+ \(pid {os.getpid()}\)$")
        self.assertEqual(created[2], "")

    def test_history_and_rollback(self):
        path = self.add("sensor")
        versions = [self.set(path, {"n": n}) for n in range(5)]
        self.assertEqual([row[0] for row in self.changes(path)], versions[::-1])
        self.assertEqual([row[0] for row in self.history(path, limit=GLib.Variant("u", 2))],
                         versions[:2:-1])
        for limit in (0, 1001):
            self.fails("InvalidArgument", self.history, path, limit=GLib.Variant("u", limit))

        def roll_back(to, **options):
            return self.client.call(path, "Device", "RollBack", "ta{sv}", to, options)[0]

        version = roll_back(versions[1])
        self.assertGreater(version, versions[-1])
        self.assertEqual(self.values(path), {"n": 1})
        self.fails("NotFound", roll_back, 1 << 63)
        self.fails("Conflict", roll_back, versions[0], **{"if-version": number(versions[0])})
        self.assertEqual(self.values(path), {"n": 1})

    def test_schema(self):
        path = self.add("sensor", schema=json.dumps(SCHEMA))
        self.assertEqual(self.values(path), {"port": 80})
        self.assertEqual(json.loads(self.client.get(path, "Device", "Schema")), SCHEMA)
        self.assertIn("port", self.fails("InvalidArgument", self.set, path, {"port": 0}))
        self.assertIn("other", self.fails("InvalidArgument", self.set, path, {"other": 1}))
        self.set(path, {"port": 8080})

        def set_schema(schema):
            self.client.call(path, "Device", "SetSchema", "sa{sv}", schema, {})

        self.fails("InvalidArgument", set_schema, '{"fields":{"port":{"type":"string"}}}')
        self.fails("InvalidArgument", set_schema, "nonsense")
        self.assertEqual(json.loads(self.client.get(path, "Device", "Schema")), SCHEMA)
        set_schema("")
        self.assertEqual(self.client.get(path, "Device", "Schema"), "")
        self.set(path, {"other": 1})
        self.fails("InvalidArgument", self.add, "another", schema="{")
        self.fails("NotFound", self.find, "another")

    def test_groups(self):
        added = self.client.watch("org.vmd.Vmd1.Manager", "GroupAdded", MANAGER)
        removed = self.client.watch("org.vmd.Vmd1.Manager", "GroupRemoved", MANAGER)
        group = self.add_group("all-doors")
        self.client.wait_for(lambda: added, "it is told")
        self.assertEqual(added[0][1:], (group, "all-doors"))
        paths = [self.add(name) for name in ("one", "two")]
        self.fails("Exists", self.add_group, "all-doors")
        changed = self.client.watch(PROPERTIES, "PropertiesChanged")
        for name in ("one", "two"):
            self.member(group, "AddMember", name)
        self.fails("Exists", self.member, group, "AddMember", "one")
        self.fails("NotFound", self.member, group, "AddMember", "absent")
        self.set(paths[1], {"a": "own"})
        version = self.set(group, {"a": "group", "b": 1}, interface="DeviceGroup")
        self.assertEqual([self.values(path) for path in paths],
                         [{"a": "group", "b": 1}, {"a": "own", "b": 1}])
        for path in (*paths, group):
            self.client.wait_for(lambda path=path: any(
                entry[0] == path and entry[2].get("Version") == version for entry in changed),
                f"{path} is told of")
        self.assertEqual(self.client.get_all(group, "DeviceGroup"), {
            "Name": "all-doors", "Version": version, "Values": '{"a":"group","b":1}',
            "Members": ["one", "two"], "MemberCount": 2})
        self.assertEqual(self.client.get(paths[0], "Device", "Groups"), ["all-doors"])
        self.assertEqual(self.history(paths[0])[0][3], "all-doors")
        self.assertEqual(self.history(group, interface="DeviceGroup")[0][0], version)
        groups, = self.client.call(MANAGER, "Manager", "ListGroups", "a{sv}", {})
        self.assertEqual(groups, [(group, "all-doors", version, 2)])
        self.member(group, "RemoveMember", "one")
        self.fails("NotFound", self.member, group, "RemoveMember", "one")
        self.assertEqual(self.values(paths[0]), {})
        self.client.call(group, "DeviceGroup", "Remove", "a{sv}", {})
        self.client.wait_for(lambda: removed, "its end is told")
        self.assertEqual(self.values(paths[1]), {"a": "own"})
        self.fails("NotFound", self.client.call, MANAGER, "Manager", "FindGroup", "sa{sv}",
                   "all-doors", {})

    def test_tokens(self):
        path = self.add("sensor")

        def new(label, **options):
            return self.client.call(path, "Device", "AddToken", "sa{sv}", label, options)[0]

        def tokens():
            return self.client.call(path, "Device", "ListTokens", "a{sv}", {})[0]

        later = int(time.time() * 1e6) + 3600 * 10**6
        first, second = new("field"), new("bench", expires=GLib.Variant("x", later))
        self.assertRegex(first, r"^[0-9a-f]{16}\.[0-9a-f]{64}$")
        self.assertNotEqual(first, second)
        self.assertEqual({(token[0], token[1], token[3]) for token in tokens()},
                         {(first[:16], "field", 0), (second[:16], "bench", later)})
        self.fails("InvalidArgument", new, "late", expires=GLib.Variant("x", 1))
        self.client.call(path, "Device", "RevokeToken", "sa{sv}", first[:16], {})
        self.assertEqual([token[0] for token in tokens()], [second[:16]])
        self.fails("NotFound", self.client.call, path, "Device", "RevokeToken", "sa{sv}",
                   first[:16], {})
        # The secret is in the reply, and nowhere else.
        shown = repr((self.client.get_all(path, "Device"), tokens(), self.list(),
                      self.history(path)))
        self.assertNotIn(second[17:], shown)
        for directory, _, files in os.walk(self.sandbox.state):
            for name in files:
                with open(os.path.join(directory, name), "rb") as file:
                    self.assertNotIn(second[17:].encode(), file.read(), name)

    def test_unknown_options(self):
        device, group = self.add("sensor"), self.add_group("all")
        wrong = {"nonsense": flag()}
        for path, interface, method, signature, arguments in (
                (MANAGER, "Manager", "AddDevice", "s", ["b"]),
                (MANAGER, "Manager", "FindDevice", "s", ["sensor"]),
                (MANAGER, "Manager", "ListDevices", "su", ["", 0]),
                (MANAGER, "Manager", "AddGroup", "s", ["b"]),
                (MANAGER, "Manager", "FindGroup", "s", ["all"]),
                (MANAGER, "Manager", "ListGroups", "", []),
                (device, "Device", "ChangeConfig", "ss", ["patch", '{"a":1}']),
                (device, "Device", "RollBack", "t", [1]),
                (device, "Device", "SetSchema", "s", [""]),
                (device, "Device", "History", "", []),
                (device, "Device", "AddToken", "s", [""]),
                (device, "Device", "ListTokens", "", []),
                (device, "Device", "RevokeToken", "s", ["x"]),
                (device, "Device", "Remove", "", []),
                (group, "DeviceGroup", "ChangeConfig", "ss", ["patch", '{"a":1}']),
                (group, "DeviceGroup", "RollBack", "t", [1]),
                (group, "DeviceGroup", "History", "", []),
                (group, "DeviceGroup", "AddMember", "s", ["sensor"]),
                (group, "DeviceGroup", "RemoveMember", "s", ["sensor"]),
                (group, "DeviceGroup", "Remove", "", [])):
            with self.subTest(method=f"{interface}.{method}"):
                message = self.fails("InvalidArgument", self.client.call, path, interface, method,
                                     signature + "a{sv}", *arguments, wrong)
                self.assertIn("nonsense", message)
        self.fails("InvalidArgument", self.set, device, {"a": 1}, if_version=text("1"))
        self.assertEqual(self.values(device), {})
        self.assertEqual(self.list()[0][0][0], device)

    def test_introspection(self):
        path = self.add("door-sensor")

        def nodes(at):
            xml, = self.client.call(at, "org.freedesktop.DBus.Introspectable", "Introspect")
            return set(re.findall(r'<node name="([^"]+)"/>', xml)), xml

        below, _ = nodes(ROOT)
        self.assertTrue({"devices", "groups", "Manager"} <= below, below)
        below, xml = nodes(f"{ROOT}/devices")
        self.assertEqual(below, {"door_2dsensor"})
        self.assertNotIn("org.vmd", xml)
        _, xml = nodes(path)
        self.assertIn('interface name="org.vmd.Vmd1.Device"', xml)
        self.assertIn('method name="ChangeConfig"', xml)
        self.assertNotIn(path, self.client.objects())

    def test_paths_that_are_nobodys(self):
        self.add("door-sensor")
        vm_id = self.client.create("web").rsplit("/", 1)[1]
        # A name, a prefix and another spelling of an id all find a device, but are not its path.
        for node in ("absent", "web", vm_id[:10], "door_2Dsensor", "door_2dsenso_72", "_2", "_zz",
                     "door_2dsensor/x"):
            with self.subTest(node=node):
                self.gone(f"{ROOT}/devices/{node}")
        with self.assertRaises(BusError):
            self.client.call(f"{ROOT}/devices/door_2dsensor", PROPERTIES, "Set", "ssv",
                             "org.vmd.Vmd1.Device", "Name", text("x"))
        with self.assertRaises(BusError):
            self.client.get(f"{ROOT}/devices/door_2dsensor", "Device", "Nonsense")

    def test_hostile_values(self):
        path = self.add("sensor")
        deep = 100000
        for change in ("[" * deep + "]" * deep, '{"a":' * deep + "1" + "}" * deep,
                       '{"a":{"b":1}}', '{"a":[[1]]}', '{"a":[1,"x"]}', "", "1", "null", "[]",
                       '{"a":1', '{"a":1}x', '{"a":1,"a":2}', '{"":1}', '{"-a":1}',
                       '{"' + "k" * 65 + '":1}', '{"a":NaN}', '{"a":1e999}', '{"a":"\\ud800"}',
                       '{"a":99999999999999999999}', '{"a":"\x01"}', '{"a":"\\u0000"}',
                       json.dumps({"a": "x" * 70000}),
                       json.dumps({f"k{i}": i for i in range(257)})):
            for kind in ("patch", "replace"):
                with self.subTest(change=change[:40], kind=kind):
                    self.fails("InvalidArgument", self.set, path, change, kind=kind)
        self.assertEqual(self.values(path), {})
        self.assertEqual(self.changes(path), [])
        self.set(path, {f"k{i}": i for i in range(256)})
        self.fails("InvalidArgument", self.set, path, {"more": 1})


class Many(Calls):
    def test_two_thousand(self):
        """They are listed in as many questions as there are pages."""
        names = sorted(f"device-{i}" for i in range(2000))
        pending = [self.client.begin(MANAGER, "Manager", "AddDevice", "sa{sv}", name, {})
                   for name in names]
        for call in pending:
            call.wait()
        began = time.monotonic()
        first, after = self.list()
        self.assertEqual((len(first), after), (1000, names[999]))
        second, end = self.list(after)
        print(f"# 2000 devices in {time.monotonic() - began:.3f} s", flush=True)
        self.assertEqual(end, "")
        self.assertEqual([row[1] for row in first + second], names)
        # A page that the last device fills is the last page; what is asked behind it is empty.
        self.assertEqual(len(self.list(names[999], 1000)[0]), 1000)
        self.assertEqual(self.list(names[-1]), ([], ""))
        self.assertEqual([row[1] for row in self.list(names[9], 3)[0]], names[10:13])
        self.fails("InvalidArgument", self.list, "", 1001)
        group = self.add_group("few")
        for name in names[::500]:
            self.member(group, "AddMember", name)
        self.assertEqual([row[1] for row in self.list(group="few")[0]], names[::500])
        self.fails("NotFound", self.list, group="absent")

    def test_a_group_of_many(self):
        """Each member's change is told, and nobody waits for that."""
        group = self.add_group("all")
        paths = [self.add(f"device-{i}") for i in range(300)]
        for i in range(300):
            self.member(group, "AddMember", f"device-{i}")
        changed = self.client.watch(PROPERTIES, "PropertiesChanged")
        version = self.set(group, {"a": 1}, interface="DeviceGroup")
        self.assertEqual(self.client.get(paths[299], "Device", "Version"), version)

        def told():
            return {entry[0] for entry in changed if entry[2].get("Version") == version}

        self.client.wait_for(lambda: set(paths) <= told(), "all are told of")


class ForeignBytes(PeerCase, Calls):
    def setUp(self):
        # GLib warns of what it cannot decode, and tests make warnings fatal: here it is what is asked for.
        flags = os.environ.pop("G_DEBUG", None)
        if flags is not None:
            self.addCleanup(os.environ.__setitem__, "G_DEBUG", flags)
        super().setUp()

    def test_foreign_bytes(self):
        """What is no text is of no use to its connection, and does nothing to the others."""
        path = self.add("sensor")
        address = self.client.connection.get_stream().get_socket().get_remote_address()
        message = self.raw_change(path, b"@@@@@@@@", b"{\"a\":\"\xff\xfe\"}"[:8])
        with socket.socket(socket.AF_UNIX) as raw:
            raw.settimeout(HANG_LIMIT)
            raw.connect(address.get_path())
            raw.sendall(b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\n")
            self.assertTrue(raw.recv(1000).startswith(b"OK"))
            raw.sendall(b"BEGIN\r\n" + message)
            wait_until(self.is_warned, "vmd has read it")
            self.assertEqual(self.values(path), {})
            self.set(path, {"a": 1})

    def is_warned(self):
        with open(os.path.join(self.sandbox.directory, "vmd.log"), encoding="utf-8", errors="replace") as log:
            return "Error decoding D-Bus message" in log.read()

    def raw_change(self, path, placeholder, data):
        from gi.repository import Gio
        message = Gio.DBusMessage.new_method_call(None, path, "org.vmd.Vmd1.Device",
                                                  "ChangeConfig")
        message.set_body(GLib.Variant("(ssa{sv})", ("patch", placeholder.decode(), {})))
        message.set_serial(1)
        blob = bytes(message.to_blob(Gio.DBusCapabilityFlags.NONE))
        self.assertEqual(len(placeholder), len(data))
        return blob.replace(placeholder, data)


class BusDevices(BusCase, Devices):
    pass


class PeerDevices(PeerCase, Devices):
    pass


class PeerMany(PeerCase, Many):
    pass


class Restart(PeerCase, Calls):
    def test_what_was_answered_is_kept(self):
        path = self.add("sensor", schema=json.dumps(SCHEMA))
        group = self.add_group("all")
        self.member(group, "AddMember", "sensor")
        self.set(group, {"name": "a"}, interface="DeviceGroup")
        version = self.set(path, {"port": 1})
        self.daemon.kill()
        self.daemon.wait(HANG_LIMIT)
        self.start()
        self.client = wait_until(self.connect, "the next daemon serves")
        self.assertEqual(self.values(path), {"port": 1, "name": "a"})
        self.assertEqual(self.client.get(path, "Device", "Version"), version)
        self.assertEqual(len(self.changes(path)), 2)
        self.assertGreater(self.set(path, {"port": 2}), version)


if __name__ == "__main__":
    tap_main.main()
