"""What tests/integration/run does: picks tests, runs each in a process of its own, and says how they went."""
import argparse
import concurrent.futures
import contextlib
import dataclasses
import difflib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import harness
import patience
import shared
import table
from packing import Packing

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# What the machine has of table.py's units: four a core, and a GiB of memory for each.
UNITS = max(4, min(4 * (os.cpu_count() or 2), os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE") >> 30))
# A test that takes so many times what table.py says hangs, and at least so many seconds: what it needs may have to be
# fetched first.
HANGS_AFTER = 10
HANGS_AFTER_ALL = 100  # with --all, which gives some of them ten times as much to do
HANGS_AFTER_SECONDS = 600
LATE_SECONDS = 600  # what was begun before the time was over may take
AGAIN_MAX = 8
TIDY_UP_SECONDS = 60  # of a test that is ended


@dataclasses.dataclass
class Result:
    name: str
    outcome: str  # ok, FAILED, SKIPPED
    seconds: float = 0
    reason: str = ""
    cpu_seconds: float = 0
    flaky: str = ""  # why it failed at first, if it passed then
    notes: str = ""  # what it printed


def select(names, everything):
    """The tests that are meant; LookupError says which name is nobody's."""
    if not names:
        return [test for test in table.TESTS.values() if everything or not test.long]
    chosen = {}
    for name in names:
        meant = [test for test in table.TESTS.values() if name in (test.name, test.name.split(".")[0])]
        if not meant:
            near = difflib.get_close_matches(name, table.TESTS, n=3, cutoff=0.4)
            raise LookupError(f"there is no integration test '{name}'" + (f"; near it: {', '.join(near)}" if near else ""))
        chosen |= {test.name: test for test in meant}
    return list(chosen.values())


class Runner:
    """Runs tests until `end` (of time.monotonic()); those that it began may take LATE_SECONDS more."""

    def __init__(self, end=float("inf"), keep=False, say=print, hangs_after=HANGS_AFTER):
        self.end = end
        self.hangs_after = hangs_after
        self.keep = keep
        self.say = say
        self.work = tempfile.TemporaryDirectory(prefix="freshet-tests-")  # pylint: disable=consider-using-with  # goes with the object
        self.processes = set()

    def run(self, test, again=False):
        """One test, in a process of its own."""
        began = time.monotonic()
        hangs_after = patience.FACTOR * max(HANGS_AFTER_SECONDS, self.hangs_after * test.seconds)
        time_left = self.end + LATE_SECONDS - began
        result, output = (Path(self.work.name) / f"{test.name}.{what}" for what in ("json", "out"))
        result.unlink(missing_ok=True)
        command = [sys.executable, str(HERE / "one_test.py"), test.name, str(result)] + (["--keep"] if self.keep else [])
        environment = {**os.environ, "FRESHET_TEST_TENANT": test.name.replace(".", "-") + ("-2" if again else ""), "FRESHET_TEST_SECONDS_LEFT": str(self.end - began)}
        with open(output, "wb") as out, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment,
                                                         start_new_session=True) as process:
            self.processes.add(process)
            ended = wait(process, min(hangs_after, time_left))
            self.processes.discard(process)
        seconds, notes = time.monotonic() - began, output.read_text(encoding="utf-8", errors="replace")
        if ended and time_left < hangs_after:
            return Result(test.name, "SKIPPED", seconds, "no time left: it did not end", notes=notes)
        try:
            said = json.loads(result.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return Result(test.name, "FAILED", seconds, f"its process ended with status {process.returncode}", notes=notes)
        return Result(test.name, said["outcome"], seconds, said["reason"], said["cpu_seconds"], notes=notes)

    def tell(self, result):
        for line in result.notes.splitlines():
            self.say(line if line.startswith(" ") else f"      {line}")
        used = f" ({result.cpu_seconds:.1f} s of CPU)" if result.cpu_seconds else ""
        self.say(f"{result.name}: {result.outcome} {result.seconds:.1f} s{used}{'  ' + result.reason if result.reason else ''}")

    def run_packed(self, tests):
        """All of them, several at a time."""
        packing, results, running = Packing(tests, UNITS), [], {}
        with concurrent.futures.ThreadPoolExecutor(UNITS) as pool:
            try:
                while packing.waiting or running:
                    while time.monotonic() < self.end and (test := packing.begin()) is not None:
                        running[pool.submit(self.run, test)] = test
                    if not running:
                        break
                    for future in concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED).done:
                        packing.end(running.pop(future))
                        results.append(future.result())
                        self.tell(results[-1])
            except BaseException:
                self.end_all()  # else the pool would wait for them
                raise
        for test in packing.waiting:
            results.append(Result(test.name, "SKIPPED", reason="no time left"))
            self.tell(results[-1])
        return results

    def again_if_failed(self, results):
        """The rule of the flaky ones: a test that failed beside others is run once more by itself."""
        failed = sum(result.outcome == "FAILED" for result in results)
        if failed > AGAIN_MAX:
            self.say(f"{failed} tests failed: that is not luck, and none is run once more")
            return results
        return [self.again(result) if result.outcome == "FAILED" else result for result in results]

    def again(self, result):
        if time.monotonic() >= self.end:
            return result
        self.say(f"{result.name} failed and is run once more, by itself")
        kept = keep_files(result.name)
        second = self.run(table.TESTS[result.name], again=True)
        self.tell(second)
        if second.outcome == "ok":
            return dataclasses.replace(second, seconds=result.seconds + second.seconds, flaky=result.reason.replace(str(shared.WORK / result.name), str(kept)))
        return dataclasses.replace(result, seconds=result.seconds + second.seconds)

    def run_all(self, tests):
        with shared.locked(shared.WORK / "lock"):  # the files and servers of a run are this checkout's only ones
            shared.begin()
            try:
                return self.again_if_failed(self.run_packed(tests))
            finally:
                self.end_all()
                shared.end()

    def end_all(self):
        for process in list(self.processes):
            end(process)


def wait(process, limit):
    """Whether it had to be ended."""
    try:
        process.wait(limit)
        return False
    except subprocess.TimeoutExpired:
        end(process)
        return True


def end(process):
    """It may tidy up; then everything of its session goes."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(TIDY_UP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def keep_files(name):
    """What the first run left is not overwritten by the second; where it is now."""
    kept = shared.WORK / f"{name}-failed"
    shutil.rmtree(kept, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        (shared.WORK / name).rename(kept)
    return kept


def summary(results, say):
    for result in results:
        if result.flaky:
            say(f"flaky: {result.name}: {result.flaky}")
    counts = {outcome: sum(result.outcome == outcome for result in results) for outcome in ("ok", "FAILED", "SKIPPED")}
    if counts["SKIPPED"]:
        say(f"!!! {counts['SKIPPED']} SKIPPED: this run does not show that they work")
    say(f"{counts['ok']} passed, {counts['FAILED']} failed" + (f", {counts['SKIPPED']} skipped" if counts["SKIPPED"] else ""))
    return 1 if counts["FAILED"] else 0


def main(description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--all", action="store_true", help="the long ones, too; tests may take longer")
    parser.add_argument("--keep", action="store_true", help="keep the files of tests that went well, too")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no test later than so long after the start")
    parser.add_argument("--results", type=Path, help="write what became of each test there, as JSON")
    parser.add_argument("--list", action="store_true", help="only print the names")
    arguments = parser.parse_args()

    def say(text):
        print(text, flush=True)

    try:
        tests = select(arguments.names, arguments.all)
    except LookupError as error:
        print(error.args[0], file=sys.stderr)
        return 2
    if arguments.list:
        say("\n".join(sorted(test.name for test in tests)))
        return 0
    if not harness.FRESHET.exists():
        print(f"{harness.FRESHET} is missing: ./dev build makes it", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if patience.FACTOR > 1:
        say(f"this machine is slow now: every time limit is {patience.FACTOR} times the usual one (FRESHET_PATIENCE)")
    hangs_after = HANGS_AFTER_ALL if arguments.all else HANGS_AFTER
    results = Runner(time.monotonic() + arguments.seconds, arguments.keep, say, hangs_after).run_all(tests)
    if arguments.results:
        arguments.results.write_text(json.dumps([{**dataclasses.asdict(result), "notes": ""} for result in results]), encoding="utf-8")
    return summary(results, say)
