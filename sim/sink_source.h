// Who writes what sinks read: stands for action, with persons that have events, change, are merged and erased. What it
// knows is what must have come of it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "freshet/v1/change.pb.h"
#include "sink_stage.h"
#include "sinks/sink.h"

namespace freshet::sim {

struct WrittenEvent {
  eventlog::TopicPartition at;
  eventlog::Offset offset = 0;
  std::string user;  // hex
  int64_t number = 0;
};

class SinkSource {
 public:
  // The stage outlives it.
  explicit SinkSource(SinkStage& stage) : stage_(stage) {}

  // Something happens to somebody, or what was asked for is said.
  void step();
  // As Around has it.
  [[nodiscard]] Status say_again(uint32_t partition, sinks::SayAgain what);
  [[nodiscard]] Result<std::optional<v1::Document>> read_profile(const v1::Change& change, sinks::ProfileAs as);
  // Says what was asked for; false: there is nothing.
  bool answer();

  [[nodiscard]] size_t count() const { return events_.size(); }
  [[nodiscard]] const std::vector<WrittenEvent>& events() const { return events_; }
  // By id in hex; of those that are gone, too.
  [[nodiscard]] const std::map<std::string, v1::Document>& documents() const { return documents_; }
  // Whether the profile was this at any time.
  [[nodiscard]] bool was(const std::string& hex, const v1::Document& document) const;
  [[nodiscard]] const std::set<std::string>& erased() const { return erased_; }
  [[nodiscard]] static uint32_t partition_of(const std::string& hex);

 private:
  struct Asked {
    uint32_t partition = 0;
    sinks::SayAgain what = sinks::SayAgain::kLiving;
  };
  void add_event();
  void change();
  void merge();
  void erase();
  void add_of_others();
  // "": nobody is there.
  [[nodiscard]] std::string anybody();
  [[nodiscard]] std::string newcomer();
  void say(const std::string& hex, v1::Change change);
  void say_again(const std::string& hex);
  void write(eventlog::TopicPartition to, const std::string& key, const std::string& value);

  SinkStage& stage_;
  std::vector<WrittenEvent> events_;
  std::vector<std::string> living_;
  std::map<std::string, v1::Document> documents_;
  std::map<std::pair<std::string, uint64_t>, std::string> states_;  // by id in hex and version
  std::map<std::string, std::vector<std::string>> merged_;          // into whom: who
  std::set<std::string> erased_;
  std::vector<Asked> asked_;
  int64_t numbers_ = 0;
  size_t newcomers_ = 0;
};

}  // namespace freshet::sim
