#include "fleet/change.h"

#include <algorithm>
#include <array>

#include "fleet/fields.h"
#include "yaml/field_reader.h"

namespace freshet::fleet {
namespace {

// Of names and references, which a change can't touch.
constexpr std::array<std::string_view, 8> kFixed = {"name", "cluster", "region",   "from",
                                                    "to",   "topics",  "produces", "consumes"};

// `text` with the key set; what stands where is kept.
template <class Text>
Status set(const Change& change, Text& text) {
  const size_t dot = change.key.find('.');
  const std::string outer = change.key.substr(0, dot);
  if (std::find(kFixed.begin(), kFixed.end(), outer) != kFixed.end())
    return fail(Code::kInvalid, change.key + ": can't be changed");
  const std::string inner =
      dot == std::string::npos ? change.value : "{" + change.key.substr(dot + 1) + ": " + change.value + "}";
  yaml::Problems problems("change");
  const auto node = yaml::parse(outer + ": " + inner, {}, problems);
  if (!node) return fail(Code::kInvalid, problems.text());
  Text copy = text;
  yaml::FieldReader reader(*node, "", problems, nullptr, yaml::Missing::kAllowed);
  describe(reader, copy);
  reader.finish();
  if (!problems.empty()) return fail(Code::kInvalid, problems.text());
  copy.value.where = text.value.where;
  text = std::move(copy);
  return {};
}

template <class Text, class Value>
Status set_in(const Change& change, std::vector<Value>& list) {
  if (change.index >= list.size())
    return fail(Code::kInvalid, "there is nothing of index " + std::to_string(change.index));
  Text text;
  text.value = list[change.index];
  FRESHET_TRY(set(change, text));
  list[change.index] = std::move(text.value);
  return {};
}

Status set_service(const Change& change, Topology& fleet) {
  FRESHET_TRY(set_in<ServiceText>(change, fleet.services));
  Service& service = fleet.services[change.index];
  service.autoscaled = service.autoscaled || change.key == "instances_max";
  if (!service.autoscaled) service.instances_max = service.instances;
  return {};
}

std::string of_service(const Topology& fleet, std::string_view kind, Index service, const std::vector<Index>& topics) {
  std::string out = std::string(kind) + " " + fleet.services[service].name;
  return topics.empty() ? out : out + "/" + fleet.cluster_of(fleet.topics[topics.front()]).name;
}

}  // namespace

Status apply(const Change& change, Topology& fleet) {
  switch (change.kind) {
    case Change::Kind::kCluster: return set_in<ClusterText>(change, fleet.clusters);
    case Change::Kind::kTopic: return set_in<TopicText>(change, fleet.topics);
    case Change::Kind::kService: return set_service(change, fleet);
    case Change::Kind::kProducer: return set_in<ProducerText>(change, fleet.producers);
    case Change::Kind::kConsumer: return set_in<ConsumerText>(change, fleet.consumers);
    case Change::Kind::kMirror: return set_in<MirrorText>(change, fleet.mirrors);
  }
  return {};
}

std::string subject_of(const Topology& fleet, Change::Kind kind, Index index) {
  switch (kind) {
    case Change::Kind::kCluster: return "cluster " + fleet.clusters[index].name;
    case Change::Kind::kTopic: return "topic " + fleet.path_of(fleet.topics[index]);
    case Change::Kind::kService: return "service " + fleet.services[index].name;
    case Change::Kind::kProducer:
      return of_service(fleet, "producer", fleet.producers[index].service, fleet.producers[index].topics);
    case Change::Kind::kConsumer:
      return of_service(fleet, "consumer", fleet.consumers[index].service, fleet.consumers[index].topics);
    case Change::Kind::kMirror: return "mirror " + fleet.mirrors[index].name;
  }
  return "";
}

yaml::Place place_of(const Topology& fleet, Change::Kind kind, Index index, std::string_view key) {
  switch (kind) {
    case Change::Kind::kCluster:
      if (key.starts_with("volumes.")) return fleet.clusters[index].volumes_where.of(key.substr(key.find('.') + 1));
      return fleet.clusters[index].where.of(key);
    case Change::Kind::kTopic: return fleet.topics[index].where.of(key);
    case Change::Kind::kService: return fleet.services[index].where.of(key);
    case Change::Kind::kProducer: return fleet.producers[index].where.of(key);
    case Change::Kind::kConsumer: return fleet.consumers[index].where.of(key);
    case Change::Kind::kMirror: return fleet.mirrors[index].where.of(key);
  }
  return {};
}

}  // namespace freshet::fleet
