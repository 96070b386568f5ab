"""What ./dev package makes: its parts, and that it works where nothing else is installed. The tests that install need root and
Debian's archive."""
import gzip
import json
import os
import re
import shutil
import subprocess
import tarfile

import bare
from harness import (BUILD, FRESHET, ROOT, Http, bearer, check, check_equal, free_ports, freshet, lines, profile, send_records, shorten,
                     wait_until)
from patience import patient

KEY = "demo-write-key"  # of the configuration that the package brings
PACKAGE_S = patient(120)
IMAGE_S = patient(900)
USER = 10001  # of the image


def make(what, timeout_s):
    """The path that tools/package prints last."""
    done = subprocess.run([ROOT / "tools" / "package", what], capture_output=True, text=True, timeout=timeout_s, stdin=subprocess.DEVNULL,
                          env={**os.environ, "FRESHET_BUILD": str(BUILD)}, check=False)
    check_equal(done.returncode, 0, f"tools/package {what} ({shorten(done.stderr[-800:], 800)})")
    return ROOT / done.stdout.splitlines()[-1]


def printed(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=PACKAGE_S, check=True).stdout


def commands_of(program, words=()):
    """Every command that --help knows, as a tuple of words, () first; those that only have others below them, too."""
    below = re.search(r"^Subcommands:\n((?: .*\n)*)", printed(program, *words, "--help"), re.MULTILINE | re.IGNORECASE)
    names = re.findall(r"^  (\w+)", below[1], re.MULTILINE) if below else []
    return [words] + [found for name in names for found in commands_of(program, (*words, name))]


def unpacked(box):
    folder = box.directory / "unpacked"
    printed("dpkg-deb", "--extract", make("deb", PACKAGE_S), folder)
    return folder


def project_version():
    return re.search(r"^project\(freshet VERSION (\d+\.\d+\.\d+) ", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"), re.MULTILINE)[1]


def test_version(box):
    """One version, wherever it is said."""
    version = project_version()
    said = freshet("--version")[1]
    check(re.fullmatch(rf"{re.escape(version)} \(commit \S+\)\n", said), f"freshet --version says {said!r}, the project is {version}")
    releases = re.findall(r"^## \[(\d[^\]]*)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    check_equal(releases[0], version, "the newest release of CHANGELOG.md")
    chart = (ROOT / "deploy/helm/freshet/Chart.yaml").read_text(encoding="utf-8")
    check_equal(re.search(r"^appVersion: (\S+)", chart, re.MULTILINE)[1], version, "appVersion of the chart")
    check_equal(printed("dpkg-deb", "--field", make("deb", PACKAGE_S), "Version").strip(), version, "version of the package")


def test_deb(box):
    """What the package says of itself, and what is in it."""
    deb = make("deb", PACKAGE_S)
    field = lambda name: printed("dpkg-deb", "--field", deb, name).strip()  # noqa: E731  pylint: disable=unnecessary-lambda-assignment
    architecture = printed("dpkg", "--print-architecture").strip()
    check_equal(deb.name, f"freshet_{project_version()}_{architecture}.deb", "name of the file")
    check_equal((field("Package"), field("Architecture")), ("freshet", architecture), "package and architecture")
    depends = {name.split()[0] for name in field("Depends").split(", ")}
    check({"adduser", "libc6"} <= depends and any(name.startswith("librocksdb") for name in depends), f"dependencies {depends}")
    listed = {line.split()[5][1:]: tuple(line.split()[:2]) for line in printed("dpkg-deb", "--contents", deb).splitlines()}
    for path in ("/usr/bin/freshet", "/etc/freshet/freshet.yaml", "/usr/share/man/man1/freshet.1.gz", "/usr/share/man/man5/freshet.yaml.5.gz",
                 "/usr/share/bash-completion/completions/freshet", "/usr/share/fish/vendor_completions.d/freshet.fish",
                 "/usr/share/doc/freshet/copyright", "/usr/share/doc/freshet/copyright.libprotobuf-dev", "/usr/share/doc/freshet/changelog.gz",
                 *(f"/usr/lib/systemd/system/{unit.name}" for unit in (ROOT / "deploy/systemd").iterdir())):
        check_equal(listed.get(path), ("-rwxr-xr-x" if path.startswith("/usr/bin/") else "-rw-r--r--", "root/root"), f"rights and owner of {path}")
    # The client for Kafka is Debian's where that is new enough, else it is in the program, and its notices are with it.
    check("librdkafka1" in depends or "/usr/share/doc/freshet/copyright.librdkafka" in listed, f"librdkafka is neither in {depends} nor among the notices")
    unexpected = [path for path in listed if not path.startswith(("/usr", "/etc/freshet")) and path not in ("/", "/etc/")]
    check_equal(unexpected, [], "what lies elsewhere")
    check_equal(printed("dpkg-deb", "--info", deb, "conffiles").split(), ["/etc/freshet/freshet.yaml"], "conffiles")
    for script in ("postinst", "prerm", "postrm"):
        subprocess.run(["sh", "-n"], input=printed("dpkg-deb", "--info", deb, script), text=True, check=True, timeout=PACKAGE_S)
    folder = unpacked(box)
    check(b".debug_info" not in (folder / "usr/bin/freshet").read_bytes(), "the program in the package is not stripped")
    check_equal(printed(folder / "usr/bin/freshet", "--version"), freshet("--version")[1], "version of the program in the package")
    status, _, err = freshet("check", folder / "etc/freshet/freshet.yaml")
    check_equal(status, 0, f"freshet check of the configuration in the package ({err})")


def test_manual(box):
    """Each command and each of its options is in the man page, each key of the configuration in the other."""
    folder = unpacked(box)
    page = gzip.open(folder / "usr/share/man/man1/freshet.1.gz", "rt", encoding="utf-8").read().replace("\\", "")
    known = commands_of(FRESHET)[1:]
    check(("run",) in known and ("fleet", "render") in known, f"commands {known}")
    for words in known:
        said = freshet(*words, "--help")[1]
        if any(other[:-1] == words for other in known):
            continue
        section = re.search(rf'^\.SS\s+freshet {" ".join(words)}\b(.*?)(?=^\.S[SH]\s|\Z)', page, re.MULTILINE | re.DOTALL)
        check(section, f"freshet(1) does not have `freshet {' '.join(words)}`")
        for option in re.findall(r"^  (?:-\w,)?(--[\w-]+)", said, re.MULTILINE):
            check(option in section[1] or option == "--help", f"freshet(1) does not have {option} of `freshet {' '.join(words)}`")
    page = gzip.open(folder / "usr/share/man/man5/freshet.yaml.5.gz", "rt", encoding="utf-8").read().replace("\\", "")
    keys = re.findall(r"^\| `([\w.]+)` \|", (ROOT / "docs/configuration.md").read_text(encoding="utf-8"), re.MULTILINE)
    check(len(keys) > 40, f"only {len(keys)} keys are documented")
    check_equal([key for key in keys if key not in page], [], "keys that freshet.yaml(5) does not have")


def test_completion(box):
    """bash is asked what may follow, after each command; fish's file has a line for each."""
    folder = unpacked(box)
    script = folder / "usr/share/bash-completion/completions/freshet"
    fish = (folder / "usr/share/fish/vendor_completions.d/freshet.fish").read_text(encoding="utf-8")
    ask = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _freshet; printf "%s\\n" "${COMPREPLY[@]}"'

    def completed(*words):
        return set(printed("bash", "-c", ask, "bash", script, "freshet", *words).split())

    known = commands_of(FRESHET)
    for words in known:
        below = {other[-1] for other in known if other and other[:-1] == words}
        check_equal(below - completed(*words, ""), set(), f"commands that are not completed after `freshet {' '.join(words)}`")
        seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in words)
        lines_of = [line for line in fish.splitlines() if line.startswith(f"complete -c freshet -n '{seen}")]
        check_equal([name for name in below if not any(f" -a {name} " in line for line in lines_of)], [], f"commands that fish does not know, {words}")
    check_equal(completed("checkpoint", "li"), {"list"}, "freshet checkpoint li…")
    check_equal(completed("run", "--log-level", "d"), {"debug"}, "freshet run --log-level d…")
    check_equal(completed("run", "--conf"), {"--config"}, "freshet run --conf…")
    check_equal(completed("run", "--config", str(ROOT / "CMakeL")), {str(ROOT / "CMakeLists.txt")}, "freshet run --config CMakeL…")


def test_newer_data(box):
    """A data directory that a newer release has written is refused before anything is touched, and it says which release that was. What
    an older one has written is read, and noted as ours."""
    server = box.server()
    send_records(server.ingest(), [{"message_id": "m1", "user": {"user_id": "u1"}, "set": {"city": "Pune"}}])
    server.wait_drained()
    server.stop()
    note = server.directory / "data" / "installation"
    ours = note.read_text(encoding="utf-8")
    check_equal(re.search(r"^release: (.*)$", ours, re.MULTILINE)[1], project_version(), "release in the data directory")
    lines = ours.split("\n", 1)[1]  # behind the checksum, which the first releases did not write
    for key in ("state_format", "logic_version"):
        newer = re.sub(r"^release: .*$", "release: 7.8.9", re.sub(rf"^{key}: .*$", f"{key}: 99", lines, flags=re.MULTILINE), flags=re.MULTILINE)
        check(newer.count("99") > lines.count("99"), f"{note} has no {key}")
        note.write_text(newer, encoding="utf-8")
        status, _, err = freshet("run", "--config", server.config_path)
        check_equal(status, 2, f"exit status on data of a newer release ({err})")
        check("install freshet 7.8.9 or newer" in err and key.replace("_", " ") + " 99" in err, f"it says {shorten(err)}")
        check_equal(note.read_text(encoding="utf-8"), newer, "the refused release changed what the newer one wrote")
    older = re.sub(r"^logic_version: .*$", "logic_version: 1", re.sub(r"^release: .*$", "release: 0.1.0", lines, flags=re.MULTILINE), flags=re.MULTILINE)
    note.write_text(older, encoding="utf-8")
    server.start()
    check_equal(note.read_text(encoding="utf-8"), ours, "what is noted after an upgrade from an older logic")
    server.stop()
    note.write_text(re.sub(r"^(release|state_format|logic_version): .*\n", "", lines, flags=re.MULTILINE), encoding="utf-8")
    server.start()  # what was written before releases were noted is read
    check_equal(profile(server.admin(), "user_id", "u1")["attributes"]["city"], "Pune", "city after that")
    check_equal(note.read_text(encoding="utf-8"), ours, "what is noted after that")


# --- installed ------------------------------------------------------------------------------------------------------


class Service:
    """freshet in a bare system, as its user, with the configuration that is installed there. No systemd runs."""

    def __init__(self, system, box, user, **mounts):
        self.system, self.user, self.mounts = system, user, mounts
        self.log = box.directory / "service.log"
        self.ingest_port, self.admin_port = free_ports(2)
        self.process = None
        box.at_end(self.kill)

    def configure(self, text):
        """The installed configuration on ports of this test."""
        changed = text.replace("127.0.0.1:8080", f"127.0.0.1:{self.ingest_port}").replace("127.0.0.1:8081", f"127.0.0.1:{self.admin_port}")
        check(changed != text, "the configuration does not listen on the usual ports")
        return changed

    def start(self, *command):
        words = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", "--no-new-privs", "--bounding-set=-all", *command]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.system.command(*words, **self.mounts), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})

        def ready():
            check(self.process.poll() is None, lambda: f"freshet ended with {self.process.returncode}: {shorten(self.log.read_text()[-600:], 600)}")
            try:
                return Http(self.admin_port).request("GET", "/readyz").status == 200
            except OSError:
                return False

        wait_until(ready, patient(60), f"freshet ready ({self.log})")

    def send(self, user, city):
        record = {"message_id": f"m-{user}", "user": {"user_id": user}, "set": {"city": city}}
        answer = Http(self.ingest_port).request("POST", "/v1/records", lines([record]), bearer(KEY))
        check_equal((answer.status, answer.json()["accepted"]), (200, 1), "POST /v1/records")

    def expect(self, user, city):
        path = f"/v1/tenants/demo/users/user_id/{user}"
        answer = wait_until(lambda: (got := Http(self.admin_port).request("GET", path)).status == 200 and got, patient(30), f"the profile of {user}")
        check_equal(answer.json()["attributes"]["city"], city, f"city of {user}")

    def stop(self):
        self.process.terminate()
        check_equal(self.process.wait(patient(30)), 0, "exit status after SIGTERM")

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def newer_deb(deb, folder):
    """The same package with a higher version."""
    tree = folder / "newer"
    printed("dpkg-deb", "--raw-extract", deb, tree)
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"^Version: .*$", "Version: 99.0.0", control.read_text(encoding="utf-8"), flags=re.MULTILINE), encoding="utf-8")
    printed("dpkg-deb", "--build", tree, folder / "newer.deb")
    return folder / "newer.deb"


def rights(path):
    status = path.stat()
    return oct(status.st_mode & 0o7777), status.st_uid, status.st_gid


def test_installed(box):
    """In a bare Debian: install, start as its user, a record in, its profile out, upgrade, remove, install again, purge."""
    bare.need_root()
    deb = make("deb", PACKAGE_S)
    system = bare.make(box.directory / "root")
    shutil.copy(deb, system.path("/freshet.deb"))
    shutil.copy(newer_deb(deb, box.directory), system.path("/newer.deb"))
    install = ["apt-get", "install", "-y", "--no-install-recommends"]
    system.run("apt-get", "update")
    system.run(*install, "/freshet.deb")
    uid, gid = int(system.run("id", "-u", "freshet")), int(system.run("id", "-g", "freshet"))
    check(0 < uid < 1000, f"the user freshet has the number {uid}, which is not a system user's")
    data, config = system.path("/var/lib/freshet"), system.path("/etc/freshet/freshet.yaml")
    check_equal(rights(data), ("0o750", uid, gid), "rights of /var/lib/freshet")
    check_equal(rights(config), ("0o640", 0, gid), "rights of the configuration")
    service = Service(system, box, "freshet")
    changed = service.configure(config.read_text(encoding="utf-8"))
    config.write_text(changed, encoding="utf-8")
    run = ["freshet", "run", "--config", "/etc/freshet/freshet.yaml"]
    service.start(*run)
    service.send("u1", "Pune")
    service.expect("u1", "Pune")
    service.stop()

    system.run(*install, "/newer.deb")
    check("99.0.0" in system.run("dpkg-query", "-W", "freshet"), "the newer package was not installed")
    check_equal((config.read_text(encoding="utf-8"), rights(config)), (changed, ("0o640", 0, gid)), "the configuration after the upgrade")
    service.start(*run)
    service.expect("u1", "Pune")
    service.send("u2", "Oslo")
    service.expect("u2", "Oslo")
    service.stop()

    system.run("apt-get", "remove", "-y", "freshet")
    check(not system.path("/usr/bin/freshet").exists(), "the program is still there after removal")
    check_equal((config.read_text(encoding="utf-8"), int(system.run("id", "-u", "freshet"))), (changed, uid), "configuration and user after removal")
    system.run(*install, "/newer.deb")
    service.start(*run)
    service.expect("u2", "Oslo")
    service.stop()

    system.run("apt-get", "purge", "-y", "freshet")
    left = [path for path in (data, config, config.parent) if path.exists()]
    users = [line for line in system.path("/etc/passwd").read_text(encoding="utf-8").splitlines() if line.startswith("freshet:")]
    known = system.run("sh", "-c", "dpkg-query -W freshet 2>/dev/null || true").strip()
    check_equal((left, users, known), ([], [], ""), "what is left after purge")


def image_config(layout):
    """Of the one image in an OCI layout: its tag, and what it says to whoever runs it."""
    blob = lambda digest: json.loads((layout / "blobs" / digest.replace(":", "/")).read_text(encoding="utf-8"))  # noqa: E731  pylint: disable=unnecessary-lambda-assignment
    index = json.loads((layout / "index.json").read_text(encoding="utf-8"))
    check_equal(len(index["manifests"]), 1, "images in the layout")
    image = blob(blob(index["manifests"][0]["digest"])["config"]["digest"])
    return index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"], image


def test_image(box):
    """The image's archive, unpacked: it runs as its user, on a root file system that can't be written."""
    bare.need_root()
    archive = make("image", IMAGE_S)
    layout = box.directory / "layout"
    with tarfile.open(archive) as tar:
        tar.extractall(layout)
    tag, image = image_config(layout)
    check_equal((tag, image["architecture"]), (project_version(), printed("dpkg", "--print-architecture").strip()), "tag and architecture")
    says = image["config"]
    check_equal((says["User"], says["Entrypoint"], says["Cmd"]),
                (f"{USER}:{USER}", ["freshet"], ["run", "--config", "/etc/freshet/freshet.yaml"]), "what the image runs")
    check_equal((set(says["ExposedPorts"]), set(says["Volumes"])), ({"8080/tcp", "8081/tcp"}, {"/var/lib/freshet"}), "ports and volume")
    printed("umoci", "unpack", "--image", f"{layout}:{tag}", box.directory / "bundle")
    system = bare.Bare(box.directory / "bundle" / "rootfs")
    check_equal(rights(system.path("/var/lib/freshet")), ("0o750", USER, USER), "rights of the volume's folder")
    check(system.path("/usr/share/doc/freshet/copyright").exists(), "the image has no copyright file")

    data, etc = box.directory / "data", box.directory / "etc"
    for folder in (data, etc):
        folder.mkdir()
    os.chown(data, USER, USER)
    service = Service(system, box, USER, read_only=True, binds={data: "/var/lib/freshet", etc: "/etc/freshet"})
    text = service.configure(system.path("/etc/freshet/freshet.yaml").read_text(encoding="utf-8"))
    (etc / "freshet.yaml").write_text(text, encoding="utf-8")
    service.start(*says["Entrypoint"], *says["Cmd"])
    service.send("u1", "Pune")
    service.expect("u1", "Pune")
    service.stop()
    service.start(*says["Entrypoint"], *says["Cmd"])  # another container on the same volume
    service.expect("u1", "Pune")
    service.stop()
