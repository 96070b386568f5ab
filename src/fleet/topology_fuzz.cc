// Any text: no crash; refused with problems, or a fleet whose references are good and that lint can look at.
#include <cstdlib>
#include <string_view>

#include "fleet/lint/report.h"
#include "fleet/topology_yaml.h"

namespace {

using namespace freshet::fleet;

void require(bool good) {
  if (!good) std::abort();
}

void check(const Topology& fleet) {
  for (const Cluster& cluster : fleet.clusters)
    require(cluster.region < fleet.regions.size() && !cluster.zones.empty());
  for (const Topic& topic : fleet.topics) require(topic.cluster < fleet.clusters.size());
  for (const Producer& producer : fleet.producers) {
    require(producer.service < fleet.services.size());
    for (const Index topic : producer.topics) require(topic < fleet.topics.size());
  }
  for (const Mirror& mirror : fleet.mirrors) {
    require(mirror.from < fleet.clusters.size() && mirror.to < fleet.clusters.size());
    for (const MirroredTopic& topic : mirror.topics) {
      require(fleet.topics[topic.from].cluster == mirror.from && fleet.topics[topic.to].cluster == mirror.to);
      require(fleet.topics[topic.from].name == fleet.topics[topic.to].name);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  freshet::yaml::Problems problems("fuzz");
  const auto fleet = parse_topology({reinterpret_cast<const char*>(data), size}, problems);
  require(fleet.has_value() == problems.empty());
  if (!fleet) return 0;
  check(*fleet);
  const LintReport report = lint(*fleet);
  require(text_of(report, *fleet, 3) == text_of(lint(*fleet), *fleet, 3));
  require(!json_of(report, *fleet).empty());
  return 0;
}
