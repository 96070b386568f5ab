"""Everything that `./dev test NAME` knows, found in the sources: nothing has to be built for it."""
import collections
import dataclasses
import difflib
import re

from testing import fuzzing, integration
from testing.stage import ROOT

UNIT, MODULE, FUZZ, PROGRAM, INTEGRATION, GROUP, SEEDS = "unit test", "module", "fuzz target", "program", "integration test", "integration", "seeds"
CASE = re.compile(r"^(?:TEST|TEST_F|TEST_P|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)\(\s*(\w+),\s*(\w+)", re.MULTILINE)
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
LIBRARY = re.compile(r"^\s*(?:freshet_module\((\w+)|add_executable\((\w+)_test\b)", re.MULTILINE)
CTEST = re.compile(r"^\s*add_test\(NAME\s+([\w.-]+)\s+COMMAND\s+([^)]*)\)", re.MULTILINE)
SIMULATED = re.compile(r"sim:(\d+(?:\.\.\d+)?)(?::([\w-]+))?")
NEAREST = 5


@dataclasses.dataclass(frozen=True)
class Found:
    """Something that can be run by itself."""

    kind: str
    name: str
    target: str = ""  # what must be built for it
    pattern: str = ""  # of a unit test: GoogleTest's filter; of seeds: the workload


class Unknown(Exception):
    """Nothing has this name; its text says what is near."""


def module_of(path):
    """The module whose test binary a file goes into: that of the nearest CMakeLists.txt."""
    for folder in path.parents:
        rules = folder / "CMakeLists.txt"
        if rules.exists():
            named = LIBRARY.search(rules.read_text(encoding="utf-8"))
            return (named.group(1) or named.group(2)) if named else None
    return None


def cases(path):
    return [f"{suite}.{name}" for suite, name in CASE.findall(path.read_text(encoding="utf-8"))]


def unit_tests():
    """'Suite.Case' -> the modules whose test binary has it. Those of a suite in a header belong to whoever includes it,
    but for the simulator, which can't run all of them (sim/CMakeLists.txt says which)."""
    found = collections.defaultdict(set)
    files = [path for folder in ("src", "sim") for path in sorted((ROOT / folder).rglob("*_test.cc"))]
    shared = {path.relative_to(ROOT / "src").as_posix(): path for path in (ROOT / "src").rglob("*.h") if CASE.search(path.read_text(encoding="utf-8"))}
    for path in files:
        module = module_of(path)
        included = [shared[name] for name in INCLUDE.findall(path.read_text(encoding="utf-8")) if name in shared and module != "sim"]
        for case in [case for file in (path, *included) for case in cases(file)]:
            found[case].add(module)
    return found


def programs():
    """Other ctests than those of modules: name -> the target that it runs, or nothing if it runs a script."""
    found = {}
    for rules in [ROOT / "CMakeLists.txt", *ROOT.glob("[!s]*/CMakeLists.txt")]:  # not src and sim
        for name, command in CTEST.findall(rules.read_text(encoding="utf-8")):
            target = re.search(r"TARGET_FILE:([\w-]+)", command)
            found[name] = target.group(1) if target else ""
    return found


class Catalog:
    def __init__(self, units, fuzzers, ctests, tests):
        """As unit_tests(), fuzzing.targets(), programs() and the names of the integration tests give them."""
        self.names = collections.defaultdict(list)
        suites, modules = collections.defaultdict(set), set()
        for case, owners in units.items():
            suites[case.split(".")[0]] |= owners
            modules |= owners
            self.add_unit(case, owners, f"{case}:*/{case}/*")
        for suite, owners in suites.items():
            self.add_unit(suite, owners, f"{suite}.*:*/{suite}.*")
        for module in modules:
            for name in (module, f"{module}_test"):
                self.names[name].append(Found(MODULE, module, f"{module}_test"))
        for target in fuzzers:
            for name in (target, target.removesuffix("_fuzz")):
                self.names[name].append(Found(FUZZ, target, target))
        for name, target in ctests.items():
            self.names[name].append(Found(PROGRAM, name, target))
        for name in tests:
            self.names[name].append(Found(INTEGRATION, name, "freshet"))
        for group in {name.split(".")[0] for name in tests}:
            self.names[group].append(Found(GROUP, group, "freshet"))

    def add_unit(self, name, owners, pattern):
        self.names[name] += [Found(UNIT, name, f"{module}_test", pattern) for module in sorted(owners)]

    def find(self, name):
        """All that has this name: `fleet` is a module and the integration tests of a file."""
        simulated = SIMULATED.fullmatch(name)
        if simulated:
            return [Found(SEEDS, simulated.group(1), "freshet-sim", simulated.group(2) or "")]
        if name not in self.names:
            raise Unknown(f"nothing to test is called '{name}'; {self.nearest(name)}")
        return self.names[name]

    def nearest(self, name):
        lower = {known.lower(): known for known in self.names}
        within = [known for text, known in lower.items() if name.lower() in text]
        alike = [lower[text] for text in difflib.get_close_matches(name.lower(), lower, NEAREST)]
        near = list(dict.fromkeys(alike + sorted(within, key=len)))[:NEAREST]
        return f"the nearest: {', '.join(near)}" if near else "./dev test --list shows all names"

    def lines(self):
        """Of `--list`."""
        short = {(found.kind, found.name): found for all_of in self.names.values() for found in all_of}
        listed = [f"{kind:<17} {name}" for kind, name in sorted(short)]
        return [*listed, f"{SEEDS:<17} sim:SEED, sim:FIRST..LAST, sim:FIRST..LAST:WORKLOAD"]


def here():
    return Catalog(unit_tests(), fuzzing.targets(), programs(), list(integration.table()))
