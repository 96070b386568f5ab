// What sinks write to, in memory: PostgreSQL's tables with transactions and locks as far as the sink uses them, the
// receiver of a webhook, and a way for several processes to one object store.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sinks/postgres/tables.h"
#include "sinks/sink.h"
#include "testing/memory_store.h"

namespace freshet::sim {

struct SinkStage;
class MemoryTables;

struct EventRow {
  std::string user;
  int64_t number = 0;
};

struct ProfileRow {
  uint64_t version = 0;
  std::string state, profile;
};

// What is committed, and what open transactions hold. Events and profiles are each one sink's.
struct MemoryDatabase {
  using PlaceKey = std::pair<std::string, eventlog::TopicPartition>;  // by sink
  std::map<PlaceKey, eventlog::Offset> places;
  std::map<std::pair<uint32_t, eventlog::Offset>, EventRow> events;
  std::map<std::string, ProfileRow> profiles;  // by id in hex
  std::set<std::string> erased;
  std::map<PlaceKey, const MemoryTables*> locked;
  std::set<const MemoryTables*> readers_of_erased;
};

// A connection. One that breaks, or dies with its process, has its transaction undone.
class MemoryTables final : public sinks::SinkTables {
 public:
  // The stage outlives it.
  MemoryTables(SinkStage& stage, std::string sink) : stage_(stage), sink_(std::move(sink)) {}
  ~MemoryTables() override { undo(); }
  MemoryTables(const MemoryTables&) = delete;
  MemoryTables& operator=(const MemoryTables&) = delete;

  bool is_open() const override { return open_; }
  Status begin() override;
  Status commit() override;
  Status rollback() override;
  Status prepare_part(env::TimeUs) override { return call("part"); }
  Result<std::optional<eventlog::Offset>> place(eventlog::TopicPartition of) override;
  Status begin_place(eventlog::TopicPartition of, eventlog::Offset from) override;
  Status set_place(eventlog::TopicPartition of, eventlog::Offset next) override;
  Status write_events(const std::string& rows) override;
  Status write_profiles(const std::string& rows) override;
  Status remove_profiles(const std::string& ids) override;
  Status note_erased(const std::vector<std::string>& ids) override;
  Status settle_erased() override;
  Result<std::vector<std::string>> parts() override;
  Result<uint64_t> delete_events(const std::string& part, const std::vector<std::string>& ids) override;
  Result<sinks::SqlRows> read_profiles(const std::string& ids) override;

 private:
  [[nodiscard]] Status call(const char* name);
  // A row that another transaction holds would be waited for, until the statement's time is over.
  [[nodiscard]] Status lock(const MemoryDatabase::PlaceKey& key);
  void apply();
  void undo();

  SinkStage& stage_;
  const std::string sink_;
  bool open_ = true;
  bool in_transaction_ = false;
  // What the transaction will make of the tables.
  std::map<MemoryDatabase::PlaceKey, eventlog::Offset> places_;
  std::map<std::pair<uint32_t, eventlog::Offset>, EventRow> events_;
  std::map<std::string, std::optional<ProfileRow>> profiles_;
  std::set<std::string> erased_;
};

// A request that the receiver of the webhook has taken.
struct Delivery {
  std::string id, body;
};

// A sink on the stage's targets; `disk` has the table of a state topic.
[[nodiscard]] Result<std::unique_ptr<sinks::Sink>> open_sink(SinkStage& stage,
                                                             const std::shared_ptr<kv::MemoryDisk>& disk,
                                                             const sinks::Around& around);

}  // namespace freshet::sim
