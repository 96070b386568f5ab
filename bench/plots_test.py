"""What the plots make of figures: which are kept, what is drawn, which load each point is."""
import json
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

import plots


def figure(us):
    return {"cpu_us_per_event": us, "cpu_us_by_stage": {"action": us / 2, "http": us / 4}}


class Points(unittest.TestCase):
    def test_each_is_measured_in_both_directions_and_the_lower_one_stands(self):
        asked = []

        def run(setting):
            asked.append(setting.partitions)
            return figure(10 + len(asked) if setting.partitions != 2 else 40 - len(asked))

        points = plots.measure(plots.Dimension("partitions", "partitions", (1, 2, 4)), run)
        self.assertEqual(asked, [1, 2, 4, 4, 2, 1])
        self.assertEqual([(p["value"], p["cpu_us_per_event"]) for p in points], [(1, 11), (2, 35), (4, 13)])

    def test_one_thing_changes_at_a_time(self):
        usual = plots.Setting()
        for dimension in plots.DIMENSIONS.values():
            for value in dimension.values:
                made = plots.setting(dimension, value)
                others = {name for name in ("partitions", "users", "tenants", "event_bytes", "batch")
                          if getattr(made, name) != getattr(usual, name)} - {dimension.field}
                self.assertLessEqual(others, {"batch"} if dimension.field == "event_bytes" else set())
                self.assertLessEqual(made.batch * made.event_bytes, 500 * 1024)

    def test_tenants_have_the_keys_that_are_sent(self):
        self.assertIn("write_keys: [k-1]", plots.tenants_yaml(2, "k"))
        self.assertEqual(plots.Setting(tenants=3).load_options()[-2:], ["--tenants", "3"])
        self.assertNotIn("--tenants", plots.Setting().load_options())


class Drawing(unittest.TestCase):
    def test_a_picture_has_every_point_and_lies_within_its_bounds(self):
        points = [{"value": 10 ** i, **figure(3 * i + 1)} for i in range(4)]
        root = xml.fromstring(plots.svg("users & more", points))
        circles = root.findall("{http://www.w3.org/2000/svg}circle")
        self.assertEqual(len(circles), 4 * (1 + len(plots.STAGES)))
        box = [float(part) for part in root.get("viewBox").split()]
        for circle in circles:
            self.assertTrue(0 < float(circle.get("cx")) < box[2] and 0 < float(circle.get("cy")) < box[3])

    def test_the_scale_is_round(self):
        self.assertEqual([plots.ceiling(us) for us in (0.7, 1, 7.3, 12, 21, 99)], [1, 1, 10, 20, 25, 100])

    def test_what_is_written_can_be_drawn_again(self):
        with tempfile.TemporaryDirectory() as directory:
            plots.write("batch", [{"value": 1, **figure(2)}], {"cores": 2}, Path(directory))
            kept = json.loads((Path(directory) / "batch.json").read_text(encoding="utf-8"))
            self.assertEqual((Path(directory) / "batch.svg").read_text(encoding="utf-8"), plots.svg(plots.DIMENSIONS["batch"].title, kept["points"]))


if __name__ == "__main__":
    unittest.main()
