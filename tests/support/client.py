# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A client of vmd's bus interface, with a connection of its own: on a bus or peer to peer."""

import os
import time

from gi.repository import Gio, GLib

from sandbox import HANG_LIMIT

NAME = "org.vmd.Vmd1"
ROOT = "/org/vmd/Vmd1"
MANAGER = ROOT + "/Manager"


class BusError(Exception):
    """What a call ended with: the short name of the error, and its message."""

    def __init__(self, error):
        name = Gio.dbus_error_get_remote_error(error) or ""
        Gio.dbus_error_strip_remote_error(error)
        self.name = name.removeprefix("org.vmd.Vmd1.Error.")
        super().__init__(f"{self.name}: {error.message}")


class Pending:
    """A call that is under way."""

    def __init__(self, client):
        self.client = client
        self.result = None

    @property
    def done(self):
        self.client.iterate()
        return self.result is not None

    def wait(self):
        """The values of its reply."""
        self.client.wait_for(lambda: self.result is not None, "a call does not end")
        try:
            reply, descriptors = self.client.connection.call_with_unix_fd_list_finish(self.result)
        except GLib.Error as error:
            raise BusError(error) from None
        self.descriptors = descriptors.steal_fds() if descriptors is not None else []
        return reply.unpack()


class Client:
    def __init__(self, address, bus=False):
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
        if bus:
            flags |= Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        self.connection.set_exit_on_close(False)
        self.name = NAME if bus else None

    @property
    def peer(self):
        """What the names of this client's jobs begin with."""
        if self.name is None:
            return self.get(MANAGER, "Manager", "Peer")
        return self.connection.get_unique_name()[1:].replace(".", "_")

    def close(self):
        self.connection.close_sync(None)

    # The main loop.

    def iterate(self):
        while GLib.MainContext.default().iteration(False):
            pass

    def wait_for(self, condition, what):
        """Until an event makes it so."""
        deadline = time.monotonic() + HANG_LIMIT
        hang = GLib.timeout_add(100, lambda: True)
        try:
            while not condition():
                if time.monotonic() > deadline:
                    raise AssertionError(f"hung: {what}")
                GLib.MainContext.default().iteration(True)
        finally:
            GLib.source_remove(hang)

    # Calls.

    def begin(self, path, interface, method, signature="", *arguments, fds=()):
        """@interface: "Vm". @fds are duplicated; handles in @arguments are their indices."""
        descriptors = Gio.UnixFDList.new()
        for fd in fds:
            descriptors.append(fd)
        pending = Pending(self)

        def ended(_connection, result):
            pending.result = result

        if "." not in interface:
            interface = f"{NAME}.{interface}"
        parameters = GLib.Variant(f"({signature})", arguments) if signature else None
        self.connection.call_with_unix_fd_list(
            self.name, path, interface, method, parameters, None, Gio.DBusCallFlags.NONE,
            GLib.MAXINT, descriptors, None, ended)
        return pending

    def call(self, *arguments, **options):
        return self.begin(*arguments, **options).wait()

    def vm(self, path, method, options=None):
        """Calls a method of a VM that takes nothing but options."""
        return self.call(path, "Vm", method, "a{sv}", options or {})

    def begin_vm(self, path, method, options=None):
        return self.begin(path, "Vm", method, "a{sv}", options or {})

    def create(self, name=None, **spec):
        values = {key.replace("_", "-"): value for key, value in spec.items()}
        if name is not None:
            values["name"] = GLib.Variant("s", name)
        return self.call(MANAGER, "Manager", "CreateVm", "a{sv}a{sv}", values, {})[0]

    def get(self, path, interface, name):
        return self.call(path, "org.freedesktop.DBus.Properties", "Get", "ss",
                         f"{NAME}.{interface}", name)[0]

    def get_all(self, path, interface):
        return self.call(path, "org.freedesktop.DBus.Properties", "GetAll", "s",
                         f"{NAME}.{interface}")[0]

    def objects(self):
        return self.call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")[0]

    def exec(self, path, argv, options=None, fds=()):
        return self.call(path, "Vm", "Exec", "asa{sv}", argv, options or {}, fds=fds)

    def job_path(self, token):
        return f"{ROOT}/jobs/{self.peer}_{token}"

    # Signals.

    def watch(self, interface, signal, path=None):
        """A list that grows by the values of each such signal."""
        seen = []

        def received(_connection, _sender, at, _interface, _signal, parameters):
            seen.append((at, *parameters.unpack()))

        self.connection.signal_subscribe(self.name, interface, signal, path, None,
                                         Gio.DBusSignalFlags.NONE, received)
        return seen


def text(value):
    return GLib.Variant("s", value)


def flag(value=True):
    return GLib.Variant("b", value)


def handle(index):
    return GLib.Variant("h", index)


def read_all(fd):
    with os.fdopen(fd, "rb") as file:
        return file.read()
