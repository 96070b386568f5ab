"""Compiles for later stages while the integration tests run, which mostly wait: with what of the processors they leave."""
import contextlib
import os
import pathlib
import signal
import subprocess
import threading
import time

from testing.stage import ROOT

GRACE_SECONDS = 30  # for a compiler to take away what it has not finished
STAGES = ("asan", "tsan", "fuzz")  # each compiles the preset of its name


def leave_precedence(pid):
    """To everybody, on each of two levels: a session's group of processes is weighed as one where the kernel does so
    (sched(7), autogroups), and inside of it each process by itself. Where one is not allowed, the other has to do."""
    with contextlib.suppress(OSError):
        pathlib.Path(f"/proc/{pid}/autogroup").write_text("19", encoding="ascii")
    with contextlib.suppress(OSError):
        os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))


def end_group(leader):
    """All of it has ended before it returns: two that compile into one folder at once would spoil it."""
    kind, late = signal.SIGTERM, time.monotonic() + GRACE_SECONDS
    with contextlib.suppress(ProcessLookupError):
        while True:
            os.killpg(leader.pid, kind)
            leader.poll()
            time.sleep(0.1)
            kind = 0 if time.monotonic() < late else signal.SIGKILL


class Ahead:
    """Runs commands, one after the other, in a thread of its own. A build that fails, or is ended, is begun again by its
    stage, which finds what was compiled and tells what was wrong."""

    def __init__(self, commands):
        self.commands = commands
        self.process = None
        self.lock = threading.Lock()
        self.over = False
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def begin(self, command):
        with self.lock:
            if self.over:
                return None
            self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            leave_precedence(self.process.pid)
            return self.process

    def work(self):
        for command in self.commands:
            process = self.begin(command)
            if process is None:
                return
            process.wait()

    def end(self):
        with self.lock:
            self.over = True
            if self.process is not None:
                end_group(self.process)
        self.thread.join()


@contextlib.contextmanager
def compiling(stages):
    ahead = Ahead([[ROOT / "dev", "build", stage] for stage in stages if stage in STAGES])
    try:
        yield
    finally:
        ahead.end()
