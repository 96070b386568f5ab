"""What `./dev test` and `./dev fuzz` run. Ends with `N passed, N failed` alone on a line; exit status 1 if anything
failed, 3 if nothing failed, but something was left out because the time was over.

Without a NAME, in stages: release (all of ctest), integration (tests/integration/run on the release build), asan and
tsan (the *_test binaries), fuzz (every *_fuzz target for --fuzz-seconds, from tests/corpus/NAME on). With --all, what
takes long, too, and gate (bench --gate).

NAME is a unit test (`DocumentTest.FoldsChanges`) or a suite of them, a module (`model`), a fuzz target
(`segment_fuzz`), another program of ctest (`tidy`), an integration test (`chaos.standbys`) or those of a file
(`chaos`), or seeds of the simulator (`sim:17`, `sim:17..40`, `sim:17..40:WORKLOAD`): then only what it needs is built,
and only it is run. A name that nothing has: exit status 2.

With --minutes nothing is begun later than so many minutes after the start: what is left out is counted as skipped
and named, and the run does not pass. A build that is not done by then is left, a stage's tests that run get a few minutes more.
"""
import argparse
import os
import subprocess
import sys
import time

from testing import ahead, catalog, ctests, fuzzing, integration, named, report
from testing.stage import ROOT, SANITIZERS, Stage, build, need_packages, run_quietly, say

LONG_FUZZ_SECONDS = 60  # of each target; fuzzing.py says how long they run otherwise
SANITIZED_SEEDS = 40  # of the simulator: its build of the libraries takes a third as long as that of all unit tests


def release(stage, _):
    if build("release", stage):
        ctests.run(stage, "release")


def integrated(stage, options):
    if build("release", stage):
        with ahead.compiling(options.stages[options.stages.index(stage.name) + 1:]):
            integration.run(stage, ["--all"] if options.all else [], integration.environment(options.all))


def sanitized(stage, options):
    if not build(stage.name, stage):
        return
    ctests.run(stage, stage.name, ctests.is_unit_test(ROOT / "build" / stage.name))
    if options.all and stage.name == "asan" and build("asan", stage, ["freshet-sim"]):
        # The whole pipeline with its faults, each seed twice.
        run_quietly(stage, "freshet-sim", [ROOT / "build/asan/freshet-sim", "--seeds", f"1..{SANITIZED_SEEDS}"], SANITIZERS["asan"])


def fuzz(stage, options):
    if build("fuzz", stage):
        stage.note = f"{options.fuzz_seconds or fuzzing.SECONDS} s each" + ("" if options.fuzz_seconds else f", listeners {fuzzing.LISTENER_SECONDS} s")
        fuzzing.run(stage, fuzzing.targets(), options.fuzz_seconds)


def gate(stage, _):
    """Last, when nothing else runs: what this checkout takes of the CPU beside the commit before."""
    if stage.is_over():
        stage.leave_out("./dev bench --gate", 1)
    elif subprocess.run(["git", "-C", ROOT, "rev-parse", "--verify", "--quiet", "HEAD~1"], stdout=subprocess.DEVNULL, check=False).returncode != 0:
        stage.skipped += 1
        stage.note = "no history here to compare with"
    else:
        run_quietly(stage, "bench --gate", [ROOT / "dev", "bench", "--gate"])


STAGES = {"release": release, "integration": integrated, "asan": sanitized, "tsan": sanitized, "fuzz": fuzz, "gate": gate}
ONLY_ALL = ("gate",)  # takes long, and is no test of one thing


def run_stages(options, end):
    stages = []
    for name in options.stages:
        say(f"=== {name}")
        stage = Stage(name, end=end)
        with stage.clock():
            STAGES[name](stage, options)
        stages.append(stage)
    return stages


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./dev test", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="every NAME, found without building")
    parser.add_argument("--fast", action="store_true", help="only the release stage")
    parser.add_argument("--all", action="store_true", help="what takes long, too: chaos of 200,000 records, outages of five minutes, three brokers,"
                        " OpenTofu, Helm, the simulator under AddressSanitizer, bench --gate; each fuzz target for a minute")
    parser.add_argument("--only", choices=STAGES, action="append", help="only this stage; may be repeated")
    parser.add_argument("--fuzz-seconds", type=int, default=int(os.environ.get("FRESHET_FUZZ_SECONDS") or 0), help="0 (default): 5, listeners 60; with --all 60 each")
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("FRESHET_TEST_MINUTES") or 0), help="0 (default): as many as it takes")
    options = parser.parse_args(arguments)
    if options.names and (options.fast or options.only):
        parser.error("a NAME is run by itself: without --fast and --only")
    options.fuzz_seconds = options.fuzz_seconds or (LONG_FUZZ_SECONDS if options.all else 0)
    return options


def main(arguments):
    options = parse(arguments)
    end = time.monotonic() + 60 * options.minutes if options.minutes else None
    if options.list:
        say("\n".join(catalog.here().lines()))
        return 0
    if options.names:
        known = catalog.here()
        try:
            found = [one for name in options.names for one in known.find(name)]
        except catalog.Unknown as unknown:
            print(f"dev: {unknown}", file=sys.stderr)
            return 2
        return report.summary(named.run(found, options, end))
    options.stages = options.only or (["release"] if options.fast else [name for name in STAGES if options.all or name not in ONLY_ALL])
    need_packages("build", *([] if options.stages == ["release"] else ["test", "kafka", "package"]))
    return report.summary(run_stages(options, end))
