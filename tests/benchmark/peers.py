# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Timing in pairs: ours and a peer's in turn, in one run, so that a noisy machine is noisy to both."""

import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "system"))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))


def timed(function):
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def compare(what, ours, peer, rounds, goal, after=lambda: None):
    """Runs both in turn; prints medians, spreads and the ratio of the medians. @goal is for the reader;
    @after clears away, and its time is nobody's."""
    a, b = [], []
    for i in range(rounds):
        for function, times in ((ours, a), (peer, b)) if i % 2 == 0 else ((peer, b), (ours, a)):
            times.append(timed(function))
            after()
    print(f"{what}: vmd {spread(a)}, peer {spread(b)}, ratio {statistics.median(a) / statistics.median(b):.2f}"
          f" (goal {goal})", flush=True)


def spread(times):
    unit, scale = ("s", 1) if statistics.median(times) >= 1 else ("ms", 1000)
    low, middle, high = (value * scale for value in (min(times), statistics.median(times), max(times)))
    return f"{middle:.2f} {unit} [{low:.2f}–{high:.2f}]"


def percentile(times, share):
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
