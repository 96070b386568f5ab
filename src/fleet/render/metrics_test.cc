#include "fleet/render/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "fleet/render/alerts.h"
#include "fleet/render/grafana.h"
#include "fleet/render/jmx.h"

namespace freshet::fleet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Metrics, AreFoundInExpressions) {
  EXPECT_THAT(
      metrics_in(
          "sum by (cluster) (rate(a_total{topic=\"b\", x!=\"}\"}[5m])) > on (cluster) group_left (owner) 1.5 * c:d"),
      ElementsAre("a_total", "c:d"));
  EXPECT_THAT(metrics_in("(a or b * 0) != 1 and on (x) c unless d offset 5m"), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(metrics_in("predict_linear(a[6h], 86400) > 20e6"), ElementsAre("a"));
  EXPECT_THAT(metrics_in("min by (a, b) (m) - max(m)"), ElementsAre("m"));
}

// The places that use metrics: each alert, recorded rule and panel.
std::vector<std::pair<std::string, std::string>> all_uses() {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Alert& alert : alerts()) out.emplace_back(alert.name, routed_expression(alert));
  for (const Recorded& recorded : recorded_metrics()) out.emplace_back(recorded.name, recorded.expression);
  for (const Dashboard& dashboard : dashboards()) {
    for (const Panel& panel : dashboard.panels) out.emplace_back(panel.title, panel.expression);
    if (!dashboard.values_of.empty()) out.emplace_back(dashboard.title, dashboard.values_of);
  }
  return out;
}

TEST(Metrics, EveryUseIsOfOneThatIsMade) {
  const std::string rules = exporter_rules(Exporter::kKafka) + exporter_rules(Exporter::kMirrorMaker);
  for (const auto& [where, expression] : all_uses()) {
    const std::vector<std::string> names = metrics_in(expression);
    EXPECT_FALSE(names.empty()) << where;
    for (const std::string& name : names) {
      EXPECT_TRUE(is_known_metric(name)) << where << " uses " << name;
      if (name.starts_with("kafka_")) {
        EXPECT_THAT(rules, HasSubstr("name: " + name + "\n")) << where;
      }
    }
  }
  EXPECT_FALSE(is_known_metric("kafka_server_replicamanager_underreplicatedpartition"));
}

TEST(Metrics, EveryExportedOneIsUsed) {
  std::string all;
  for (const auto& [where, expression] : all_uses()) all += expression + "\n";
  for (const Metric& metric : exported_metrics()) {
    if (metric.name == "kafka_server_replicamanager_partitioncount") continue;  // for people
    EXPECT_THAT(all, HasSubstr(std::string(metric.name)));
  }
  for (const std::string_view name : watch_metrics()) EXPECT_THAT(all, HasSubstr(std::string(name)));
}

// What groups lag behind is told by fleet watch alone: no third program has to run for it.
TEST(Metrics, NothingIsAskedOfALagExporter) {
  for (const auto& [where, expression] : all_uses()) {
    for (const std::string& name : metrics_in(expression)) {
      EXPECT_FALSE(name.starts_with("kafka_consumergroup") || name.starts_with("kafka_topic_partition"))
          << where << " uses " << name;
    }
  }
}

TEST(Metrics, NothingIsCountedTwice) {
  constexpr std::string_view kTwice = "kafka_server_brokertopicmetrics_";  // with topic, and without it for all
  for (const auto& [where, expression] : all_uses()) {
    for (size_t at = expression.find(kTwice); at != std::string::npos; at = expression.find(kTwice, at + 1)) {
      const std::string use = expression.substr(at, expression.find('}', at) - at);
      EXPECT_TRUE(use.find("topic=\"\"") != std::string::npos || use.find("topic!=\"\"") != std::string::npos)
          << where << ": " << use;
    }
  }
}

TEST(Jmx, RulesSayWhatIsReadAndWhatItBecomes) {
  const std::string rules = exporter_rules(Exporter::kKafka);
  EXPECT_THAT(rules, HasSubstr("  - \"kafka.server:type=ReplicaManager,name=UnderReplicatedPartitions,*\"\n"));
  EXPECT_THAT(rules, HasSubstr("  - pattern: \"kafka.network<type=RequestMetrics, name=TotalTimeMs, "
                               "request=(Produce|FetchConsumer)><>99thPercentile\"\n"
                               "    name: kafka_network_requestmetrics_totaltimems\n"
                               "    type: GAUGE\n"
                               "    labels:\n"
                               "      request: \"$1\"\n"
                               "      quantile: \"0.99\"\n"));
  EXPECT_THAT(exporter_rules(Exporter::kMirrorMaker),
              HasSubstr("\"kafka.connect.mirror:type=MirrorSourceConnector,*\""));
}

// The exporter looks for a rule's pattern in "DOMAIN<KEYS><>ATTRIBUTE". Of MirrorMaker 2 that is
// "…<type=MirrorSourceConnector, target=back, topic=t, partition=0><>record-rate", since Kafka 4.0 with
// "source=front, " before the target; a pattern without it would find nothing there.
TEST(Jmx, MirrorsAreReadOfEachRelease) {
  const std::string rules = exporter_rules(Exporter::kMirrorMaker);
  for (const char* attribute : {"replication-latency-ms", "record-rate", "byte-rate"}) {
    EXPECT_THAT(rules, HasSubstr(std::string("pattern: \"kafka.connect.mirror<type=MirrorSourceConnector, "
                                             "(?:source=[^,]+, )?target=(.+), topic=(.+), partition=([0-9]+)><>") +
                                 attribute + "\"\n"));
  }
  EXPECT_THAT(rules, HasSubstr("target: \"$1\"\n      topic: \"$2\"\n      partition: \"$3\"\n"));
}

}  // namespace
}  // namespace freshet::fleet
