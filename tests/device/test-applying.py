#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""vmd-device applies what it is sent, reports, and ends when it is told."""

from device_case import DeviceCase
import channel_cases
import tap_main


class Applying(channel_cases.Applying, DeviceCase):
    def test_hook_that_is_not_there(self):
        self.start("--hook", self.path("nowhere"))
        self.open_stream().snapshot(1)
        self.assertEqual(self.report()["status"], "failed")


class Ending(channel_cases.Ending, DeviceCase):
    pass


if __name__ == "__main__":
    tap_main.main()
