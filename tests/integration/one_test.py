"""Runs one integration test, in a process of its own: one_test.py FILE.FUNCTION RESULT [--keep]. RESULT becomes a
JSON object with `outcome` (ok, FAILED or SKIPPED), `reason` and `cpu_seconds`. SIGTERM ends the test and everything
that it started."""
import argparse
import importlib
import json
import resource
import signal
import sys
import traceback
from pathlib import Path

import harness

HERE = Path(__file__).resolve().parent


class Ended(BaseException):
    """Somebody does not want to wait for it any longer."""


def end(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Ended("it was ended: it took too long")


def find(name):
    file, _, function = name.partition(".")
    return getattr(importlib.import_module(f"test_{file}"), f"test_{function}")


def where(error):
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent == HERE]
    frames = [frame for frame in frames if Path(frame.filename).name.startswith("test_")] or frames
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"


def run(name, keep):
    """(outcome, reason)."""
    box = harness.Box(name, harness.WORK)
    outcome, reason = "ok", ""
    try:
        find(name)(box)
        for server in box.servers:
            harness.check(server.process is None or server.process.poll() in (None, 0, -9), lambda s=server: f"the server crashed: {s.log_tail()}")
    except harness.Skipped as skipped:
        outcome, reason = "SKIPPED", str(skipped)
    except harness.Failure as failure:
        outcome, reason = "FAILED", f"{where(failure)}: {failure}"
    except BaseException as error:  # pylint: disable=broad-except
        outcome, reason = "FAILED", f"{where(error)}: {type(error).__name__}: {error}"
        traceback.print_exc()
    box.close(keep=keep or outcome == "FAILED")
    return outcome, reason + (f" (files: {box.directory})" if outcome == "FAILED" else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("result", type=Path)
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, end)
    outcome, reason = run(arguments.name, arguments.keep)
    arguments.result.write_text(json.dumps({"outcome": outcome, "reason": reason, "cpu_seconds": cpu_seconds()}), encoding="utf-8")


def cpu_seconds():
    """Of this process and all that it started; the brokers, which tools/kafka leaves behind, are not among them."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return round(sum(one.ru_utime + one.ru_stime for one in used), 1)


if __name__ == "__main__":
    sys.exit(main())
