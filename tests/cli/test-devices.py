#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""vmctl device and vmctl config: what they print, plain and as JSON, and how they exit."""

import glob
import json
import os
import pty
import signal
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tap_main  # noqa: E402
from sandbox import HANG_LIMIT, VMCTL, Sandbox  # noqa: E402

SCHEMA = {"fields": {"version": {"type": "string", "default": "0"},
                     "port": {"type": "integer", "minimum": 1}}}


class Case(unittest.TestCase):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.good = self.sandbox.good
        self.vmctl = self.sandbox.vmctl

    def refused(self, status, *arguments, says="", **options):
        """A bad end: its status, a message that says so, nothing on standard output."""
        completed = self.vmctl(*arguments, **options)
        self.assertEqual(completed.status, status, completed)
        self.assertTrue(completed.stderr.startswith("vmctl: "), completed)
        self.assertIn(says, completed.stderr)
        self.assertEqual(completed.stdout, "", completed)
        return completed

    def values(self, *target):
        return self.good("config", "get", *target, "--json").json["values"]

    def version(self, name):
        return self.good("config", "get", name, "--json").json["version"]

    def file(self, name, text):
        path = os.path.join(self.sandbox.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


class Devices(Case):
    def test_add_show_remove(self):
        self.assertEqual(self.good("device", "list", "--json").json, [])
        self.assertEqual(self.good("device", "add", "sensor").stdout, "")
        device = self.good("device", "add", "lamp", "--json").json
        self.assertEqual((device["id"], device["guest"], device["values"], device["schema"],
                          device["groups"], device["connected"], device["peer"],
                          device["contested"], device["applied"]["version"]),
                         ("lamp", False, {}, None, [], False, None, False, 0))
        table = self.good("device", "list").stdout.splitlines()
        self.assertTrue(table[0].startswith("NAME"), table)
        self.assertEqual([line.split()[:3] for line in table[1:]],
                         [["lamp", "device", "no"], ["sensor", "device", "no"]])
        self.assertEqual(self.good("device", "list", "-q").stdout, "lamp\nsensor\n")
        shown = self.good("device", "show", "sensor", "lamp", "--json").json
        self.assertEqual([device["target"] for device in shown], ["sensor", "lamp"])
        self.assertIn("Id:          lamp", self.good("device", "show", "lamp").stdout)
        self.refused(1, "device", "add", "lamp", says="lamp")
        self.refused(2, "device", "add", "UPPER", says="UPPER")
        self.refused(3, "device", "remove", "lamp", "absent", says="absent")
        self.assertEqual(self.good("device", "list", "-q").stdout, "sensor\n")
        self.refused(3, "device", "show", "lamp", says="lamp")

    def test_a_vm_is_one(self):
        vm_id = self.good("create", "web", "--json").json["id"]
        self.good("create", "wes")
        for name in ("web", vm_id, vm_id[:12]):
            self.good("config", "set", name, f"by=id {name[:3]}")
        self.assertEqual(self.values("web"), {"by": f"id {vm_id[:3]}"})
        self.assertEqual([(device["name"], device["guest"]) for device in
                          sorted(self.good("device", "list", "--json").json,
                                 key=lambda device: device["name"])],
                         [("web", True), ("wes", True)])
        self.refused(1, "device", "remove", "web", says="web")
        self.refused(3, "config", "get", "absent", says="absent")
        self.good("delete", "web")
        self.refused(3, "config", "get", "web", says="web")

    def test_tokens(self):
        self.good("device", "add", "sensor")
        token = self.good("device", "token", "new", "sensor").stdout.strip()
        self.assertRegex(token, r"^[0-9a-f]{16}\.[0-9a-f]{64}$")
        other = self.good("device", "token", "new", "sensor", "--label=field", "--expires=30d",
                          "--json").json
        listed = self.good("device", "token", "list", "sensor", "--json").json
        self.assertEqual({(entry["id"], entry["label"], entry["expires"] is None)
                          for entry in listed},
                         {(token[:16], None, True), (other["token"][:16], "field", False)})
        table = self.good("device", "token", "list", "sensor").stdout
        self.assertIn("never", table)
        self.assertNotIn(token[17:], table)
        # By its id, or by the token that somebody has at hand.
        self.good("device", "token", "revoke", "sensor", token)
        self.good("device", "token", "revoke", "sensor", other["token"][:16])
        self.assertEqual(self.good("device", "token", "list", "sensor", "--json").json, [])
        self.refused(3, "device", "token", "revoke", "sensor", token[:16])
        self.refused(3, "device", "token", "new", "absent", says="absent")
        for lifetime in ("0", "x", "-1d", "99999999d"):
            self.refused(2, "device", "token", "new", "sensor", f"--expires={lifetime}",
                         says="--expires")

    def test_schema(self):
        path = self.file("schema", json.dumps(SCHEMA))
        self.good("device", "add", "sensor", "--schema", path)
        self.assertEqual(json.loads(self.good("device", "schema", "show", "sensor").stdout),
                         SCHEMA)
        self.assertEqual(self.values("sensor"), {"version": "0"})
        # A schema says that 1.10 is a text; without it, it is a number.
        self.good("config", "set", "sensor", "version=1.10", "port=8080")
        self.assertEqual(self.values("sensor"), {"version": "1.10", "port": 8080})
        self.refused(2, "config", "set", "sensor", "port=0", says="port")
        self.refused(2, "config", "set", "sensor", "other=1", says="other")
        self.refused(2, "config", "set", "sensor", "version:=1.10", says="version")
        self.refused(2, "device", "schema", "set", "sensor", "-", stdin="{", says="schema")
        self.refused(2, "device", "schema", "set", "sensor", "-", stdin="", says="unset")
        self.refused(3, "device", "schema", "set", "sensor", "/no/such", says="/no/such")
        self.refused(2, "device", "schema", "set", "sensor", "/dev/zero", says="/dev/zero")
        self.good("device", "schema", "unset", "sensor")
        self.assertEqual(self.good("device", "schema", "show", "sensor").stdout, "")
        self.good("config", "set", "sensor", "version=1.5")
        self.assertEqual(self.values("sensor"), {"version": 1.5, "port": 8080})

    def test_groups(self):
        for name in ("one", "two", "three"):
            self.good("device", "add", name)
        self.good("device", "group", "add", "lamps")
        self.good("device", "group", "join", "lamps", "one", "two")
        self.refused(1, "device", "group", "join", "lamps", "one", "three", says="one")
        self.good("config", "set", "--group", "lamps", "colour=red", "level=3")
        self.good("config", "set", "one", "level=5")
        self.assertEqual(self.values("one"), {"colour": "red", "level": 5})
        self.assertEqual(self.values("one", "--own"), {"level": 5})
        self.assertEqual(self.values("three"), {"colour": "red", "level": 3})
        self.assertEqual(self.values("-g", "lamps"), {"colour": "red", "level": 3})
        self.good("device", "group", "leave", "lamps", "three")
        self.assertEqual(self.values("three"), {})
        self.good("config", "unset", "one", "level")
        self.assertEqual(self.values("one"), {"colour": "red", "level": 3})
        group, = self.good("device", "group", "list", "--json").json
        self.assertEqual((group["name"], group["members"]), ("lamps", 2))
        self.assertIn("lamps", self.good("device", "group", "list").stdout)
        self.assertEqual(self.good("device", "list", "-q", "--group=lamps").stdout, "one\ntwo\n")
        history = self.good("config", "history", "-g", "lamps", "--json").json
        self.assertEqual(history[0]["values"], {"colour": "red", "level": 3})
        self.refused(3, "config", "get", "--group", "absent", says="absent")
        self.good("device", "group", "remove", "lamps")
        self.assertEqual(self.values("one"), {})


class Config(Case):
    def setUp(self):
        super().setUp()
        self.good("device", "add", "sensor")

    def test_set_and_get(self):
        self.good("config", "set", "sensor", "port=8080", "name=a b", "on=true", "rate=0.1",
                  "list=[1,2]", 'quoted:="1"')
        self.assertEqual(self.good("config", "get", "sensor").stdout,
                         'list=[1,2]\nname="a b"\non=true\nport=8080\nquoted="1"\nrate=0.1\n')
        self.assertEqual(self.good("config", "get", "sensor", "name", "rate").stdout,
                         "a b\n0.1\n")
        self.assertEqual(self.good("config", "get", "sensor", "port", "--json").json["values"],
                         {"port": 8080})
        self.refused(3, "config", "get", "sensor", "port", "absent", says="absent")
        before = self.version("sensor")
        after = self.good("config", "set", "sensor", "port=1", "name=b", "--json").json["version"]
        self.assertGreater(after, before)
        history = self.good("config", "history", "sensor", "--json").json
        self.assertEqual([row["version"] for row in history[:2]], [after, before])

    def test_usage(self):
        for arguments in (("set", "sensor"), ("set", "sensor", "port"), ("set",),
                          ("set", "sensor", "=1"), ("set", "sensor", "a:=x"), ("unset", "sensor"),
                          ("set", "--group=g"), ("rollback", "sensor"),
                          ("rollback", "sensor", "x"), ("rollback", "sensor", "1", "2"),
                          ("edit", "sensor", "x"), ("history", "sensor", "--limit=1001"),
                          ("set", "sensor", "a=1", "--if-version=x"), ("get",), ("watch",)):
            with self.subTest(arguments=arguments):
                self.refused(2, "config", *arguments)
        self.refused(2, "config", "set", "sensor", "a=1", "a=2", says="twice")
        self.refused(2, "config", "set", "sensor", "-a=1")
        self.refused(2, "config", "set", "sensor", "a:={}")
        self.assertEqual(self.values("sensor"), {})

    def test_if_version(self):
        seen = str(self.version("sensor"))
        self.good("config", "set", "sensor", "a=1", "--if-version", seen)
        self.refused(4, "config", "set", "sensor", "a=2", "--if-version", seen)
        self.refused(4, "config", "unset", "sensor", "a", "--if-version", seen)
        self.refused(4, "config", "rollback", "sensor", str(self.version("sensor")),
                     "--if-version", seen)
        result = self.vmctl("config", "set", "sensor", "a=2", "--if-version", seen, "--json")
        self.assertEqual((result.status, result.json["error"]["name"]), (4, "Conflict"))
        self.assertEqual(self.values("sensor"), {"a": 1})

    def test_history_and_rollback(self):
        versions = [self.good("config", "set", "sensor", f"n={n}", f"--note=number {n}",
                              "--json").json["version"] for n in range(3)]
        table = self.good("config", "history", "sensor", "--limit=2").stdout
        self.assertIn("number 2", table)
        self.assertNotIn("number 0", table)
        self.good("config", "rollback", "sensor", str(versions[0]), "--note=it was better")
        self.assertEqual(self.values("sensor"), {"n": 0})
        newest = self.good("config", "history", "sensor", "--json").json[0]
        self.assertTrue(newest["author"].endswith(": it was better"), newest)
        self.refused(3, "config", "rollback", "sensor", "999999")
        self.refused(2, "config", "set", "sensor", "n=1", "--note=a\nb", says="note")

    def test_a_value_steers_no_terminal(self):
        self.good("config", "set", "sensor", "a=\033[31mred")
        self.assertEqual(self.good("config", "get", "sensor", "a").stdout, "\033[31mred\n")
        self.assertNotIn("\033", self.good("config", "get", "sensor").stdout)
        self.assertNotIn("\033", self.good("device", "show", "sensor").stdout)
        terminal, theirs = pty.openpty()
        printing = self.sandbox.popen("config", "get", "sensor", "a", stdout=theirs)
        os.close(theirs)
        printing.communicate(timeout=HANG_LIMIT)
        printed = os.read(terminal, 65536).decode()
        os.close(terminal)
        self.assertIn("\\x1b[31mred", printed)


class Editing(Case):
    def setUp(self):
        super().setUp()
        self.good("device", "add", "sensor")
        self.good("config", "set", "sensor", "port=8080", "rate=0.1")

    def left(self):
        """Files that were kept."""
        return glob.glob(os.path.join(self.sandbox.directory, "vmctl-*.json"))

    def edit(self, editor, variable="EDITOR", function=None, **options):
        return (function or self.good)("config", "edit", "sensor", **options,
                                       environment={variable: editor})

    def test_edit(self):
        seen = os.path.join(self.sandbox.directory, "seen")
        self.edit(f"f() {{ cp -p \"$1\" '{seen}'; sed -i s/8080/9090/ \"$1\"; }}; f")
        with open(seen, encoding="utf-8") as file:
            self.assertEqual(file.read(), '{\n  "port": 8080,\n  "rate": 0.1\n}\n')
        self.assertEqual(os.stat(seen).st_mode & 0o777, 0o600)
        self.assertEqual(self.values("sensor"), {"port": 9090, "rate": 0.1})
        self.assertEqual(self.left(), [])

    def test_visual_comes_first(self):
        self.edit("sed -i s/8080/1/", variable="VISUAL")
        self.assertEqual(self.values("sensor")["port"], 1)

    def test_nothing_changed(self):
        before = self.version("sensor")
        self.edit("true")
        self.assertEqual(self.version("sensor"), before)
        self.assertEqual(self.left(), [])

    def test_it_is_opened_again(self):
        """What vmd refuses comes back as it was, with the reason, until it will do."""
        count = os.path.join(self.sandbox.directory, "count")
        editor = self.file("editor", f"""
            echo x >>'{count}'
            case $(wc -l <'{count}') in
            1) echo '{{"port": ' >"$1" ;;
            2) grep -q '^{{"port": $' "$1" || exit 1; echo '{{"port": {{}}}}' >"$1" ;;
            *) echo '{{"port": 7}}' >"$1" ;;
            esac
            """)
        completed = self.edit(f"sh '{editor}'")
        self.assertEqual(completed.stderr.count("vmctl: config edit: "), 2, completed)
        self.assertEqual(self.values("sensor"), {"port": 7})
        self.assertEqual(self.left(), [])

    def test_giving_up_keeps_the_work(self):
        completed = self.edit("f() { echo nonsense >\"$1\"; }; f",
                              function=lambda *a, **o: self.refused(2, *a, **o))
        kept, = self.left()
        self.assertIn(kept, completed.stderr)
        with open(kept, encoding="utf-8") as file:
            self.assertEqual(file.read(), "nonsense\n")

    def test_somebody_was_faster(self):
        self.edit(f"f() {{ '{VMCTL}' config set sensor port=1; echo '{{}}' >\"$1\"; }}; f",
                  function=lambda *a, **o: self.refused(4, *a, **o))
        self.assertEqual(self.values("sensor"), {"port": 1, "rate": 0.1})
        self.assertEqual(len(self.left()), 1)

    def test_an_editor_that_fails(self):
        self.edit("false", function=lambda *a, **o: self.refused(1, *a, **o))
        self.edit("/no/such/editor", function=lambda *a, **o: self.vmctl(*a, **o))
        self.assertEqual(self.left(), [], "nothing was written")
        completed = self.edit("f() { echo '{}' >\"$1\"; false; }; f", function=lambda *a, **o: self.refused(1, *a, **o))
        self.assertEqual(len(self.left()), 1, completed)
        self.assertIn(self.left()[0], completed.stderr)
        self.assertEqual(self.values("sensor"), {"port": 8080, "rate": 0.1})


class Watching(Case):
    def setUp(self):
        super().setUp()
        self.good("device", "add", "sensor")
        self.good("config", "set", "sensor", "n=0")

    def watch(self, *arguments):
        watching = self.sandbox.popen("config", "watch", *arguments, encoding="utf-8")
        self.addCleanup(watching.stdout.close)
        self.addCleanup(watching.stderr.close)
        self.addCleanup(watching.kill)
        return watching

    def test_each_version(self):
        watching = self.watch("sensor", "--json")
        self.assertEqual(json.loads(watching.stdout.readline())["values"], {"n": 0})
        versions = [self.good("config", "set", "sensor", f"n={n}", "--json").json["version"]
                    for n in range(1, 6)]
        lines = [json.loads(watching.stdout.readline()) for _ in versions]
        self.assertEqual([(line["event"], line["version"], line["values"]["n"]) for line in lines],
                         [("version", version, n + 1) for n, version in enumerate(versions)])
        watching.send_signal(signal.SIGINT)
        self.assertEqual(watching.wait(HANG_LIMIT), 0)

    def test_plain(self):
        watching = self.watch("sensor")
        self.assertIn('{"n":0}', watching.stdout.readline())
        self.good("config", "set", "sensor", "n=1")
        self.assertRegex(watching.stdout.readline(), r"version \d+  \S+ \(pid \d+\)  \{\"n\":1\}")
        watching.send_signal(signal.SIGTERM)
        self.assertEqual(watching.wait(HANG_LIMIT), 0)

    def test_group(self):
        self.good("device", "group", "add", "all")
        watching = self.watch("--group", "all", "--json")
        watching.stdout.readline()
        self.good("config", "set", "--group=all", "a=1")
        self.assertEqual(json.loads(watching.stdout.readline())["values"], {"a": 1})
        device = self.watch("sensor", "--json")
        device.stdout.readline()
        self.good("device", "group", "join", "all", "sensor")
        self.assertEqual(json.loads(device.stdout.readline())["event"], "version")
        self.good("device", "group", "remove", "all")
        watching.wait(HANG_LIMIT)
        self.assertEqual(watching.returncode, 3, watching.stderr.read())

    def test_it_is_removed(self):
        watching = self.watch("sensor")
        watching.stdout.readline()
        self.good("device", "remove", "sensor")
        self.assertEqual(watching.wait(HANG_LIMIT), 3)
        self.assertIn("removed", watching.stderr.read())


class Words(Case):
    def test_three_words(self):
        self.refused(2, "device", says="vmctl help device")
        self.refused(2, "device", "token", says="vmctl help device token")
        self.refused(2, "device", "token", "frobnicate", says="vmctl help device token")
        self.refused(2, "device", "frobnicate", says="vmctl help device")
        self.refused(2, "device", "token", "new", says="DEVICE")
        self.assertIn("device token revoke", self.good("help", "device").stdout)
        self.assertIn("device token revoke", self.good("help", "device", "token").stdout)
        self.assertIsNone(self.sandbox.daemon_pid(), "wrong usage starts no daemon")


if __name__ == "__main__":
    tap_main.main()
