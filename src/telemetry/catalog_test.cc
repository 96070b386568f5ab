// The catalog has what the sources count, and nothing else; and docs/metrics.md is made of it.
#include "telemetry/catalog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>

#include "telemetry/metrics.h"
#include "testing/file.h"
#include "testing/project_path.h"

namespace freshet::telemetry {
namespace {

namespace fs = std::filesystem;

std::string shown_name(std::string name) {
  if (name.ends_with("_us")) name.replace(name.size() - 3, 3, "_seconds");
  return name;
}

// Names of metrics as literals of the product's sources. Those of connections are put together (http/server.cc).
std::set<std::string> counted_in_sources() {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz_";
  std::set<std::string> names = {"freshet_http_connections_evicted_total", "freshet_http_connections_refused_total"};
  for (const auto& entry : fs::recursive_directory_iterator(project_path("src"))) {
    const std::string path = entry.path().string();
    const bool is_source = path.ends_with(".cc") || path.ends_with(".h");
    if (!is_source || path.ends_with("_test.cc") || path.ends_with("/catalog.cc") || path.ends_with("/metrics.h"))
      continue;
    const std::string text = fleet::file_text(path);
    for (size_t at = text.find("\"freshet_"); at != std::string::npos; at = text.find("\"freshet_", at + 1)) {
      const size_t end = text.find_first_not_of(kLetters, at + 1);
      // What ends in '_' is the begin of something that is put together.
      if (end != std::string::npos && text[end] == '"' && text[end - 1] != '_')
        names.insert(shown_name(text.substr(at + 1, end - at - 1)));
    }
  }
  // Tables in somebody's database (sinks/postgres/tables.cc), and keys of prices (fleet/plan/prices.cc).
  for (const char* other : {"freshet_sinks", "freshet_erased", "freshet_mirror_vcpu_min", "freshet_mirrored_message"})
    names.erase(other);
  return names;
}

TEST(MetricCatalog, IsSortedAndFindsEach) {
  const auto all = metric_catalog();
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_TRUE(i == 0 || all[i - 1].name < all[i].name) << all[i].name;
    EXPECT_EQ(find_metric(all[i].name), &all[i]);
    EXPECT_TRUE(all[i].help.ends_with('.') && !all[i].unit.empty()) << all[i].name;
    EXPECT_EQ(all[i].kind == MetricKind::kCounter, all[i].name.ends_with("_total")) << all[i].name;
  }
  EXPECT_EQ(find_metric("freshet_nothing"), nullptr);
}

TEST(MetricCatalog, HasWhatTheSourcesCountAndNothingElse) {
  const std::set<std::string> counted = counted_in_sources();
  for (const std::string& name : counted)
    EXPECT_NE(find_metric(name), nullptr) << name << " is counted and not in telemetry/catalog.cc";
  for (const MetricEntry& metric : metric_catalog())
    EXPECT_TRUE(counted.contains(std::string(metric.name))) << metric.name << " is in the catalog and counted nowhere";
}

TEST(MetricCatalog, GivesTheWordsThatAreShown) {
  counter("freshet_action_aborts_total", "Other words.").add();
  EXPECT_NE(render_prometheus().find("# HELP freshet_action_aborts_total Transactions aborted, or their outcome not "
                                     "known: replayed.\n"),
            std::string::npos);
}

TEST(MetricCatalog, IsTheTableOfTheDocument) {
  EXPECT_NE(fleet::file_text("docs/metrics.md")
                .find("<!-- metrics: freshet check --metrics -->\n" + metrics_markdown() + "<!-- end -->\n"),
            std::string::npos)
      << "docs/metrics.md has another table than `freshet check --metrics`";
}

}  // namespace
}  // namespace freshet::telemetry
