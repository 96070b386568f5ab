// A change is applied by the parser of the file itself: its key and value become a line of YAML that is read on top of
// the thing. So whatever a finding proposes is checked by the rules that fleet.yaml is checked by, and a key has one
// meaning.
#include "fleet/change.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "fleet/fields.h"
#include "yaml/field_reader.h"

namespace freshet::fleet {
namespace {

// A finding whose index is not of this fleet would name and mend another thing.
template <class Thing>
const Thing& thing_at(const std::vector<Thing>& list, Index index) {
  FRESHET_ASSERT(index < list.size());
  return list[index];
}

// Names and references have these keys. A change can't touch them.
constexpr std::array<std::string_view, 8> kFixed = {"name", "cluster", "region",   "from",
                                                    "to",   "topics",  "produces", "consumes"};

// Sets the key in `text`. Where its parts stand is kept.
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

// Without autoscaling as many run as may: instances_max follows instances. A change of instances_max turns autoscaling
// on, as the key does in the file.
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
  FRESHET_ASSERT(false && "every kind of thing is handled");
  return {};
}

std::string subject_of(const Topology& fleet, Change::Kind kind, Index index) {
  switch (kind) {
    case Change::Kind::kCluster: return "cluster " + thing_at(fleet.clusters, index).name;
    case Change::Kind::kTopic: return "topic " + fleet.path_of(thing_at(fleet.topics, index));
    case Change::Kind::kService: return "service " + thing_at(fleet.services, index).name;
    case Change::Kind::kProducer:
      return of_service(fleet, "producer", thing_at(fleet.producers, index).service, fleet.producers[index].topics);
    case Change::Kind::kConsumer:
      return of_service(fleet, "consumer", thing_at(fleet.consumers, index).service, fleet.consumers[index].topics);
    case Change::Kind::kMirror: return "mirror " + thing_at(fleet.mirrors, index).name;
  }
  FRESHET_ASSERT(false && "every kind of thing is handled");
  return "";
}

yaml::Place place_of(const Topology& fleet, Change::Kind kind, Index index, std::string_view key) {
  switch (kind) {
    case Change::Kind::kCluster:
      if (key.starts_with("volumes."))
        return thing_at(fleet.clusters, index).volumes_where.of(key.substr(key.find('.') + 1));
      if (key.starts_with("security."))
        return thing_at(fleet.clusters, index).security_where.of(key.substr(key.find('.') + 1));
      return thing_at(fleet.clusters, index).where.of(key);
    case Change::Kind::kTopic: return thing_at(fleet.topics, index).where.of(key);
    case Change::Kind::kService: return thing_at(fleet.services, index).where.of(key);
    case Change::Kind::kProducer: return thing_at(fleet.producers, index).where.of(key);
    case Change::Kind::kConsumer: return thing_at(fleet.consumers, index).where.of(key);
    case Change::Kind::kMirror: return thing_at(fleet.mirrors, index).where.of(key);
  }
  FRESHET_ASSERT(false && "every kind of thing is handled");
  return {};
}

}  // namespace freshet::fleet
