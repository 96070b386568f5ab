// For tests: P partitions with their engines, one log each, a seeded scheduler, crashes with replay. Small on purpose;
// the simulator of the whole pipeline is another thing.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "action/engine.h"
#include "model/document.h"
#include "model/identifier.h"
#include "model/tenant.h"
#include "testing/memory_store.h"

namespace freshet::action::testing {

// For runs that forged messages may keep from ever ending.
inline constexpr size_t kEnoughSteps = 3'000;

struct TestPartition {
  std::vector<std::string> log;  // of `actions`
  size_t committed = 0;
  std::shared_ptr<kv::MemoryDisk> disk = std::make_shared<kv::MemoryDisk>();
  std::unique_ptr<state::PartitionState> state;
  std::unique_ptr<Outputs> out;
  std::unique_ptr<Engine> engine;
};

class TestCluster {
 public:
  TestCluster(uint32_t partitions, uint64_t seed, const model::Tenant& tenant = model::default_tenant("t"),
              const StepBounds& bounds = {});

  // What `drained` has become, rebuilt for another number of partitions, on new logs.
  TestCluster(TestCluster& drained, uint32_t partitions, uint64_t seed);

  // These rules are in force from here on, in every partition.
  void change_rules(const model::Tenant& tenant, bool events_if_read = false);

  // To the partition of its first identifier, as ingest does.
  void send(const v1::Envelope& record);
  void send_to(uint32_t partition, const v1::Envelope& record);
  // Whatever that is.
  void send_bytes(uint32_t partition, std::string_view record);
  // Until nothing is left, or so many steps were done. crash_rate: of a partition before a step. batch_max 1: record by
  // record.
  void run(double crash_rate = 0.0, size_t batch_max = 8, size_t steps_max = SIZE_MAX);
  void crash(uint32_t partition);
  // Nothing waits.
  [[nodiscard]] bool is_drained() const;

  // Entities as the partitions have them, decoded from what is in the state after a flush.
  [[nodiscard]] std::vector<v1::EntityState> entities();
  // Documents as the changes made them; removed ones are left out. By (kind, hex id).
  [[nodiscard]] std::map<std::string, v1::Document> documents() const;
  // Those, too, that were removed since the last forget_documents().
  [[nodiscard]] const std::map<std::string, v1::Document>& all_documents() const { return documents_; }
  void forget_documents() { documents_.clear(); }  // as a profile store that begins anew
  [[nodiscard]] const std::vector<std::string>& events() const { return events_; }
  // Changes that belong to a trace, in the order in which they were committed.
  [[nodiscard]] const std::vector<v1::Change>& traced_changes() const { return traced_changes_; }
  // What the engine of a partition says of records whose traces are wanted.
  [[nodiscard]] std::vector<TracedRecord> take_traced(uint32_t partition) {
    return parts_[partition].engine->take_traced();
  }
  // Records of erased persons that it refused.
  [[nodiscard]] LateRecords take_late(uint32_t partition) { return parts_[partition].out->take_late(); }
  [[nodiscard]] uint64_t erased_messages();
  // Of `actions`, all that was ever written.
  [[nodiscard]] const std::vector<std::string>& log(uint32_t partition) const { return parts_[partition].log; }
  [[nodiscard]] uint32_t partitions() const { return static_cast<uint32_t>(parts_.size()); }
  [[nodiscard]] std::vector<std::map<std::string, std::string, std::less<>>> rows();
  [[nodiscard]] const std::vector<std::string>& dead_letters() const { return dead_letters_; }
  // Records that became one, as the engines have counted them since their last crash.
  [[nodiscard]] uint64_t counted_letters() const;
  // What was said of erasures: letters whose body is an ErasureNotice.
  [[nodiscard]] const std::vector<std::string>& notices() const { return notices_; }
  // Joins refused, and identifiers and references dropped, since the last crash.
  [[nodiscard]] uint64_t refused(Reason reason) const;
  [[nodiscard]] uint64_t dropped(Reason reason) const;
  // The most that one call of the engine did in steps; of one record with batch_max 1.
  [[nodiscard]] uint64_t step_bytes_max() const { return step_bytes_max_; }
  [[nodiscard]] uint64_t step_messages_max() const { return step_messages_max_; }
  [[nodiscard]] uint64_t output_bytes_max() const { return output_bytes_max_; }
  void forget_work() { step_bytes_max_ = step_messages_max_ = output_bytes_max_ = 0; }

 private:
  void open(TestPartition& p, uint32_t index);
  void step(uint32_t index, size_t count);
  void deliver(std::vector<eventlog::Produce> outputs);
  void keep_letter(std::string_view value);

  StepBounds bounds_;
  uint64_t revision_ = 0;
  uint64_t step_bytes_max_ = 0, step_messages_max_ = 0, output_bytes_max_ = 0;
  std::vector<TestPartition> parts_;
  std::mt19937_64 rng_;
  std::map<std::string, v1::Document> documents_;
  std::vector<std::string> events_, dead_letters_, notices_;
  std::vector<v1::Change> traced_changes_;
};

// {"user_id":"u1","email":"e"} etc. as an Envelope; identifiers sorted by the default rules.
[[nodiscard]] v1::Envelope make_record(const std::string& message_id,
                                       const std::vector<std::pair<std::string, std::string>>& user, int64_t time_us,
                                       const std::string& event = {});
[[nodiscard]] v1::Envelope make_merge(const std::string& message_id, const std::string& into, const std::string& from,
                                      int64_t time_us);
[[nodiscard]] v1::Envelope make_erase(const std::string& message_id, const std::string& type, const std::string& value,
                                      int64_t time_us);

// What partitions say to one another, as the log of tenant t has it.
[[nodiscard]] v1::Envelope make_message(const v1::Loop& loop);

[[nodiscard]] v1::Envelope make_unlink(const std::string& message_id, const std::string& user_id,
                                       const std::pair<std::string, std::string>& identifier, int64_t time_us);
// The same record, seen on a device.
[[nodiscard]] v1::Envelope with_device(v1::Envelope record,
                                       const std::vector<std::pair<std::string, std::string>>& device);
void set_attribute(v1::Envelope& record, const std::string& name, const std::string& text);

// One line that says all of a live profile that convergence is about.
[[nodiscard]] std::string describe(const v1::EntityState& state);

}  // namespace freshet::action::testing
