"""What `freshet fleet runbook migrate` prints, followed to its end on two real clusters: its commands as they stand there, but for `--yes`
where somebody would be asked and for ports that are free."""
import json
import os
import re
import signal
import subprocess

import kafka
import test_mirror
from harness import BUILD, check, check_equal, free_ports, note, shorten, wait_until
from patience import patient

COPY_S = patient(120)
HEAD = """fleet: {fleet}
regions: [{{name: r, zones: [a, b, c]}}]
defaults: {{topic: {{replication: 1, message_bytes_max: 1048588}}}}
clusters: [{{name: {cluster}, brokers: 1, connect: {{bootstrap: "{bootstrap}", cluster_id: RnJlc2hldEthZmthRGV2MQ}}}}]
topics: [{{name: orders, partitions: {partitions}}}]
services:
- {{name: shop, produces: [{{topics: [orders]}}]}}
- {{name: billing, consumes: [{{topics: [orders]}}]}}
"""


class Runbook:
    def __init__(self, box, text):
        self.box = box
        self.text = text
        self.processes = {}  # of mirrors, by file
        for name, yaml in re.findall(r"\n  `(mirror-[a-z-]+\.yaml)`:\n\n  ```yaml\n(.*?)\n  ```", text, re.DOTALL):
            (box.directory / name).write_text(re.sub("^  ", "", yaml, flags=re.MULTILINE) + "\n", encoding="utf-8")
        self.steps = []  # (what, its command)
        for what, command in re.findall(r"- \[ \] ([^\n]*)\n  ```sh\n(.*?)\n  ```", text, re.DOTALL):
            self.steps.append((what, re.sub("^  ", "", command, flags=re.MULTILINE)))

    def shell(self, command):
        done = subprocess.run(["sh", "-ec", command], cwd=self.box.directory, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
                              timeout=COPY_S, env={**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}"})
        return done.returncode, done.stdout, done.stderr

    def start_mirror(self, command):
        file = re.search(r"--config (\S+)", command).group(1)
        if file in self.processes:
            return
        command = re.sub(r"--listen \S+", f"--listen 127.0.0.1:{free_ports(1)[0]}", command)
        log = open(self.box.directory / f"{file}.log", "ab")  # pylint: disable=consider-using-with
        self.processes[file] = subprocess.Popen(  # pylint: disable=consider-using-with
            ["sh", "-c", f"exec {command}"], cwd=self.box.directory, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            env={**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}"})
        self.box.at_end(self.processes[file].kill)

    def mirrors_run(self):
        for file, process in self.processes.items():
            check(process.poll() is None, lambda f=file: f"{f} has ended: {shorten((self.box.directory / f'{f}.log').read_text()[-1500:], 1500)}")

    def succeeds(self, what, command):
        """Until its exit status is 0: what is mirrored arrives a moment later."""
        last = {}

        def done():
            self.mirrors_run()
            last["said"] = self.shell(command)
            return last["said"][0] == 0
        wait_until(done, COPY_S, lambda: f"{what} `{command}`: {shorten(str(last['said']), 2000)}", every_s=1)
        return last["said"][1]

    def follow(self, before_step):
        """Every step in its order; `before_step` does what people do."""
        for what, command in self.steps:
            before_step(what)
            if " fleet apply " in command:
                command = re.sub(r"(&& freshet fleet apply \S+)", r"\1 --yes", command)
            if re.match(r"freshet mirror --config", command) and "\n" not in command:
                self.start_mirror(command)
            elif " fleet lint " in command:
                status, out, err = self.shell(command)
                check(status in (0, 1) and not err, f"{what}: {status} {shorten(out + err)}")  # one broker is no fleet for production
            elif " fleet watch " in command:
                status, out, err = self.shell(command)
                check(status in (0, 1) and out, f"{what}: {status} {shorten(out + err)}")
            else:
                self.succeeds(what, command)
                if "mirror verify" in command and "\n" not in command:  # nobody writes meanwhile
                    wait_until(lambda w=what, c=command: json.loads(self.succeeds(w, c))["complete"], COPY_S, f"{what}: complete", every_s=1)


# Says which step it is, and waits until somebody has done it.
PEOPLE = """echo "$FRESHET_STEP" >> steps.txt; n=$(wc -l < steps.txt); while [ ! -e go-$n ]; do sleep 0.2; done"""


class Following:
    """`--follow` as a process; people's steps are done as they come."""

    def __init__(self, box, *arguments):
        self.box, self.steps, self.arguments = box, box.directory / "steps.txt", arguments
        self.done = len(self.lines())
        self.log = open(box.directory / "follow.log", "ab")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [BUILD / "freshet", "fleet", "runbook", "migrate", "fleet.yaml", "--from", "mono.yaml", "--people", PEOPLE, "--yes", *arguments],
            cwd=box.directory, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        box.at_end(self.process.kill)

    def lines(self):
        return self.steps.read_text(encoding="utf-8").splitlines() if self.steps.exists() else []

    def said(self):
        return shorten((self.box.directory / "follow.log").read_text(errors="replace")[-2000:], 2000)

    def next_step(self):
        """What people are asked to do now; None: it has ended."""
        wait_until(lambda: len(self.lines()) > self.done or self.process.poll() is not None, COPY_S, lambda: f"the next step: {self.said()}")
        return self.lines()[self.done] if len(self.lines()) > self.done else None

    def is_done(self):
        self.done += 1
        (self.box.directory / f"go-{self.done}").touch()


def mirrors_of(box):
    """Numbers of the processes that run by the files of this box."""
    running = []
    for file in box.directory.glob("mirror-*.yaml.pid"):
        pid = int(file.read_text())
        try:
            line = open(f"/proc/{pid}/cmdline", "rb").read()  # pylint: disable=consider-using-with
        except OSError:
            continue
        if file.name.removesuffix(".pid").encode() in line:
            running.append(pid)
    return running


def two_clusters(box):
    mono, home = kafka.start(box, name="mono"), kafka.start(box, name="home")
    (box.directory / "mono.yaml").write_text(HEAD.format(fleet="old", cluster="mono", bootstrap=mono.brokers, partitions=3), encoding="utf-8")
    (box.directory / "fleet.yaml").write_text(HEAD.format(fleet="new", cluster="home", bootstrap=home.brokers, partitions=6), encoding="utf-8")
    test_mirror.make_topic(mono, "orders", 3)
    return mono, home


def end_mirrors(box):
    for pid in mirrors_of(box):
        os.kill(pid, signal.SIGKILL)


def test_follow(box):
    """Followed by the command itself, killed while people work, and gone on with; then everything is where it should be."""
    mono, home = two_clusters(box)
    box.at_end(lambda: end_mirrors(box))
    writer = test_mirror.Writer(mono, "orders")
    writer.send(500)
    test_mirror.read_by_group(mono, "orders", "billing")
    writer.send(200)
    following = Following(box, "--follow")
    seen = []
    while (what := following.next_step()) is not None:
        seen.append(what)
        if what.startswith("Group billing is stopped") and seen.count(what) == 1:
            following.process.kill()
            following.process.wait(patient(30))
            check_equal(len(mirrors_of(box)), 1, "mirrors that outlive whoever follows")
            following.is_done()  # of the shell that waits yet
            following = Following(box, "--resume")
            continue
        if what.startswith("shop writes orders on home"):
            writer.cluster = home
            writer.send(300)
        following.is_done()
    check_equal(following.process.wait(patient(60)), 0, f"exit status: {following.said()}")
    check_equal(mirrors_of(box), [], "mirrors that still run")
    writer.check(home, "orders")
    writer.check(mono, "orders")
    for wanted in ("Group billing is stopped on mono", "Group billing is started on home", "shop writes orders on home", "mono has no writer"):
        check(any(what.startswith(wanted) for what in seen), f"nobody was asked '{wanted}': {seen}")


def test_follow_back(box):
    """All the way back from the middle: the mirrors end, people are asked for the rest, and the journal is at its begin."""
    two_clusters(box)
    box.at_end(lambda: end_mirrors(box))
    following = Following(box, "--follow")
    while not following.next_step().startswith("Group billing is stopped"):
        following.is_done()
    following.process.kill()
    following.process.wait(patient(30))
    following.is_done()
    following = Following(box, "--back")
    asked = []
    while (what := following.next_step()) is not None:
        asked.append(what)
        following.is_done()
    check_equal(following.process.wait(patient(60)), 0, f"exit status: {following.said()}")
    check_equal(mirrors_of(box), [], "mirrors that still run")
    check_equal(asked, ["end the mirror; nobody reads its copy", "nothing uses them yet"], "ways back")
    journal = json.loads(subprocess.run([BUILD / "freshet", "fleet", "runbook", "migrate", "fleet.yaml", "--from", "mono.yaml", "--status", "--json"],
                                        cwd=box.directory, capture_output=True, text=True, check=True, timeout=patient(60)).stdout)["journal"]
    check_equal((journal["outcome"], journal["steps_done"]), ("stopped", 0), "the journal")


def test_migrate(box):
    mono, home = kafka.start(box, name="mono"), kafka.start(box, name="home")
    (box.directory / "mono.yaml").write_text(HEAD.format(fleet="old", cluster="mono", bootstrap=mono.brokers, partitions=3), encoding="utf-8")
    (box.directory / "fleet.yaml").write_text(HEAD.format(fleet="new", cluster="home", bootstrap=home.brokers, partitions=6), encoding="utf-8")
    test_mirror.make_topic(mono, "orders", 3)
    writer = test_mirror.Writer(mono, "orders")
    writer.send(500)
    test_mirror.read_by_group(mono, "orders", "billing")
    last = dict(writer.counts)
    writer.send(200)

    printed = subprocess.run([BUILD / "freshet", "fleet", "runbook", "migrate", "fleet.yaml", "--from", "mono.yaml"], cwd=box.directory, capture_output=True,
                             text=True, check=False, timeout=patient(60))
    check_equal(printed.returncode, 0, f"runbook ({shorten(printed.stdout + printed.stderr)})")
    runbook = Runbook(box, printed.stdout)
    check_equal(sorted(path.name for path in box.directory.glob("mirror-*.yaml")), ["mirror-home-to-mono.yaml", "mirror-mono-to-home.yaml"], "the mirrors' files")
    done = []

    def people_do(what):
        done.append(what)
        if what.startswith("Group billing is started on home"):
            rest = test_mirror.by_key(test_mirror.read_by_group(home, "orders", "billing"))
            for key, count in writer.counts.items():
                check_equal(set(map(str, range(last.get(key, 0), count))) - set(rest[key]), set(), f"records of {key} that the group misses")
        elif what.startswith("Nothing comes on mono any more"):
            writer.cluster = home  # shop writes at home from here on
            writer.send(300)
        elif what.startswith("The fleet is as the file says"):
            # Both sides have all; then the mirrors end.
            writer.check(home, "orders")
            writer.check(mono, "orders")
            for process in runbook.processes.values():
                process.terminate()
                check_equal(process.wait(patient(60)), 0, "a mirror's end")
            runbook.processes.clear()

    runbook.follow(people_do)
    note(f"{len(done)} steps with commands, {sum(writer.counts.values())} records")
    wanted = ("The new file has no errors", "The clusters of new stand", "mono is whole", "It is mirrored", "The copy is whole", "Group billing is stopped on mono",
              "Group billing is started on home", "The mirror back runs", "Nothing comes on mono", "The fleet is as the file says", "mono has no writer")
    check(len(done) == len(wanted) and all(map(str.startswith, done, wanted)), lambda: f"steps: {done}")
