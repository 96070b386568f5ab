"""What the gate makes of figures, and which commit it looks at."""
import unittest

import gate


class Judge(unittest.TestCase):
    def test_what_takes_a_tenth_more_is_worse(self):
        self.assertTrue(gate.judge([10.0], [11.0001]).worse)
        self.assertFalse(gate.judge([10.0], [10.9]).worse)
        self.assertFalse(gate.judge([10.0], [5.0]).worse)
        self.assertAlmostEqual(gate.judge([10.0, 20.0, 12.0], [9.0, 9.0, 40.0]).change, -0.25)

    def test_one_bad_run_of_three_decides_nothing(self):
        self.assertFalse(gate.judge([10.0, 10.2, 9.9], [10.1, 30.0, 10.0]).worse)
        self.assertTrue(gate.judge([10.0, 10.2, 9.9], [12.1, 10.0, 12.0]).worse)

    def test_it_says_how_much(self):
        self.assertIn("20.0% more than before (10.00)", gate.judge([10.0], [12.0]).text)
        self.assertIn("50.0% less than before", gate.judge([10.0], [5.0]).text)
        self.assertIn("as much as before", gate.judge([10.0], [10.0]).text)

    def test_figures_that_say_nothing_are_refused(self):
        for before, after in (([], []), ([1.0], []), ([1.0], [0.0]), ([1.0, 1.0], [1.0])):
            with self.assertRaises(gate.Unable):
                gate.judge(before, after)


class Measured(unittest.TestCase):
    @staticmethod
    def runs(figures):
        """What was asked for, and a run that takes these figures one after the other."""
        asked, left = [], list(figures)

        def run(which):
            asked.append(which)
            return left.pop(0)

        return asked, run

    def test_they_run_in_turn(self):
        asked, run = self.runs([10.0, 10.0] * 3)
        self.assertFalse(gate.measured(run).worse)
        self.assertEqual(asked, ["before", "after"] * 3)

    def test_what_seems_worse_is_looked_at_again(self):
        asked, run = self.runs([10.0, 12.0] * 3 + [10.0, 9.0] * 3)
        self.assertFalse(gate.measured(run).worse)
        self.assertEqual(len(asked), 12)
        asked, run = self.runs([10.0, 12.0] * 6)
        self.assertTrue(gate.measured(run).worse)
        self.assertEqual(len(asked), 12)


class Chosen(unittest.TestCase):
    def test_what_is_asked_for_counts(self):
        self.assertEqual(gate.chosen("v1", "h", ["b"], "p", True), "v1")

    def test_a_branch_is_compared_with_where_it_left(self):
        self.assertEqual(gate.chosen(None, "h", ["b"], "p", False), "b")
        self.assertEqual(gate.chosen(None, "h", ["h", "b"], "p", False), "b")

    def test_main_with_the_commit_before(self):
        self.assertEqual(gate.chosen(None, "h", ["h"], "p", False), "p")
        self.assertEqual(gate.chosen("", "h", [], "p", False), "p")
        self.assertIsNone(gate.chosen(None, "h", ["h"], None, False))

    def test_main_with_itself_for_what_is_not_committed(self):
        self.assertEqual(gate.chosen(None, "h", ["h"], "p", True), "h")


if __name__ == "__main__":
    unittest.main()
