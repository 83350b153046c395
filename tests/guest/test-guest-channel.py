#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The configuration client in a guest, over a real port: hosts that come, go, die within a frame, and stop the guest meanwhile."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import sandbox  # noqa: E402
sandbox.HANG_LIMIT = 180  # what no emulated boot takes
import tap_main  # noqa: E402
import mux_host  # noqa: E402
import scripted_server  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
VMD_GUEST = os.environ["VMD_TEST_GUEST"]
KERNEL = os.environ["VMD_TEST_GUEST_KERNEL"]
DEVICE = "0123456789abcdef0123456789abcdef"
SEED = (f"hostname=guest\nmachine_id={DEVICE}\nssh_server=none\ndevice={DEVICE}\nchannel_url=vport:org.vmd.channel.0\n"
        f"channel_token=0123456789abcdef.{'ab' * 32}\n")
# It always fails, so that the report has what it says.
HOOK = """#!/bin/sh
read colour </run/vmd/config/colour
[ "$colour" != death ] || kill -9 $PPID
echo "$VMD_CONFIG_VERSION is $(stat -c %a /run/vmd/seed) $colour in $(ls -A /run/vmd/config | wc -l)"
exit 1
"""


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, **options).stdout


class Images:
    """The disk of all machines, with the hook in it."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="vmd-images-")
        self.disk = os.path.join(self.directory, "tiny.ext4")
        run(os.path.join(HERE, "make-guest-kernel.sh"), KERNEL)
        run(os.path.join(HERE, "make-guest-disk.sh"), self.directory)
        hook = os.path.join(self.directory, "hook")
        with open(hook, "w", encoding="utf-8") as file:
            file.write(HOOK)
        commands = "\n".join(["mkdir /etc/vmd", "mkdir /etc/vmd/hooks", f"write {hook} /etc/vmd/hooks/config-changed",
                              "sif /etc/vmd/hooks/config-changed mode 0100755"])
        run("debugfs", "-w", "-f", "/dev/stdin", self.disk, input=commands.encode(), stderr=subprocess.DEVNULL,
            env=os.environ | {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})

    def close(self):
        shutil.rmtree(self.directory)


class Channel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.images = Images()
        cls.addClassCleanup(cls.images.close)

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="vmd-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.server = scripted_server.ScriptedServer()
        self.addCleanup(self.server.close)
        self.host = mux_host.MuxHost(self.server.port, self.path("port"), listens=False)
        self.addCleanup(self.check_host)
        self.write_initramfs()
        run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", self.images.disk, self.path("disk"))
        self.start()

    def path(self, name):
        return os.path.join(self.directory, name)

    def check_host(self):
        self.host.close()
        self.assertEqual(self.host.problems, [])

    def write_initramfs(self):
        tree = self.path("tree")
        os.makedirs(os.path.join(tree, "lib"))
        os.mkdir(os.path.join(tree, "seed"))
        shutil.copy(VMD_GUEST, os.path.join(tree, "init"))
        shutil.copytree(os.path.join(KERNEL, "modules"), os.path.join(tree, "lib", "vmd-modules"))
        with open(os.path.join(tree, "seed", "seed"), "w", encoding="utf-8") as file:
            file.write(SEED)
        with open(os.path.join(tree, "seed", "entropy"), "wb") as file:
            file.write(os.urandom(64))
        names = run("find", ".", cwd=tree)
        with open(self.path("initramfs"), "wb") as file:
            file.write(run("cpio", "--quiet", "-o", "-H", "newc", input=names, cwd=tree))

    def start(self):
        arguments = ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-m", "256", "-nodefaults", "-no-user-config",
                     "-display", "none", "-no-reboot", "-kernel", os.path.join(KERNEL, "vmlinuz"), "-initrd", self.path("initramfs"),
                     "-append", "console=ttyS0 quiet panic=-1 no_timer_check i8042.noaux i8042.nokbd", "-serial", f"file:{self.path('console')}",
                     "-monitor", f"unix:{self.path('monitor')},server=on,wait=off", "-device", "virtio-serial-pci",
                     "-chardev", f"socket,id=channel,path={self.path('port')},server=on,wait=off",
                     "-device", "virtserialport,chardev=channel,name=org.vmd.channel.0", "-device", "virtio-rng-pci",
                     "-drive", f"file={self.path('disk')},if=none,id=root", "-device", "virtio-blk-pci,drive=root,serial=vmd-root"]
        self.machine = subprocess.Popen(arguments, stdin=subprocess.DEVNULL)
        self.addCleanup(self.kill)
        self.monitor = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.monitor.close)
        sandbox.wait_until(lambda: os.path.exists(self.path("monitor")) and os.path.exists(self.path("port")), "the hypervisor listens")
        sandbox.wait_until(lambda: self.monitor.connect_ex(self.path("monitor")) == 0, "the monitor answers")
        self.monitor.settimeout(sandbox.HANG_LIMIT)
        self.read_monitor()

    def kill(self):
        self.machine.kill()
        self.machine.wait()
        with open(self.path("console"), encoding="utf-8", errors="replace") as file:
            for line in file:
                print("# " + line.rstrip())

    def read_monitor(self):
        text = b""
        while not text.endswith(b"(qemu) "):
            text += self.monitor.recv(4096)
        return text.decode()

    def tell_monitor(self, command):
        """When this returns, it is done."""
        self.monitor.sendall(command.encode() + b"\n")
        return self.read_monitor()

    def open_stream(self):
        stream = self.server.next("stream")
        stream.open_stream()
        return stream

    def apply(self, stream, version, colour, **values):
        stream.snapshot(version, colour=colour, **values)
        message = f"The hook exited with status 1: {version} is 600 {colour} in {1 + len(values)}"
        while True:
            request = self.server.next("applied")
            request.answer(204)
            # One whose answer was cut comes again.
            if request.json["version"] == version:
                self.assertEqual(request.json, {"version": version, "status": "failed", "message": message})
                return

    def test_hosts_that_come_and_go(self):
        # It is there before the guest is.
        self.host.connect()
        stream = self.open_stream()
        self.assertEqual(stream.headers["host"], "vmd")
        self.apply(stream, 1, "red", level=1)
        self.apply(stream, 2, "green")
        # 20 times the credit that a connection begins with.
        for version in range(3, 24):
            self.apply(stream, version, "blue", filler="x" * 60000)
        for n, cut in enumerate((0, 5, 30)):
            with self.host.condition:
                self.host.write(mux_host.frame(1, mux_host.DATA, b"event: never\ndata: x\n\n")[:cut])
            self.host.hang_up()
            self.host.connect()
            stream = self.open_stream()
            self.assertEqual(stream.headers["last-event-id"], str(23 + n))
            self.apply(stream, 24 + n, "white")
        # The guest stands still meanwhile.
        self.tell_monitor("stop")
        self.host.hang_up()
        self.host.connect()
        self.tell_monitor("cont")
        stream = self.open_stream()
        self.apply(stream, 30, "black")
        self.assertEqual(self.host.asks, 0)

        # The client dies, is started again, and finds a host that has said its hello already.
        instance = stream.headers["vmd-instance"]
        stream.snapshot(31, colour="death")
        stream = self.open_stream()
        self.assertNotEqual(stream.headers["vmd-instance"], instance)
        self.assertNotIn("last-event-id", stream.headers)
        self.apply(stream, 32, "grey")
        self.assertEqual(self.host.asks, 1)

    def test_host_that_comes_late(self):
        sandbox.wait_until(lambda: "guest on, host off" in self.tell_monitor("info qtree"), "the client has opened the port")
        self.host.connect()
        self.apply(self.open_stream(), 1, "red")
        self.assertEqual(self.host.asks, 0)


if __name__ == "__main__":
    tap_main.main()
