#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""vmd is killed while several clients set: what was acknowledged is there, what was not asked is not."""

import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tap_main  # noqa: E402
from client import MANAGER, BusError  # noqa: E402
from daemon_case import PeerCase  # noqa: E402

ROUNDS = 8
CLIENTS = 4
UNDER_WAY = 12  # calls of each client
MOST_PER_ROUND = 200  # acknowledged, of all clients: a history keeps 1000


class Asked:
    """One change that was asked for, of one target."""

    def __init__(self, target, key, value):
        self.target = target
        self.key = key
        self.value = value


class Writer:
    """A client that always has some changes under way."""

    def __init__(self, number, client, test):
        self.key = f"client-{number}"
        self.client = client
        self.test = test
        self.pending = []

    def ask(self):
        asked = Asked(self.test.random.choice(self.test.targets), self.key, next(self.test.values))
        path, interface = asked.target
        change = json.dumps({asked.key: asked.value})
        self.test.asked.append(asked)
        self.pending.append((asked, self.client.begin(path, interface, "ChangeConfig", "ssa{sv}",
                                                      "patch", change, {})))

    def fill(self):
        while len(self.pending) < UNDER_WAY:
            self.ask()

    def collect(self, may_fail=False):
        """Notes what was answered. Returns how much was acknowledged."""
        ended = [entry for entry in self.pending if entry[1].result is not None]
        self.pending = [entry for entry in self.pending if entry[1].result is None]
        acknowledged = 0
        for asked, call in ended:
            try:
                version = call.wait()[0]
            except BusError:
                if not may_fail:
                    raise
                continue
            self.test.acknowledged.append((asked, version))
            acknowledged += 1
        return acknowledged


class DeviceCrash(PeerCase):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("VMD_TEST_SEED") or random.SystemRandom().getrandbits(32))
        print(f"# seed {self.seed}")
        self.random = random.Random(self.seed)
        self.values = iter(range(1, 1 << 30))
        self.asked = []
        self.acknowledged = []
        self.targets = [(self.client.call(MANAGER, "Manager", "AddDevice", "sa{sv}", name, {})[0],
                         "Device") for name in ("alpha", "beta")]
        group = self.client.call(MANAGER, "Manager", "AddGroup", "sa{sv}", "all", {})[0]
        self.client.call(group, "DeviceGroup", "AddMember", "sa{sv}", "alpha", {})
        self.targets.append((group, "DeviceGroup"))

    def set_until_killed(self):
        """Returns how many were under way then."""
        writers = [Writer(number, self.connect(), self) for number in range(CLIENTS)]
        most = self.random.randint(1, MOST_PER_ROUND)
        acknowledged = 0
        while acknowledged < most:
            for writer in writers:
                writer.fill()
            self.client.wait_for(lambda: any(call.result is not None for writer in writers
                                             for _, call in writer.pending), "nobody is answered")
            acknowledged += sum(writer.collect() for writer in writers)
        for writer in writers:
            writer.fill()
        self.daemon.kill()
        self.daemon.wait()
        under_way = sum(len(writer.pending) for writer in writers)
        for writer in writers:
            self.client.wait_for(lambda all_of=writer.pending: all(call.result is not None
                                                                   for _, call in all_of),
                                 "the calls end with the daemon")
            writer.collect(may_fail=True)
        return under_way

    def history(self, target):
        """(version, values) of each change of this target itself, the oldest first."""
        path, interface = target
        rows = self.client.call(path, interface, "History", "a{sv}", {})[0]
        return [(version, json.loads(values))
                for version, _, author, group, note, values in reversed(rows)
                if (interface == "DeviceGroup" or group == "") and author != "" and note == ""]

    def check_target(self, target, seen):
        """Each step of the history is one change that was asked for, once; all that were
        acknowledged are among them, in the version that was said."""
        asked = {(one.key, one.value) for one in self.asked if one.target == target}
        before, made, used = {}, {}, set()
        for version, values in self.history(target):
            changed = {key: value for key, value in values.items() if before.get(key) != value}
            self.assertEqual(len(changed), 1, (before, values))
            self.assertLessEqual(set(before), set(values))
            change = changed.popitem()
            self.assertIn(change, asked)
            self.assertNotIn(change, used)
            self.assertNotIn(version, seen)
            seen.add(version)
            used.add(change)
            made[version] = change
            before = values
        for one, version in self.acknowledged:
            if one.target == target:
                self.assertEqual(made.get(version), (one.key, one.value))
        self.assertEqual(list(made), sorted(made))
        return len(made)

    def test_acknowledged_is_there(self):
        under_way = 0
        for _ in range(ROUNDS):
            under_way += self.set_until_killed()
            self.daemon = self.start()
            self.client = self.connect()
            seen = set()
            made = sum(self.check_target(target, seen) for target in self.targets)
            self.assertLessEqual(made, len(self.asked))
        versions = [version for _, version in self.acknowledged]
        self.assertEqual(len(versions), len(set(versions)))
        print(f"# asked {len(self.asked)}, acknowledged {len(versions)}, made {made},"
              f" under way when killed {under_way}")
        self.assertGreater(under_way, 0)


if __name__ == "__main__":
    tap_main.main()
