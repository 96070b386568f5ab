"""How long fuzz targets run, and which of them first."""
import unittest

from testing import fuzzing


class Seconds(unittest.TestCase):
    def test_listeners_get_a_minute(self):
        self.assertEqual([fuzzing.seconds_of(name) for name in ("service_fuzz", "plain_fuzz")], [60, 5])
        self.assertEqual([fuzzing.seconds_of(name, 9) for name in ("service_fuzz", "plain_fuzz")], [9, 9])

    def test_the_longest_come_first(self):
        self.assertEqual(fuzzing.in_order(["a_fuzz", "connection_fuzz", "plain_fuzz", "service_fuzz"]), ["connection_fuzz", "service_fuzz", "a_fuzz", "plain_fuzz"])

    def test_the_listeners_are_there(self):
        self.assertLessEqual(set(fuzzing.LISTENERS), set(fuzzing.targets()))


if __name__ == "__main__":
    unittest.main()
