# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A connection to a vmd's own socket, for what a test wants to know or do without vmctl."""

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

ROOT = "/org/vmd/Vmd1"
PREFIX = "org.vmd.Vmd1."


class Bus:
    def __init__(self, address):
        self.connection = Gio.DBusConnection.new_for_address_sync(
            address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None)

    def close(self):
        self.connection.close_sync(None)

    def call(self, path, interface, method, signature="()", *arguments, fds=None):
        """Waits for the reply for as long as it takes. Errors are GLib.Error."""
        list_ = Gio.UnixFDList.new_from_array(fds) if fds else None
        reply, _ = self.connection.call_with_unix_fd_list_sync(
            None, path, interface, method, GLib.Variant(signature, arguments), None,
            Gio.DBusCallFlags.NONE, GLib.MAXINT, list_, None)
        return reply.unpack()

    def call_async(self, callback, path, interface, method, signature="()", *arguments, fds=None):
        list_ = Gio.UnixFDList.new_from_array(fds) if fds else None
        self.connection.call_with_unix_fd_list(
            None, path, interface, method, GLib.Variant(signature, arguments), None,
            Gio.DBusCallFlags.NONE, GLib.MAXINT, list_, None, callback)

    # -- what the tests do most

    def manager(self, method, signature, *arguments, **options):
        return self.call(ROOT + "/Manager", PREFIX + "Manager", method, signature, *arguments, **options)

    def find_vm(self, name):
        return self.manager("FindVm", "(sa{sv})", name, {})[0]

    def create_vm(self, **spec):
        types = {"vcpus": "u", "memory": "t", "disk_size": "t"}
        spec = {key.replace("_", "-"): GLib.Variant(types.get(key, "s"), value) for key, value in spec.items()}
        return self.manager("CreateVm", "(a{sv}a{sv})", spec, {})[0]

    def vm(self, path, method, **options):
        return self.call(path, PREFIX + "Vm", method, "(a{sv})", options)

    def properties(self, path, interface="Vm"):
        return self.call(path, "org.freedesktop.DBus.Properties", "GetAll", "(s)", PREFIX + interface)[0]

    def read_objects(self):
        """What `objects` unpacks, as it comes: Python takes longer over it than the bus."""
        self.connection.call_sync(None, ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects",
                                  None, None, Gio.DBusCallFlags.NONE, GLib.MAXINT, None)

    def objects(self):
        return self.call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")[0]

    def wait(self, path, what):
        self.call(path, PREFIX + "Vm", "Wait", "(sa{sv})", what, {})


def error_name(error):
    """org.vmd.Vmd1.Error.X -> X"""
    return Gio.DBusError.get_remote_error(error).rsplit(".", 1)[-1]
