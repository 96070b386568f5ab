"""A stage of the run: what it counted, and where its time went."""
import contextlib
import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORES = os.cpu_count() or 2
LATE_SECONDS = 600  # what was begun in time may take after it is over
LOG_TAIL_LINES = 60
TEST_SECONDS_MAX = 900  # of one ctest
SANITIZED_TEST_SECONDS_MAX = 2700  # action's allocate most: 36 s where a machine is slow, there more than 900 s under AddressSanitizer
SANITIZERS = {
    "asan": {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1", "UBSAN_OPTIONS": "print_stacktrace=1"},
    "tsan": {"TSAN_OPTIONS": f"suppressions={ROOT}/tools/tsan.supp:history_size=4"},
}


def say(text):
    print(text, flush=True)


@dataclasses.dataclass
class Stage:
    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0
    failures: list = dataclasses.field(default_factory=list)
    flaky: list = dataclasses.field(default_factory=list)  # what failed, and passed by itself
    left_out: list = dataclasses.field(default_factory=list)  # for want of time: the run is not whole
    times: list = dataclasses.field(default_factory=list)  # (what, seconds)
    note: str = ""
    end: float | None = None  # by time.monotonic(); nothing is begun after it

    @contextlib.contextmanager
    def clock(self):
        """What is done in here is what the stage takes."""
        began = time.monotonic()
        yield
        self.seconds = time.monotonic() - began

    def fail(self, what, count=1):
        self.failed += count
        self.failures.append(what)

    def took(self, what, seconds):
        self.times.append((f"{self.name}: {what}", seconds))

    def seconds_left(self, late=0):
        return None if self.end is None else max(0.0, self.end + late - time.monotonic())

    def is_over(self):
        return self.seconds_left() == 0

    def leave_out(self, what, count=1):
        """The time is over: it is not known whether it works."""
        self.skipped += count
        self.left_out.append(what)
        self.note = "NO TIME LEFT: " + what
        say(f"!!! no time left: {what}")


def need_packages(*sections):
    """Of tools/packages.txt. If they are not there and can't be installed, ./dev has said what to do, and the run ends."""
    if subprocess.run([ROOT / "dev", "packages", *sections], stdin=subprocess.DEVNULL, check=False).returncode != 0:
        sys.exit(1)


def build(preset, stage, targets=()):
    """False, and a failure of the stage, if it does not build; False if there is no time for it."""
    began = time.monotonic()
    command = [ROOT / "dev", "build", preset, *targets]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            status = process.wait(stage.seconds_left())
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            stage.leave_out(f"{preset} was not built")
            return False
    stage.took("compile", time.monotonic() - began)
    if status != 0:
        stage.fail(f"{stage.name}: {preset} does not build")
    return status == 0


def run_quietly(stage, what, command, env=None):
    """Counts as one test. What it prints is shown if it fails."""
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", env={**os.environ, **(env or {})}, check=False,
    )
    stage.took(what, time.monotonic() - began)
    if done.returncode == 0:
        stage.passed += 1
    else:
        say("\n".join(done.stdout.splitlines()[-LOG_TAIL_LINES:]))
        stage.fail(f"{stage.name}: {what} ended with status {done.returncode}")
