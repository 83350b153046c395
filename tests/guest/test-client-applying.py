#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The guest's client applies what it is sent, reports, and ends when it is told: over TCP and over the port."""

import os

from client_case import GuestCase, Shared
from channel_client import TOKEN
from sandbox import wait_for_exit
import channel_cases
import tap_main


class Applying(channel_cases.Applying, GuestCase):
    def test_hook_with_a_strange_message(self):
        self.write_hook("printf 'a\\377b\\001\"\\\\' >&2\nkill -9 $$\n")
        self.start()
        self.open_stream().snapshot(1)
        self.assertEqual(self.report()["message"], 'The hook was ended by signal 9: a?b\x01"\\')

    def test_hook_that_may_not_be_run(self):
        self.write("hook", "#!/bin/sh\nexit 1\n", 0o644)
        self.start()
        self.open_stream().snapshot(1)
        self.assertEqual(self.report()["status"], "ok")

    def test_hook_that_cannot_be_run(self):
        self.write("hook", "#!/nowhere\n", 0o755)
        self.start()
        self.open_stream().snapshot(1)
        self.assertEqual(self.report()["message"], "The hook exited with status 127: cannot run it: No such file or directory")

    def test_rest_of_a_predecessor(self):
        """One that was killed while it wrote."""
        os.mkdir(self.path(".config.next"))
        self.write(".config.next/half", "x")
        self.write(".config.json.next", "x")
        self.start()
        self.open_stream().snapshot(1, a=1)
        self.assertEqual(self.report()["status"], "ok")
        self.assertEqual(os.listdir(self.values), ["a"])

    def test_hook_that_fails_with_strange_words(self):
        self.write_hook("echo one\necho 'why \"\\\\\x01\xff' >&2\necho\nexit 3\n")
        client = self.start()
        self.open_stream().snapshot(1)
        report = self.report()
        self.assertEqual((report["version"], report["status"]), (1, "failed"))
        self.assertTrue(report["message"].startswith("The hook exited with status 3: why"), report)
        client.wait_for("could not apply version 1")

    def test_hook_whose_child_hangs_too(self):
        self.write_waiting_hook(f"trap '' TERM\nsleep 1000 &\necho $! >{self.path('pid')}", "wait; sleep 1000")
        self.start_with_hook(hook_deadline=1)
        self.open_stream().snapshot(1)
        self.wait_for_hook()
        report = self.report()
        self.assertEqual((report["status"], report["message"]), ("failed", "The hook did not end in time"))
        wait_for_exit(int(self.read("pid")))


class SharedApplying(Shared, Applying):
    pass


class Ending(channel_cases.Ending, GuestCase):
    def test_bad_seeds(self):
        for seed in ("", f"device={self.DEVICE}\n", f"device={self.DEVICE}\nchannel_url=https://10.0.2.2\nchannel_token={TOKEN}\n",
                     f"device={self.DEVICE}\nchannel_url=http://host.example\nchannel_token={TOKEN}\n",
                     f"device={self.DEVICE}\nchannel_url=http://127.0.0.1:0\nchannel_token={TOKEN}\n",
                     f"device={self.DEVICE}\nchannel_url=http://127.0.0.1:99999999999999999999\nchannel_token={TOKEN}\n",
                     f"device=a b\nchannel_url={self.url}\nchannel_token={TOKEN}\n",
                     f"device={self.DEVICE}\nchannel_url={self.url}\nchannel_token=x\r\n"):
            path = self.write("bad", seed)
            client = self.start_client(f"--seed={path}", f"--run={self.directory}")
            self.assertEqual(client.finish(), 1, seed)


if __name__ == "__main__":
    tap_main.main()
