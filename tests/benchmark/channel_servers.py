# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The two servers that channel-load drives: vmd with its channel, and mosquitto; each with its load."""

import glob
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

from sandbox import BUILD_ROOT, Sandbox, wait_for_exit, wait_until

LOAD = os.path.join(BUILD_ROOT, "tests", "benchmark", "channel-load")
FLOOR = os.path.join(BUILD_ROOT, "tests", "benchmark", "heartbeat-floor")
# Of Debian, with what it needs and most machines do not have.
PACKAGES = ("mosquitto", "libdlt2", "libwrap0", "libcjson1", "libwebsockets17", "libev4", "libuv1", "libmosquitto1")


def raise_descriptor_limit():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


class Load:
    """A channel-load, whose commands are methods: load.storm(64) → what it measured."""

    def __init__(self, protocol, port, token):
        self.process = subprocess.Popen([LOAD, protocol, str(port), token], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, encoding="utf-8")

    def __getattr__(self, verb):
        def run(*arguments):
            print(verb, *arguments, file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
            if not answer:
                raise AssertionError(f"channel-load ended at {verb} {arguments}: {self.process.wait()}")
            return json.loads(answer)
        return run

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Server:
    """What is asked of a process from outside."""

    pid = None
    load = None

    def memory(self):
        """Resident, in bytes."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))

    def busy(self):
        """Processor time of all its threads, in seconds; to the nanosecond, as long as none of them ends."""
        total = 0
        for path in glob.glob(f"/proc/{self.pid}/task/*/schedstat"):
            try:
                with open(path, encoding="ascii") as file:
                    total += int(file.read().split()[0])
            except OSError:
                continue
        return total / 1e9


class Vmd(Server):
    name = "vmd"
    # What would keep one machine from being ten thousand devices, or one device from being everywhere.
    LIMITS = ("max-connects-per-second=0", "max-connections-per-address=0")

    def __init__(self):
        self.sandbox = Sandbox()
        self.daemon = None
        self.start()
        self.empty = self.memory()
        with open(os.path.join(self.sandbox.state, "channel-admin-token"), encoding="ascii") as file:
            token = file.read().strip()
        self.load = Load("sse", self.port, token)

    def start(self, *more_limits):
        limits = [argument for limit in self.LIMITS + more_limits for argument in ("--channel-limit", limit)]
        self.daemon = self.sandbox.start_daemon("--no-bus", "--channel-listen", "127.0.0.1:0", *limits,
                                                environment={"G_DEBUG": ""})
        self.pid = self.daemon.pid
        with open(os.path.join(self.sandbox.state, "channel"), encoding="ascii") as file:
            self.port = int(file.read().split()[0].rsplit(":", 1)[1])

    def restart(self, *limits):
        """A process that has the devices, and has not had the work of making them."""
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait()
        self.start(*limits)
        self.load.port(self.port)

    def socket_path(self):
        with open(os.path.join(self.sandbox.state, "daemon"), encoding="utf-8") as file:
            return file.read().strip().removeprefix("unix:path=")

    def close(self):
        self.load.close()
        self.sandbox.close()


class Mosquitto(Server):
    name = "mosquitto"
    CONFIGURATION = ("allow_anonymous true", "persistence false", "log_type none", "max_connections -1",
                     "set_tcp_nodelay true")

    def __init__(self, directory):
        program, libraries = find_mosquitto(directory)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        configuration = os.path.join(directory, "mosquitto.conf")
        with open(configuration, "w", encoding="ascii") as file:
            print(f"listener {port} 127.0.0.1", *self.CONFIGURATION, sep="\n", file=file)
        self.process = subprocess.Popen([program, "-c", configuration], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL,
                                        env=os.environ | {"LD_LIBRARY_PATH": libraries})
        self.pid = self.process.pid
        wait_until(lambda: can_connect(port), "mosquitto does not listen")
        self.load = Load("mqtt", port, "-")

    def close(self):
        self.load.close()
        self.process.terminate()
        wait_for_exit(self.pid)


class Floor(Server):
    """Writes heartbeats, and is good for nothing else."""

    name = "floor"

    def __init__(self, seconds):
        self.process = subprocess.Popen([FLOOR, str(seconds)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.pid = self.process.pid
        self.load = Load("comment", int(self.process.stdout.readline()), "-")

    def close(self):
        self.load.drop()
        self.process.terminate()
        self.process.wait()
        self.load.close()


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    except ConnectionRefusedError:
        return False


def find_mosquitto(directory):
    """The program and where its libraries are: the system's, or Debian's package unpacked into @directory."""
    program = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
    if program is not None:
        return program, ""
    root = os.path.join(directory, "root")
    program = os.path.join(root, "usr", "sbin", "mosquitto")
    if not os.path.exists(program):
        os.makedirs(root, exist_ok=True)
        subprocess.run(["apt-get", "-qq", "download", *PACKAGES], cwd=directory, check=True,
                       stderr=subprocess.DEVNULL)
        for package in glob.glob(os.path.join(directory, "*.deb")):
            subprocess.run(["dpkg-deb", "-x", package, root], check=True)
    return program, ":".join(glob.glob(os.path.join(root, "usr/lib/*-linux-gnu"))
                             + glob.glob(os.path.join(root, "lib/*-linux-gnu")))


def time_disk(directory, count=500):
    """What the disk alone takes to make a page durable, of several, in seconds."""
    path = os.path.join(directory, "page")
    times = []
    with open(path, "wb", buffering=0) as file:
        file.write(bytes(4096 * 256))
        os.fsync(file.fileno())
        for i in range(count):
            began = time.perf_counter()
            os.pwrite(file.fileno(), os.urandom(4096), i % 256 * 4096)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    os.unlink(path)
    return times


def warm(seconds):
    """Lets the servers be, as long as it takes to see that they do nothing."""
    time.sleep(seconds)


def machine():
    """How busy others keep it, for whoever reads the figures."""
    with open("/proc/loadavg", encoding="ascii") as file:
        return f"{os.cpu_count()} processors, load {file.read().split()[0]}"


sys.dont_write_bytecode = True
