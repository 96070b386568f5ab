"""`./dev test NAME…`: builds what the names need, no more, and runs only that."""
import collections
import re

from testing import catalog, ctests, fuzzing, integration
from testing.stage import ROOT, Stage, build, need_packages, run_quietly

CONFIGURE = "build.ninja"  # as a target: nothing but the rules


def run_beside_freshet(file):
    """The binaries of the release build that the integration tests of test_FILE.py run, as they name them."""
    path = ROOT / "tests/integration" / f"test_{file}.py"
    return set(re.findall(r'BUILD / "([\w-]+)"', path.read_text())) - {"freshet"} if path.exists() else set()


def presets(found):
    """Of the preset in which each is built: the targets."""
    targets = collections.defaultdict(set)
    for one in found:
        if one.kind == catalog.FUZZ:
            targets["fuzz"].add(one.target)
            continue
        targets["release"].add(one.target or CONFIGURE)
        if one.kind in (catalog.INTEGRATION, catalog.GROUP):
            targets["release"].update(run_beside_freshet(one.name.split(".")[0]))
    return targets


def run(found, options, end):
    """Stages, one for each kind that was asked for."""
    by_kind = collections.defaultdict(list)
    for one in dict.fromkeys(found):
        by_kind[catalog.INTEGRATION if one.kind == catalog.GROUP else one.kind].append(one)
    if catalog.INTEGRATION in by_kind:
        need_packages("build", "test", "kafka", "package")
    building = Stage("build", end=end)
    with building.clock():
        built = [build(preset, building, sorted(targets)) for preset, targets in presets(found).items()]
    stages = [building]
    for kind, ones in by_kind.items() if all(built) else ():
        stage = Stage(kind, end=end)
        with stage.clock():
            RUNS[kind](stage, ones, options)
        stages.append(stage)
    return stages


def unit(stage, found, _):
    """One run of each binary, with the cases of all names."""
    patterns = collections.defaultdict(list)
    for one in found:
        patterns[one.target].append(one.pattern)
    for target, several in patterns.items():
        ctests.run_cases(stage, ROOT / "build/release" / target, ":".join(several))


def modules(stage, found, _):
    targets = {one.target for one in found}
    ctests.run(stage, "release", lambda _, program: program.name in targets)


def programs(stage, found, _):
    names = {one.name for one in found}
    ctests.run(stage, "release", lambda name, _: name in names)


def fuzz(stage, found, options):
    fuzzing.run(stage, [one.target for one in found], options.fuzz_seconds)


def tests(stage, found, options):
    integration.run(stage, [one.name for one in found] + (["--all"] if options.all else []), integration.environment(options.all))


def seeds(stage, found, _):
    for one in found:
        workload = ["--workload", one.pattern] if one.pattern else []
        run_quietly(stage, f"seeds {one.name}", [ROOT / "build/release/freshet-sim", "--seeds", one.name, *workload])


RUNS = {
    catalog.UNIT: unit, catalog.MODULE: modules, catalog.FUZZ: fuzz, catalog.PROGRAM: programs,
    catalog.INTEGRATION: tests, catalog.SEEDS: seeds,
}
