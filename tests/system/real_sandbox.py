# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A sandbox whose VMs are real guests, and a look at what is left of them.

Image and kernel are made once, in a state directory that each sandbox starts from a copy of.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import sandbox  # noqa: E402
from sandbox import BUILD_ROOT, Sandbox  # noqa: E402

# Under emulation, on a machine that others use too.
sandbox.HANG_LIMIT = 240
MAKE_LIMIT = 900


class RealSandbox(Sandbox):
    def __init__(self, backend="qemu", seeded=True, state=None):
        super().__init__()
        self.environment["VMD_BACKEND"] = backend
        self.daemon = None
        if state is not None:
            self.state = self.environment["VMD_STATE_DIR"] = state
        if seeded:
            copy_seed(self.state)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def start(self, *arguments):
        self.daemon = self.start_daemon("--no-bus", *arguments)

    def end(self, number=signal.SIGTERM):
        """Ends the daemon by a signal, as a crash or a user would."""
        self.daemon.send_signal(number)
        self.daemon.wait(sandbox.HANG_LIMIT)
        self.daemon = None

    def address(self):
        with open(os.path.join(self.state, "daemon"), encoding="utf-8") as file:
            return file.read().strip()

    def out(self, *arguments, **options):
        return self.good(*arguments, **options).stdout

    def hypervisors(self):
        found = []
        for pid in self.pids():
            with contextlib.suppress(OSError):
                name = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
                if name.startswith("qemu-system") or name == "vmd-fake-vmm":
                    found.append(pid)
        return sorted(found)

    def files(self):
        """What there is that belongs to VMs, requests and staging."""
        found = []
        for top in (self.state, self.runtime):
            for directory, names, files in os.walk(top):
                for name in names + files:
                    path = os.path.relpath(os.path.join(directory, name), top)
                    if path.split("/")[0] in ("vms", "requests", "staging", "workspaces", "vmd"):
                        found.append(path)
        return sorted(found)

    def rows(self):
        uri = f"file:{self.state}/vmd.db?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
            tables = [name for (name,) in database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
            return {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
                    for name in tables if name != "changes"}

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.daemon.pid}/fd"))

    def ledger(self):
        return {"hypervisors": self.hypervisors(), "files": self.files(), "rows": self.rows(),
                "locks": self.good("lock", "list", "--json").json}


def copy_seed(state):
    """The image `tiny` and the default kernel, made by the first that needs them."""
    cache = os.path.join(BUILD_ROOT, "tests", "system", "seed")
    seed, whole = os.path.join(cache, "state"), os.path.join(cache, "whole")
    os.makedirs(cache, exist_ok=True)
    with open(os.path.join(cache, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(whole):
            shutil.rmtree(seed, ignore_errors=True)
            make_seed(seed)
            with open(whole, "w", encoding="utf-8"):
                pass
        subprocess.run(["cp", "-a", "--reflink=auto", "--sparse=always", seed, state], check=True)


def make_seed(seed):
    with RealSandbox(seeded=False, state=seed) as maker:
        maker.start()
        maker.good("image", "build", "--tiny", "tiny", limit=MAKE_LIMIT)
        # Creating a VM fetches the default kernel.
        maker.good("create", "seed", limit=MAKE_LIMIT)
        maker.good("delete", "seed")
