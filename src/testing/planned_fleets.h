// Fleets for the tests of planning.
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>

#include "fleet/topology_yaml.h"

namespace freshet::fleet {

inline Topology parse_fleet(const std::string& text) {
  yaml::Problems problems("fleet.yaml");
  std::optional<Topology> fleet = parse_topology(text, problems);
  EXPECT_EQ(problems.text(), "");
  return fleet ? *std::move(fleet) : Topology{};
}

// One region, a fronting cluster with two topics, two backends that have copies.
inline Topology shop() {
  return parse_fleet(
      "fleet: shop\n"
      "growth_percent_per_month: 5\n"
      "regions: [{name: us-east-1, zones: [us-east-1a, us-east-1b, us-east-1c]}]\n"
      "clusters:\n"
      "- {name: front, kind: fronting, brokers: 3, instance: c6g.xlarge}\n"
      "- {name: orders, brokers: 3, instance: c6g.large, service_groups: [checkout]}\n"
      "- {name: clicks, brokers: 6, instance: c6g.large, service_groups: [web], volumes: {count: 2, size: 500GiB}}\n"
      "topics:\n"
      "- {name: orders, cluster: front, partitions: 12, messages_per_second: 1000, message_bytes: 1000,\n"
      "   compression: none, peak_factor: 2, retention: 1h}\n"
      "- {name: clicks, cluster: front, partitions: 24, messages_per_second: 8000, message_bytes: 500,\n"
      "   compression: none, peak_factor: 2, retention: 1h}\n"
      "mirrors:\n"
      "- {from: front, to: orders, topics: [orders]}\n"
      "- {from: front, to: clicks, topics: [clicks]}\n"
      "services:\n"
      "- {name: site, group: web, instances: 4, produces: [{cluster: front, topics: [orders, clicks]}]}\n"
      "- {name: billing, group: checkout, instances: 2,\n"
      "   consumes: [{cluster: orders, topics: [orders], messages_per_second_each: 1500}]}\n"
      "- {name: counts, group: web, instances: 3, consumes: [{cluster: clicks, topics: [clicks]}]}\n");
}

// Rates, sizes and retentions at random in the same shape.
inline Topology some_shop() {
  Topology fleet = shop();
  for (Topic& topic : fleet.topics) {
    topic.messages_per_s = *rc::gen::inRange(0, 200'000);
    topic.message_bytes = static_cast<uint64_t>(*rc::gen::inRange(10, 5000));
    topic.retention_us = *rc::gen::inRange<int64_t>(1, 100) * 3'600'000'000;
    topic.partitions = static_cast<uint32_t>(*rc::gen::inRange(1, 200));
    topic.growth_percent_per_month = *rc::gen::inRange(0, 20);
  }
  return fleet;
}

}  // namespace freshet::fleet
