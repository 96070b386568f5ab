#!/usr/bin/env python3
"""What `./dev` says on a machine that can't build: one line, with what to do. Programs in front of PATH stand for
such a machine."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
FILES = ("dev", "tools/dev-lib.sh", "tools/librdkafka", "tools/uplot", "tools/packages.txt")
# A machine on which everything is right, but no package is installed.
USUAL = {
    "uname": "echo x86_64",
    "df": "echo; echo disk 99999 1 88888 2% /",
    "id": "[ $1 = -u ] && echo 0 || echo root",
    "dpkg-query": "exit 1",
    "apt-get": 'echo "$*" >>"$CALLS"',
    "cmake": "exit 0",
    "ninja": 'echo "ninja $*" >>"$CALLS"',
    "g++": "exit 0",
    "sudo": "exit 1",
    "pkg-config": "exit 0",  # so the system's librdkafka is new enough
}


class DevTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.calls = self.folder / "calls"
        for file in FILES:
            (self.folder / file).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / file, self.folder / file)
        for there in re.findall(r"^VERSION=(.*)$", (ROOT / "tools/uplot").read_text(encoding="utf-8"), re.MULTILINE):
            (self.folder / f"build/cache/uplot-{there}").mkdir(parents=True)  # unpacked already

    def enterContext(self, manager):  # pylint: disable=invalid-name  # unittest's own is of Python 3.11
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value

    def dev(self, *arguments, release='ID=debian\nVERSION_ID="12"\n', **programs):
        """(exit status, what it said, as lines)."""
        stubs = self.folder / "stubs"
        stubs.mkdir(exist_ok=True)
        for name, text in {**USUAL, **programs}.items():
            file = stubs / name.replace("_", "-")
            file.write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
            file.chmod(0o755)
        (self.folder / "os-release").write_text(release, encoding="utf-8")
        environment = {**os.environ, "PATH": f"{stubs}:/usr/bin:/bin", "CALLS": str(self.calls), "CI": "1",
                       "FRESHET_OS_RELEASE": str(self.folder / "os-release"), "FRESHET_ANY_ARCH": ""}
        done = subprocess.run([self.folder / "dev", *arguments], capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL, check=False)
        return done.returncode, (done.stdout + done.stderr).splitlines()

    def called(self):
        return self.calls.read_text(encoding="utf-8") if self.calls.exists() else ""

    def refused(self, said, *words):
        status, lines = said
        self.assertNotEqual(status, 0)
        self.assertEqual(len(lines), 1, lines)
        for word in words:
            self.assertIn(word, lines[0])
        self.assertNotIn("ninja", self.called())

    def test_no_client_for_kafka(self):
        """Debian's is too old, and the source of the right one can't be fetched."""
        status, said = self.dev("build", pkg_config="exit 1", npm="echo no network; exit 1")
        self.assertEqual(status, 1)
        self.assertTrue(any("npm could not fetch it" in line and "connect to a network, or put" in line for line in said), said)
        self.assertIn("there is no client for Kafka", said[-1])
        self.assertNotIn("ninja -C", self.called())

    def test_a_client_for_kafka_that_is_not_the_pinned_one(self):
        status, said = self.dev("build", pkg_config="exit 1", npm='while [ "$1" != --pack-destination ]; do shift; done; '
                                'echo other >"$2/confluentinc-kafka-javascript-1.10.1.tgz"')
        self.assertEqual(status, 1)
        self.assertTrue(any("is not the archive that is expected" in line for line in said), said)
        self.assertNotIn("ninja -C", self.called())

    def test_a_usual_machine_installs_and_builds(self):
        status, _ = self.dev("build", "release", "freshet")
        self.assertEqual(status, 0)
        self.assertRegex(self.called(), r"install -y .*librocksdb-dev.*\n.*ninja -C build/release -j \d+ freshet\n")

    def test_not_debian(self):
        # The machine's own compiler must not help: another name is looked for.
        library = self.folder / "tools/dev-lib.sh"
        library.write_text(library.read_text(encoding="utf-8").replace("command -v g++", "command -v not-there-g++"), encoding="utf-8")
        self.refused(self.dev("build", release="ID=fedora\nVERSION_ID=41\n"), "Debian 12 or 13", "tools/packages.txt")

    def test_not_debian_with_what_it_takes(self):
        for release in ("ID=ubuntu\nVERSION_ID=24.04\nID_LIKE=debian\n", "ID=debian\nVERSION_ID=11\n"):
            status, lines = self.dev("build", release=release)
            self.assertEqual(status, 0, lines)
            self.assertIn("tools/packages.txt", lines[0])
            self.assertNotIn("install", self.called())

    def test_another_architecture(self):
        self.refused(self.dev("build", uname="echo riscv64"), "riscv64", "x86_64", "FRESHET_ANY_ARCH=1")

    def test_no_root_and_no_sudo(self):
        self.refused(self.dev("build", id="[ $1 = -u ] && echo 1000 || echo ann"), "sudo sh -c 'apt-get update && apt-get install", "librocksdb-dev")

    def test_what_is_optional_is_not_asked_for(self):
        nothing_but = '[ "${@: -1}" = mold ] || [ "${@: -1}" = ccache ] && exit 1; echo installed'
        status, lines = self.dev("build", id="[ $1 = -u ] && echo 1000 || echo ann", dpkg_query=nothing_but)
        self.assertEqual(status, 0, lines)

    def test_no_network(self):
        for error in ("Temporary failure resolving 'archive.example'", "Could not connect to archive.example:80"):
            said = self.dev("build", apt_get=f'echo "W: {error}"; [ $1 = update ] || {{ echo "E: Unable to locate package g++"; exit 100; }}')
            self.refused((said[0], said[1][1:]), "network", "build/apt.log")

    def test_no_room_at_the_start(self):
        self.refused(self.dev("build", df="echo; echo disk 99999 1 300 99% /"), "only 300 MiB are free", "build")

    def test_no_room_for_packages(self):
        said = self.dev("build", apt_get='[ $1 = update ] || { echo "E: write failed (28: No space left on device)"; exit 100; }')
        self.refused((said[0], said[1][1:]), "disk is full", "build/apt.log")

    def test_no_room_while_it_compiles(self):
        status, lines = self.dev("build", dpkg_query="echo installed", ninja="echo 'fatal error: x.o: No space left on device'; exit 1")
        self.assertNotEqual(status, 0)
        self.assertEqual(lines[0], "dev: building release")
        self.assertEqual(len(lines), 2, lines)
        self.assertIn("disk is full", lines[1])

    def test_another_error_of_apt(self):
        said = self.dev("build", apt_get='[ $1 = update ] || { echo "E: Unable to locate package g++"; exit 100; }')
        self.refused((said[0], said[1][1:]), "Unable to locate package g++", "build/apt.log")

    def test_unknown_names(self):
        for arguments, word in ((("bild",), "there is no command 'bild'"), (("build", "fast"), "release, debug, asan, tsan and fuzz")):
            status, lines = self.dev(*arguments)
            self.assertEqual(status, 2)
            self.assertIn(word, lines[-1])

    def test_packages_of_a_release(self):
        (self.folder / "tools/packages.txt").write_text(
            "[build]\nboth  # why\nold (prog-old) | new (prog-new)  # why\nmaybe? | maybe-13?\n[test]\nother\n", encoding="utf-8")
        for version, names in (("12", "both old maybe"), ("13", "both new maybe-13")):
            self.calls.unlink(missing_ok=True)
            self.dev("packages", "build", release=f"ID=debian\nVERSION_ID={version}\n")
            self.assertTrue(re.search(rf"Lock::Timeout=300 {names}$", self.called(), re.MULTILINE), self.called())
        self.calls.unlink()
        self.dev("packages", "build", **{"prog_old": "exit 0"})
        self.assertRegex(self.called(), "(?m)Timeout=300 both maybe$")


class CiTest(unittest.TestCase):
    """.ci/run ends with the counts, whatever becomes of ./dev test."""

    def ci(self, dev):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / ".ci").mkdir()
            shutil.copy(ROOT / ".ci/run", root / ".ci/run")
            (root / "dev").write_text(f"#!/bin/bash\n{dev}\n", encoding="utf-8")
            (root / "dev").chmod(0o755)
            environment = {name: value for name, value in os.environ.items() if name != "FRESHET_TEST_MINUTES"}
            done = subprocess.run([root / ".ci/run"], capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL, check=False)
        return done.returncode, done.stdout.splitlines()[-1]

    def test_last_line_and_status(self):
        for dev, wanted in {
            "echo 3 passed, 0 failed": (0, "3 passed, 0 failed"),
            "echo 3 passed, 1 failed, 2 skipped; exit 1": (1, "3 passed, 1 failed, 2 skipped"),
            "echo 3 passed, 0 failed; exit 1": (1, "3 passed, 0 failed"),
            "echo 3 passed, 0 failed, 2 skipped; exit 3": (0, "3 passed, 0 failed, 2 skipped"),  # the time was over
            "echo it died; exit 9": (1, "0 passed, 1 failed"),
            "echo so 3 passed, 0 failed": (1, "0 passed, 1 failed"),
            '[ "$1 $FRESHET_TEST_MINUTES" = "test 75" ] && echo 1 passed, 0 failed': (0, "1 passed, 0 failed"),
        }.items():
            self.assertEqual(self.ci(dev), wanted, dev)


if __name__ == "__main__":
    unittest.main()
