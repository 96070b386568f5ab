"""tests/integration/run on a build: what became of each test, from the file that it writes."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

from testing.stage import LATE_SECONDS, ROOT, say

RUN = ROOT / "tests/integration/run"
NO_TIME = "no time left"  # as runner.py and harness.py begin what they say of a test that they leave out
GRACE_SECONDS = 180  # it ends its tests by itself, after LATE_SECONDS


def table():
    """Of tests/integration/table.py: name -> Test."""
    folder = str(RUN.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    import table as listed  # pylint: disable=import-outside-toplevel
    return listed.TESTS


def environment(everything):
    """How much of it there is of what takes long."""
    return {"FRESHET_CHAOS_RECORDS": "200000", "FRESHET_OUTAGE_SECONDS": "300"} if everything else {}


def run(stage, arguments=(), env=None):
    limit = None
    command = [RUN, *arguments]
    if stage.end is not None:
        command += ["--seconds", str(int(stage.seconds_left()))]
        limit = stage.seconds_left(LATE_SECONDS + GRACE_SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        results = pathlib.Path(folder) / "results.json"
        command += ["--results", str(results)]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", env={**os.environ, **(env or {})}) as process:
            timer = threading.Timer(limit or 0, process.kill)
            if limit is not None:
                timer.start()
            for line in process.stdout:
                say("  " + line.rstrip())
            status = process.wait()
            timer.cancel()
        if not results.exists():
            stage.fail(f"integration: tests/integration/run ended with status {status} before it could count")
            return
        count(stage, json.loads(results.read_text(encoding="utf-8")), status)


def count(stage, results, status):
    for result in results:
        stage.took(result["name"], result["seconds"])
        if result["outcome"] == "FAILED":
            stage.fail(f"integration: {result['name']}: {result['reason']}")
        elif result["outcome"] == "SKIPPED" and result["reason"].startswith(NO_TIME):
            stage.leave_out(result["name"])
        elif result["outcome"] == "SKIPPED":
            stage.skipped += 1
            stage.note = "some were not run: see above"
        else:
            stage.passed += 1
        if result["flaky"]:
            stage.flaky.append(f"{result['name']}: {result['flaky']}")
    if not results:
        stage.fail("integration: no test was run")
    elif (status != 0) != (stage.failed > 0):
        stage.fail(f"integration: tests/integration/run ended with status {status}, and {stage.failed} failed")
