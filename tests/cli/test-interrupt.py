#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Ctrl-C, terminals and progress: vmctl in a pseudo-terminal, as somebody sits before it."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tap_main  # noqa: E402
from sandbox import HANG_LIMIT, Sandbox, wait_until  # noqa: E402


class Terminal:
    """vmctl with a controlling terminal of its own."""

    def __init__(self, sandbox, *arguments, columns=100, rows=30):
        self.output = b""
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
        self.before = termios.tcgetattr(slave)

        def take_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = sandbox.popen(*arguments, environment={"TERM": "xterm"}, stdin=slave,
                                     stdout=slave, stderr=slave, preexec_fn=take_terminal)
        self.slave = slave

    def type(self, data):
        os.write(self.master, data)

    def read(self):
        """What comes within an instant."""
        ready, _, _ = select.select([self.master], [], [], 0.02)
        if ready:
            self.output += os.read(self.master, 65536)

    def expect(self, text):
        deadline = time.monotonic() + HANG_LIMIT
        while text not in self.output:
            if time.monotonic() > deadline:
                raise AssertionError(f"{text!r} does not come: {self.output!r}")
            self.read()

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def wait(self):
        deadline = time.monotonic() + HANG_LIMIT
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                self.process.kill()
                raise AssertionError(f"it does not end: {self.output!r}")
            self.read()
        self.read()
        return self.process.returncode

    def is_as_before(self):
        return termios.tcgetattr(self.slave) == self.before

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


class Case(unittest.TestCase):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.good = self.sandbox.good

    def terminal(self, *arguments, **options):
        terminal = Terminal(self.sandbox, *arguments, **options)
        self.addCleanup(terminal.close)
        return terminal

    def jobs(self, operation, state):
        return [job for job in self.good("job", "list", "--json").json
                if (job["operation"], job["state"]) == (operation, state)]


class Interrupt(Case):
    def test_a_start(self):
        """LESSONS 13: it ends running or stopped, and nothing says "starting" for ever."""
        self.sandbox.order("ready hang")
        self.good("create", "web")
        terminal = self.terminal("start", "web")
        wait_until(lambda: self.sandbox.vms()["web"]["pid"], "the hypervisor runs")
        terminal.type(b"\x03")
        self.assertEqual(terminal.wait(), 5, terminal.output)
        vm = self.sandbox.vms()["web"]
        self.assertIn(vm["state"], ("running", "stopped"))
        self.assertIsNone(vm["transition"])
        self.assertEqual(len(self.jobs("start", "cancelled")), 1)

    def test_an_import(self):
        """Its clean-up is done when vmctl ends."""
        vm_id = self.good("create", "web", "--json").json["id"]
        self.good("start", "web")
        self.sandbox.order_transport(vm_id, "stall-write", "0")
        repository = self.sandbox.repository()
        terminal = self.terminal("workspace", "prepare", "web", repository)
        wait_until(lambda: self.jobs("import", "running"), "the import is at work")
        terminal.type(b"\x03")
        self.assertEqual(terminal.wait(), 5, terminal.output)
        self.assertFalse(os.path.exists(self.sandbox.guest(vm_id, "workspace")))
        self.assertEqual(self.good("workspace", "list", "--json").json, [])
        self.assertEqual(self.good("lock", "list", "--json").json, [])

    def test_run_rm(self):
        """LESSONS 42: the Ctrl-C that ends the rest does not cancel --rm."""
        self.sandbox.order("ready hang")
        repository = self.sandbox.repository()
        terminal = self.terminal("run", "--rm", repository, "--", "true")
        wait_until(lambda: [vm for vm in self.sandbox.vms().values() if vm["pid"]], "it boots")
        terminal.type(b"\x03")
        self.assertEqual(terminal.wait(), 5, terminal.output)
        self.assertEqual(self.sandbox.vms(), {})
        self.assertNotIn(b"goes on running", terminal.output)
        self.assertEqual(self.sandbox.pids(), [self.sandbox.daemon_pid()])

    def test_run_without_rm_says_what_remains(self):
        self.sandbox.order("ready hang")
        repository = self.sandbox.repository()
        terminal = self.terminal("run", "--name=web", repository, "--", "true")
        wait_until(lambda: [vm for vm in self.sandbox.vms().values() if vm["pid"]], "it boots")
        terminal.type(b"\x03")
        self.assertEqual(terminal.wait(), 5, terminal.output)
        self.assertIn(b"VM web ", terminal.output)
        self.assertIn("web", self.sandbox.vms())

    def test_a_command_of_run_rm(self):
        """SIGTERM, as from a runner's time limit, while the command works."""
        repository = self.sandbox.repository()
        process = self.sandbox.popen("run", "--rm", repository, "--", "sh", "-c",
                                     "echo works; sleep 1000")
        self.assertEqual(process.stdout.readline(), b"works\n")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=HANG_LIMIT)
        self.assertEqual(process.returncode, 5)
        self.assertEqual(self.sandbox.vms(), {})

    def test_twice(self):
        """The second Ctrl-C waits for nothing, and what --rm began goes on in vmd."""
        repository = self.sandbox.repository()
        process = self.sandbox.popen("run", "--rm", "--name=web", repository, "--", "sh", "-c",
                                     "echo works; sleep 1000")
        self.assertEqual(process.stdout.readline(), b"works\n")
        holder = self.sandbox.popen("lock", "web", "--", "sh", "-c", "echo held; cat",
                                    stdin=subprocess.PIPE)
        self.assertEqual(holder.stdout.readline(), b"held\n")
        process.send_signal(signal.SIGINT)
        wait_until(lambda: any(not lock["held"] for lock in
                               self.good("lock", "list", "--json").json), "the clean-up waits")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=HANG_LIMIT)
        self.assertEqual(process.returncode, 5)
        self.assertIn("web", self.sandbox.vms())
        holder.communicate(timeout=HANG_LIMIT)
        wait_until(lambda: self.sandbox.vms() == {}, "vmd deletes it")

    def test_waits(self):
        self.good("create", "web")
        self.good("start", "web")
        for arguments in (("wait", "web"), ("logs", "--follow", "web"),
                          ("exec", "web", "--", "sleep", "1000")):
            with self.subTest(arguments=arguments):
                terminal = self.terminal(*arguments) if arguments[0] != "exec" else None
                process = terminal.process if terminal else self.sandbox.popen(*arguments)
                # Not before it has set its signals up: a call of its shows in the daemon's jobs,
                # or its output begins.
                if arguments[0] == "exec":
                    wait_until(lambda: self.jobs("exec", "running"), "it works")
                elif arguments[0] == "logs":
                    terminal.expect(b"launch 1")
                process.send_signal(signal.SIGINT)
                if terminal:
                    status = terminal.wait()
                else:
                    process.communicate(timeout=HANG_LIMIT)
                    status = process.returncode
                # "wait" may have been too young to have its signals set up.
                self.assertIn(status, (5, -signal.SIGINT) if arguments[0] == "wait" else (5,))
        self.assertEqual(self.sandbox.vms()["web"]["state"], "running")

    def test_lock_leaves_it_to_the_command(self):
        self.good("create", "web")
        terminal = self.terminal("lock", "web", "--", "sh", "-c",
                                 "trap 'echo trapped; exit 8' INT; echo ready; sleep 1000 & wait")
        terminal.expect(b"ready")
        terminal.type(b"\x03")
        self.assertEqual(terminal.wait(), 8, terminal.output)
        self.assertIn(b"trapped", terminal.output)


class Terminals(Case):
    def setUp(self):
        super().setUp()
        self.vm_id = self.good("create", "web", "--json").json["id"]
        self.good("start", "web")

    def test_exec(self):
        """A shell with a terminal: size, resizing, Ctrl-C to the guest, the settings restored."""
        terminal = self.terminal("exec", "web", "--", "sh", columns=91, rows=27)
        terminal.type(b"stty size; echo TERM-$TERM; tty >/dev/null && echo is-a-tty\n")
        terminal.expect(b"27 91")
        terminal.expect(b"TERM-xterm")
        terminal.expect(b"is-a-tty")
        self.assertFalse(terminal.is_as_before())
        terminal.resize(70, 20)
        terminal.type(b"until stty size | grep '20 70'; do :; done; echo re'sized'\n")
        terminal.expect(b"resized")
        terminal.type(b"sh -c 'trap \"echo got-it; exit\" INT; echo re\"\"ady; "
                      b"while :; do sleep 0.05; done'\n")
        terminal.expect(b"ready\r\n")
        terminal.type(b"\x03")
        terminal.expect(b"got-it\r\n")
        terminal.type(b"exit 6\n")
        self.assertEqual(terminal.wait(), 6, terminal.output)
        self.assertTrue(terminal.is_as_before())

    def test_exec_without(self):
        """Ctrl-C is ours then."""
        terminal = self.terminal("exec", "-T", "web", "--", "sh", "-c", "echo works; sleep 1000")
        terminal.expect(b"works")
        self.assertTrue(terminal.is_as_before())
        terminal.type(b"\x03")
        self.assertEqual(terminal.wait(), 5, terminal.output)

    def test_exec_that_fails_restores_it(self):
        self.good("kill", "web")
        terminal = self.terminal("exec", "web", "--", "true")
        self.assertEqual(terminal.wait(), 1, terminal.output)
        self.assertTrue(terminal.is_as_before())

    def test_exec_killed(self):
        """SIGTERM to vmctl restores the terminal too."""
        terminal = self.terminal("exec", "web", "--", "sh", "-c", "echo works; sleep 1000")
        terminal.expect(b"works")
        terminal.process.send_signal(signal.SIGTERM)
        self.assertEqual(terminal.wait(), 5, terminal.output)
        self.assertTrue(terminal.is_as_before())

    def test_console(self):
        terminal = self.terminal("console", "web")
        terminal.expect(b"Ctrl-]")
        terminal.type(b"typed\n")
        terminal.expect(b"typed")
        terminal.type(b"\x1d")
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertIn(b"detached", terminal.output)
        self.assertTrue(terminal.is_as_before())
        # It is free again.
        again = self.terminal("console", "web")
        again.expect(b"Ctrl-]")
        again.type(b"more\n")
        again.expect(b"more")

    def test_logs_are_harmless(self):
        """A guest does not steer the terminal; a file gets what the guest wrote."""
        log = os.path.join(self.sandbox.state, "vms", self.vm_id, "console.log")
        with open(log, "ab") as file:
            file.write(b"\x1b]0;owned\x07\x1b[2Jend\r\n")
        terminal = self.terminal("logs", "web")
        self.assertEqual(terminal.wait(), 0)
        self.assertIn(b"]0;owned[2Jend", terminal.output)
        self.assertNotIn(b"\x1b", terminal.output)
        self.assertIn("\x1b]0;owned\x07", self.good("logs", "web").stdout)

    def test_tables(self):
        terminal = self.terminal("list")
        self.assertEqual(terminal.wait(), 0)
        self.assertIn(b"\x1b[1mNAME", terminal.output)
        self.assertIn(b"\x1b[32mrunning", terminal.output)
        self.assertNotIn("\x1b", self.good("list").stdout)


class Progress(Case):
    def test_on_a_terminal(self):
        """A line that is taken away again."""
        self.sandbox.order("ready hang")
        self.good("create", "web")
        terminal = self.terminal("start", "web")
        terminal.expect(b"\rstart web")
        terminal.type(b"\x03")
        self.assertEqual(terminal.wait(), 5)
        self.assertIn(b"\r\x1b[K", terminal.output)

    def test_elsewhere(self):
        """A plain line, and only of what takes longer than a second."""
        self.good("create", "quick")
        self.assertEqual(self.good("start", "quick").stderr, "")
        self.sandbox.order("ready@slow hang")
        self.good("create", "slow")
        process = self.sandbox.popen("start", "slow")
        line = process.stderr.readline()
        self.assertTrue(line.startswith(b"vmctl: start slow"), line)
        self.assertNotIn(b"\x1b", line)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=HANG_LIMIT)
        self.assertEqual(process.returncode, 5)


if __name__ == "__main__":
    tap_main.main()
