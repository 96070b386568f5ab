"""What is compiled ahead leaves nothing running behind."""
import pathlib
import tempfile
import time
import unittest

from testing import ahead


def text_of(path):
    """As soon as there is one."""
    late = time.monotonic() + 60
    while not path.exists() or not path.read_text(encoding="ascii").endswith("\n"):
        if time.monotonic() > late:
            raise AssertionError(f"{path} was not written")
        time.sleep(0.01)
    return path.read_text(encoding="ascii")


class AheadTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with  # goes with the test
        self.addCleanup(folder.cleanup)
        self.file = pathlib.Path(folder.name) / "out"

    def test_ends_what_runs_with_its_children(self):
        running = ahead.Ahead([["sh", "-c", f"trap '' TERM; sleep 0.5 & echo $! > {self.file}; wait; sleep 0.3; echo end >> {self.file}"]])
        text_of(self.file)
        running.end()
        self.assertIn("end\n", self.file.read_text(encoding="ascii"), "it was not waited for")

    def test_begins_nothing_after_its_end(self):
        running = ahead.Ahead([["sh", "-c", f"echo first > {self.file}; exec sleep 600"], ["touch", f"{self.file}.second"]])
        text_of(self.file)
        running.end()
        self.assertFalse(pathlib.Path(f"{self.file}.second").exists())

    def test_goes_on_after_one_that_fails(self):
        running = ahead.Ahead([["false"], ["sh", "-c", f"until chrt -p $$ | grep -q SCHED_IDLE; do :; done; echo idle > {self.file}"]])
        self.assertEqual(text_of(self.file), "idle\n")
        running.end()
