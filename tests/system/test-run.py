#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`vmctl run` from end to end: the main job, on real guests."""

import os
import signal
import socket
import subprocess
import threading
import unittest

from real_sandbox import RealSandbox
import tap_main


class Run(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = RealSandbox()
        cls.sandbox.start()
        cls.repository = cls.sandbox.repository(files={
            "README.md": "# What it says\n", ".gitignore": "*.o\n.env\n", "a dir/a 'file'": "text\n"})
        for name in (".env", "ignored.o", "untracked"):
            with open(os.path.join(cls.repository, name), "w", encoding="utf-8") as file:
                file.write("secret\n")

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()

    def tearDown(self):
        for name in self.sandbox.vms():
            self.sandbox.vmctl("delete", "--force", name)

    def run_in_guest(self, *arguments, **options):
        return self.sandbox.vmctl("run", *arguments, cwd=self.repository, **options)

    def test_exit_status_is_the_commands(self):
        result = self.run_in_guest("--name", "seven", ".", "--", "sh", "-c", "exit 7")
        self.assertEqual(result.status, 7, result)
        # It is there, and tells so; and goes on working.
        self.assertIn("seven", result.stderr)
        self.assertEqual(self.sandbox.out("exec", "seven", "--", "cat", "/workspace/README.md"),
                         "# What it says\n")

    def test_rm_leaves_nothing(self):
        before = self.sandbox.ledger()
        result = self.run_in_guest("--rm", ".", "--", "cat", "README.md")
        self.assertEqual((result.status, result.stdout), (0, "# What it says\n"), result)
        self.assertEqual(self.sandbox.ledger(), before)

    def test_rm_leaves_nothing_when_the_command_fails(self):
        before = self.sandbox.ledger()
        self.assertEqual(self.run_in_guest("--rm", ".", "--", "false").status, 1)
        self.assertEqual(self.sandbox.ledger(), before)

    def test_rm_survives_the_interrupt(self):
        before = self.sandbox.ledger()
        process = self.sandbox.popen("run", "--rm", ".", "--", "sh", "-c", "echo begun; sleep 1000",
                                     cwd=self.repository, text=True)
        self.assertEqual(process.stdout.readline(), "begun\n")
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 5, stderr)
        self.assertEqual(self.sandbox.ledger(), before)

    def test_what_travels(self):
        listing = ["--", "sh", "-c", "find . -type f | sort"]
        tracked = self.run_in_guest("--rm", ".", *listing)
        self.assertEqual(tracked.stdout.splitlines(), ["./.gitignore", "./README.md", "./a dir/a 'file'"])
        both = self.run_in_guest("--rm", "--include-untracked", ".", *listing)
        self.assertEqual(both.stdout.splitlines(),
                         ["./.gitignore", "./README.md", "./a dir/a 'file'", "./untracked"])

    def test_standard_streams(self):
        result = self.run_in_guest("--rm", ".", "--", "sh", "-c", "cat; echo complaint >&2; exit 3",
                                   stdin="some input\n")
        self.assertEqual((result.status, result.stdout), (3, "some input\n"), result)
        self.assertIn("complaint\n", result.stderr)

    def test_arguments_arrive_as_they_are(self):
        argument = "a b'c\"d$e\\f\ng*"
        result = self.run_in_guest("--rm", ".", "--", "printf", "%s|", argument, "", "-n")
        self.assertEqual(result.stdout, argument + "||-n|", result)

    def test_host_loopback_is_out_of_reach(self):
        """A service on the host's loopback, and everything that the guest could call the host."""
        hits = []
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]

            def serve():
                while True:
                    try:
                        connection, _ = server.accept()
                    except OSError:
                        return
                    hits.append(connection.recv(10))
                    connection.sendall(b"secret\n")
                    connection.close()

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            script = f"""
                gateway=$(ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p')
                for host in 10.0.2.2 10.0.2.3 127.0.0.1 169.254.2.2 $gateway; do
                  echo hello | timeout 4 nc -w 3 "$host" {port} && echo "reached $host"
                done
                exit 0"""
            for network in ("user", "none"):
                result = self.run_in_guest("--rm", "--network", network, ".", "--", "sh", "-c", script)
                self.assertEqual(result.status, 0, result)
                self.assertNotIn("secret", result.stdout)
                self.assertNotIn("reached", result.stdout)
            self.assertEqual(hits, [])
            # The trap works: from the host it is sprung.
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"hello")
                self.assertEqual(client.recv(10), b"secret\n")

    def test_written_is_there_after_stop_and_start(self):
        self.run_in_guest("--name", "kept", ".", "--", "sh", "-c", "echo kept > /root/file")
        boot_id = self.sandbox.out("exec", "kept", "--", "cat", "/proc/sys/kernel/random/boot_id")
        self.sandbox.out("stop", "kept")
        self.assertEqual(self.sandbox.hypervisors(), [])
        self.sandbox.out("start", "kept")
        self.assertEqual(self.sandbox.out("exec", "kept", "--", "cat", "/root/file"), "kept\n")
        self.assertNotEqual(self.sandbox.out("exec", "kept", "--", "cat", "/proc/sys/kernel/random/boot_id"),
                            boot_id)

    def test_two_guests_share_no_identity(self):
        names = ("one", "two")
        identities = []
        for name in names:
            self.run_in_guest("--name", name, ".", "--", "true")
            identities.append(self.sandbox.out(
                "exec", name, "--", "sh", "-c",
                "hostname; cat /etc/machine-id; cat /run/vmd/*host*.pub 2>/dev/null; head -c 16 /dev/urandom | od -x"))
        self.assertNotEqual(*[text.splitlines()[0] for text in identities])
        self.assertNotEqual(*[text.splitlines()[1] for text in identities])
        self.assertEqual(identities[0].splitlines()[0], "one")

    def test_clock(self):
        result = self.run_in_guest("--rm", ".", "--", "date", "+%s")
        now = int(subprocess.check_output(["date", "+%s"]))
        self.assertAlmostEqual(int(result.stdout), now, delta=60)


if __name__ == "__main__":
    tap_main.main()
