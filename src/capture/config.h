// capture.yaml as values: which documents' changes go into which topics.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/names.h"
#include "cluster/admin/connection.h"
#include "docstore/mongo/change_reader.h"
#include "yaml/node.h"

namespace freshet::capture {

// What a document that is gone leaves in the topic.
enum class Deletes : uint8_t { kBoth, kRecord, kTombstone };
[[nodiscard]] constexpr auto names_of(Deletes) {
  using enum Deletes;
  return std::to_array<Name<Deletes>>({{kBoth, "both"}, {kRecord, "record"}, {kTombstone, "tombstone"}});
}

struct Config {
  std::string name;
  docstore::ChangeReaderOptions source;
  cluster::Connection target;
  std::string topic;   // `*` stands for the collection
  std::string prefix;  // of the capture's own topics
  uint32_t partitions = 6;
  uint32_t replication = 0;  // 0: three, but no more than there are brokers
  Deletes deletes = Deletes::kBoth;
  int64_t commit_us = 50'000;
};

// Null: it is wrong, and `problems` says why.
[[nodiscard]] std::optional<Config> parse_config(std::string_view text, const yaml::Environment& environment,
                                                 yaml::Problems& problems);
[[nodiscard]] std::optional<Config> load_config(const std::string& path, const yaml::Environment& environment,
                                                yaml::Problems& problems);

[[nodiscard]] std::string topic_of(const Config& config, std::string_view collection);
[[nodiscard]] std::string position_topic(const Config& config);
[[nodiscard]] std::string letters_topic(const Config& config);

}  // namespace freshet::capture
