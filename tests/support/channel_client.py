# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A client of the configuration channel as a process, and a test that has one and a server which does what the test says."""

import os
import queue
import re
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from sandbox import HANG_LIMIT
from scripted_server import ScriptedServer

TOKEN = "0123456789abcdef." + "ab" * 32
OTHER_TOKEN = "f" * 16 + "." + "0" * 64

# How many milliseconds a client's second takes, where no time is meant to pass: short waits before it connects again, and a lease (25
# of them) that no busy machine outlasts. Where time is meant to pass a test says how many.
SECOND = 200


class Client:
    """It as a process, and what it says."""

    def __init__(self, command, environment=None):
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8")
        self.lines = queue.Queue()
        self.said = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            self.said.append(line)
            self.lines.put(line)

    def wait_for(self, pattern):
        """The next line like that, in capitals or not."""
        deadline = time.monotonic() + HANG_LIMIT
        while True:
            line = self.lines.get(timeout=max(0, deadline - time.monotonic()))
            if re.search(pattern, line, re.IGNORECASE):
                return line

    def has_said(self, words):
        return any(words in line for line in self.said)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.finish()

    def finish(self):
        status = self.process.wait(HANG_LIMIT)
        self.reader.join(HANG_LIMIT)
        self.process.stderr.close()
        return status

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.finish()


class ClientCase(unittest.TestCase):
    """What all tests of a client have. One for a certain client starts it (`start`, `start_with_hook`) and gives it a token
    (`write_token`), and says how it is called (`DEVICE`), what it says (`WORDS`), and what lies beside its files (`beside`). Cases
    that all clients pass are in channel_cases.py."""

    DEVICE = None
    WORDS = None

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="vmd-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.output = self.path("config.json")
        self.values = self.path("config")
        self.server = self.serve()

    def serve(self, *arguments, **options):
        server = ScriptedServer(*arguments, **options)
        self.addCleanup(server.close)
        return server

    def run_client(self, command, environment=None):
        client = Client(command, environment)
        self.addCleanup(client.kill)
        return client

    # Files.

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        with open(path + "~", "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
        os.rename(path + "~", path)
        return path

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def write_hook(self, script):
        return self.write("hook", "#!/bin/sh\n" + script, 0o755)

    # A hook that waits.

    def write_waiting_hook(self, first=":", last="read x <{go}"):
        """It says that it runs (`wait_for_hook`), and goes on when it is told (`release_hook`)."""
        for name in ("runs", "go"):
            if not os.path.exists(self.path(name)):
                os.mkfifo(self.path(name))
        return self.write_hook(f"{first}\necho $$ >{self.path('runs')}\n{last.format(go=self.path('go'))}\n")

    def wait_for_hook(self):
        """Until it runs; its process id."""
        fd = os.open(self.path("runs"), os.O_RDONLY | os.O_NONBLOCK)
        try:
            ready, _, _ = select.select([fd], [], [], HANG_LIMIT)
            self.assertTrue(ready, "hung: the hook does not run")
            return int(os.read(fd, 100))
        finally:
            os.close(fd)

    def release_hook(self):
        with open(self.path("go"), "w", encoding="utf-8") as file:
            file.write("go\n")

    # What goes over the channel.

    def open_stream(self):
        stream = self.server.next("stream")
        stream.open_stream()
        return stream

    def report(self, status=204):
        """What is reported next; it is answered."""
        request = self.server.next("applied")
        request.answer(status)
        return request.json

    def wait_after(self, act, pattern="trying again", second=SECOND):
        """What it says that it will wait, in seconds, after a first stream that @act deals with."""
        client = self.start(second=second)
        act(self.server.next("stream"))
        return float(re.search(r"again in ([0-9.]+) s", client.wait_for(pattern))[1]), client
