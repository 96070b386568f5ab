"""Unit tests of the oracle and of the workload that is compared with it: python3 tests/integration/oracle_test.py"""
import random
import sys
import unittest
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import oracle  # noqa: E402  pylint: disable=wrong-import-position
import workload  # noqa: E402  pylint: disable=wrong-import-position


def at(second):
    return f"2026-01-02T03:04:{second:02}.000Z"


def record(number, second, user, **rest):
    return {"message_id": f"m{number:03}", "timestamp": at(second), "user": user, **rest}


class OracleTest(unittest.TestCase):
    def test_people_are_connected_components(self):
        profiles = oracle.expected_profiles([
            record(1, 1, {"anonymous_id": "a1"}),
            record(2, 2, {"user_id": "u1"}),
            record(3, 3, {"user_id": "u2", "anonymous_id": "a2"}),
            record(4, 4, {"user_id": "u1", "anonymous_id": "a1"}),
        ])
        self.assertEqual(sorted(p["identifiers"]["user_id"] for p in profiles), [["u1"], ["u2"]])
        one = next(p for p in profiles if p["identifiers"]["user_id"] == ["u1"])
        self.assertEqual(one["identifiers"]["anonymous_id"], ["a1"])
        self.assertEqual((one["first_seen"], one["last_seen"]), (at(1), at(4)))

    def test_same_value_of_another_type_is_another_identifier(self):
        self.assertEqual(len(oracle.expected_profiles([record(1, 1, {"user_id": "x"}), record(2, 1, {"email": "x"})])), 2)

    def test_last_writer_wins_by_time_then_message_id(self):
        user = {"user_id": "u"}
        profile, = oracle.expected_profiles([
            record(3, 5, user, set={"city": "late"}),
            record(9, 1, user, set={"city": "early"}),
            record(4, 5, user, set={"plan": "b"}),
            record(2, 5, user, set={"plan": "a"}),
            record(5, 6, user, unset=["gone"]),
            record(6, 4, user, set={"gone": 1}),
        ])
        self.assertEqual(profile["attributes"], {"city": "late", "plan": "b"})

    def test_sets_are_last_writer_wins_by_element(self):
        user = {"user_id": "u"}
        profile, = oracle.expected_profiles([
            record(1, 5, user, remove_from_set={"tags": ["x"]}),
            record(2, 4, user, add_to_set={"tags": ["x", "y"], "empty": ["e"]}),
            record(3, 6, user, remove_from_set={"empty": ["e"]}),
            record(4, 7, user, add_to_set={"tags": ["a"]}),
        ])
        self.assertEqual(profile["attributes"], {"tags": ["a", "y"]})

    def test_duplicates_count_once(self):
        one = record(1, 1, {"user_id": "u"}, event="E", properties={"total": 0.1})
        two = record(2, 2, {"user_id": "u"}, event="E", properties={"total": 0.2})
        rules = [("n", "count", "E", None), ("s", "sum", "E", "total")]
        profile, = oracle.expected_profiles([one, two, one, two, two], rules)
        self.assertEqual(profile["events"], {"E": {"count": 2, "first_at": at(1), "last_at": at(2)}})
        self.assertEqual(profile["computed"], {"n": Decimal(2), "s": Decimal("0.3")})

    def test_one_message_id_for_two_records_is_a_mistake(self):
        with self.assertRaises(AssertionError):
            oracle.expected_profiles([record(1, 1, {"user_id": "u"}), record(1, 2, {"user_id": "u"})])

    def test_readable_of_a_document_compares_equal(self):
        rules = [("n", "count", "E", None)]
        profile, = oracle.expected_profiles([record(1, 1, {"user_id": "u"}, event="E", properties={}, add_to_set={"t": ["b", "a"]})], rules)
        document = {"id": "00", "tenant": "acme", "kind": "user", "identifiers": {"user_id": ["u"]}, "attributes": {"t": ["b", "a"], "none": []},
                    "events": {"E": {"count": 1, "first_at": at(1), "last_at": at(1)}}, "computed": {"n": 1}, "first_seen": at(1),
                    "last_seen": at(1), "version": 3}
        self.assertEqual(oracle.readable(document, rules), profile)
        document["events"]["E"]["count"] = 2
        self.assertNotEqual(oracle.readable(document, rules), profile)


class WorkloadTest(unittest.TestCase):
    def setUp(self):
        self.people, self.records = workload.make(random.Random(5), people=40, records=2000)

    def test_every_person_is_one_component_with_one_user_id(self):
        profiles = oracle.expected_profiles(self.records, workload.COMPUTED)
        self.assertEqual(len(profiles), len(self.people))
        self.assertTrue(all(len(profile["identifiers"]["user_id"]) == 1 for profile in profiles))
        self.assertEqual(sorted(p["identifiers"]["user_id"][0] for p in profiles), sorted(p["user_id"] for p in self.people))
        for profile in profiles:
            self.assertTrue(all(len(values) <= 5 for values in profile["identifiers"].values()))

    def test_order_does_not_matter(self):
        def sorted_profiles(records):
            return sorted(oracle.expected_profiles(records, workload.COMPUTED), key=lambda p: p["identifiers"]["user_id"])
        shuffled = self.records[:]
        random.Random(6).shuffle(shuffled)
        self.assertEqual(sorted_profiles(shuffled + shuffled[:100]), sorted_profiles(self.records))

    def test_everything_that_can_go_wrong_is_in_it(self):
        for part in ("set", "unset", "add_to_set", "remove_from_set", "event"):
            self.assertGreater(sum(part in record for record in self.records), 50, part)
        anonymous = sum(set(record["user"]) == {"anonymous_id"} for record in self.records)
        self.assertGreater(anonymous, 200)
        times = [record["timestamp"] for record in self.records]
        self.assertEqual(len(set(times)), len(times))

    def test_segment_shape_says_the_same(self):
        taken = [record for record in self.records if workload.fits_segment(record)]
        self.assertGreater(len(taken), 200)
        for record in taken:
            message = workload.as_segment(record)
            self.assertEqual(message["messageId"], record["message_id"])
            self.assertEqual(message["timestamp"], record["timestamp"])
            self.assertEqual({k: v for k, v in (("user_id", message.get("userId")), ("anonymous_id", message.get("anonymousId"))) if v}, record["user"])


if __name__ == "__main__":
    unittest.main()
