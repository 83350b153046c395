# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""OpenSSH's client to a guest that vmd made: the peer of what vmd does by itself."""

import os
import subprocess


class GuestSsh:
    """@keys: the directory that vmd keeps the VM's keys in."""

    def __init__(self, keys, port, scratch):
        known = os.path.join(scratch, f"known-{port}")
        with open(os.path.join(keys, "host.pub")) as file:
            key = " ".join(file.read().split()[:2])
        with open(known, "w") as file:
            file.write(f"[127.0.0.1]:{port} {key}\n")
        self.control = os.path.join(scratch, f"control-{port}")
        self.command = [
            "ssh", "-F", "none", "-p", str(port), "-i", os.path.join(keys, "client"),
            "-o", "IdentitiesOnly=yes", "-o", f"UserKnownHostsFile={known}", "-o", "StrictHostKeyChecking=yes",
            "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=5", "root@127.0.0.1"]

    def run(self, command, **options):
        return subprocess.run([*self.command, command], check=True, stdin=options.pop("stdin", subprocess.DEVNULL),
                              **options)

    def answers(self):
        return subprocess.run([*self.command, "true"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode == 0

    def share(self):
        """From now on, commands go over one connection."""
        subprocess.run([*self.command[:-1], "-M", "-S", self.control, "-fN", "-o", "ControlPersist=no",
                        self.command[-1]], check=True)
        self.command[1:1] = ["-S", self.control]

    def stop_sharing(self):
        subprocess.run([*self.command[:-1], "-O", "exit", self.command[-1]], stderr=subprocess.DEVNULL, check=False)
