# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Runs the test cases of the calling script and reports them as TAP, which meson reads."""

import sys
import time
import traceback
import unittest


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.number = 0
        self.started = 0.0

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()

    def report(self, verdict, test, directive=""):
        self.number += 1
        name = test.id().split(".", 1)[-1]
        print(f"# {name}: {time.monotonic() - self.started:.2f} s", flush=True)
        print(f"{verdict} {self.number} {name}{directive}", flush=True)

    def explain(self, error):
        for line in "".join(traceback.format_exception(*error)).splitlines():
            print(f"# {line}", flush=True)

    def addSuccess(self, test):
        self.report("ok", test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.explain(error)
        self.report("not ok", test)

    addError = addFailure

    def addSubTest(self, test, subtest, error):
        if error is not None:
            super().addSubTest(test, subtest, error)
            print(f"# in {subtest.id()}", flush=True)
            self.explain(error)
            self.report("not ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.report("ok", test, f" # SKIP {reason}")


def main():
    names = sys.argv[1:] or None
    loader = unittest.TestLoader()
    module = sys.modules["__main__"]
    if names:
        suite = loader.loadTestsFromNames(names, module)
    else:
        suite = loader.loadTestsFromModule(module)
    result = TapResult()
    suite.run(result)
    print(f"1..{result.number}", flush=True)
    sys.exit(0 if result.wasSuccessful() else 1)
