#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""vmd as a process: its socket, one per state directory, idle exit, survival, a full disk, polkit."""

import os
import signal
import socket
import stat
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tap_main  # noqa: E402
from client import MANAGER, Client, flag, text  # noqa: E402
from daemon_case import PeerCase  # noqa: E402
from private_bus import PrivateBus  # noqa: E402
from sandbox import HANG_LIMIT, VMD, Sandbox  # noqa: E402


def run_vmd(sandbox, *arguments, environment=None):
    return subprocess.run([VMD, *arguments], env=sandbox.environment | (environment or {}),
                          stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
                          timeout=HANG_LIMIT, check=False)


class Process(PeerCase):
    def socket_path(self):
        with open(os.path.join(self.sandbox.state, "daemon"), encoding="utf-8") as file:
            return file.read().removeprefix("unix:path=")

    def test_nobody_waits(self):
        """Whoever started it has gone before it has something to report: its exit status says it all the same."""
        reader, writer = os.pipe()
        os.close(reader)
        bad = subprocess.run([VMD, "--no-bus", "--ready-fd", str(writer)], env=self.sandbox.environment,
                             stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", pass_fds=[writer],
                             timeout=HANG_LIMIT, check=False)
        os.close(writer)
        self.assertEqual(bad.returncode, 4, bad)

    def test_usage(self):
        for arguments, named in ((["--idle-exit", "-1"], "--idle-exit"), (["--nonsense"], "--nonsense"),
                                 (["more"], "argument")):
            bad = run_vmd(self.sandbox, *arguments)
            self.assertEqual(bad.returncode, 2, bad)
            self.assertIn(named, bad.stderr)

    def test_socket(self):
        """Nobody else gets at it."""
        path = self.socket_path()
        self.assertTrue(path.startswith(self.sandbox.runtime + "/"))
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        directory = os.path.dirname(path)
        while directory != self.sandbox.runtime:
            self.assertEqual(stat.S_IMODE(os.stat(directory).st_mode), 0o700)
            directory = os.path.dirname(directory)

    @unittest.skipIf(os.geteuid() != 0, "needs root to be somebody else")
    def test_peer_of_another_user(self):
        """The peer's uid is checked, also when the socket's mode does not keep it out."""
        path = os.path.join(self.sandbox.directory, "open")
        self.sandbox.stop_daemon()
        self.sandbox.start_daemon("--no-bus", "--address", f"unix:path={path}")
        for at in (self.sandbox.directory, path):
            os.chmod(at, 0o777)
        attempt = subprocess.run(
            ["/usr/bin/python3", "-c",
             "import socket, sys\n"
             "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.settimeout(60)\n"
             "s.sendall(b'\\0AUTH EXTERNAL ' + b'65534'.hex().encode() + b'\\r\\n')\n"
             "print(s.recv(4096))\n"
             "s.sendall(b'NEGOTIATE_UNIX_FD\\r\\nBEGIN\\r\\n')\n"
             "print(s.recv(4096))\n", path],
            user=65534, group=65534, capture_output=True, encoding="utf-8", timeout=HANG_LIMIT,
            env={"PATH": "/usr/bin:/bin"}, check=False)
        self.assertNotIn("OK ", attempt.stdout, attempt)
        # Its own user goes on being served.
        Client(f"unix:path={path}").get(MANAGER, "Manager", "Version")

    def test_one_per_state_directory(self):
        second = run_vmd(self.sandbox, "--no-bus")
        self.assertEqual(second.returncode, 4, second)
        self.assertIn(self.socket_path(), second.stderr)
        # The first one did not notice.
        self.client.create("web")

    def test_runtime_directory_too_long(self):
        """A socket's path has 107 bytes: the message says what to do about it."""
        deep = os.path.join(self.sandbox.directory, "d" * 100)
        second = run_vmd(self.sandbox, "--no-bus", "--state-dir", os.path.join(self.sandbox.directory, "other"),
                         environment={"XDG_RUNTIME_DIR": deep})
        self.assertEqual(second.returncode, 2, second)
        self.assertIn(deep, second.stderr)
        self.assertIn("XDG_RUNTIME_DIR", second.stderr)

    def test_command_line(self):
        for arguments in (("--nonsense",), ("extra",), ("--idle-exit=x",)):
            self.assertEqual(run_vmd(self.sandbox, *arguments).returncode, 2)
        self.assertEqual(run_vmd(self.sandbox, "--version").stdout, "vmd 0.1.0\n")
        self.sandbox.stop_daemon()
        for address in ("tcp:host=localhost", "unix:path=relative", "unix:path=/a,guid=b",
                        f"unix:path=/{'x' * 200}"):
            bad = run_vmd(self.sandbox, "--no-bus", "--address", address)
            self.assertEqual(bad.returncode, 2, bad)
            self.assertIn("vmd: ", bad.stderr)
        bad = run_vmd(self.sandbox, "--no-bus", "--backend=nonsense")
        self.assertEqual(bad.returncode, 2, bad)
        self.assertIn("nonsense", bad.stderr)

    def test_something_in_the_way_of_its_socket(self):
        path = os.path.join(self.sandbox.directory, "file")
        with open(path, "w", encoding="utf-8") as file:
            file.write("precious")
        self.sandbox.stop_daemon()
        bad = run_vmd(self.sandbox, "--no-bus", "--address", f"unix:path={path}")
        self.assertEqual(bad.returncode, 1, bad)
        self.assertIn(path, bad.stderr)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "precious")

    def test_clean_exit(self):
        """SIGTERM with work under way: LESSONS 9."""
        self.sandbox.order("ready hang")
        path = self.client.create("web")
        self.client.begin_vm(path, "Start")
        self.client.wait_for(lambda: self.client.get(path, "Vm", "Pid") != 0, "it boots")
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(HANG_LIMIT), 0)
        self.assertFalse(os.path.exists(self.socket_path()))

    def test_survival(self):
        """LESSONS 18: same pid and boot id after it was killed, and after it was restarted."""
        path = self.running()
        before = self.client.get_all(path, "Vm")
        for end in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            self.daemon.send_signal(end)
            self.daemon.wait(HANG_LIMIT)
            self.daemon = self.start()
            client = self.connect()
            after = client.get_all(path, "Vm")
            for name in ("Pid", "GuestBootId", "Launch", "State", "Started"):
                self.assertEqual(after[name], before[name], name)
            self.assertEqual(client.exec(path, ["true"]), (0, ""))
        client.vm(path, "Delete", {"force": flag()})

    def test_killed_while_a_start_boots(self):
        """LESSONS 13."""
        self.sandbox.order("ready hang")
        path = self.client.create("web")
        self.client.begin_vm(path, "Start")
        self.client.wait_for(lambda: self.client.get(path, "Vm", "Pid") != 0, "it boots")
        self.daemon.kill()
        self.daemon.wait(HANG_LIMIT)
        self.daemon = self.start()
        client = self.connect()
        properties = client.get_all(path, "Vm")
        self.assertIn(properties["State"], ("running", "stopped"))
        self.assertEqual(properties["Transition"], "")
        client.vm(path, "Delete", {"force": flag()})
        self.assertEqual(self.sandbox.pids(), [self.daemon.pid])

    def test_its_socket_outlives_nothing(self):
        """A stale socket and a stale note are no obstacle."""
        for _ in range(3):
            self.daemon.kill()
            self.daemon.wait(HANG_LIMIT)
            self.assertTrue(os.path.exists(self.socket_path()))
            self.daemon = self.start()
            self.connect().get(MANAGER, "Manager", "Version")

    def test_junk_on_its_socket(self):
        """It goes on serving others."""
        for junk in (b"", b"\0", b"\0AUTH\r\n" * 100, os.urandom(4096), b"GET / HTTP/1.1\r\n\r\n"):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(self.socket_path())
                try:
                    client.sendall(junk)
                except BrokenPipeError:
                    pass
        self.client.create("web")


class IdleExit(unittest.TestCase):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)

    def connect(self):
        with open(os.path.join(self.sandbox.state, "daemon"), encoding="utf-8") as file:
            return Client(file.read())

    def test_nobody_came(self):
        daemon = self.sandbox.start_daemon("--no-bus", "--idle-exit=1")
        self.assertEqual(daemon.wait(HANG_LIMIT), 0)

    def test_clients_and_work_keep_it(self):
        """A client does, and work that was detached does; running VMs do not."""
        daemon = self.sandbox.start_daemon("--no-bus", "--idle-exit=1")
        client = self.connect()
        path = client.create("web")
        client.vm(path, "Start")
        self.sandbox.order("off hang")
        client.begin_vm(path, "Stop", {"detach": flag(), "job-token": text("slow")})
        client.get(path, "Vm", "State")
        client.close()
        # It is there as long as the stop takes, which is its half a minute of grace.
        again = self.connect()
        again.wait_for(lambda: again.get(path, "Vm", "Transition") == "stop", "it stops")
        again.vm(path, "Kill")
        again.vm(path, "Start")
        pid = again.get(path, "Vm", "Pid")
        again.close()
        self.assertEqual(daemon.wait(HANG_LIMIT), 0)
        # The hypervisor is not the daemon's.
        os.kill(pid, 0)
        self.sandbox.start_daemon("--no-bus")
        self.assertEqual(self.connect().get(path, "Vm", "Pid"), pid)

    def test_on_a_bus(self):
        bus = PrivateBus(self.sandbox)
        self.addCleanup(bus.close)
        daemon = self.sandbox.start_daemon("--idle-exit=1")
        bus.wait_for_owner()
        self.assertEqual(daemon.wait(HANG_LIMIT), 0)
        self.assertFalse(bus.has_owner())

    def test_a_bus_that_goes_away(self):
        """It goes on on its socket."""
        bus = PrivateBus(self.sandbox)
        daemon = self.sandbox.start_daemon()
        bus.wait_for_owner()
        bus.close()
        client = self.connect()
        path = client.create("web")
        client.vm(path, "Start")
        self.assertIsNone(daemon.poll())


class FullDisk(unittest.TestCase):
    """A small tmpfs as the state directory: needs root, in a mount namespace of its own."""

    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)

    @unittest.skipIf(os.geteuid() != 0, "needs root to mount a small disk")
    def test_full(self):
        os.mkdir(self.sandbox.state, 0o700)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "none",
                                  self.sandbox.state], capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("mounting is not allowed here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.sandbox.state], check=True)
        self.sandbox.start_daemon("--no-bus")
        self.sandbox.good("create", "before")
        filler = os.path.join(self.sandbox.state, "filler")
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(65536))
            except OSError:
                pass
        failures = [self.sandbox.vmctl("create", f"vm-{i}") for i in range(200)]
        failed = [each for each in failures if each.status != 0]
        self.assertNotEqual(failed, [])
        self.assertTrue(all(each.status == 1 for each in failed), failed)
        self.assertTrue(all("vmctl: create" in each.stderr for each in failed))
        self.assertTrue(all("make room" in each.stderr for each in failed))
        # What could be made is whole, of the rest there is nothing.
        vms = self.sandbox.vms()
        self.assertEqual(len(vms), 1 + len(failures) - len(failed))
        self.assertLessEqual(set(os.listdir(os.path.join(self.sandbox.state, "vms"))),
                             {vm["id"] for vm in vms.values()})
        os.unlink(filler)
        self.sandbox.good("delete", *vms)
        self.sandbox.good("create", "after")


class Polkit(unittest.TestCase):
    """The system bus, with a polkit that says what the test wants."""

    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.bus = PrivateBus(self.sandbox, kind="system")
        self.addCleanup(self.bus.close)

    def start_polkit(self, allowed):
        polkit = subprocess.Popen(
            ["/usr/bin/python3", "-m", "dbusmock", "--system", "--template", "polkitd"],
            env=self.sandbox.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(polkit.wait)
        self.addCleanup(polkit.terminate)
        self.bus.wait_for_owner("org.freedesktop.PolicyKit1")
        subprocess.run(
            ["dbus-send", f"--bus={self.bus.address}", "--type=method_call", "--print-reply",
             "--dest=org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
             "org.freedesktop.DBus.Mock.AllowUnknown", f"boolean:{str(allowed).lower()}"],
            check=True, stdout=subprocess.DEVNULL, timeout=HANG_LIMIT)

    def start_vmd(self):
        self.sandbox.start_daemon("--system")
        self.bus.wait_for_owner()

    def test_allowed(self):
        self.start_polkit(True)
        self.start_vmd()
        over_bus = {"VMD_ADDRESS": "system"}
        self.sandbox.good("create", "web", environment=over_bus)
        self.assertEqual(self.sandbox.good("list", "-q", environment=over_bus).stdout, "web\n")

    def test_refused(self):
        self.start_polkit(False)
        self.start_vmd()
        refused = self.sandbox.vmctl("create", "web", environment={"VMD_ADDRESS": "system"})
        self.assertEqual(refused.status, 1, refused)
        self.assertIn("polkit", refused.stderr)

    def test_absent(self):
        """No polkit, no permission."""
        self.start_vmd()
        refused = self.sandbox.vmctl("create", "web", environment={"VMD_ADDRESS": "system"})
        self.assertEqual(refused.status, 1, refused)
        self.assertIn("polkit", refused.stderr)

    def test_no_system_bus(self):
        bad = run_vmd(self.sandbox, "--system",
                      environment={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/no/such/bus"})
        self.assertEqual(bad.returncode, 1, bad)
        self.assertIn("system bus", bad.stderr)


if __name__ == "__main__":
    tap_main.main()
