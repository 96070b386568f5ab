"""The programs that ctest knows: all of a build folder, or some. The cases of GoogleTest binaries are counted one by
one."""
import collections
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import xml.etree.ElementTree as xml

from testing.stage import CORES, LATE_SECONDS, ROOT, SANITIZED_TEST_SECONDS_MAX, SANITIZERS, TEST_SECONDS_MAX


def listed(folder):
    """name -> path of the program."""
    out = subprocess.run(["ctest", "--test-dir", folder, "--show-only=json-v1"], capture_output=True, text=True, check=True)
    return {test["name"]: pathlib.Path(test["command"][0]) for test in json.loads(out.stdout)["tests"] if test.get("command")}


def gtest_counts(path):
    """(passed, names of the failed, skipped) of a GoogleTest result file, or None if there is none or a damaged one."""
    try:
        root = xml.parse(path).getroot()
    except (OSError, xml.ParseError):
        return None
    passed, failed, skipped = 0, [], 0
    for case in root.iter("testcase"):
        if case.find("failure") is not None:
            failed.append(f"{case.get('classname')}.{case.get('name')}")
        elif case.get("status") == "notrun" or case.get("result") in ("skipped", "suppressed"):
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def count(stage, folder, programs):
    """Adds the results of the last ctest run of the folder."""
    uses = collections.Counter(programs.values())
    for case in xml.parse(folder / "ctest.xml").getroot().iter("testcase"):
        name, ok = case.get("name"), case.get("status") == "run"
        stage.took(name, float(case.get("time") or 0))
        program = programs.get(name)
        counts = gtest_counts(folder / "gtest" / f"{program.name}.xml") if program and uses[program] == 1 else None
        if case.get("status") == "disabled":
            stage.skipped += 1
        elif counts is None:
            if ok:
                stage.passed += 1
            else:
                stage.fail(f"{stage.name}: {name}")
        else:
            add_counts(stage, name, counts)
            if not ok and not counts[1]:
                stage.fail(f"{stage.name}: {name}: the program failed after its tests (leak, race or exit status)")


def add_counts(stage, name, counts):
    passed, failed, skipped = counts
    stage.passed += passed
    stage.skipped += skipped
    for case in failed:
        stage.fail(f"{stage.name}: {name}: {case}")


def count_finished(stage, folder, programs):
    """The same if ctest was ended before its end: what it has not come to the end of is left out."""
    unknown = 0
    for name, program in programs.items():
        counts = gtest_counts(folder / "gtest" / f"{program.name}.xml")
        if counts is None:
            unknown += 1
        else:
            add_counts(stage, name, counts)
    stage.leave_out(f"{unknown} of {len(programs)} test programs of {stage.name} did not end", unknown)


def run(stage, preset, wanted=None):
    """All of the preset's ctests, or those whose name and program wanted(name, program) takes."""
    folder = ROOT / "build" / preset
    programs = listed(folder)
    limit = SANITIZED_TEST_SECONDS_MAX if preset in SANITIZERS else TEST_SECONDS_MAX
    command = ["ctest", "--test-dir", folder, "-j", str(CORES), "--output-on-failure", "--timeout", str(limit),
               "--output-junit", folder / "ctest.xml", "--no-tests=error"]
    if wanted:
        programs = {name: program for name, program in programs.items() if wanted(name, program)}
        command += ["-R", "^(" + "|".join(re.escape(name) for name in programs) + ")$"]
    shutil.rmtree(folder / "gtest", ignore_errors=True)
    (folder / "ctest.xml").unlink(missing_ok=True)
    env = {**os.environ, **SANITIZERS.get(preset, {}), "GTEST_OUTPUT": f"xml:{folder}/gtest/", "GTEST_BRIEF": "1"}
    before = stage.passed + stage.failed
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, env=env, start_new_session=True) as process:
        try:
            process.wait(stage.seconds_left(LATE_SECONDS))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            count_finished(stage, folder, programs)
            return
    if (folder / "ctest.xml").exists():
        count(stage, folder, programs)
    if stage.passed + stage.failed == before:
        stage.fail(f"{stage.name}: ctest ran no test")


def is_unit_test(folder):
    """What the sanitizers run: not the scripts, nor what needs more than its module."""
    return lambda _, program: program.name.endswith("_test") and program.parent == folder


def run_cases(stage, program, pattern):
    """Some cases of one GoogleTest binary, chosen by its own filter."""
    results = program.parent / "gtest" / f"{program.name}.xml"
    results.unlink(missing_ok=True)
    done = subprocess.run([program, f"--gtest_filter={pattern}", f"--gtest_output=xml:{results}"], cwd=ROOT, stdin=subprocess.DEVNULL,
                          check=False)
    counts = gtest_counts(results)
    if counts is None:
        stage.fail(f"{stage.name}: {program.name} ended with status {done.returncode} before it could count")
        return
    add_counts(stage, program.name, counts)
    if sum((counts[0], len(counts[1]), counts[2])) == 0:
        stage.fail(f"{stage.name}: {program.name} has no case {pattern}")
    elif done.returncode != 0 and not counts[1]:
        stage.fail(f"{stage.name}: {program.name} failed after its tests, with status {done.returncode}")
