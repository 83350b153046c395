#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""vmctl run, from a repository to the exit status of a command in a guest, on the fake backend."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tap_main  # noqa: E402
from sandbox import Sandbox  # noqa: E402


class Case(unittest.TestCase):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.vmctl = self.sandbox.vmctl

    def assert_nothing_left(self):
        """No VM, hypervisor, guest file, lock or request; the daemon and its store may stay."""
        self.assertEqual(self.sandbox.vms(), {})
        self.assertEqual(os.listdir(os.path.join(self.sandbox.state, "vms")), [])
        self.assertEqual(os.listdir(os.path.join(self.sandbox.state, "requests")), [])
        self.assertEqual(os.listdir(os.path.join(self.sandbox.state, "staging")), [])
        self.assertEqual(self.sandbox.good("lock", "list", "--json").json, [])
        self.assertEqual(self.sandbox.pids(), [self.sandbox.daemon_pid()])


class Run(Case):
    def setUp(self):
        super().setUp()
        self.repository = self.sandbox.repository(
            files={"README.md": "hello\n", "d/x": "x\n", ".gitignore": "ignored\n"})

    def test_the_main_job(self):
        completed = self.vmctl("run", self.repository, "--", "cat", "README.md")
        self.assertEqual((completed.status, completed.stdout), (0, "hello\n"), completed)
        name, = self.sandbox.vms()
        # What remains, and how to go on.
        self.assertIn(f"vmctl exec {name} -- CMD", completed.stderr)
        self.assertIn(f"vmctl delete --force {name}", completed.stderr)
        again = self.sandbox.good("exec", name, "-C", "/workspace", "--", "cat", "d/x")
        self.assertEqual(again.stdout, "x\n")

    def test_exit_status(self):
        """LESSONS 42: it is the command's, whatever happens around it."""
        for status in (0, 1, 3, 7, 255):
            with self.subTest(status=status):
                completed = self.vmctl("run", "--rm", self.repository, "--", "sh", "-c",
                                       f"exit {status}")
                self.assertEqual(completed.status, status, completed)
        self.assert_nothing_left()

    def test_rm_leaves_nothing(self):
        completed = self.vmctl("run", "--rm", self.repository, "--", "cat", "README.md")
        self.assertEqual((completed.status, completed.stdout), (0, "hello\n"))
        # Nothing is said of a VM that goes on, since none does.
        self.assertEqual(completed.stderr, "")
        self.assert_nothing_left()

    def test_rm_after_a_command_that_cannot_run(self):
        completed = self.vmctl("run", "--rm", self.repository, "--", "/no/such/program")
        self.assertEqual(completed.status, 127, completed)
        self.assert_nothing_left()

    def test_rm_after_a_boot_that_fails(self):
        self.sandbox.order("ready die 3")
        completed = self.vmctl("run", "--rm", self.repository, "--", "true")
        self.assertEqual(completed.status, 1, completed)
        self.assertNotIn("remains", completed.stderr)
        self.sandbox.order()
        self.assert_nothing_left()

    def test_a_boot_that_fails_without_rm(self):
        self.sandbox.order("ready die 3")
        completed = self.vmctl("run", "--name=web", self.repository, "--", "true")
        self.assertEqual(completed.status, 1, completed)
        self.assertIn("vmctl logs web", completed.stderr)
        self.assertIn("vmctl delete web", completed.stderr)

    def test_in_a_subdirectory(self):
        """The whole repository travels, and without PATH the one that we are in."""
        completed = self.vmctl("run", "--rm", "--", "cat", "README.md",
                               cwd=os.path.join(self.repository, "d"))
        self.assertEqual((completed.status, completed.stdout), (0, "hello\n"), completed)

    def test_streams(self):
        completed = self.vmctl("run", "--rm", self.repository, "--", "sh", "-c",
                               "cat; echo err >&2", stdin="from here\n")
        self.assertEqual((completed.status, completed.stdout, completed.stderr),
                         (0, "from here\n", "err\n"))

    def test_the_login_shell(self):
        completed = self.vmctl("run", "--rm", self.repository, stdin="cat README.md; exit 4\n")
        self.assertEqual((completed.status, completed.stdout), (4, "hello\n"), completed)

    def test_untracked_and_ignored(self):
        """LESSONS 27: ignored files never travel."""
        for name in ("ignored", "untracked"):
            with open(os.path.join(self.repository, name), "w", encoding="utf-8") as file:
                file.write("secret\n")
        plain = self.vmctl("run", "--rm", self.repository, "--", "ls", "-A")
        self.assertEqual(plain.stdout.split(), [".gitignore", "README.md", "d"])
        more = self.vmctl("run", "--rm", "--include-untracked", self.repository, "--", "ls", "-A")
        self.assertEqual(more.stdout.split(), [".gitignore", "README.md", "d", "untracked"])

    def test_detach(self):
        completed = self.vmctl("run", "--detach", "--name=web", self.repository)
        self.assertEqual((completed.status, completed.stdout, completed.stderr),
                         (0, "web\n", ""))
        self.assertEqual(self.sandbox.vms()["web"]["state"], "running")
        self.assertEqual(self.sandbox.good("exec", "web", "-C", "/workspace", "--", "cat",
                                           "README.md").stdout, "hello\n")

    def test_detach_that_fails_says_what_remains(self):
        self.sandbox.order("ready die 3")
        completed = self.vmctl("run", "--detach", "--name=web", self.repository)
        self.assertEqual((completed.status, completed.stdout), (1, ""), completed)
        self.assertIn("vmctl delete web", completed.stderr)

    def test_specification(self):
        completed = self.vmctl("run", "--name=web", "--vcpus=2", "--memory=1G", "--disk=8G",
                               "--network=none", self.repository, "--", "true")
        self.assertEqual(completed.status, 0, completed)
        vm = self.sandbox.vms()["web"]
        self.assertEqual((vm["vcpus"], vm["memory"], vm["disk_size"], vm["network"]),
                         (2, 1 << 30, 8 << 30, "none"))

    def test_json(self):
        result = self.vmctl("run", "--rm", "--json", "--name=web", self.repository, "--", "sh", "-c",
                            "cat README.md; echo err >&2; exit 3")
        self.assertEqual(result.status, 3)
        value = result.json
        self.assertEqual((value["name"], value["exit_status"], value["stdout"], value["stderr"],
                          value["deleted"], value["error"]),
                         ("web", 3, "hello\n", "err\n", True, None))

    def test_dry_run_makes_nothing(self):
        """Not even a daemon or a state directory."""
        completed = self.vmctl("run", "--dry-run", "--rm", self.repository, "--", "sh", "-c", "exit 7")
        self.assertEqual(completed.status, 0, completed)
        for word in ("tiny", "3 files", "README.md", "d/x", "main", "/workspace",
                     "sh -c 'exit 7'", "delete"):
            self.assertIn(word, completed.stdout.replace("'sh' '-c'", "sh -c"))
        value = self.vmctl("run", "--dry-run", "--json", self.repository, "--", "true").json
        self.assertEqual(value["files"], [".gitignore", "README.md", "d/x"])
        self.assertEqual(value["command"], ["true"])
        self.assertFalse(os.path.exists(self.sandbox.state))

    def test_dry_run_without_a_commit(self):
        empty = os.path.join(self.sandbox.directory, "empty")
        self.sandbox.git(".", "init", "-q", "-b", "main", empty)
        completed = self.vmctl("run", "--dry-run", empty)
        self.assertEqual(completed.status, 0, completed)
        self.assertIn("(main without a commit)", completed.stdout)

    def test_dry_run_steers_no_terminal(self):
        """What a repository calls itself and its branch may be made to."""
        odd = self.sandbox.repository("odd\033[31m")
        with open(os.path.join(odd, ".git", "HEAD"), "w", encoding="utf-8") as head:
            head.write("ref: refs/heads/\u009b31m\n")
        completed = self.vmctl("run", "--dry-run", odd)
        self.assertEqual(completed.status, 0, completed)
        self.assertIn("odd\\x1b[31m", completed.stdout)
        self.assertIn("(\\xc2\\x9b31m ", completed.stdout)
        self.assertNotIn("\033", completed.stdout)
        self.assertNotIn("\u009b", completed.stdout)

    def test_names(self):
        """LESSONS 30, as far as a command line goes."""
        odd = self.sandbox.repository("odd -name", files={"-n": "1", "a b": "2", "ü": "3"})
        with open(os.path.join(os.fsencode(odd), b"\xff\n"), "wb") as file:
            file.write(b"4")
        self.sandbox.git(odd, "add", "-A")
        listed = self.vmctl("run", "--dry-run", "--json", odd).json["files"]
        self.assertEqual(listed, ["-n", "a b", "ü", "\\xff\\n"])
        completed = self.vmctl("run", "--rm", odd, "--", "sh", "-c", "cat ./*")
        self.assertEqual(completed.stdout, "1234", completed)
        os.rename(odd, os.fsencode(self.sandbox.directory) + b"/\xff")
        completed = self.vmctl("run", "--rm", os.fsencode(self.sandbox.directory) + b"/\xff", "--",
                               "sh", "-c", "cat ./*")
        self.assertEqual((completed.status, completed.stdout), (0, "1234"), completed)


class BadSources(Case):
    def refused(self, status, *arguments, says):
        completed = self.vmctl("run", *arguments, "--", "true")
        self.assertEqual(completed.status, status, completed)
        self.assertIn(says, completed.stderr)
        self.assertEqual(completed.stdout, "")
        # It is seen before anything is made.
        self.assertFalse(os.path.exists(self.sandbox.state))

    def test_no_such_directory(self):
        self.refused(3, "/no/such/directory", says="/no/such/directory")

    def test_no_directory(self):
        path = os.path.join(self.sandbox.directory, "file")
        with open(path, "w", encoding="utf-8"):
            pass
        self.refused(2, path, says=path)

    def test_no_repository(self):
        self.refused(2, self.sandbox.directory, says="git init")

    def test_bare(self):
        self.sandbox.git(self.sandbox.directory, "init", "-q", "--bare", "bare")
        self.refused(2, os.path.join(self.sandbox.directory, "bare"), says="bare")

    def test_submodules(self):
        inner = self.sandbox.repository("inner")
        outer = self.sandbox.repository("outer")
        self.sandbox.git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add",
                         inner, "sub")
        self.refused(2, outer, says="sub")

    def test_git_is_missing(self):
        repository = self.sandbox.repository()
        completed = self.vmctl("run", repository, "--", "true",
                               environment={"PATH": self.sandbox.directory})
        self.assertEqual(completed.status, 1, completed)
        self.assertIn("apt-get install git", completed.stderr)


class BadTargets(Case):
    def setUp(self):
        super().setUp()
        self.repository = self.sandbox.repository()

    def test_unknown_image(self):
        completed = self.vmctl("run", "--image=absent", self.repository, "--", "true")
        self.assertEqual(completed.status, 3, completed)
        self.assertIn("vmctl image", completed.stderr)
        self.assert_nothing_left()

    def test_bad_name_and_taken_name(self):
        self.assertEqual(self.vmctl("run", "--name=UPPER", self.repository).status, 2)
        self.sandbox.good("create", "web")
        completed = self.vmctl("run", "--name=web", "--rm", self.repository, "--", "true")
        self.assertEqual(completed.status, 1, completed)
        # --rm deletes what run made, not what was there.
        self.assertIn("web", self.sandbox.vms())

    def test_qemu_is_missing(self):
        """A PATH with git alone: the VM cannot start, and --rm leaves nothing of it."""
        programs = os.path.join(self.sandbox.directory, "programs")
        os.mkdir(programs)
        for program in ("git", "sh", "true"):
            os.symlink(f"/usr/bin/{program}", os.path.join(programs, program))
        # Administrators' directories are searched too; QEMU is in none of them.
        completed = self.vmctl("run", "--rm", self.repository, "--", "true",
                               environment={"PATH": programs, "VMD_BACKEND": "qemu"})
        self.assertNotEqual(completed.status, 0)
        self.assertRegex(completed.stderr, "apt-get install|not installed")
        self.assert_nothing_left()


if __name__ == "__main__":
    tap_main.main()
