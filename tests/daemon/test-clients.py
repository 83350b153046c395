#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Clients of vmd that lock, and clients that vanish: DESIGN 3.8 and 10."""

import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tap_main  # noqa: E402
from client import MANAGER, ROOT, flag, handle, text  # noqa: E402
from daemon_case import BusCase, PeerCase  # noqa: E402
from gi.repository import GLib  # noqa: E402
from sandbox import wait_until  # noqa: E402


def begin_lock(client, *resources, reason="for a test", options=None):
    return client.begin(MANAGER, "Manager", "Lock", "a(sss)sa{sv}", resources, reason,
                        options or {})


def lock(client, *resources, **options):
    """The token, and the descriptor that holds the lock."""
    pending = begin_lock(client, *resources, **options)
    token, _ = pending.wait()
    return token, pending.descriptors[0]


class Locks:
    def locks(self):
        return self.client.call(MANAGER, "Manager", "ListLocks", "a{sv}", {})[0]

    def wait_until_free(self):
        self.client.wait_for(lambda: self.locks() == [], "it is released")

    def test_token(self):
        path = self.client.create("web")
        token, hold = lock(self.client, ("vm", "web", "exclusive"))
        self.assertGreaterEqual(len(token), 32)
        entry, = self.locks()
        self.assertEqual(entry["resources"], f"vm/{path.rsplit('/', 1)[1]}:exclusive")
        self.assertEqual((entry["held"], entry["reason"]), (True, "for a test"))
        self.assertEqual(entry["pid"], self.daemon.pid)
        objects = self.client.objects()
        shown, = [objects[at] for at in objects if at.startswith(f"{ROOT}/locks/")]
        # The token is proof: nobody reads it.
        self.assertNotIn(token, str(shown))
        self.client.vm(path, "Start", {"lock": text(token)})
        # Another client that was told the token may use it too.
        self.connect().vm(path, "Stop", {"lock": text(token)})
        os.close(hold)
        self.wait_until_free()
        self.fails("NotLocked", self.client.vm, path, "Start", {"lock": text(token)})

    def test_others_wait(self):
        path = self.client.create("web")
        _, hold = lock(self.client, ("vm", "web", "exclusive"))
        other = self.connect()
        pending = other.begin_vm(path, "Start")
        other.wait_for(lambda: any(not entry["held"] for entry in self.locks()), "start waits")
        self.assertFalse(pending.done)
        # Reading waits for nothing.
        self.assertEqual(other.get(path, "Vm", "State"), "created")
        os.close(hold)
        pending.wait()
        self.assertEqual(other.get(path, "Vm", "State"), "running")

    def test_own_lock_must_be_shown(self):
        """It would wait for itself."""
        path = self.client.create("web")
        _, hold = lock(self.client, ("vm", "web", "exclusive"))
        self.fails("NestedLock", self.client.vm, path, "Start")
        self.fails("NestedLock", begin_lock(self.client, ("image", "x", "shared")).wait)
        os.close(hold)

    def test_own_lock_that_cannot_be_shown(self):
        """What makes an image or needs one would wait for itself too."""
        _, hold = lock(self.client, ("image", "base", "exclusive"))
        for call in (lambda: self.client.create("web", image=text("base")),
                     lambda: self.client.call(MANAGER, "Manager", "BuildTinyImage", "sa{sv}", "base", {}),
                     lambda: self.import_image("base")):
            self.assertIn("release it", self.fails("NestedLock", call))
        # Others are no business of that lock.
        self.fails("BadArchive", self.import_image, "other")
        self.client.create("base")
        self.client.call(MANAGER, "Manager", "FindVm", "sa{sv}", "base", {})
        os.close(hold)
        self.wait_until_free()
        self.fails("BadArchive", self.import_image, "base")
        # And a shared one is not in the way of a VM.
        _, hold = lock(self.client, ("image", "base", "shared"))
        self.fails("NotFound", self.client.create, "web", image=text("base"))
        self.fails("NestedLock", self.import_image, "base")
        os.close(hold)

    def import_image(self, name):
        with open("/dev/null", "rb") as file:
            self.client.call(MANAGER, "Manager", "ImportImage", "sha{sv}", name, 0, {}, fds=[file.fileno()])

    def test_of_another_vm(self):
        """A lock is proof for what it covers."""
        self.client.create("web")
        other = self.client.create("other")
        token, hold = lock(self.client, ("vm", "web", "exclusive"))
        self.fails("NotLocked", self.client.vm, other, "Start", {"lock": text(token)})
        os.close(hold)

    def test_of_the_wrong_kind_or_mode(self):
        path = self.client.create("web")
        for resource in (("workspace", "web", "exclusive"), ("vm", "web", "shared")):
            token, hold = lock(self.client, resource)
            self.fails("NotLocked", self.client.vm, path, "Start", {"lock": text(token)})
            os.close(hold)
            self.wait_until_free()

    def test_workspace(self):
        path = self.running()
        token, hold = lock(self.client, ("workspace", "web", "exclusive"))
        ours, theirs = socket.socketpair()
        ours.close()
        pending = self.client.begin(path, "Vm", "PrepareWorkspace", "hsa{sv}", 0, "/workspace",
                                    {"lock": text(token)}, fds=[theirs.fileno()])
        theirs.close()
        # It got as far as to speak to the source, which is not there.
        self.fails("Protocol", pending.wait)
        # Lifecycle is not the workspace's business.
        self.connect().vm(path, "Stop")
        os.close(hold)

    def test_timeout(self):
        self.client.create("web")
        _, hold = lock(self.client, ("vm", "web", "exclusive"), reason="a long job")
        other = self.connect()
        for timeout in (0, 50):
            pending = begin_lock(other, ("vm", "web", "shared"),
                                 options={"timeout": GLib.Variant("x", timeout)})
            # LESSONS 6: who holds it is named.
            self.assertIn("a long job", self.fails("Busy", pending.wait))
        os.close(hold)

    def test_shared(self):
        self.client.create("web")
        _, first = lock(self.client, ("vm", "web", "shared"))
        _, second = lock(self.connect(), ("vm", "web", "shared"))
        os.close(first)
        os.close(second)
        self.wait_until_free()

    def test_several_at_once(self):
        paths = [self.client.create(name) for name in ("a", "b")]
        token, hold = lock(self.client, ("vm", "b", "exclusive"), ("vm", "a", "exclusive"))
        for path in paths:
            self.client.vm(path, "Start", {"lock": text(token)})
        os.close(hold)

    def test_nonsense(self):
        self.client.create("web")
        for resources in ([], [("vm", "web", "x")], [("x", "web", "shared")],
                          [("create", "", "shared")]):
            self.fails("InvalidArgument", begin_lock(self.client, *resources).wait)
        for name in ("", "Debian 12", "../x", "x" * 64):
            self.fails("InvalidArgument", begin_lock(self.client, ("image", name, "shared")).wait)
        self.fails("NotFound", begin_lock(self.client, ("vm", "absent", "shared")).wait)
        self.fails("InvalidArgument", begin_lock(self.client, ("vm", "web", "shared"),
                                                 ("workspace", "web", "shared")).wait)
        for reason in ("two\nlines", "\x1b[31m", "x" * 1001):
            self.fails("InvalidArgument", begin_lock(self.client, ("vm", "web", "shared"), reason=reason).wait)
        self.assertEqual(self.locks(), [])

    def test_client_that_vanishes(self):
        """LESSONS 7: it lets go of what it holds and of what it waits for."""
        path = self.client.create("web")
        holder, waiter = self.connect(), self.connect()
        _, hold = lock(holder, ("vm", "web", "exclusive"))
        begin_lock(waiter, ("vm", "web", "exclusive"))
        self.client.wait_for(lambda: len(self.locks()) == 2, "the second waits")
        waiter.close()
        self.client.wait_for(lambda: len(self.locks()) == 1, "the second is forgotten")
        holder.close()
        self.client.vm(path, "Start")
        self.wait_until_free()
        # Nothing of it is left, though a copy of its descriptor is open still; which is told that it is void.
        self.assertEqual([at for at in self.client.objects() if at.startswith(f"{ROOT}/locks/")], [])
        self.assertEqual(os.read(hold, 1), b"")
        os.close(hold)


class Vanishing:
    def locks(self):
        return self.client.call(MANAGER, "Manager", "ListLocks", "a{sv}", {})[0]

    def test_a_start_past_its_launch_goes_on(self):
        """LESSONS 19. That its client has gone is noticed when its lock is released."""
        self.sandbox.order("ready hang")
        path = self.client.create("web")
        self.client.create("other")
        client = self.connect()
        _, hold = lock(client, ("vm", "other", "shared"))
        client.begin_vm(path, "Start", {"job-token": text("gone")})
        job = client.job_path("gone")
        self.client.wait_for(lambda: self.client.get(path, "Vm", "Pid") != 0, "it boots")
        client.close()
        self.client.wait_for(lambda: self.locks() == [], "its end is noticed")
        os.close(hold)
        self.assertEqual(self.client.get(job, "Job", "State"), "running")
        self.client.vm(path, "Kill")
        self.client.wait_for(lambda: self.client.get(job, "Job", "Ended") != 0, "the start ends")
        # By the kill, and not since nobody waited for it any more.
        self.assertEqual(self.client.get(job, "Job", "State"), "failed")

    def test_exec_ends(self):
        path = self.running()
        client = self.connect()
        reader, writer = os.pipe()
        client.begin(path, "Vm", "Exec", "asa{sv}", ["sh", "-c", "echo works; exec sleep 1000"],
                     {"stdout": handle(0), "job-token": text("gone")}, fds=[writer])
        os.close(writer)
        job = client.job_path("gone")
        with os.fdopen(reader, "rb") as file:
            self.client.wait_for(lambda: job in self.client.objects(), "it has a job")
            self.assertEqual(file.readline(), b"works\n")
            client.close()
            self.client.wait_for(lambda: self.client.get(job, "Job", "State") == "cancelled",
                                 "it ends")
            self.assertEqual(file.read(), b"")

    def test_wait_ends(self):
        path = self.running()
        client = self.connect()
        client.begin(path, "Vm", "Wait", "sa{sv}", "stopped", {})
        client.get(path, "Vm", "State")
        client.close()
        self.client.vm(path, "Stop")

    def import_that_stalls(self, client, path, options):
        self.sandbox.order_transport(path.rsplit("/", 1)[1], "stall-write", "0")
        ours, theirs = socket.socketpair()
        serving = self.sandbox.serve(self.sandbox.repository(), ours)
        self.addCleanup(serving.wait)
        client.begin(path, "Vm", "PrepareWorkspace", "hsa{sv}", 0, "/workspace",
                     {"job-token": text("gone")} | options, fds=[theirs.fileno()])
        theirs.close()
        job = client.job_path("gone")
        stalled = self.sandbox.guest(path.rsplit("/", 1)[1], ".vmd-fake", "stalled")
        wait_until(lambda: client.iterate() or os.path.exists(stalled), "it stalls")
        return job

    def test_import_ends(self):
        path = self.running()
        client = self.connect()
        job = self.import_that_stalls(client, path, {})
        client.close()
        self.client.wait_for(lambda: self.client.get(job, "Job", "State") == "cancelled", "it ends")
        vm_id = path.rsplit("/", 1)[1]
        self.assertFalse(os.path.exists(self.sandbox.guest(vm_id, "workspace")))
        self.assertEqual([at for at in self.client.objects() if "/workspaces/" in at], [])

    def test_import_that_was_detached_goes_on(self):
        path = self.running()
        client = self.connect()
        job = self.import_that_stalls(client, path, {"detach": flag()})
        client.close()
        self.assertEqual(self.client.get(job, "Job", "State"), "running")
        os.unlink(self.sandbox.guest(path.rsplit("/", 1)[1], ".vmd-fake", "stall-write"))
        self.client.wait_for(lambda: self.client.get(job, "Job", "State") == "done", "it is done")

    def test_hundreds_come_and_go(self):
        """Nothing of them stays."""
        path = self.running()
        directory = f"/proc/{self.daemon.pid}/fd"

        def visit():
            client = self.connect()
            client.begin(path, "Vm", "Wait", "sa{sv}", "stopped", {})
            client.get(path, "Vm", "State")
            client.close()

        for _ in range(5):
            visit()
        wait_until(self.is_linked, "what is opened once is open")
        before = len(os.listdir(directory))
        for _ in range(200):
            visit()
        self.client.get(path, "Vm", "State")
        wait_until(lambda: self.client.iterate() or len(os.listdir(directory)) <= before,
                   "its descriptors are as many as before")


class PeerLocks(PeerCase, Locks):
    pass


class BusLocks(BusCase, Locks):
    pass


class PeerVanishing(PeerCase, Vanishing):
    pass


class BusVanishing(BusCase, Vanishing):
    pass


if __name__ == "__main__":
    tap_main.main()
