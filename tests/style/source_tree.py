# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which files there are, and how a style test tells what is wrong with them."""

import os
import sys

def files(root, under, *endings):
    """The files below root/under that end so, as paths from the root, sorted; no build directories."""
    found = []
    for directory, names, entries in os.walk(os.path.join(root, under)):
        names[:] = [n for n in names if n != 'build' and not n.startswith(('build-', '.'))]
        for entry in entries:
            path = os.path.relpath(os.path.join(directory, entry), root)
            if entry.endswith(endings):
                found.append(path)
    return sorted(found)


def sources(root):
    """All that is written in C."""
    return files(root, '.', '.c', '.h')


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8', errors='surrogateescape') as stream:
        return stream.read()


class Faults:
    """Collects what is wrong, and exits with what a test harness wants."""

    def __init__(self):
        self.lines = []
        self.looked_at = 0

    def add(self, place, what):
        self.lines.append(f'{place}: {what}')

    def finish(self, what):
        for line in self.lines:
            print(line)
        print(f'{self.looked_at} {what} looked at, {len(self.lines)} faults')
        # One that found nothing to look at did not run.
        sys.exit(1 if self.lines or self.looked_at == 0 else 0)
