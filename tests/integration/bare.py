"""A bare Debian in a folder, of the release that this machine runs: what is installed there needs nothing of this machine.

Each command has its own mounts, which end with it; the network is this machine's. Needs root, and mmdebstrap where it is made.
"""
import functools
import os
import shutil
import subprocess
from pathlib import Path

import packages
from harness import CACHE, Failure, Skipped, check, shorten
from patience import patient

INSTALL_S = patient(300)
# $1 is the folder, $2 what is mounted there read-only or nothing, $3 FROM=TO,… of folders that are shown inside.
ENTER = """
mount --bind "$1" "$1"
for pair in $(echo "$3" | tr , ' '); do mount --bind "${pair%%=*}" "$1${pair#*=}"; done
mount --bind /dev "$1/dev"
[ -z "$2" ] || mount -o remount,ro,bind "$1"
mount -t proc proc "$1/proc"
root=$1
shift 3
exec chroot "$root" "$@"
"""


def need_root():
    if os.geteuid() != 0:
        raise Skipped("only root can install a package into a bare Debian and enter it")


@functools.cache
def suite():
    for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise Failure("/etc/os-release names no release of Debian")


def make(directory):
    """A bare system with apt."""
    def fetch(attempt):
        packages.fetch(["mmdebstrap", "--variant=apt", suite(), attempt / "root.tar"], f"a bare Debian ({suite()})", 2 * INSTALL_S)
    tar = packages.complete(CACHE / f"debian-{suite()}", fetch) / "root.tar"
    directory.mkdir()
    subprocess.run(["tar", "-C", directory, "--numeric-owner", "-xpf", tar], check=True)
    for name in ("resolv.conf", "hosts"):
        shutil.copy(f"/etc/{name}", directory / "etc" / name)
    return Bare(directory)


class Bare:
    def __init__(self, root):
        self.root = Path(root)

    def command(self, *words, read_only=False, binds=None):
        """What runs it: its process is that of the command itself."""
        pairs = ",".join(f"{source}={target}" for source, target in (binds or {}).items())
        return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", ENTER, "sh", str(self.root), "yes" if read_only else "", pairs, *words]

    def run(self, *words):
        """What it prints; it must go well."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, errors="replace", timeout=INSTALL_S, stdin=subprocess.DEVNULL,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LANG": "C.UTF-8"}, check=False)
        check(done.returncode == 0, lambda: f"{' '.join(words)}: exit status {done.returncode}: {shorten((done.stdout + done.stderr)[-600:], 600)}")
        return done.stdout

    def path(self, name):
        return self.root / name.lstrip("/")
