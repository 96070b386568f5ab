#!/usr/bin/env python3
"""The runner of the integration tests: what runs beside what, names, the rule of the flaky ones, ports. No test of
the product runs here."""
import ast
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
os.environ["FRESHET_PATIENCE"] = "1"  # nothing is measured

import harness  # noqa: E402  pylint: disable=wrong-import-position
import runner  # noqa: E402  pylint: disable=wrong-import-position
import shared  # noqa: E402  pylint: disable=wrong-import-position
import table  # noqa: E402  pylint: disable=wrong-import-position
from packing import Packing, Test  # noqa: E402  pylint: disable=wrong-import-position


class TableTest(unittest.TestCase):
    def test_it_has_every_test_and_no_other(self):
        there = set()
        for path in HERE.glob("test_*.py"):
            functions = [node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)]
            there |= {f"{path.stem.removeprefix('test_')}.{name.removeprefix('test_')}" for name in functions if name.startswith("test_")}
        self.assertEqual(set(table.TESTS), there)

    def test_weights_fit_the_smallest_machine(self):
        self.assertEqual([test.name for test in table.TESTS.values() if not 1 <= test.weight <= 4 or test.seconds <= 0], [])


class PackingTest(unittest.TestCase):
    def names_begun(self, packing):
        return [test.name for test in iter(packing.begin, None)]

    def test_longest_first_as_long_as_they_fit(self):
        a, b, c, d = Test("a", 10), Test("b", 30, 2), Test("c", 20, 2), Test("d", 5)
        packing = Packing([a, b, c, d], 4)
        self.assertEqual(self.names_begun(packing), ["b", "c"])
        packing.end(c)
        self.assertEqual(self.names_begun(packing), ["a", "d"])
        packing.end(b)
        self.assertEqual((packing.waiting, packing.free), ([], 2))

    def test_a_lighter_one_goes_before_one_that_does_not_fit(self):
        packing = Packing([Test("heavy", 50, 3), Test("heavy-too", 40, 3), Test("light", 1)], 4)
        self.assertEqual(self.names_begun(packing), ["heavy", "light"])

    def test_heavier_than_the_machine_runs_alone(self):
        packing = Packing([Test("giant", 9, 7), Test("light", 5)], 4)
        self.assertEqual(self.names_begun(packing), ["giant"])

    def test_never_more_than_the_machine_and_each_once(self):
        packing = Packing(table.TESTS.values(), 4)
        running, begun = [], []
        while packing.waiting or running:
            while (test := packing.begin()) is not None:
                running.append(test)
                begun.append(test.name)
            self.assertLessEqual(sum(test.weight for test in running), 4)
            packing.end(running.pop(0))
        self.assertEqual(sorted(begun), sorted(table.TESTS))


class SelectTest(unittest.TestCase):
    def test_names(self):
        self.assertEqual([test.name for test in runner.select(["chaos.standbys"], False)], ["chaos.standbys"])
        self.assertEqual({test.name.split(".")[0] for test in runner.select(["kafka"], False)}, {"kafka"})
        self.assertEqual(len(runner.select(["kafka", "kafka.kill"], False)), len(runner.select(["kafka"], False)))

    def test_long_ones_only_if_they_are_asked_for(self):
        usual, everything = (runner.select([], long) for long in (False, True))
        self.assertEqual(len(everything), len(table.TESTS))
        self.assertEqual([test.name for test in usual if test.long], [])
        self.assertLess(len(usual), len(everything))

    def test_unknown(self):
        with self.assertRaisesRegex(LookupError, "'chaos.standbies'; near it: chaos.standbys"):
            runner.select(["chaos.standbies"], False)


class Scripted(runner.Runner):
    """Instead of processes: each name's outcomes, one after the other."""

    def __init__(self, outcomes, **options):
        self.said = []
        super().__init__(say=self.said.append, **options)
        self.outcomes = outcomes

    def run(self, test, again=False):
        outcome = self.outcomes.get(test.name, ["ok"]).pop(0)
        return runner.Result(test.name, outcome, 1.0, "" if outcome == "ok" else f"why {test.name}")


class FlakyTest(unittest.TestCase):
    def results(self, outcomes, **options):
        scripted = Scripted(outcomes, **options)
        tests = [table.TESTS[name] for name in ("fleet.schema", "console.page", "roles.apart")]
        return scripted, scripted.again_if_failed(scripted.run_packed(tests))

    def setUp(self):
        folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        self.addCleanup(folder.cleanup)
        self.work, shared.WORK = shared.WORK, Path(folder.name)
        self.addCleanup(setattr, shared, "WORK", self.work)

    def summed(self, results):
        said = []
        return runner.summary(results, said.append), said

    def test_passes_by_itself(self):
        _, results = self.results({"console.page": ["FAILED", "ok"]})
        status, said = self.summed(results)
        self.assertEqual((status, said), (0, ["flaky: console.page: why console.page", "3 passed, 0 failed"]))

    def test_fails_again(self):
        _, results = self.results({"console.page": ["FAILED", "FAILED"]})
        status, said = self.summed(results)
        self.assertEqual((status, said), (1, ["2 passed, 1 failed"]))

    def test_what_passes_is_run_once(self):
        scripted, results = self.results({})
        self.assertEqual(self.summed(results), (0, ["3 passed, 0 failed"]))
        self.assertEqual([line for line in scripted.said if "once more" in line], [])

    def test_without_time_it_stays_failed(self):
        outcomes = {name: ["FAILED", "ok"] for name in ("fleet.schema",)}
        scripted = Scripted(outcomes)
        results = scripted.run_packed([table.TESTS["fleet.schema"]])
        scripted.end = 0
        self.assertEqual([result.outcome for result in scripted.again_if_failed(results)], ["FAILED"])

    def test_when_nearly_all_fail_it_is_not_luck(self):
        tests = list(table.TESTS.values())[:runner.AGAIN_MAX + 1]
        scripted = Scripted({test.name: ["FAILED", "ok"] for test in tests})
        results = scripted.again_if_failed(scripted.run_packed(tests))
        self.assertEqual({result.outcome for result in results}, {"FAILED"})

    def test_what_there_is_no_time_for_is_skipped_by_name(self):
        scripted, results = self.results({}, end=0)
        self.assertEqual({result.outcome for result in results}, {"SKIPPED"})
        self.assertEqual(len([line for line in scripted.said if line.endswith("no time left")]), 3)
        self.assertEqual(self.summed(results)[1][-1], "0 passed, 0 failed, 3 skipped")

    def test_a_test_without_a_result_has_failed(self):
        real = runner.Runner(say=lambda _: None)
        result = real.run(Test("fleet.is_not_there", 1))
        self.assertEqual(result.outcome, "FAILED")
        self.assertIn("is_not_there", result.reason)


class PortsTest(unittest.TestCase):
    def test_two_processes_have_other_ports(self):
        ask = f"import sys; sys.path.insert(0, {str(HERE)!r}); import harness, json; print(json.dumps(harness.free_ports(30)), flush=True); sys.stdin.read()"
        with subprocess.Popen([sys.executable, "-c", ask], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            theirs = json.loads(other.stdout.readline())
            ours = {port for _ in range(20) for port in harness.free_ports(7)}
            other.stdin.close()
        self.assertEqual(len(ours), 140)
        blocks = {(port - harness.Ports.FIRST) // harness.Ports.BLOCK for port in ours}
        self.assertEqual(blocks & {(port - harness.Ports.FIRST) // harness.Ports.BLOCK for port in theirs}, set())


if __name__ == "__main__":
    unittest.main()
