"""Which names `./dev test` understands, and what it builds for them."""
import unittest

from testing import catalog, named
from testing.catalog import FUZZ, GROUP, INTEGRATION, MODULE, PROGRAM, SEEDS, UNIT, Found, Unknown

UNITS = {"DocumentTest.FoldsChanges": {"model"}, "DocumentTest.Empty": {"model"}, "LogConformance.Reads": {"eventlog", "sim"}}


def small():
    return catalog.Catalog(UNITS, ["segment_fuzz"], {"tidy": "", "api": "freshet"}, ["chaos.chaos", "chaos.standbys", "model.split"])


class NamesTest(unittest.TestCase):
    def test_each_kind(self):
        known = small()
        for name, wanted in {
            "DocumentTest.FoldsChanges": Found(UNIT, "DocumentTest.FoldsChanges", "model_test", "DocumentTest.FoldsChanges:*/DocumentTest.FoldsChanges/*"),
            "DocumentTest": Found(UNIT, "DocumentTest", "model_test", "DocumentTest.*:*/DocumentTest.*"),
            "sim": Found(MODULE, "sim", "sim_test"),
            "model_test": Found(MODULE, "model", "model_test"),
            "segment": Found(FUZZ, "segment_fuzz", "segment_fuzz"),
            "segment_fuzz": Found(FUZZ, "segment_fuzz", "segment_fuzz"),
            "tidy": Found(PROGRAM, "tidy"),
            "chaos.standbys": Found(INTEGRATION, "chaos.standbys", "freshet"),
            "chaos": Found(GROUP, "chaos", "freshet"),
            "sim:17": Found(SEEDS, "17", "freshet-sim"),
            "sim:17..40": Found(SEEDS, "17..40", "freshet-sim"),
            "sim:17..40:roles": Found(SEEDS, "17..40", "freshet-sim", "roles"),
        }.items():
            self.assertEqual(known.find(name), [wanted], name)

    def test_a_name_that_several_have_means_all_of_them(self):
        self.assertEqual([found.kind for found in small().find("model")], [MODULE, GROUP])

    def test_a_case_of_a_shared_suite_is_in_each_of_its_binaries(self):
        self.assertEqual([found.target for found in small().find("LogConformance.Reads")], ["eventlog_test", "sim_test"])

    def test_unknown_names_tell_the_nearest(self):
        for name, near in {"DocumentTest.FoldChange": "DocumentTest.FoldsChanges", "foldschanges": "DocumentTest.FoldsChanges",
                           "chaos.standby": "chaos.standbys", "sim:x": "sim"}.items():
            with self.assertRaisesRegex(Unknown, near):
                small().find(name)
        with self.assertRaisesRegex(Unknown, "--list"):
            small().find("qqqqqq")

    def test_what_is_built(self):
        known = small()
        for names, wanted in {
            ("DocumentTest", "model"): {"release": {"model_test", "freshet"}},
            ("DocumentTest.Empty", "segment"): {"release": {"model_test"}, "fuzz": {"segment_fuzz"}},
            ("tidy",): {"release": {named.CONFIGURE}},
            ("api",): {"release": {"freshet"}},
            ("sim:3",): {"release": {"freshet-sim"}},
        }.items():
            self.assertEqual(named.presets([one for name in names for one in known.find(name)]), wanted, names)


class SourcesTest(unittest.TestCase):
    """On this checkout's own sources."""

    def test_there_is_some_of_each(self):
        lines = catalog.here().lines()
        for kind, least in ((UNIT, 500), (MODULE, 15), (FUZZ, 10), (PROGRAM, 3), (INTEGRATION, 50), (GROUP, 15)):
            self.assertGreaterEqual(sum(line.startswith(f"{kind:<17} ") for line in lines), least, kind)

    def test_what_integration_tests_run_is_built_for_them(self):
        found = catalog.here().find("fleet_live.admin_suite")
        self.assertEqual(named.presets(found), {"release": {"freshet", "cluster_test"}})

    def test_every_unit_test_has_a_module(self):
        self.assertEqual([case for case, modules in catalog.unit_tests().items() if None in modules or not modules], [])

    def test_suites_in_headers_belong_to_who_includes_them(self):
        owners = {case: modules for case, modules in catalog.unit_tests().items() if case.startswith("EventLogConformance.")}
        self.assertTrue(owners)
        for case, modules in owners.items():
            self.assertEqual(modules, {"eventlog", "eventlog_kafka"}, case)


if __name__ == "__main__":
    unittest.main()
