"""How a run is counted: result files, what ends too early, and the last lines."""
import contextlib
import io
import pathlib
import tempfile
import unittest

from testing import ctests, integration, report
from testing.stage import Stage

CTEST = """<testsuite>
<testcase name="model" time="1.5" status="run"/><testcase name="tidy" time="2.5" status="fail"/><testcase name="leaks" time="1" status="fail"/>
<testcase name="off" status="disabled"/></testsuite>"""
MODEL = """<testsuites><testsuite><testcase classname="A" name="one" status="run" result="completed"/>
<testcase classname="A" name="two" status="run" result="skipped"/>
<testcase classname="A" name="three" status="run" result="completed"><failure/></testcase></testsuite></testsuites>"""
LEAKS = '<testsuites><testsuite><testcase classname="B" name="one" status="run" result="completed"/></testsuite></testsuites>'


def printed(call, *arguments):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        value = call(*arguments)
    return value, out.getvalue().splitlines()


class CountTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "gtest").mkdir()
        for name, text in (("ctest.xml", CTEST), ("gtest/model_test.xml", MODEL), ("gtest/leaks_test.xml", LEAKS)):
            (self.folder / name).write_text(text, encoding="utf-8")
        self.programs = {"model": self.folder / "model_test", "tidy": self.folder / "tidy", "leaks": self.folder / "leaks_test",
                         "hangs": self.folder / "hangs_test"}

    def test_cases_one_by_one(self):
        stage = Stage("release")
        ctests.count(stage, self.folder, self.programs)
        self.assertEqual((stage.passed, stage.failed, stage.skipped), (2, 3, 2))
        self.assertEqual([failure.split(": ")[1] for failure in stage.failures], ["model", "tidy", "leaks"])
        self.assertIn(("release: tidy", 2.5), stage.times)

    def test_what_did_not_end_is_left_out(self):
        stage = Stage("asan")
        del self.programs["tidy"]
        printed(ctests.count_finished, stage, self.folder, self.programs)
        self.assertEqual((stage.passed, stage.failed, stage.skipped), (2, 1, 2))
        self.assertEqual(stage.left_out, ["1 of 3 test programs of asan did not end"])


class IntegrationTest(unittest.TestCase):
    def count(self, *outcomes, status=0, why="why"):
        stage = Stage("integration")
        integration.count(stage, [{"name": f"a.{i}", "outcome": outcome, "seconds": i, "reason": why, "flaky": flaky}
                                  for i, (outcome, flaky) in enumerate(outcomes)], status)
        return stage

    def test_outcomes(self):
        stage = self.count(("ok", ""), ("SKIPPED", ""), ("ok", "at first"), ("FAILED", ""), status=1)
        self.assertEqual((stage.passed, stage.failed, stage.skipped), (2, 1, 1))
        self.assertEqual((stage.flaky, stage.failures), (["a.2: at first"], ["integration: a.3: why"]))

    def test_what_the_time_did_not_suffice_for_is_left_out(self):
        self.assertEqual(self.count(("ok", ""), ("SKIPPED", "")).left_out, [])
        (stage, _) = printed(lambda: self.count(("ok", ""), ("SKIPPED", ""), why="no time left: it did not end"))
        self.assertEqual((stage.skipped, stage.left_out), (1, ["a.1"]))

    def test_a_status_that_contradicts_fails(self):
        self.assertEqual(self.count(("ok", ""), status=1).failed, 1)
        self.assertEqual(self.count().failed, 1)


class SummaryTest(unittest.TestCase):
    def test_last_lines(self):
        stages = [Stage("release", passed=3, times=[(f"release: t{i}", i) for i in range(20)]), Stage("integration", passed=1, flaky=["a.b: why"])]
        status, lines = printed(report.summary, stages)
        self.assertEqual((status, lines[-2:]), (report.PASSED, ["flaky: a.b: why", "4 passed, 0 failed"]))
        self.assertEqual(sum(line.startswith("release: t") for line in lines), report.SLOWEST)
        stages[0].fail("release: x")
        stages[1].skipped = 2
        status, lines = printed(report.summary, stages)
        self.assertEqual((status, lines[-1]), (report.FAILED, "4 passed, 1 failed, 2 skipped"))

    def test_a_run_that_is_not_whole_does_not_pass(self):
        stages = [Stage("release", passed=3), Stage("tsan"), Stage("fuzz", passed=1)]
        printed(stages[1].leave_out, "tsan was not built")
        printed(stages[2].leave_out, "model_fuzz was not run")
        status, lines = printed(report.summary, stages)
        self.assertEqual((status, lines[-1]), (report.NOT_WHOLE, "4 passed, 0 failed, 2 skipped"))
        text = "\n".join(lines)
        self.assertIn("NOT WHOLE: the time was over before 2 things could be tested", text)
        self.assertIn("left out: tsan: tsan was not built", text)


if __name__ == "__main__":
    unittest.main()
