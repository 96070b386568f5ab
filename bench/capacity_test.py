"""The arithmetic of capacity.py, its simulation, and that docs/capacity.md has what it prints."""
import dataclasses
import math
import random
import unittest
from pathlib import Path

import capacity

LOAD, MEASURED = capacity.Load(), capacity.Measured()
DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "capacity.md"


def with_load(**changes):
    return dataclasses.replace(LOAD, **changes)


class Needs(unittest.TestCase):
    def test_the_headline(self):
        average, peak = capacity.per_second(LOAD)
        self.assertAlmostEqual(average, 76_145, delta=1)
        self.assertAlmostEqual(peak, 5 * average)

    def test_twice_the_load_needs_twice_the_cores(self):
        once, twice = (capacity.cores(with_load(events_a_month=n * 1e9), 10, 1) for n in (100, 200))
        self.assertAlmostEqual(twice, 2 * once)

    def test_two_workers_at_least_and_no_more_than_partitions(self):
        self.assertEqual(capacity.workers(with_load(events_a_month=1e6), MEASURED), 2)
        self.assertEqual(capacity.workers(with_load(events_a_month=1e15), MEASURED), LOAD.partitions)

    def test_the_document_has_these_tables(self):
        text = DOCUMENT.read_text(encoding="utf-8")
        for made in (capacity.needs_table(LOAD, MEASURED), capacity.simulation_table(LOAD, MEASURED), capacity.tenant_table(LOAD)):
            self.assertIn(made, text, "docs/capacity.md is not what bench/capacity.py prints")


class Skew(unittest.TestCase):
    def test_the_weights_of_many_users_are_summed_by_an_integral(self):
        exact = sum(1 / rank ** 0.8 for rank in range(1, 200_001))
        self.assertAlmostEqual(capacity.zipf_total(200_000, 0.8) / exact, 1, places=3)

    def test_all_shares_are_one(self):
        for exponent in (0.5, 0.99):
            self.assertAlmostEqual(sum(capacity.partition_shares(LOAD, exponent, random.Random(3))), 1)
        self.assertAlmostEqual(sum(capacity.zipf_shares(10_000, 1.0)), 1)

    def test_more_skew_makes_a_hotter_partition(self):
        even, skewed = (capacity.simulate(LOAD, MEASURED, exponent, lost_workers=0) for exponent in (0.3, 0.99))
        self.assertLess(even.hottest_share, 1.1)
        self.assertGreater(skewed.hottest_share, 3)


class LostWorkers(unittest.TestCase):
    def test_nothing_waits_while_all_are_well(self):
        well = capacity.simulate(LOAD, MEASURED, 0.75, lost_workers=0)
        self.assertLess(well.lag_s, 0.01)
        self.assertEqual(well.recovered_s, 0)

    def test_a_lost_one_is_noticed_for_as_long_as_nobody_has_its_partitions(self):
        standby, without = (capacity.simulate(LOAD, MEASURED, 0.75, 1, standbys) for standbys in (True, False))
        self.assertAlmostEqual(standby.lag_s, MEASURED.standby_s, delta=1)
        self.assertAlmostEqual(without.lag_s, MEASURED.session_s, delta=1)
        self.assertLess(standby.recovered_s, without.recovered_s)
        self.assertFalse(math.isinf(without.recovered_s))

    def test_too_few_that_are_left_never_recover(self):
        self.assertTrue(math.isinf(capacity.simulate(with_load(busy=0.9), MEASURED, 0.75, 3).recovered_s))

    def test_the_same_seed_says_the_same(self):
        self.assertEqual(capacity.simulate(LOAD, MEASURED, seed=7), capacity.simulate(LOAD, MEASURED, seed=7))


class HotTenant(unittest.TestCase):
    def test_a_rate_keeps_the_others_from_most_of_it(self):
        share, with_rate, waits = capacity.hot_tenant(LOAD)
        _, without, none = capacity.hot_tenant(LOAD, rated=False)
        peak = capacity.per_second(LOAD)[1]
        self.assertAlmostEqual(with_rate, peak * (1 + share))
        self.assertAlmostEqual(without, peak * (1 + 9 * share))
        self.assertAlmostEqual(waits, 80)  # (10 - 2) times ten minutes, at once its usual rate to spare
        self.assertEqual(none, 0)


if __name__ == "__main__":
    unittest.main()
