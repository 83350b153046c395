# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A message bus of a sandbox's own, on which vmd may be activated."""

import os
import subprocess

from sandbox import HANG_LIMIT, VMD

CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>{kind}</type>
  <listen>unix:dir={directory}</listen>
  <servicedir>{services}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


class PrivateBus:
    def __init__(self, sandbox, kind="session", activatable=False):
        directory = os.path.join(sandbox.directory, f"{kind}-bus")
        services = os.path.join(directory, "services")
        os.makedirs(services)
        if activatable:
            with open(os.path.join(services, "org.vmd.Vmd1.service"), "w",
                      encoding="utf-8") as file:
                file.write(f"[D-BUS Service]\nName=org.vmd.Vmd1\nExec={VMD}\n")
        configuration = os.path.join(directory, "configuration")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(kind=kind, directory=directory, services=services))
        # What it starts has the sandbox's environment.
        self.daemon = subprocess.Popen(
            ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--nopidfile",
             "--print-address"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=sandbox.environment,
            encoding="utf-8")
        self.address = self.daemon.stdout.readline().strip()
        sandbox.environment[f"DBUS_{kind.upper()}_BUS_ADDRESS"] = self.address

    def has_owner(self, name="org.vmd.Vmd1"):
        done = subprocess.run(
            ["dbus-send", f"--bus={self.address}", "--type=method_call", "--print-reply=literal",
             "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner",
             f"string:{name}"],
            capture_output=True, encoding="utf-8", check=True, timeout=HANG_LIMIT)
        return "true" in done.stdout

    def wait_for_owner(self, name="org.vmd.Vmd1"):
        subprocess.run(["gdbus", "wait", f"--address={self.address}", f"--timeout={HANG_LIMIT}", name], check=True)

    def close(self):
        self.daemon.terminate()
        self.daemon.wait(HANG_LIMIT)
        self.daemon.stdout.close()
