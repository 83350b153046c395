#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The vmd developers
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is installed is enough for a program that links libvmd, and no more than is meant for one."""

import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
sys.path.insert(0, str(SOURCE / "tests/support"))

import tap_main

BUILD = os.environ["VMD_TEST_BUILD_ROOT"]
WARNINGS = ["-std=gnu11", "-Wall", "-Wextra", "-Wstrict-prototypes", "-Werror"]


def run(*command, env=None):
    result = subprocess.run([str(word) for word in command], env=env, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if result.returncode != 0:
        raise AssertionError(f"{shlex.join(map(str, command))}:\n{result.stdout}")
    return result.stdout


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="vmd-installed-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", cls.directory)
        cls.move_package()
        cls.flags = shlex.split(cls.ask("--cflags"))
        cls.libraries = shlex.split(cls.ask("--libs"))
        cls.libdir = cls.ask("--variable=libdir").strip()

    @classmethod
    def move_package(cls):
        """Has the .pc file name the place where all of it is, as if that were the prefix."""
        [cls.package] = cls.directory.rglob("libvmd-1.pc")
        lines = cls.package.read_text().splitlines()
        prefix = next(line for line in lines if line.startswith("prefix=")).split("=", 1)[1]
        cls.prefix = cls.directory / prefix.lstrip("/")
        moved = [line.replace(f"={prefix}", f"={cls.prefix}", 1) for line in lines]
        cls.package.write_text("\n".join(moved) + "\n")

    @classmethod
    def ask(cls, *words):
        env = dict(os.environ, PKG_CONFIG_PATH=str(cls.package.parent))
        return run("pkg-config", *words, "libvmd-1", env=env)

    def compile(self, source, *words):
        program = self.directory / source.stem
        run("cc", *WARNINGS, *self.flags, source, "-o", program, *words, *self.libraries,
            f"-Wl,-rpath,{self.libdir}")
        return program

    def headers(self):
        return sorted((self.prefix / "include/libvmd-1").iterdir())

    def test_a_program(self):
        """One that uses a VM from its beginning to its end."""
        program = self.compile(HERE / "program.c")
        env = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
        env["VMD_LIBEXECDIR"] = str(self.prefix / "libexec/vmd")
        env["XDG_RUNTIME_DIR"] = str(self.directory / "runtime")
        said = run(program, self.directory / "state", env=env)
        self.assertEqual(said.splitlines(), ["first: running", "left: 0"])

    def test_each_symbol_is_declared(self):
        """What the library exports has a prototype in what <vmd.h> includes."""
        symbols = (SOURCE / "libvmd/libvmd.symbols").read_text().split()
        self.assertGreater(len(symbols), 100)
        source = self.directory / "symbols.c"
        source.write_text("#include <vmd.h>\n#include <stdio.h>\n"
                          "typedef void (*Function) (void);\n"
                          "static const Function functions[] = {\n"
                          + "".join(f"  (Function) {name},\n" for name in symbols)
                          + "};\nint main (void)\n{\n"
                          "  printf (\"%zu\\n\", sizeof functions / sizeof functions[0]);\n}\n")
        program = self.compile(source, "-Wno-cast-function-type", "-Wl,-z,now")
        self.assertEqual(run(program).strip(), str(len(symbols)))

    def test_each_header_stands_alone(self):
        """In C, and in C++ where the compiler knows it."""
        languages = ["c"] + (["c++"] if shutil.which("c++") else [])
        for header in self.headers():
            for language in languages:
                with self.subTest(header=header.name, language=language):
                    words = ["-std=gnu++17"] if language == "c++" else ["-std=gnu11"]
                    run("cc", "-x", language, "-fsyntax-only", "-Wall", "-Werror", *words,
                        *self.flags, "-include", header, "/dev/null")

    def test_nothing_private(self):
        """Each header is one of those that <vmd.h> includes, and none names a private one."""
        names = [header.name for header in self.headers()]
        self.assertFalse([name for name in names if "private" in name])
        everything = (self.prefix / "include/libvmd-1/vmd.h").read_text()
        for header in self.headers():
            if header.name not in ("vmd.h", "vmd-macros.h"):
                self.assertIn(f'"{header.name}"', everything)
            self.assertNotIn("-private.h", header.read_text())

    def test_nothing_names_the_build(self):
        """The package works without the tree it was built in."""
        text = self.package.read_text()
        self.assertNotIn(str(SOURCE), text)
        self.assertNotIn(BUILD, text)
        self.assertFalse([word for word in self.libraries if "sqlite" in word or "ssh2" in word],
                         "what the library itself needs is no matter of its users")


if __name__ == "__main__":
    tap_main.main()
