# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A vmd of one test's own: its directories, its daemon, and a look at what it left.

The tests of this directory run the built programs as a user would, on real guests. Image and kernel
are made once, in a state directory that each sandbox starts from a copy of.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

BUILD = os.environ["VMD_TEST_BUILD"]
VMD = os.path.join(BUILD, "vmd", "vmd")
VMCTL = os.path.join(BUILD, "vmctl", "vmctl")
HANG = 240  # seconds: no test of anything; what takes longer hangs


def wait_until(what, condition, limit=HANG, interval=0.02):
    """Polls for what has no event that a test could wait for."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"never happened: {what}")
        time.sleep(interval)


class Result:
    def __init__(self, process, stdout, stderr):
        self.status = process.returncode
        self.stdout = stdout
        self.stderr = stderr

    def __repr__(self):
        return f"status {self.status}\nstdout: {self.stdout[-2000:]}\nstderr: {self.stderr[-2000:]}"


class Sandbox:
    def __init__(self, backend="qemu", seeded=True, state=None):
        # Short: sockets' paths are limited to 107 bytes.
        self.root = tempfile.mkdtemp(prefix="vmd-", dir="/tmp")
        self.backend = backend
        self.state = state or os.path.join(self.root, "state")
        self.daemon = None
        self.environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith("VMD_") and key not in ("DBUS_SESSION_BUS_ADDRESS", "XDG_STATE_HOME")
        }
        for name in ("home", "run", "tmp"):
            os.mkdir(os.path.join(self.root, name), 0o700)
        self.environment.update(
            HOME=os.path.join(self.root, "home"),
            XDG_RUNTIME_DIR=os.path.join(self.root, "run"),
            TMPDIR=os.path.join(self.root, "tmp"),
            VMD_STATE_DIR=self.state,
            LC_ALL="C.UTF-8",
        )
        if seeded and backend == "qemu":
            copy_seed(self.state)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- the daemon

    def start_daemon(self, *options):
        ready, theirs = os.pipe()
        log = open(os.path.join(self.root, "daemon.log"), "ab")
        self.daemon = subprocess.Popen(
            [VMD, "--no-bus", "--backend", self.backend, "--ready-fd", str(theirs), *options],
            env=self.environment, pass_fds=[theirs], stdin=subprocess.DEVNULL,
            stderr=log)
        log.close()
        os.close(theirs)
        with os.fdopen(ready) as report:
            said = report.read()
        if said != "ok\n":
            self.daemon.wait(HANG)
            raise AssertionError(f"vmd did not start: {said}")
        return self.daemon.pid

    def stop_daemon(self, number=signal.SIGTERM):
        daemon, self.daemon = self.daemon, None
        if daemon is not None:
            daemon.send_signal(number)
            daemon.wait(HANG)

    def close(self):
        with contextlib.suppress(Exception):
            self.stop_daemon()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)

    def address(self):
        with open(os.path.join(self.state, "daemon")) as file:
            return file.read().strip()

    # -- the command

    def popen(self, *arguments, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        environment = dict(self.environment, **options.pop("environment", {}))
        return subprocess.Popen([VMCTL, *arguments], env=environment, **options)

    def vmctl(self, *arguments, input=None, text=True, limit=HANG, **options):
        if input is not None:
            options["stdin"] = subprocess.PIPE
        process = self.popen(*arguments, text=text, **options)
        try:
            stdout, stderr = process.communicate(input, timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise AssertionError(f"hangs: vmctl {' '.join(map(str, arguments))}")
        return Result(process, stdout, stderr)

    def ok(self, *arguments, **options):
        result = self.vmctl(*arguments, **options)
        assert result.status == 0, f"vmctl {' '.join(map(str, arguments))}: {result}"
        return result.stdout

    def json(self, *arguments):
        return json.loads(self.ok(*arguments, "--json"))

    # -- what is there

    def processes(self):
        """Every process that has this sandbox in its arguments or environment, but for the daemon's own."""
        mark = self.root.encode()
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    text = file.read()
                with open(f"/proc/{entry}/environ", "rb") as file:
                    text += file.read()
                if mark in text and not (self.daemon and int(entry) == self.daemon.pid):
                    found.append(int(entry))
        return found

    def hypervisors(self):
        found = []
        for pid in self.processes():
            with contextlib.suppress(OSError):
                name = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
                if name.startswith("qemu-system") or name == "vmd-fake-vmm":
                    found.append(pid)
        return sorted(found)

    def files(self):
        """Paths below the state and runtime directories that belong to VMs, requests or staging."""
        found = []
        for top in (self.state, os.path.join(self.root, "run")):
            for directory, names, files in os.walk(top):
                relative = os.path.relpath(directory, top)
                for name in names + files:
                    path = os.path.normpath(os.path.join(relative, name))
                    if path.split("/")[0] in ("vms", "requests", "staging", "workspaces", "vmd"):
                        found.append(path)
        return sorted(found)

    def rows(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.state}/vmd.db?mode=ro", uri=True)) as db:
            tables = [name for (name,) in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
            return {name: db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
                    for name in tables if name != "changes"}

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.daemon.pid}/fd"))

    def ledger(self):
        return {"processes": self.hypervisors(), "files": self.files(), "rows": self.rows(),
                "locks": self.json("lock", "list")}


def copy_seed(state):
    """The image `tiny` and the default kernel, made by the first test that needs them."""
    cache = os.path.join(BUILD, "tests", "system", "seed")
    os.makedirs(cache, exist_ok=True)
    with open(os.path.join(cache, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        seed = os.path.join(cache, "state")
        if not os.path.exists(os.path.join(cache, "whole")):
            shutil.rmtree(seed, ignore_errors=True)
            make_seed(seed)
            open(os.path.join(cache, "whole"), "w").close()
        subprocess.run(["cp", "-a", "--reflink=auto", "--sparse=always", seed, state], check=True)


def make_seed(seed):
    with Sandbox(seeded=False, state=seed) as sandbox:
        sandbox.start_daemon()
        sandbox.ok("image", "build", "--tiny", "tiny", limit=900)
        # Creating a VM fetches the default kernel.
        sandbox.ok("create", "seed", limit=900)
        sandbox.ok("delete", "seed")


def make_repository(directory, files=None):
    """A git repository with one commit. Returns its path."""
    git = ["git", "-C", directory, "-c", "user.name=t", "-c", "user.email=t@example.org"]
    os.makedirs(directory, exist_ok=True)
    for name, content in (files or {"README.md": "# A repository\n", "src/hello.c": "int main;\n"}).items():
        path = os.path.join(directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
    subprocess.run([*git[:3], "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "First"], check=True)
    return directory
