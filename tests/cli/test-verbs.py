#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Every verb of vmctl on the fake backend: what it prints, plain and as JSON, and how it exits."""

import glob
import io
import json
import os
import pty
import signal
import subprocess
import sys
import tarfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import tap_main  # noqa: E402
from sandbox import HANG_LIMIT, VMCTL, Sandbox, wait_until  # noqa: E402


class Case(unittest.TestCase):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.good = self.sandbox.good
        self.vmctl = self.sandbox.vmctl

    def refused(self, status, *arguments, says="", **options):
        """A bad end: its status, a message that says so, nothing on standard output."""
        completed = self.vmctl(*arguments, **options)
        self.assertEqual(completed.status, status, completed)
        self.assertTrue(completed.stderr.startswith("vmctl: "), completed)
        self.assertIn(says, completed.stderr)
        self.assertEqual(completed.stdout, "", completed)
        return completed


class Lifecycle(Case):
    def test_create_to_delete(self):
        self.assertEqual(self.good("create", "web").stdout, "web\n")
        self.assertEqual(self.sandbox.vms()["web"]["state"], "created")
        self.assertEqual(self.good("start", "web").stdout, "")
        vm = self.sandbox.vms()["web"]
        self.assertEqual((vm["state"], vm["readiness"]), ("running", "provisioned"))
        self.assertGreater(vm["pid"], 0)
        self.assertEqual(vm["launch"], 1)
        self.good("restart", "web")
        self.assertEqual(self.sandbox.vms()["web"]["launch"], 2)
        self.good("stop", "web")
        self.assertEqual(self.sandbox.vms()["web"]["state"], "stopped")
        self.good("delete", "web")
        self.assertEqual(self.sandbox.vms(), {})

    def test_create_makes_a_name_up(self):
        name = self.good("create").stdout.strip()
        self.assertRegex(name, r"^[a-z0-9]+(-[a-z0-9]+)+$")
        self.assertIn(name, self.sandbox.vms())

    def test_what_is_given_is_kept(self):
        vm = self.good("create", "web", "--vcpus=2", "--memory", "1GiB", "--disk=8G",
                       "--network=none", "--json").json
        self.assertEqual((vm["vcpus"], vm["memory"], vm["disk_size"], vm["network"]),
                         (2, 1 << 30, 8 << 30, "none"))
        self.good("set", "web", "--memory=2G")
        vm = self.sandbox.vms()["web"]
        self.assertEqual((vm["vcpus"], vm["memory"]), (2, 2 << 30))

    def test_set_needs_something_and_a_vm_at_rest(self):
        self.good("create", "web")
        self.refused(2, "set", "web", says="nothing to set")
        self.good("start", "web")
        self.refused(1, "set", "web", "--vcpus=2", says="web")

    def test_names(self):
        """LESSONS 41: the whole table of characters is libvmd's test; here, that it is asked."""
        for name in ("Web", "-web", "web-", "w_b", "a.b", "x" * 64, "ü", ""):
            with self.subTest(name=name):
                completed = self.vmctl("create", "--", name) if name.startswith("-") else \
                    self.vmctl("create", name)
                self.assertEqual(completed.status, 2, completed)
        self.assertEqual(self.good("create", "a-b--c-0").stdout, "a-b--c-0\n")
        self.good("create", "x" * 63)

    def test_a_name_is_taken(self):
        self.good("create", "web")
        self.refused(1, "create", "web", says="web")

    def test_bad_values(self):
        for option in ("--memory=4Q", "--memory=0", "--memory=-1", "--memory=99999999T",
                       "--disk=1.5G", "--vcpus=0", "--vcpus=x"):
            with self.subTest(option=option):
                self.refused(2, "create", "web", option, says=option.split("=")[0])
        self.refused(2, "create", "web", "--network=bridge", says="bridge")
        self.refused(2, "create", "web", "--image=UPPER", says="UPPER")
        self.assertEqual(self.sandbox.vms(), {})

    def test_unknown_image(self):
        self.refused(3, "create", "web", "--image=absent", says="vmctl image")
        self.assertEqual(self.sandbox.vms(), {})

    def test_kill_and_delete_force(self):
        self.good("create", "web")
        self.good("start", "web")
        self.good("kill", "web")
        self.assertEqual(self.sandbox.vms()["web"]["state"], "stopped")
        self.good("start", "web")
        self.refused(1, "delete", "web", says="web")
        self.good("delete", "--force", "web")
        self.assertEqual(self.sandbox.vms(), {})

    def test_stop_that_is_not_heeded_kills_after_its_grace(self):
        self.sandbox.order("off hang")
        self.good("create", "web")
        self.good("start", "web")
        completed = self.good("stop", "--grace=200ms", "web")
        self.assertEqual(self.sandbox.vms()["web"]["state"], "stopped")
        self.assertIn("stop web: stopped; it was killed", completed.stderr)
        self.assertIn("--grace", completed.stderr)

    def test_stop_that_is_heeded_says_nothing(self):
        self.good("create", "web")
        self.good("start", "web")
        self.assertEqual(self.good("stop", "web").stderr, "")

    def test_a_boot_that_fails_shows_the_console(self):
        self.sandbox.order("ready die 3")
        self.good("create", "web")
        completed = self.refused(1, "start", "web", says="start web")
        self.assertIn("a guest that is not there", completed.stderr)
        self.assertNotEqual(self.sandbox.vms()["web"]["state"], "running")

    def test_lines_of_the_console_stay_lines(self):
        self.sandbox.environment["VMD_BOOT_TIMEOUT"] = "1"
        self.sandbox.order("ready hang")
        self.good("create", "web")
        self.refused(1, "start", "web", says="VMD_BOOT_TIMEOUT")
        self.assertRegex(self.good("show", "web").stdout, r"(?m)^Reason: +\S.*\n(.*\n)* +.*a guest that is not there$")

    def test_wait(self):
        self.good("create", "web")
        self.good("start", "web")
        self.good("wait", "web", "--for=provisioned")
        waiting = self.sandbox.popen("wait", "web")
        wait_until(lambda: self.sandbox.vms(), "list while somebody waits")
        self.assertIsNone(waiting.poll())
        self.good("kill", "web")
        waiting.communicate(timeout=HANG_LIMIT)
        self.assertEqual(waiting.returncode, 0)
        self.refused(2, "wait", "web", "--for=nonsense", says="nonsense")
        self.refused(1, "wait", "web", "--for=reachable", says="web")


class Several(Case):
    def test_good_ones_are_done_even_if_one_is_bad(self):
        self.good("create", "one")
        self.good("create", "two")
        self.refused(3, "start", "one", "absent", "two", says="start absent")
        vms = self.sandbox.vms()
        self.assertEqual((vms["one"]["state"], vms["two"]["state"]), ("running", "running"))

    def test_the_worst_status_counts(self):
        self.good("create", "one")
        # 1 for the one that does not run, 3 for the one that is not there.
        self.assertEqual(self.vmctl("exec", "one", "--", "true").status, 1)
        self.assertEqual(self.vmctl("stop", "absent", "one").status, 3)

    def test_duplicates_are_one(self):
        vm_id = self.good("create", "web", "--json").json["id"]
        results = self.good("start", "web", vm_id, vm_id[:12], "we", "--json").json
        self.assertEqual([(result["target"], result["id"]) for result in results],
                         [("web", vm_id)])
        self.assertEqual(self.sandbox.vms()["web"]["launch"], 1)

    def test_prefixes(self):
        self.good("create", "alpha")
        self.good("create", "alpine")
        self.good("create", "al")
        self.assertEqual(self.good("show", "alph", "--json").json[0]["name"], "alpha")
        # What is whole wins over what it is a beginning of.
        self.assertEqual(self.good("show", "al", "--json").json[0]["name"], "al")
        self.good("create", "alpaca")
        self.refused(2, "start", "alp", says="alpaca, alpha, alpine")

    def test_at_once(self):
        """Three starts that each take a second take one second together, or close to it."""
        names = ["one", "two", "three"]
        self.sandbox.order("ready hang")
        for name in names:
            self.good("create", name)
        starting = self.sandbox.popen("start", *names)
        wait_until(lambda: all(vm["pid"] for vm in self.sandbox.vms().values()),
                   "all three run before any is ready")
        self.assertIsNone(starting.poll())
        starting.send_signal(signal.SIGINT)
        starting.communicate(timeout=HANG_LIMIT)
        self.assertEqual(starting.returncode, 5)


class Guests(Case):
    def setUp(self):
        super().setUp()
        self.vm_id = self.good("create", "web", "--json").json["id"]
        self.good("start", "web")

    def test_exec(self):
        completed = self.vmctl("exec", "web", "--", "sh", "-c", "cat; echo err >&2; exit 7",
                               stdin="in put\n")
        self.assertEqual((completed.status, completed.stdout, completed.stderr),
                         (7, "in put\n", "err\n"))

    def test_exec_quotes_nothing_away(self):
        """LESSONS 36."""
        words = ["a b", "'", '"', "$HOME", "`x`", "a\nb", "\\", "*", "", "-n", "--", "ü"]
        completed = self.good("exec", "web", "--", "printf", "%s\\n", *words)
        self.assertEqual(completed.stdout, "".join(word + "\n" for word in words))

    def test_exec_options(self):
        self.good("exec", "web", "--", "mkdir", "-p", "sub")
        completed = self.good("exec", "web", "-C", "/sub", "--env=A=1 2", "-e", "B=", "--", "sh",
                              "-c", "echo $A-$B; basename $PWD")
        self.assertEqual(completed.stdout, "1 2-\nsub\n")
        self.assertEqual(self.good("exec", "-n", "web", "--", "cat", stdin="x").stdout, "")
        self.refused(2, "exec", "web", "--env=nothing", "--", "true", says="NAME=VALUE")
        self.refused(1, "exec", "web", "--timeout=100ms", "--", "sleep", "1000")

    def test_exec_killed_by_a_signal(self):
        completed = self.vmctl("exec", "web", "--", "sh", "-c", "kill -TERM $$")
        self.assertEqual(completed.status, 128 + signal.SIGTERM, completed)

    def test_exec_bytes(self):
        data = bytes(range(256)) * 4096
        completed = self.vmctl("exec", "web", "--", "cat", stdin=data, text=False)
        self.assertEqual(completed.status, 0, completed)
        self.assertEqual(completed.stdout, data)

    def test_exec_json(self):
        result = self.vmctl("exec", "web", "--json", "--", "sh", "-c",
                            "printf 'a\\0b'; echo err >&2; exit 3")
        self.assertEqual(result.status, 3)
        self.assertEqual(result.json["exit_status"], 3)
        self.assertEqual(result.json["stdout_base64"], "YQBi")
        self.assertEqual(result.json["stderr"], "err\n")

    def test_exec_what_cannot_be_sent(self):
        completed = self.vmctl("exec", "web", "--", b"a\xff", text=False)
        self.assertEqual(completed.status, 2, completed)
        self.assertIn(b"UTF-8", completed.stderr)

    def test_exec_into_nothing(self):
        """A reader that goes away ends the command; it hangs nothing."""
        process = self.sandbox.popen("exec", "web", "--", "yes")
        process.stdout.read(4)
        process.stdout.close()
        process.stderr.read()
        self.assertNotEqual(process.wait(HANG_LIMIT), 0)

    def test_logs(self):
        self.assertIn("launch 1 of a guest", self.good("logs", "web").stdout)
        self.assertIn("launch 1 of a guest", self.good("logs", "web", "--json").json["log"])
        following = self.sandbox.popen("logs", "--follow", "web")
        self.assertIn(b"launch 1 of a guest", following.stdout.readline())
        self.good("kill", "web")
        following.communicate(timeout=HANG_LIMIT)
        self.assertEqual(following.returncode, 0)
        self.refused(2, "logs", "--follow", "--json", "web")

    def test_logs_steer_no_terminal(self):
        log, = glob.glob(os.path.join(self.sandbox.state, "**", "console.log"), recursive=True)
        with open(log, "ab") as file:
            file.write("\033[31m\u009b31m the end\n".encode())
        terminal, theirs = pty.openpty()
        printing = self.sandbox.popen("logs", "web", stdout=theirs)
        os.close(theirs)
        printing.communicate(timeout=HANG_LIMIT)
        printed = os.read(terminal, 65536).decode()
        os.close(terminal)
        self.assertIn("[31m31m the end", printed)
        self.assertNotIn("\033", printed)
        self.assertNotIn("\u009b", printed)

    def test_console(self):
        """It ends when the VM does; the fake's console gives back what is typed."""
        console = self.sandbox.popen("console", "web", stdin=subprocess.PIPE)
        console.stdin.write(b"typed\n")
        console.stdin.flush()
        self.assertEqual(console.stdout.readline(), b"typed\n")
        self.good("kill", "web")
        console.communicate(timeout=HANG_LIMIT)
        self.assertEqual(console.returncode, 0)
        self.refused(1, "console", "web", says="web")

    def test_console_json(self):
        console = self.sandbox.popen("console", "web", "--json", stdin=subprocess.PIPE)
        console.stdin.write(b"typed\n")
        console.stdin.flush()
        wait_until(lambda: "typed" in self.good("logs", "web").stdout, "the guest got it")
        self.good("kill", "web")
        output, _ = console.communicate(timeout=HANG_LIMIT)
        self.assertEqual(json.loads(output)["end"], "hung-up")
        self.assertIn("typed\n", json.loads(output)["output"])

    def test_workspace(self):
        repository = self.sandbox.repository(files={"a": "1\n", "d/b c": "2\n"})
        self.good("workspace", "prepare", "web", repository)
        with open(self.sandbox.guest(self.vm_id, "workspace", "d", "b c"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "2\n")
        listed = self.good("workspace", "list", "--json").json
        self.assertEqual([(w["vm"], w["path"], w["branch"], w["files"]) for w in listed],
                         [("web", "/workspace", "main", 2)])
        self.assertIn("/workspace", self.good("workspace", "list").stdout)
        self.refused(1, "workspace", "prepare", "web", repository, says="/workspace")
        self.good("workspace", "prepare", "web", repository, "--replace")
        result = self.good("workspace", "prepare", "web", repository, "--path=/other", "--json")
        self.assertEqual(result.json["path"], "/other")
        self.refused(2, "workspace", "prepare", "web", repository, "--path=relative")
        self.refused(2, "workspace", "prepare", "web", self.sandbox.directory, says="git init")

    def test_lock(self):
        """LESSONS 6: who holds it is named."""
        inner = " && ".join([
            f"'{VMCTL}' lock list --json >locks",
            f"'{VMCTL}' stop web",
            "exit 9"])
        completed = self.vmctl("lock", "--reason=for a test", "web", "--", "sh", "-c", inner,
                               cwd=self.sandbox.directory)
        self.assertEqual(completed.status, 9, completed)
        self.assertEqual(self.sandbox.vms()["web"]["state"], "stopped")
        with open(os.path.join(self.sandbox.directory, "locks"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn(f"vm/{self.vm_id}:exclusive", text)
        self.assertIn("for a test", text)
        self.assertEqual(self.good("lock", "list", "--json").json, [])

    def test_lock_keeps_others_out(self):
        holder = self.sandbox.popen("lock", "web", "--", "sh", "-c", "echo held; cat",
                                    stdin=subprocess.PIPE)
        self.assertEqual(holder.stdout.readline(), b"held\n")
        completed = self.refused(4, "lock", "--timeout=0", "web", "--", "true", says="vm/web is held")
        self.assertIn("cat", completed.stderr)
        self.assertIn("vm/web:exclusive ", self.good("lock", "list").stdout)
        stopping = self.sandbox.popen("stop", "web")
        wait_until(lambda: any(not lock["held"] for lock in
                               self.good("lock", "list", "--json").json), "stop waits")
        self.assertIsNone(stopping.poll())
        holder.stdin.close()
        self.assertEqual(holder.wait(HANG_LIMIT), 0)
        stopping.communicate(timeout=HANG_LIMIT)
        self.assertEqual(stopping.returncode, 0)
        holder.stdout.close()
        holder.stderr.close()

    def test_lock_of_a_holder_that_dies(self):
        """LESSONS 7; what the command leaves running does not keep it."""
        holder = self.sandbox.popen("lock", "web", "--", "sh", "-c", "sleep 1000 & echo held; wait")
        self.assertEqual(holder.stdout.readline(), b"held\n")
        holder.kill()
        holder.wait(HANG_LIMIT)
        self.good("stop", "web")
        holder.stdout.close()
        holder.stderr.close()

    def test_lock_of_another_vm_changes_nothing(self):
        self.good("create", "other")
        self.good("start", "other")
        self.good("lock", "web", "--", VMCTL, "stop", "other")
        self.assertEqual(self.sandbox.vms()["other"]["state"], "stopped")

    def test_lock_status(self):
        self.assertEqual(self.vmctl("lock", "web", "--", "sh", "-c", "kill -9 $$").status, 137)
        self.refused(3, "lock", "web", "--", "/no/such/program", says="/no/such/program")
        self.refused(3, "lock", "absent", "web", "--", "true", says="absent")
        result = self.vmctl("lock", "--json", "web", "--", "sh", "-c", "echo out; exit 2")
        self.assertEqual((result.status, result.json["exit_status"], result.json["stdout"]),
                         (2, 2, "out\n"))

    def test_jobs(self):
        repository = self.sandbox.repository()
        self.sandbox.order_transport(self.vm_id, "stall-write", "0")
        importing = self.sandbox.popen("workspace", "prepare", "web", repository)
        job = wait_until(lambda: [job for job in self.good("job", "list", "--json").json
                                  if job["operation"] == "import" and job["state"] == "running"],
                         "the import shows as a job")[0]
        self.assertEqual((job["target"], job["ended"]), ("web", None))
        self.assertIn(job["id"], self.good("job", "list").stdout)
        watching = self.sandbox.popen("job", "watch", job["id"], "--json")
        first = watching.stdout.readline()
        self.assertIn(b'"state":"running"', first)
        self.good("job", "cancel", job["id"])
        importing.communicate(timeout=HANG_LIMIT)
        self.assertEqual(importing.returncode, 5)
        rest, _ = watching.communicate(timeout=HANG_LIMIT)
        self.assertEqual(watching.returncode, 5)
        self.assertIn(b'"state":"cancelled"', rest.splitlines()[-1])
        self.refused(1, "job", "cancel", job["id"], says="ended")
        self.refused(3, "job", "cancel", "absent", says="vmctl job list")
        self.assertFalse(os.path.exists(self.sandbox.guest(self.vm_id, "workspace")))
        # In the order in which they were begun.
        operations = [job["operation"] for job in self.good("job", "list", "--json").json]
        self.assertEqual(operations, ["create", "start", "import"])


class Images(Case):
    def tar(self, names=("bin/sh",)):
        path = os.path.join(self.sandbox.directory, "root.tar")
        with tarfile.open(path, "w") as archive:
            for name in names:
                member = tarfile.TarInfo(name)
                member.size = 3
                archive.addfile(member, io.BytesIO(b"abc"))
        return path

    def test_import_show_delete(self):
        image = self.good("image", "import", "base", self.tar(), "--json").json
        self.assertEqual(image["name"], "base")
        self.assertEqual(len(image["digest"]), 64)
        self.assertTrue(image["source"].endswith("root.tar"))
        self.assertIn("base", self.good("image", "list").stdout)
        self.assertEqual(self.good("image", "list", "--json").json, [image])
        self.assertEqual(self.good("image", "show", "base", "--json").json, image)
        self.assertIn(image["digest"], self.good("image", "show", "base").stdout)
        self.good("create", "web", "--image=base")
        self.refused(4, "image", "delete", "base", says="base")
        self.good("delete", "web")
        self.good("image", "delete", "base")
        self.assertEqual(self.good("image", "list", "--json").json, [])

    def test_import_from_standard_input(self):
        with open(self.tar(), "rb") as file:
            data = file.read()
        completed = self.vmctl("image", "import", "base", "-", stdin=data, text=False)
        self.assertEqual(completed.status, 0, completed)
        self.assertEqual(self.good("image", "list", "--json").json[0]["name"], "base")

    def test_a_jobs_target_steers_no_terminal(self):
        self.vmctl("image", "import", "a\033[31m", self.tar())
        job = self.good("job", "list", "--json").json[-1]
        self.assertEqual(job["target"], "a\033[31m")
        watched = self.vmctl("job", "watch", job["id"])
        self.assertIn("a\\x1b[31m: failed", watched.stdout)
        self.assertNotIn("\033", watched.stdout + watched.stderr)

    def test_bad_files(self):
        self.refused(3, "image", "import", "base", "/no/such.tar", says="/no/such.tar")
        self.refused(2, "image", "import", "base", self.sandbox.directory, says="directory")
        path = os.path.join(self.sandbox.directory, "junk")
        with open(path, "wb") as file:
            file.write(b"this is no archive" * 100)
        self.refused(1, "image", "import", "base", path, says=path)
        self.refused(2, "image", "import", "UPPER", self.tar(), says="UPPER")
        self.refused(3, "image", "show", "absent", says="vmctl image list")
        self.refused(3, "image", "delete", "absent", says="vmctl image list")
        self.refused(2, "image", "build", "base", says="--tiny")
        self.assertEqual(self.good("image", "list", "--json").json, [])

    def test_kernels(self):
        self.assertEqual(self.good("kernel", "list", "--json").json, [])
        self.refused(3, "kernel", "import", "/no/such.deb", says="/no/such.deb")
        path = os.path.join(self.sandbox.directory, "junk")
        with open(path, "wb") as file:
            file.write(b"this is no kernel" * 100)
        self.refused(1, "kernel", "import", path, says=path)
        self.refused(3, "kernel", "import", path, "--modules=/no/such/directory",
                     says="/no/such/directory")
        self.refused(3, "kernel", "show", "absent", says="vmctl kernel list")
        self.refused(3, "kernel", "delete", "absent", says="vmctl kernel list")
        self.assertEqual(self.good("kernel", "list", "--json").json, [])


class Usage(Case):
    def test_help(self):
        overview = self.good("help").stdout
        self.assertEqual(self.good("--help").stdout, overview)
        commands = self.good("help", "--json").json
        self.assertGreater(len(commands), 30)
        for command in commands:
            with self.subTest(command=command["name"]):
                self.assertIn(command["name"], overview)
                words = command["name"].split()
                text = self.good(*words, "--help").stdout
                self.assertTrue(text.startswith(f"Usage: vmctl {command['name']}"))
                self.assertIn(text, self.good("help", *words).stdout)
                for option in command["options"]:
                    self.assertIn("--" + option["name"], text)
        self.assertIn("image build", self.good("help", "image").stdout)
        for words in (("image",), ("device", "token")):
            for option in ("--help", "-h"):
                self.assertEqual(self.good(*words, option).stdout, self.good("help", *words).stdout)
        self.assertIsNone(self.sandbox.daemon_pid(), "help starts no daemon")

    def test_wrong_usage(self):
        self.assertEqual(self.vmctl().status, 2)
        for arguments in (("frobnicate",), ("image",), ("image", "frobnicate"), ("start",),
                          ("list", "x"), ("list", "--nonsense"), ("exec", "web", "ls"),
                          ("exec", "web", "--"), ("lock", "web"), ("create", "a", "b"),
                          ("start", ""), ("help", "frobnicate"), ("completion", "tcsh"),
                          ("run", "--detach", "--", "true"), ("run", "--detach", "--rm")):
            with self.subTest(arguments=arguments):
                self.refused(2, *arguments)
        self.assertIsNone(self.sandbox.daemon_pid(), "wrong usage starts no daemon")

    def test_version(self):
        self.assertEqual(self.good("version").stdout, "vmctl 0.1.0\n")
        self.assertIsNone(self.good("version", "--json").json["daemon"])
        self.good("list")
        self.assertEqual(self.good("--version", "--json").json["daemon"]["backend"], "fake")
        self.assertIsNone(self.good("version", "--json").json["daemon"]["channel_address"])

    def test_completion(self):
        script = self.good("completion", "bash").stdout
        self.assertEqual(self.good("completion", "bash", "--json").json["script"], script)
        words = self.complete(script, "vmctl", "im")
        self.assertEqual(words, ["image"])
        self.assertIn("build", self.complete(script, "vmctl", "image", ""))
        self.assertEqual(self.complete(script, "vmctl", "create", "--mem"), ["--memory"])
        self.assertIn("list", self.complete(script, "vmctl", "lock", ""))

    def complete(self, script, *words):
        path = os.path.join(self.sandbox.directory, "completion")
        with open(path, "w", encoding="utf-8") as file:
            file.write(script)
        line = " ".join(f"'{word}'" for word in words)
        done = subprocess.run(
            ["bash", "-c", f"compopt () {{ :; }}; . '{path}'; COMP_WORDS=({line}); "
             f"COMP_CWORD={len(words) - 1}; _vmctl; printf '%s\\n' \"${{COMPREPLY[@]}}\""],
            capture_output=True, encoding="utf-8", timeout=HANG_LIMIT, check=True)
        return done.stdout.split()

    def test_lists_are_json_when_empty(self):
        for verb in (("list",), ("status",), ("image", "list"), ("kernel", "list"),
                     ("workspace", "list"), ("job", "list"), ("lock", "list")):
            with self.subTest(verb=verb):
                self.assertEqual(self.good(*verb, "--json").json, [])

    def test_failures_are_json_too(self):
        for verb in (("start", "absent"), ("show", "absent")):
            with self.subTest(verb=verb):
                result = self.vmctl(*verb, "--json")
                self.assertEqual(result.status, 3)
                self.assertEqual(result.json[0]["error"]["name"], "NotFound")
                self.assertEqual(result.json[0]["error"]["exit_status"], 3)
        result = self.vmctl("exec", "absent", "--json", "--", "true")
        self.assertEqual(result.json["error"]["name"], "NotFound")

    def test_a_full_disk_is_no_success(self):
        with open("/dev/full", "wb") as full:
            process = self.sandbox.popen("help", stdout=full)
            _, stderr = process.communicate(timeout=HANG_LIMIT)
        self.assertEqual(process.returncode, 1, stderr)

    def test_closed_streams(self):
        """Nothing that vmctl opens becomes a standard stream."""
        process = self.sandbox.popen("list", preexec_fn=lambda: [os.close(fd) for fd in (0, 2)])
        stdout, _ = process.communicate(timeout=HANG_LIMIT)
        self.assertEqual(process.returncode, 0)
        self.assertTrue(stdout.startswith(b"NAME"))


if __name__ == "__main__":
    tap_main.main()
