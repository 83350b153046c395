# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A place of its own for a daemon and its clients: state, runtime directory, environment.

Nothing of the user's is seen or touched, and whatever was started in it is ended by its pid: the
processes of a sandbox are those that have its directory in their environment.
"""

import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

BUILD_ROOT = os.environ["VMD_TEST_BUILD_ROOT"]
VMD = os.path.join(BUILD_ROOT, "vmd", "vmd")
VMCTL = os.path.join(BUILD_ROOT, "vmctl", "vmctl")

# No test waits for a time; this is when a wait counts as hung.
HANG_LIMIT = 60

# For a program that speaks TLS by GIO: the leak checker itself crashes as it looks at a process that has that module
# loaded. Its other checks stay.
WITHOUT_LEAK_CHECKER = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


class Completed:
    """How a command ended."""

    def __init__(self, status, stdout, stderr):
        self.status = status
        self.stdout = stdout
        self.stderr = stderr

    @property
    def json(self):
        return json.loads(self.stdout)

    def __repr__(self):
        return f"status {self.status}, stdout {self.stdout!r}, stderr {self.stderr!r}"


class Sandbox:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="vmd-test-")
        self.state = os.path.join(self.directory, "state")
        self.runtime = os.path.join(self.directory, "run")
        self.script = os.path.join(self.directory, "script")
        os.mkdir(self.runtime, 0o700)
        os.mkdir(os.path.join(self.directory, "home"))
        kept = ("PATH", "G_DEBUG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
        self.environment = {name: os.environ[name] for name in kept if name in os.environ}
        self.environment.update({
            "HOME": os.path.join(self.directory, "home"),
            "TMPDIR": self.directory,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "XDG_RUNTIME_DIR": self.runtime,
            "VMD_STATE_DIR": self.state,
            "VMD_BACKEND": "fake",
            "VMD_FAKE_SCRIPT": self.script,
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_SYSTEM": "/dev/null",
            "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
        })

    # Processes.

    def pids(self):
        """Of all that runs with this sandbox in its environment, ourselves excepted."""
        mark = b"VMD_FAKE_SCRIPT=" + os.fsencode(self.script)
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            try:
                with open(f"/proc/{entry}/environ", "rb") as file:
                    if mark in file.read().split(b"\0"):
                        found.append(int(entry))
            except OSError:
                continue
        return found

    def daemon_pid(self):
        """Of the daemon that serves, asked of the socket; None when there is none."""
        try:
            with open(os.path.join(self.state, "daemon"), encoding="utf-8") as file:
                path = file.read().strip().removeprefix("unix:path=")
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
                credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
                return struct.unpack("3i", credentials)[0]
        except OSError:
            return None

    def daemon_log(self):
        """What daemons that vmctl started complained of."""
        with open(os.path.join(self.state, "daemon.log"), encoding="utf-8",
                  errors="replace") as file:
            return file.read()

    def start_daemon(self, *arguments, wrapper=(), environment=None):
        """Starts vmd and returns it when it serves."""
        read_end, write_end = os.pipe()
        with open(os.path.join(self.directory, "vmd.log"), "ab") as log:
            daemon = subprocess.Popen(
                [*wrapper, VMD, "--ready-fd", str(write_end), *arguments],
                env=self.environment | (environment or {}), pass_fds=[write_end],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        os.close(write_end)
        with os.fdopen(read_end, "rb") as report:
            ready, _, _ = select.select([report], [], [], HANG_LIMIT)
            text = report.read() if ready else b"hung"
        if text != b"ok\n":
            daemon.wait(HANG_LIMIT)
            raise AssertionError(f"vmd did not start: {text!r}")
        return daemon

    def stop_daemon(self):
        """Ends the daemon that serves, whoever started it, and waits for its end."""
        pid = self.daemon_pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            wait_for_exit(pid)

    def close(self):
        self.stop_daemon()
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.directory, ignore_errors=True)

    # vmctl.

    def popen(self, *arguments, environment=None, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen([VMCTL, *arguments], env=self.environment | (environment or {}),
                                **options)

    def vmctl(self, *arguments, stdin=None, environment=None, text=True, cwd=None, limit=None):
        """Runs vmctl to its end. @limit: seconds after which it hangs."""
        completed = subprocess.run(
            [VMCTL, *arguments], env=self.environment | (environment or {}), cwd=cwd,
            input=stdin if stdin is not None else ("" if text else b""), capture_output=True,
            encoding="utf-8" if text else None, timeout=limit or HANG_LIMIT, check=False)
        return Completed(completed.returncode, completed.stdout, completed.stderr)

    def good(self, *arguments, **options):
        """The same; that it succeeds is part of the test."""
        completed = self.vmctl(*arguments, **options)
        if completed.status != 0:
            raise AssertionError(f"vmctl {' '.join(map(str, arguments))}: {completed}")
        return completed

    def vms(self):
        return {vm["name"]: vm for vm in self.good("list", "--json").json}

    # The fake backend.

    def order(self, *lines):
        """What fake hypervisors do from now on; see libvmd/backend/vmd-fake-script-private.h."""
        with open(self.script + ".new", "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))
        os.rename(self.script + ".new", self.script)

    def guest(self, vm_id, *names):
        """A path in the directory that is the guest of a fake VM."""
        return os.path.join(self.state, "vms", vm_id, "guest", *names)

    def order_transport(self, vm_id, name, text=""):
        """What the fake transport does; see libvmd/transport/vmd-fake-transport.c."""
        os.makedirs(self.guest(vm_id, ".vmd-fake"), exist_ok=True)
        with open(self.guest(vm_id, ".vmd-fake", name), "w", encoding="utf-8") as file:
            file.write(text)

    # Repositories.

    def repository(self, name="repository", files=None):
        path = os.path.join(self.directory, name)
        os.makedirs(path)
        self.git(path, "init", "-q", "-b", "main")
        for file, content in (files or {"README.md": "hello\n"}).items():
            os.makedirs(os.path.dirname(os.path.join(path, file)), exist_ok=True)
            with open(os.path.join(path, file), "w", encoding="utf-8") as stream:
                stream.write(content)
        self.git(path, "add", "-A")
        self.git(path, "commit", "-q", "-m", "first")
        return path

    def git(self, path, *arguments):
        subprocess.run(["git", "-C", path, *arguments], env=self.environment, check=True,
                       timeout=HANG_LIMIT, stdout=subprocess.DEVNULL)

    def serve(self, path, ours):
        """The program that clients without libvmd start, on their end of a socket, which is taken."""
        program = os.path.join(BUILD_ROOT, "libvmd", "source", "vmd-source")
        process = subprocess.Popen([program, "--fd", str(ours.fileno()), path],
                                   env=self.environment, pass_fds=[ours.fileno()])
        ours.close()
        return process


def wait_for_exit(pid):
    """Until a process that need not be our child is gone."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ready, _, _ = select.select([fd], [], [], HANG_LIMIT)
        if not ready:
            raise AssertionError(f"process {pid} does not end")
    finally:
        os.close(fd)
    # If it is our child, it is not gone before it is waited for.
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def wait_until(condition, what):
    """Until something that no event tells of is so: what vmctl would say if it were asked now, mostly. Where there is an event
    it is waited for: the end of a process (`wait_for_exit`), a name on a bus, a line, a signal."""
    deadline = time.monotonic() + HANG_LIMIT
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"hung: {what}")
