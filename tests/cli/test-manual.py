#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The manual pages and the programs say the same: vmctl(1) and vmd(8) name every command, option, setting and variable
there is, and none that there is not."""

import glob
import math
import os
import re
import subprocess
import sys
import unittest

SOURCE_ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(SOURCE_ROOT, "tests", "support"))
import tap_main  # noqa: E402
from sandbox import HANG_LIMIT, VMD, Sandbox  # noqa: E402

# What is for vmd's own tests is described in doc/testing.md.
FOR_TESTS = {"VMD_FAKE_ROOT", "VMD_FAKE_SCRIPT", "VMD_FAULT", "VMD_FAULT_LOG", "VMD_GUEST_ROOT"}


def read(path):
    with open(os.path.join(SOURCE_ROOT, path), encoding="utf-8") as file:
        return file.read()


def plain(text):
    """A piece of a page without what troff makes of it."""
    text = re.sub(r"\\f[BIR]", "", text).replace(r"\&", "")
    return text.replace(r"\-", "-").replace(r"\ ", " ").replace(r"\(lq", "“").replace(r"\(rq", "”")


def join(line):
    """A line of the page as it is printed: ".BR a b" is "ab", ".B a b" and ".SS a b" are "a b"."""
    macro, _, rest = line.partition(" ")
    words = [word.strip('"') for word in re.split(r"(?<!\\) +", rest)]
    return plain(("" if len(macro) == 3 and macro not in (".SS", ".SH") else " ").join(words))


class Page:
    """The headings of a page, and below each the tags of its paragraphs, with what each says."""

    def __init__(self, path):
        self.text = plain(read(path))
        self.tags = {}
        self.headings = []
        tag_is_next, said = False, []
        for line in read(path).splitlines():
            if line.startswith((".SH ", ".SS ")):
                self.headings.append((line[1:3], join(line)))
                self.tags[join(line)] = {}
            elif tag_is_next:
                said = self.tags[self.headings[-1][1]][join(line)] = []
            elif line not in (".TP", ".PP"):
                said.append(plain(line))
            if line.startswith((".SH ", ".SS ", ".PP")):
                said = []
            tag_is_next = line == ".TP"

    def options(self):
        """All that the text calls an option, in whatever place."""
        return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", self.text))


def variables(*patterns):
    """What the sources ask the environment for."""
    found = set()
    for pattern in patterns:
        for path in glob.glob(os.path.join(SOURCE_ROOT, pattern), recursive=True):
            found |= set(re.findall(r'(?:getenv|get_absolute_env|get_limit) \("([A-Z_]+)"', read(path)))
    return found


class Vmctl(unittest.TestCase):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.page = Page("doc/vmctl.1")
        self.commands = self.sandbox.good("help", "--json").json

    def shared_options(self):
        """Those of a command that has none of its own."""
        text = self.sandbox.good("version", "--help").stdout.partition("Options:\n")[2]
        return [re.split(r"\s{2,}", line.strip())[0] for line in text.splitlines()]

    @staticmethod
    def show(option):
        """As help shows it."""
        letter = f"-{option['letter']}, " if option["letter"] else ""
        return letter + "--" + option["name"] + (f" {option['value']}" if option["value"] else "")

    def test_commands(self):
        wanted = [(f"{c['name']} {c['arguments'] or ''}").replace("…", "...").strip() for c in self.commands]
        named = [heading for kind, heading in self.page.headings if kind == "SS"]
        self.assertGreater(len(wanted), 50)
        self.assertEqual(named, wanted)
        for command in self.commands:
            if command["alias"]:
                self.assertIn(f"vmctl {command['alias']}", self.page.text)

    def test_options_of_each_command(self):
        for command in self.commands:
            heading = f"{command['name']} {command['arguments'] or ''}".replace("…", "...").strip()
            # With defaults in it, which help says too.
            wanted = {self.show(option): [option["help"] + "."] for option in command["options"]}
            self.assertEqual(list(self.page.tags[heading].items()), list(wanted.items()), heading)

    def test_help_shows_the_same(self):
        """What the page is held to here is what people see."""
        text = self.sandbox.good("exec", "--help").stdout
        options = next(command["options"] for command in self.commands if command["name"] == "exec")
        self.assertGreater(len(options), 4)
        for option in options:
            self.assertIn(f"  {self.show(option)}", text)

    def test_options(self):
        shared = self.shared_options()
        self.assertEqual(list(self.page.tags["OPTIONS"]), shared)
        known = {"--" + option["name"] for command in self.commands for option in command["options"]}
        known |= {word for text in shared for word in re.findall("--[a-z]+", text)}
        self.assertEqual(self.page.options() - known, {"--version"})
        self.assertEqual(known - self.page.options(), set())
        self.sandbox.good("--version")

    def test_environment(self):
        asked = variables("vmctl/vmctl-*.c") | {"VISUAL", "EDITOR"}
        self.assertIn("VMD_ADDRESS", asked)
        named = {name for tag in self.page.tags["ENVIRONMENT"] for name in tag.split(", ")}
        self.assertEqual(named - asked, set())
        for name in asked:
            self.assertRegex(self.page.text, rf"\b{name}\b")

    def test_exit_statuses(self):
        overview = self.sandbox.good("help").stdout.partition("Exit status:")[2]
        self.assertEqual(list(self.page.tags["EXIT STATUS"]), re.findall(r"\b\d\b", overview))


class Vmd(unittest.TestCase):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.page = Page("doc/vmd.8")

    def vmd(self, *arguments):
        return subprocess.run([VMD, *arguments], env=self.sandbox.environment, capture_output=True, encoding="utf-8",
                              timeout=HANG_LIMIT, check=False)

    def test_options(self):
        shown = re.findall(r"^  (-.*?)(?:\s{2,}|$)", self.vmd("--help").stdout, re.MULTILINE)
        self.assertGreater(len(shown), 10)
        self.assertEqual(sorted(self.page.tags["OPTIONS"]), sorted(shown))
        known = {word for text in shown for word in re.findall("--[a-z-]+", text)}
        self.assertEqual(self.page.options(), known)

    def test_settings(self):
        source = read("vmd/vmd-channel-settings.c")
        texts = set(re.findall(r'g_str_equal \(name, "([a-z-]+)"\)', source))
        limits = set(re.findall(r'^  LIMIT \("([a-z-]+)"', source, re.MULTILINE))
        defaults = dict(re.findall(r"^    \.([a-z_]+) = ([\d* ]+),$", read("libvmd/channel/vmd-channel-options.c"),
                                   re.MULTILINE))
        tags = [tag.partition(" (") for tag in self.page.tags["CONFIGURATION"]]
        self.assertEqual({name for name, _, bounds in tags if not bounds}, texts)
        self.assertEqual({name for name, _, bounds in tags if bounds}, limits)
        for name, _, bounds in tags:
            if bounds:
                said = " ".join(self.page.tags["CONFIGURATION"][f"{name} ({bounds}"])
                factors = defaults.get(name.replace("-", "_"), "0").split(" * ")
                self.assertRegex(said, rf"The default(,| is) {math.prod(map(int, factors))}\b")
                # Refused, and so nothing is served.
                refused = self.vmd("--no-bus", "--channel-limit", f"{name}=x")
                self.assertEqual(refused.returncode, 2, refused)
                self.assertIn(f"“{name}” is a number from {bounds.rstrip(')')}, and", refused.stderr)

    def test_environment(self):
        asked = variables("vmd/*.c", "libvmd/**/*.c") - FOR_TESTS
        self.assertIn("VMD_BOOT_TIMEOUT", asked)
        named = {name for tag in self.page.tags["ENVIRONMENT"] for name in tag.split(", ")}
        # PATH is what it is to every program.
        self.assertEqual(named, asked - {"PATH"})

    def test_state_directory(self):
        """What a daemon makes there has its place in the page."""
        daemon = self.sandbox.start_daemon("--no-bus")
        made = set(os.listdir(self.sandbox.state))
        self.sandbox.stop_daemon()
        daemon.wait(HANG_LIMIT)
        files = self.page.text.partition("\n.SS The state directory\n")[2]
        self.assertGreater(len(made), 8)
        for name in made:
            self.assertRegex(files, rf"(?m)^\.IR?\b.*\b{re.escape(name)}\b")


if __name__ == "__main__":
    tap_main.main()
