#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""vmd-device follows a stream, and connects again when it ends."""

import re

from device_case import DeviceCase
import channel_cases
import tap_main


class Following(channel_cases.Following, DeviceCase):
    pass


class Reconnecting(channel_cases.Reconnecting, DeviceCase):
    def waits(self, n):
        """Of so many refused connections in a row, in seconds as they are said."""
        self.server.close()
        device = self.start(second=1)
        found = []
        for _ in range(n):
            found.append(float(re.search(r"again in ([0-9.]+) s", device.wait_for("trying again"))[1]))
        return found

    def test_back_off(self):
        for n, wait in enumerate(self.waits(9)):
            longest = min(60, 2 ** n)
            self.assertGreaterEqual(wait, longest / 2 - 0.1)
            self.assertLessEqual(wait, longest + 0.1)

    def test_back_off_is_random(self):
        self.assertGreater(len(set(self.waits(12)[6:])), 1)


if __name__ == "__main__":
    tap_main.main()
