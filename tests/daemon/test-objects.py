#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What vmd shows and does on a bus and peer to peer, on the fake backend: DESIGN 10."""

import os
import signal
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tap_main  # noqa: E402
from client import MANAGER, ROOT, BusError, flag, handle, read_all, text  # noqa: E402
from daemon_case import BusCase, PeerCase  # noqa: E402
from gi.repository import GLib  # noqa: E402
from sandbox import HANG_LIMIT, wait_until  # noqa: E402


class Objects:
    def test_manager(self):
        properties = self.client.get_all(MANAGER, "Manager")
        self.assertEqual((properties["Version"], properties["Backend"],
                          properties["StateDirectory"]), ("0.1.0", "fake", self.sandbox.state))
        self.assertEqual(properties["Peer"] == "", self.client.name is not None)

    def test_managed_objects(self):
        path = self.client.create("web")
        objects = self.client.objects()
        vm = objects[path]["org.vmd.Vmd1.Vm"]
        self.assertEqual(path, f"{ROOT}/vms/{vm['Id']}")
        self.assertEqual((vm["Name"], vm["State"], vm["Readiness"], vm["Launch"], vm["Pid"]),
                         ("web", "created", "none", 0, 0))
        self.assertIn("org.vmd.Vmd1.Manager", objects[MANAGER])
        self.assertTrue(any("/jobs/" in at for at in objects))

    def test_one_by_one(self):
        """An object says of itself what the list of all says of it, and can be found by looking around."""
        path = self.client.create("web")
        self.client.vm(path, "Start", {"job-token": text("mine")})
        objects = self.client.objects()
        self.assertIn(self.client.job_path("mine"), objects)
        for at, interfaces in objects.items():
            for name, properties in interfaces.items():
                kind = name.rsplit(".", 1)[1]
                self.assertEqual(self.client.get_all(at, kind), properties)
                for key, value in properties.items():
                    self.assertEqual(self.client.get(at, kind, key), value)
                above, node = at.rsplit("/", 1)
                self.assertIn(f'<node name="{node}"/>', self.introspect(above))
                self.assertIn(f'<interface name="{name}">', self.introspect(at))
        self.assertIn('<interface name="org.freedesktop.DBus.ObjectManager">', self.introspect(ROOT))

    def introspect(self, at):
        return self.client.call(at, "org.freedesktop.DBus.Introspectable", "Introspect")[0]

    def test_absent(self):
        path = self.client.create("web")
        self.client.vm(path, "Delete")
        for at, kind in ((path, "Vm"), (f"{ROOT}/vms/web", "Vm"), (f"{ROOT}/vms/_", "Vm"),
                         (f"{ROOT}/images/absent", "Image"), (f"{ROOT}/images/_0", "Image"),
                         (f"{ROOT}/kernels/absent", "Kernel"), (f"{ROOT}/jobs/absent", "Job"),
                         (f"{ROOT}/workspaces/absent", "Workspace"), (f"{ROOT}/devices/absent", "Device")):
            with self.assertRaises(BusError):
                self.client.get_all(at, kind)
        self.assertEqual(self.client.get(MANAGER, "Manager", "Version"), "0.1.0")

    def test_only_changes_are_told(self):
        """To all who are connected, and after the first time only what is different."""
        path = self.client.create("web")
        clients = [self.client, self.connect()]
        told = [client.watch("org.freedesktop.DBus.Properties", "PropertiesChanged", path)
                for client in clients]
        for client in clients:  # is served, so is connected
            client.get(path, "Vm", "Name")
        self.client.call(path, "Vm", "Set", "a{sv}a{sv}", {"vcpus": GLib.Variant("u", 3)}, {})
        self.client.call(path, "Vm", "Set", "a{sv}a{sv}", {"vcpus": GLib.Variant("u", 4)}, {})
        for client, changes in zip(clients, told):
            client.wait_for(lambda seen=changes: any(entry[2].get("Vcpus") == 4 for entry in seen), "it is told")
            self.assertEqual({entry[1] for entry in changes}, {"org.vmd.Vmd1.Vm"})
            self.assertLessEqual({key for entry in changes[1:] for key in entry[2]}, {"Vcpus", "Transition"})

    def test_added_and_removed(self):
        manager = "org.freedesktop.DBus.ObjectManager"
        added = self.client.watch(manager, "InterfacesAdded", ROOT)
        removed = self.client.watch(manager, "InterfacesRemoved", ROOT)
        path = self.client.create("web")
        self.client.wait_for(lambda: any(entry[1] == path for entry in added), "added")
        self.client.vm(path, "Delete")
        self.client.wait_for(lambda: any(entry[1] == path for entry in removed), "removed")
        self.assertNotIn(path, self.client.objects())

    def test_changes(self):
        path = self.client.create("web")
        changed = self.client.watch("org.freedesktop.DBus.Properties", "PropertiesChanged", path)
        self.client.vm(path, "Start")

        def seen(name):
            return [entry[2][name] for entry in changed if name in entry[2]]

        self.client.wait_for(lambda: "provisioned" in seen("Readiness"), "it is provisioned")
        self.assertIn("running", seen("State"))
        self.assertIn("start", seen("Transition"))
        properties = self.client.get_all(path, "Vm")
        self.assertEqual((properties["State"], properties["Launch"]), ("running", 1))
        self.assertGreater(properties["Pid"], 0)
        self.assertNotEqual(properties["GuestBootId"], "")
        os.kill(properties["Pid"], 9)
        self.client.wait_for(lambda: "stopped" in seen("State"), "its death is seen")
        self.assertNotEqual(self.client.get(path, "Vm", "Reason"), "")

    def test_the_reply_is_the_result(self):
        """When a call returns, what it did shows, to the same client and to another."""
        other = self.connect()
        path = self.client.create("web")
        for client in (self.client, other):
            self.assertEqual(client.get(path, "Vm", "State"), "created")
        self.client.vm(path, "Start")
        for client in (other, self.client):
            self.assertEqual(client.get(path, "Vm", "State"), "running")
        self.client.vm(path, "Stop")
        for client in (other, self.client):
            self.assertEqual(client.get(path, "Vm", "State"), "stopped")

    def test_find(self):
        path = self.client.create("web")

        def find(name):
            return self.client.call(MANAGER, "Manager", "FindVm", "sa{sv}", name, {})[0]

        self.assertEqual(find("web"), path)
        self.assertEqual(find(path.rsplit("/", 1)[1][:10]), path)
        self.client.create("wes")
        message = self.fails("Ambiguous", find, "we")
        self.assertIn("web", message)
        self.assertIn("wes", message)
        self.fails("NotFound", find, "absent")
        self.fails("InvalidArgument", find, "UPPER")

    def test_spec(self):
        path = self.client.create("web", vcpus=GLib.Variant("u", 2),
                                  memory=GLib.Variant("t", 1 << 30), network=text("none"))
        properties = self.client.get_all(path, "Vm")
        self.assertEqual((properties["Vcpus"], properties["Memory"], properties["Network"]),
                         (2, 1 << 30, "none"))
        self.fails("InvalidArgument", self.client.create, "b", nonsense=text("x"))
        self.fails("InvalidArgument", self.client.create, "b", vcpus=text("2"))
        self.fails("InvalidArgument", self.client.create, "b", vcpus=GLib.Variant("u", 0))
        self.fails("InvalidArgument", self.client.create, "b", memory=GLib.Variant("t", 0))
        self.fails("InvalidArgument", self.client.create, "UPPER")
        self.fails("Exists", self.client.create, "web")
        self.client.call(path, "Vm", "Set", "a{sv}a{sv}", {"vcpus": GLib.Variant("u", 3)}, {})
        self.assertEqual(self.client.get(path, "Vm", "Vcpus"), 3)
        self.fails("InvalidArgument", self.client.call, path, "Vm", "Set", "a{sv}a{sv}",
                   {"name": text("other")}, {})

    def test_unknown_options(self):
        path = self.client.create("web")
        message = self.fails("InvalidArgument", self.client.vm, path, "Start",
                             {"nonsense": flag()})
        self.assertIn("nonsense", message)
        self.fails("InvalidArgument", self.client.vm, path, "Start", {"wait-for": flag()})
        self.fails("InvalidArgument", self.client.vm, path, "Start", {"wait-for": text("x")})
        self.fails("InvalidArgument", self.client.vm, path, "Kill", {"lock": text("x")})
        for token in ("", "a b", "x" * 33, "ü", "a_b"):
            self.fails("InvalidArgument", self.client.vm, path, "Start",
                       {"job-token": text(token)})
        self.assertEqual(self.client.get(path, "Vm", "Launch"), 0)

    def test_states(self):
        path = self.client.create("web")
        self.fails("WrongState", self.client.exec, path, ["true"])
        self.fails("WrongState", self.client.call, path, "Vm", "Wait", "sa{sv}", "reachable", {})
        self.fails("InvalidArgument", self.client.call, path, "Vm", "Wait", "sa{sv}", "x", {})
        self.client.vm(path, "Start")
        self.fails("WrongState", self.client.vm, path, "Delete")
        self.client.vm(path, "Delete", {"force": flag()})
        with self.assertRaises(BusError):
            self.client.vm(path, "Start")


class Jobs:
    def test_token(self):
        """The path of a job is known before it exists."""
        path = self.client.create("web")
        self.client.vm(path, "Start", {"job-token": text("mine")})
        job = self.client.get_all(self.client.job_path("mine"), "Job")
        self.assertEqual((job["Operation"], job["Target"], job["State"], job["ErrorName"]),
                         ("start", "web", "done", ""))
        self.assertEqual(job["Progress"], 1)
        self.assertGreaterEqual(job["Ended"], job["Started"])
        self.fails("Exists", self.client.vm, path, "Stop", {"job-token": text("mine")})
        # Everybody sees it, and another's token is no conflict.
        other = self.connect()
        self.assertIn(self.client.job_path("mine"), other.objects())
        other.vm(path, "Stop", {"job-token": text("mine")})

    def test_failure(self):
        self.sandbox.order("ready die 3")
        path = self.client.create("web")
        with self.assertRaises(BusError) as caught:
            self.client.vm(path, "Start", {"job-token": text("bad")})
        job = self.client.get_all(self.client.job_path("bad"), "Job")
        self.assertEqual(job["State"], "failed")
        self.assertEqual(job["ErrorName"], "org.vmd.Vmd1.Error." + caught.exception.name)
        self.assertIn(job["ErrorMessage"], str(caught.exception))

    def test_cancel(self):
        """The call returns Cancelled when the clean-up is done."""
        self.sandbox.order("ready hang")
        path = self.client.create("web")
        pending = self.client.begin_vm(path, "Start", {"job-token": text("slow")})
        self.client.wait_for(lambda: self.client.get(path, "Vm", "Pid") != 0, "it boots")
        job = self.client.job_path("slow")
        self.assertEqual(self.client.get(job, "Job", "State"), "running")
        # Another client may do it.
        self.connect().call(job, "Job", "Cancel")
        self.fails("Cancelled", pending.wait)
        self.assertEqual(self.client.get(job, "Job", "State"), "cancelled")
        self.assertEqual(self.client.get(path, "Vm", "Transition"), "")
        self.fails("WrongState", self.client.call, job, "Job", "Cancel")

    def test_readers_do_not_wait(self):
        """LESSONS 5: with a start that hangs, everything can be read."""
        self.sandbox.order("ready hang")
        path = self.client.create("web")
        pending = self.client.begin_vm(path, "Start", {"job-token": text("slow")})
        self.client.wait_for(lambda: self.client.get(path, "Vm", "Pid") != 0, "it boots")
        other = self.connect()
        self.assertEqual(other.get(path, "Vm", "State"), "running")
        self.assertIn(path, other.objects())
        other.create("another")
        self.assertFalse(pending.done)
        self.client.vm(path, "Kill")
        with self.assertRaises(BusError):
            pending.wait()
        self.assertEqual(self.client.get(path, "Vm", "State"), "stopped")

    def test_signals_are_few(self):
        """At most four a second, and the last state is told."""
        path = self.running()
        job = self.client.job_path("import")
        changed = self.client.watch("org.freedesktop.DBus.Properties", "PropertiesChanged", job)
        repository = self.sandbox.repository(
            files={f"file-{i}": "x" * 1000 for i in range(300)})
        ours, theirs = socket.socketpair()
        with ours, theirs:
            serving = self.sandbox.serve(repository, ours)
            self.client.call(path, "Vm", "PrepareWorkspace", "hsa{sv}", 0, "/workspace",
                             {"job-token": text("import")}, fds=[theirs.fileno()])
            theirs.close()
            self.assertEqual(serving.wait(HANG_LIMIT), 0)
        self.client.wait_for(lambda: any(entry[2].get("State") == "done" for entry in changed),
                             "its end is told")
        job = self.client.get_all(job, "Job")
        seconds = (job["Ended"] - job["Started"]) / 1e6
        self.assertLessEqual(len(changed), 4 * seconds + 4)


class Descriptors:
    def test_exec(self):
        path = self.running()
        in_read, in_write = os.pipe()
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        os.write(in_write, b"from here\n")
        os.close(in_write)
        pending = self.client.begin(
            path, "Vm", "Exec", "asa{sv}", ["sh", "-c", "cat; echo $A >&2; exit 7"],
            {"stdin": handle(0), "stdout": handle(1), "stderr": handle(2),
             "environment": GLib.Variant("as", ["A=b c"])}, fds=[in_read, out_write, err_write])
        for fd in (in_read, out_write, err_write):
            os.close(fd)
        self.assertEqual(pending.wait(), (7, ""))
        # All copies are closed when the command has ended, or this would hang.
        self.assertEqual(read_all(out_read), b"from here\n")
        self.assertEqual(read_all(err_read), b"b c\n")

    def test_exec_without_streams(self):
        path = self.running()
        self.assertEqual(self.client.exec(path, ["cat"]), (0, ""))
        self.assertEqual(self.client.exec(path, ["sh", "-c", "kill -9 $$"]), (137, "KILL"))
        self.fails("TimedOut", self.client.exec, path, ["sleep", "1000"],
                   {"timeout": GLib.Variant("u", 100)})

    def test_bad_handles(self):
        path = self.running()
        self.fails("InvalidArgument", self.client.exec, path, ["true"], {"stdout": handle(0)})
        self.fails("InvalidArgument", self.client.exec, path, ["true"], {"stdout": handle(-1)})
        self.fails("InvalidArgument", self.client.call, path, "Vm", "PrepareWorkspace", "hsa{sv}",
                   3, "/workspace", {})
        self.fails("InvalidArgument", self.client.call, MANAGER, "Manager", "ImportImage",
                   "sha{sv}", "base", 0, {})

    def test_many_consoles(self):
        """Those that wait for a hypervisor which does not answer have a few threads between them."""
        path = self.running()
        pid = self.client.get(path, "Vm", "Pid")
        threads = f"/proc/{self.daemon.pid}/task"
        before = len(os.listdir(threads))
        os.kill(pid, signal.SIGSTOP)
        try:
            calls = [self.client.begin(path, "Vm", "OpenConsole") for _ in range(30)]
            self.client.get(path, "Vm", "Pid")
            self.assertLessEqual(len(os.listdir(threads)), before + 20)
        finally:
            os.kill(pid, signal.SIGCONT)
        for call in calls:
            try:
                call.wait()
            except BusError as error:
                self.assertEqual(error.name, "TimedOut", error)
            else:
                os.close(call.descriptors[0])

    def test_not_for_reading(self):
        """Bytes from it would be waited for for ever."""
        reader, writer = os.pipe()
        place = os.open(self.sandbox.state, os.O_PATH)
        for fd in (writer, place):
            self.fails("InvalidArgument", self.client.call, MANAGER, "Manager", "ImportImage", "sha{sv}",
                       "base", 0, {}, fds=[fd])
            self.fails("InvalidArgument", self.client.call, MANAGER, "Manager", "ImportKernel", "ha{sv}",
                       0, {}, fds=[fd])
            self.fails("InvalidArgument", self.client.call, MANAGER, "Manager", "ImportKernel", "ha{sv}",
                       1, {"modules": handle(0)}, fds=[fd, reader])
        for fd in (reader, writer, place):
            os.close(fd)

    def test_size_of_a_terminal(self):
        path = self.running()
        size = {"terminal": text("xterm"), "columns": GLib.Variant("u", 80)}
        for rows in (65536, (1 << 32) - 1):
            self.fails("InvalidArgument", self.client.exec, path, ["true"], size | {"rows": GLib.Variant("u", rows)})
            self.fails("InvalidArgument", self.client.call, path, "Vm", "ResizeTerminal", "suu", "shell", 80, rows)

    def test_none_are_left(self):
        """LESSONS 24: the daemon's descriptors are as many as before."""
        path = self.running()
        directory = f"/proc/{self.daemon.pid}/fd"
        reader, writer = os.pipe()
        for _ in range(3):
            self.client.exec(path, ["true"], {"stdout": handle(0)}, fds=[writer])
        wait_until(self.is_linked, "what is opened once is open")
        before = len(os.listdir(directory))
        for _ in range(20):
            self.client.exec(path, ["true"], {"stdout": handle(0)}, fds=[writer])
            self.fails("InvalidArgument", self.client.exec, path, ["true"],
                       {"stdout": handle(0), "nonsense": flag()}, fds=[writer])
            self.fails("NotFound", self.client.call, MANAGER, "Manager", "FindVm", "sa{sv}",
                       "absent", {}, fds=[writer])
        os.close(writer)
        self.assertEqual(read_all(reader), b"")
        self.assertLessEqual(len(os.listdir(directory)), before)

    def test_terminal(self):
        path = self.running()
        ours, theirs = socket.socketpair()
        pending = self.client.begin(
            path, "Vm", "Exec", "asa{sv}",
            ["sh", "-c", "stty size; read x; until stty size | grep '20 70'; do :; done"],
            {"stdin": handle(0), "stdout": handle(0), "terminal": text("xterm"),
             "columns": GLib.Variant("u", 91), "rows": GLib.Variant("u", 27),
             "job-token": text("shell")}, fds=[theirs.fileno()])
        theirs.close()
        self.expect(ours, b"27 91")
        self.client.call(path, "Vm", "ResizeTerminal", "suu", "shell", 70, 20)
        ours.sendall(b"\n")
        self.assertEqual(pending.wait(), (0, ""))
        self.expect(ours, b"20 70")
        ours.close()
        self.fails("NotFound", self.client.call, path, "Vm", "ResizeTerminal", "suu", "shell", 1, 1)
        self.fails("NotFound", self.connect().call, path, "Vm", "ResizeTerminal", "suu", "shell",
                   1, 1)

    def expect(self, stream, wanted):
        seen = b""
        stream.settimeout(HANG_LIMIT)
        while wanted not in seen:
            more = stream.recv(4096)
            self.assertNotEqual(more, b"", seen)
            seen += more

    def test_log_and_console(self):
        path = self.running()
        pending = self.client.begin(path, "Vm", "OpenLog")
        pending.wait()
        self.assertIn(b"launch 1", read_all(pending.descriptors[0]))
        pending = self.client.begin(path, "Vm", "OpenConsole")
        pending.wait()
        with socket.socket(fileno=pending.descriptors[0]) as console:
            console.setblocking(True)
            console.sendall(b"typed\n")
            self.expect(console, b"typed")

    def test_workspace(self):
        """By the program that clients without libvmd start."""
        path = self.running()
        repository = self.sandbox.repository()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            serving = self.sandbox.serve(repository, ours)
            pending = self.client.begin(path, "Vm", "PrepareWorkspace", "hsa{sv}", 0,
                                        "/workspace", {}, fds=[theirs.fileno()])
            theirs.close()
            workspace, = pending.wait()
            self.assertEqual(serving.wait(HANG_LIMIT), 0)
        properties = self.client.get_all(workspace, "Workspace")
        self.assertEqual((properties["Vm"], properties["Path"], properties["Branch"],
                          properties["Files"], properties["Launch"]),
                         (path, "/workspace", "main", 1, 1))
        self.client.vm(path, "Delete", {"force": flag()})
        self.assertNotIn(workspace, self.client.objects())

    def test_source_that_hangs_up(self):
        path = self.running()
        ours, theirs = socket.socketpair()
        pending = self.client.begin(path, "Vm", "PrepareWorkspace", "hsa{sv}", 0, "/workspace",
                                    {}, fds=[theirs.fileno()])
        theirs.close()
        ours.close()
        self.fails("Protocol", pending.wait)
        self.assertEqual([at for at in self.client.objects() if "/workspaces/" in at], [])


class PeerObjects(PeerCase, Objects):
    pass


class BusObjects(BusCase, Objects):
    pass


class PeerJobs(PeerCase, Jobs):
    pass


class BusJobs(BusCase, Jobs):
    pass


class PeerDescriptors(PeerCase, Descriptors):
    pass


class BusDescriptors(BusCase, Descriptors):
    pass


if __name__ == "__main__":
    tap_main.main()
