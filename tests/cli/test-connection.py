#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""How vmctl finds the daemon, or starts it: DESIGN 10."""

import os
import signal
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tap_main  # noqa: E402
from private_bus import PrivateBus  # noqa: E402
from sandbox import HANG_LIMIT, VMCTL, Sandbox, wait_for_exit, wait_until  # noqa: E402


class Case(unittest.TestCase):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.good = self.sandbox.good
        self.vmctl = self.sandbox.vmctl

    def daemon(self):
        return self.good("version", "--json").json["daemon"]


class Started(Case):
    def test_by_the_first_and_found_by_the_second(self):
        self.good("create", "web")
        pid = self.sandbox.daemon_pid()
        self.assertIsNotNone(pid)
        self.assertEqual(self.good("list", "-q").stdout, "web\n")
        self.assertEqual(self.sandbox.daemon_pid(), pid)
        self.assertEqual(self.daemon()["state_directory"], self.sandbox.state)
        # It belongs to no terminal and no session of ours.
        self.assertEqual(os.getsid(pid), pid)

    def test_by_many_at_once(self):
        """One wins by the daemon's lock, and all find it."""
        many = [self.sandbox.popen("create", f"vm-{i}") for i in range(8)]
        for process in many:
            _, stderr = process.communicate(timeout=HANG_LIMIT)
            self.assertEqual(process.returncode, 0, (stderr, self.sandbox.daemon_log()))
        self.assertEqual(len(self.sandbox.vms()), 8)
        self.assertEqual(self.sandbox.pids(), [self.sandbox.daemon_pid()])

    def test_anew_after_it_was_killed(self):
        self.good("create", "web")
        self.good("start", "web")
        before = self.sandbox.vms()["web"]
        pid = self.sandbox.daemon_pid()
        os.kill(pid, signal.SIGKILL)
        wait_for_exit(pid)
        after = self.sandbox.vms()["web"]
        self.assertEqual((after["pid"], after["state"]), (before["pid"], "running"))
        self.assertEqual(self.good("exec", "web", "--", "echo", "still").stdout, "still\n")

    def test_while_the_last_one_exits(self):
        """A daemon that is on its way out is not the end of it."""
        self.good("create", "web")
        for _ in range(5):
            os.kill(self.sandbox.daemon_pid(), signal.SIGTERM)
            self.assertEqual(self.good("list", "-q").stdout, "web\n")

    def test_what_keeps_it_from_starting_is_shown(self):
        with open(self.sandbox.state, "w", encoding="utf-8"):
            pass
        completed = self.vmctl("list")
        self.assertEqual(completed.status, 1, completed)
        self.assertIn("vmd does not start", completed.stderr)
        self.assertIn(self.sandbox.state, completed.stderr)

    def test_a_corrupt_database(self):
        self.good("create", "web")
        self.sandbox.stop_daemon()
        for name in os.listdir(self.sandbox.state):
            if name.startswith("vmd.db"):
                with open(os.path.join(self.sandbox.state, name), "wb") as file:
                    file.write(b"this is no database" * 1000)
        completed = self.vmctl("list")
        self.assertEqual(completed.status, 1, completed)
        self.assertIn("vmd.db", completed.stderr)

    def test_a_directory_of_others(self):
        os.mkdir(self.sandbox.state, 0o777)
        os.chmod(self.sandbox.state, 0o777)
        completed = self.vmctl("list")
        self.assertEqual(completed.status, 1, completed)
        self.assertIn("chmod", completed.stderr)

    def test_an_unknown_backend(self):
        completed = self.vmctl("list", environment={"VMD_BACKEND": "nonsense"})
        self.assertEqual(completed.status, 2, completed)
        self.assertIn("nonsense", completed.stderr)

    def test_locks_do_not_leak_into_it(self):
        """A vmctl inside "vmctl lock" may be the one that starts the next daemon."""
        self.good("list", environment={"VMD_LOCK": "secret", "VMD_LOCK_VMS": "x"})
        with open(f"/proc/{self.sandbox.daemon_pid()}/environ", "rb") as file:
            self.assertNotIn(b"VMD_LOCK", file.read())

    def test_in_an_odd_directory(self):
        odd = os.path.join(self.sandbox.directory, "a b%20,;ü")
        os.mkdir(odd)
        environment = {"VMD_STATE_DIR": os.path.join(odd, "state"), "XDG_RUNTIME_DIR": odd}
        self.good("create", "web", environment=environment)
        try:
            self.assertEqual(self.good("list", "-q", environment=environment).stdout, "web\n")
        finally:
            self.sandbox.state = environment["VMD_STATE_DIR"]


class Addressed(Case):
    def test_by_environment(self):
        path = os.path.join(self.sandbox.directory, "elsewhere")
        self.sandbox.start_daemon("--no-bus", "--address", f"unix:path={path}")
        self.good("create", "web", environment={"VMD_ADDRESS": f"unix:path={path}"})
        # The state directory tells it too.
        self.assertEqual(self.good("list", "-q").stdout, "web\n")

    def test_nobody_there(self):
        completed = self.vmctl("list", environment={"VMD_ADDRESS": "unix:path=/no/such/socket"})
        self.assertEqual(completed.status, 1, completed)
        self.assertIn("/no/such/socket", completed.stderr)
        self.assertIsNone(self.sandbox.daemon_pid(), "an address that was given is the only one")

    def test_nonsense(self):
        completed = self.vmctl("list", environment={"VMD_ADDRESS": "nonsense"})
        self.assertEqual(completed.status, 1, completed)
        self.assertIn("nonsense", completed.stderr)

    def test_a_note_of_one_that_has_gone(self):
        os.mkdir(self.sandbox.state, 0o700)
        with open(os.path.join(self.sandbox.state, "daemon"), "w", encoding="utf-8") as file:
            file.write("unix:path=/no/such/socket")
        self.assertEqual(self.good("list", "-q").stdout, "")

    def test_a_socket_that_nobody_serves_any_more(self):
        """The runtime directory of a daemon that was killed."""
        self.good("list")
        pid = self.sandbox.daemon_pid()
        os.kill(pid, signal.SIGKILL)
        wait_for_exit(pid)
        self.assertEqual(self.good("list", "-q").stdout, "")
        self.assertNotEqual(self.sandbox.daemon_pid(), pid)

    def test_one_that_hangs_up(self):
        path = os.path.join(self.sandbox.directory, "liar")
        with socket.socket(socket.AF_UNIX) as liar:
            liar.bind(path)
            liar.listen()
            process = self.sandbox.popen("list", environment={"VMD_ADDRESS": f"unix:path={path}"})
            connection, _ = liar.accept()
            connection.close()
            _, stderr = process.communicate(timeout=HANG_LIMIT)
        self.assertEqual(process.returncode, 1, stderr)

    def test_lost_in_the_middle(self):
        self.good("create", "web")
        self.good("start", "web")
        # The fake guest's command outlives the daemon, and keeps what it has of our streams.
        with open(os.path.join(self.sandbox.directory, "stderr"), "w+b") as stderr:
            waiting = self.sandbox.popen("exec", "web", "--", "sh", "-c",
                                         "exec 2>&-; echo works; read x", stdin=subprocess.PIPE,
                                         stderr=stderr)
            self.assertEqual(waiting.stdout.readline(), b"works\n")
            os.kill(self.sandbox.daemon_pid(), signal.SIGKILL)
            self.assertEqual(waiting.wait(HANG_LIMIT), 1)
            stderr.seek(0)
            self.assertIn(b"the daemon ended", stderr.read())
        waiting.stdin.close()
        waiting.stdout.close()


class OnABus(Case):
    """The state directory is the user's own one, as it is with a real session bus."""

    def setUp(self):
        super().setUp()
        del self.sandbox.environment["VMD_STATE_DIR"]
        self.sandbox.environment["XDG_STATE_HOME"] = self.sandbox.directory
        self.sandbox.state = os.path.join(self.sandbox.directory, "vmd")
        self.addCleanup(self.sandbox.stop_daemon)

    def start_bus(self, **options):
        bus = PrivateBus(self.sandbox, **options)
        self.addCleanup(bus.close)
        return bus

    def test_not_there(self):
        """A bus that knows no vmd changes nothing: it is started, on no bus."""
        bus = self.start_bus()
        self.good("create", "web")
        self.assertFalse(bus.has_owner())

    def test_activated(self):
        bus = self.start_bus(activatable=True)
        self.good("create", "web")
        self.assertTrue(bus.has_owner())
        self.good("start", "web")
        self.assertEqual(self.good("exec", "web", "--", "echo", "hi").stdout, "hi\n")
        self.good("delete", "--force", "web")

    def test_by_name(self):
        """All of a VM's life over the bus, which VMD_ADDRESS=session asks for."""
        bus = self.start_bus()
        daemon = self.sandbox.start_daemon()
        bus.wait_for_owner()
        over_bus = {"VMD_ADDRESS": "session"}
        repository = self.sandbox.repository()
        completed = self.vmctl("run", "--rm", repository, "--", "cat", "README.md",
                               environment=over_bus)
        self.assertEqual((completed.status, completed.stdout), (0, "hello\n"), completed)
        self.good("create", "web", environment=over_bus)
        self.good("start", "web", environment=over_bus)
        inner = f"'{VMCTL}' stop web && '{VMCTL}' list -q"
        completed = self.good("lock", "web", "--", "sh", "-c", inner, environment=over_bus)
        self.assertEqual(completed.stdout, "web\n")
        jobs = self.good("job", "list", "--json", environment=over_bus).json
        self.assertTrue(all(job["started_by"].startswith(":") for job in jobs))
        self.sandbox.order("ready hang")
        process = self.sandbox.popen("start", "web", environment=over_bus)
        wait_until(lambda: [job for job in self.good("job", "list", "--json").json
                            if job["state"] == "running"], "the start is at work")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=HANG_LIMIT)
        self.assertEqual(process.returncode, 5)
        self.good("delete", "--force", "web", environment=over_bus)
        daemon.terminate()
        self.assertEqual(daemon.wait(HANG_LIMIT), 0)

    def test_of_another_state_directory(self):
        """The bus's vmd serves the default one; asked for another, we do not use it."""
        bus = self.start_bus(activatable=True)
        other = {"VMD_STATE_DIR": os.path.join(self.sandbox.directory, "other")}
        self.good("create", "web", environment=other)
        self.assertFalse(bus.has_owner())
        self.sandbox.state = other["VMD_STATE_DIR"]


if __name__ == "__main__":
    tap_main.main()
