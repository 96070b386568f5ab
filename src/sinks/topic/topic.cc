// A change is folded into what the topic says of its profile, and the outcome written there. Where the two do not fit
// (the topic is younger than the profile, or changes were lost) the change is left out and action is asked to say all
// profiles of that partition whole: those come behind it, in the same partition. So the topic never depends on the
// profile store, which it is there to restore.
#include "sinks/topic/topic.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mutant.h"
#include "base/saturated.h"
#include "cluster/stream/open.h"
#include "model/document.h"
#include "sinks/metrics.h"
#include "sinks/topic/lane.h"
#include "telemetry/log.h"

namespace freshet::sinks {
namespace {

constexpr env::TimeUs kTopicLingerUs = 1'000'000;
constexpr size_t kTopicBatchBytes = 1u << 20;
constexpr size_t kFoldedBytes = 4u << 20;  // of documents, for one transaction
constexpr size_t kFoldedProfiles = FRESHET_BOUND(2'000, 3);
constexpr env::TimeUs kTakeUpUs = 500'000;           // of one call
constexpr env::TimeUs kCalmUs = 2'000'000;           // after brokers did not answer
constexpr env::TimeUs kBrokersUs = 5'000'000;        // how long a call waits for them
constexpr env::TimeUs kAskForGapUs = 3'600'000'000;  // it takes a while until all have come
constexpr size_t kTableHashDigits = 12;
constexpr env::TimeUs kStraysKeptUs = 600'000'000;

class StateTopic final : public Sink {
 public:
  StateTopic(const Around& around, StateTarget target, OpenStateTable open_table)
      : around_(around),
        target_(std::move(target)),
        open_table_(std::move(open_table)),
        metrics_(around.tenant, around.sink.name) {
    FRESHET_ASSERT(around_.clock != nullptr && around_.stopping != nullptr && around_.say_again != nullptr);
    FRESHET_ASSERT(target_.admin != nullptr && target_.partitions > 0 && open_table_ != nullptr);
  }

  BatchWish wish() const override { return {kTopicBatchBytes, kTopicLingerUs}; }
  Result<Resume> assigned(eventlog::TopicPartition of, eventlog::Offset committed) override;
  void revoked(eventlog::TopicPartition of) override;
  Status lost(eventlog::TopicPartition of, eventlog::Offset next) override;
  std::vector<Outcome> take(std::span<const Batch> batches) override;

 private:
  struct Folded {
    v1::EntityKind kind = v1::ENTITY_KIND_USER;
    v1::Document document;
    bool changed = false;
  };
  // What items of a batch, `next` of them from its front, make of profiles.
  struct Chunk {
    size_t next = 0;
    std::map<std::string, Folded> profiles;  // by id
    size_t bytes = 0;
    bool gap = false;    // changes are missing
    bool wrong = false;  // the item at `next` is no change
  };

  [[nodiscard]] Status take_up(uint32_t partition);
  [[nodiscard]] Status open_table();
  [[nodiscard]] Status drop_strays();
  [[nodiscard]] Outcome write(const Batch& batch);
  [[nodiscard]] Status fold(StateLane& lane, const Batch& batch, Chunk& chunk);
  [[nodiscard]] Status fold_one(StateLane& lane, const v1::Change& change, Chunk& chunk);
  [[nodiscard]] Status write_chunk(StateLane& lane, const Chunk& chunk);
  [[nodiscard]] StateRecord record_of(const std::string& id, const Folded& profile);
  [[nodiscard]] StateLane* ready_lane(uint32_t partition);
  [[nodiscard]] Status ask_for_gap(const StateLane& lane, uint32_t partition);
  [[nodiscard]] Status ask(uint32_t partition, SayAgain what);
  void give_up(uint32_t partition, const Error& error);

  const Around around_;
  StateTarget target_;
  bool admin_doubtful_ = false;  // brokers have failed or refused us since it was opened
  const OpenStateTable open_table_;
  SinkMetrics metrics_;
  std::unique_ptr<StateTable> table_;                 // null: it has to be opened
  std::map<uint32_t, StateLane> lanes_;               // by partition; uses the table
  std::map<uint32_t, env::TimeUs> strays_;            // rows of partitions that are not ours, and when they go
  std::map<uint32_t, eventlog::Offset> asked_after_;  // a loss that ended here, by partition
  env::TimeUs calm_until_ = 0;
};

// ---- whose a partition is -------------------------------------------------------------------------------------------

Status StateTopic::open_table() {
  if (table_ != nullptr) return {};
  FRESHET_ASSIGN(table_, open_table_());
  FRESHET_ASSIGN(const auto partitions, table_->partitions());
  for (const uint32_t partition : partitions) strays_[partition] = around_.clock->monotonic_us() + kStraysKeptUs;
  return {};
}

// Rows of partitions that another process has by now would be copies that nobody erases from.
Status StateTopic::drop_strays() {
  const env::TimeUs now = around_.clock->monotonic_us();
  for (auto at = strays_.begin(); at != strays_.end() && table_ != nullptr;) {
    if (now < at->second) {
      ++at;
      continue;
    }
    FRESHET_TRY(table_->drop(at->first));
    at = strays_.erase(at);
  }
  return {};
}

void StateTopic::revoked(eventlog::TopicPartition of) {
  lanes_.erase(of.partition);
  strays_[of.partition] = around_.clock->monotonic_us() + kStraysKeptUs;
}

Status StateTopic::take_up(uint32_t partition) {
  if (around_.clock->monotonic_us() < calm_until_) return fail(Code::kRetry, "the brokers of the state topic are away");
  FRESHET_TRY(open_table());
  if (std::exchange(admin_doubtful_, false) && target_.open_admin) {
    FRESHET_ASSIGN(target_.admin, target_.open_admin());
  }
  strays_.erase(partition);
  FRESHET_TRY(drop_strays());
  // Whoever asks again may have lost it in between.
  if (const auto known = lanes_.find(partition); known != lanes_.end() && known->second.is_ready()) lanes_.erase(known);
  StateLane& lane = lanes_.try_emplace(partition, target_, *table_, *around_.clock, partition).first->second;
  FRESHET_ASSIGN(const bool ready, lane.take_up(kTakeUpUs));
  if (!ready) return fail(Code::kConflict, lane.progress());
  // Before anything is written, so that a topic that has something was asked for.
  return lane.was_empty() && lane.asked_at_us() == 0 ? ask(partition, SayAgain::kLiving) : Status{};
}

// Where the log says it is: what comes twice is stale by its version.
Result<Resume> StateTopic::assigned(eventlog::TopicPartition of, eventlog::Offset committed) {
  const Status taken = take_up(of.partition);
  if (taken) return Resume{committed, std::nullopt};
  // It goes on with the next call.
  if (taken.error().code == Code::kConflict) return fail(Code::kRetry, taken.error().message);
  give_up(of.partition, taken.error());
  return tl::unexpected(taken.error());
}

// The lane is of no more use, and what the topic has is found out anew. The other lanes may go on, unless the table is
// ill.
void StateTopic::give_up(uint32_t partition, const Error& error) {
  lanes_.erase(partition);
  admin_doubtful_ = true;
  if (error.code == Code::kRetry) calm_until_ = around_.clock->monotonic_us() + kCalmUs;
  const bool damaged = error.code == Code::kCorrupt || (table_ != nullptr && !table_->health());
  if (!damaged) return;
  lanes_.clear();
  table_.reset();
}

StateLane* StateTopic::ready_lane(uint32_t partition) {
  const auto lane = lanes_.find(partition);
  return lane == lanes_.end() || !lane->second.is_ready() ? nullptr : &lane->second;
}

// ---- asking action --------------------------------------------------------------------------------------------------

// What was lost may be the last that is said of a profile for years.
Status StateTopic::lost(eventlog::TopicPartition of, eventlog::Offset next) {
  eventlog::Offset& asked = asked_after_[of.partition];
  if (next <= asked || FRESHET_MUTANT(kStateLossUnasked)) return {};
  FRESHET_TRY(ask(of.partition, FRESHET_MUTANT(kRemovedUnsaid) ? SayAgain::kLiving : SayAgain::kGoneToo));
  asked = next;
  return {};
}

// Changes that do not fit are what comes first while the profiles that were asked for are on their way.
Status StateTopic::ask_for_gap(const StateLane& lane, uint32_t partition) {
  const bool lately =
      lane.asked_at_us() != 0 && around_.clock->now_us() < saturated_sum(lane.asked_at_us(), kAskForGapUs);
  return lately ? Status{} : ask(partition, SayAgain::kGoneToo);
}

Status StateTopic::ask(uint32_t partition, SayAgain what) {
  log::info("sink {} of {}: action is asked for all profiles of partition {}", around_.sink.name, around_.tenant,
            partition);
  FRESHET_TRY(around_.say_again(partition, what));
  StateLane* const lane = ready_lane(partition);
  return lane == nullptr ? Status{} : lane->note_asked(around_.clock->now_us());
}

// ---- states ---------------------------------------------------------------------------------------------------------

Status StateTopic::fold_one(StateLane& lane, const v1::Change& change, Chunk& chunk) {
  const auto [at, fresh] = chunk.profiles.try_emplace(change.id());
  Folded& profile = at->second;
  if (fresh) {
    FRESHET_ASSIGN(auto known, lane.find(change.id()));
    if (known) profile.document = std::move(*known);
    profile.kind = change.kind();
    chunk.bytes += profile.document.ByteSizeLong();
  }
  if (profile.document.version() >= change.version()) return {};
  const bool complete = change.remove() || change.whole() || model::follows(profile.document.version(), change);
  if (!complete && !FRESHET_MUTANT(kStateGapFolded)) {
    chunk.gap = true;
    return {};
  }
  model::apply_change(profile.document, change);
  profile.changed = true;
  chunk.bytes += change.ByteSizeLong();
  return {};
}

Status StateTopic::fold(StateLane& lane, const Batch& batch, Chunk& chunk) {
  v1::Change change;
  while (chunk.next < batch.items.size() && chunk.bytes < kFoldedBytes && chunk.profiles.size() < kFoldedProfiles) {
    if (!change.ParseFromString(batch.items[chunk.next].value)) {
      chunk.wrong = true;
      return {};
    }
    FRESHET_TRY(fold_one(lane, change, chunk));
    ++chunk.next;
  }
  return {};
}

StateRecord StateTopic::record_of(const std::string& id, const Folded& profile) {
  StateRecord record = state_record(around_.tenant, profile.kind, id, profile.document);
  if (record.bytes() <= target_.record_bytes_max) return record;
  const std::string why =
      fmt::format("its record would have {} bytes, and the topic takes {}", record.bytes(), target_.record_bytes_max);
  log::error("sink {} of {}: profile {} is not in the topic: {}; raise its max.message.bytes", around_.sink.name,
             around_.tenant, record.key, why);
  metrics_.letters.add();
  return set_aside_state(around_.tenant, profile.kind, id, profile.document.version(), why);
}

Status StateTopic::write_chunk(StateLane& lane, const Chunk& chunk) {
  std::vector<StateRecord> records;
  StateRows rows;
  for (const auto& [id, profile] : chunk.profiles) {
    if (!profile.changed) continue;
    records.push_back(record_of(id, profile));
    rows.emplace(id, profile.document);
  }
  return records.empty() ? Status{} : lane.write(records, rows);
}

Outcome StateTopic::write(const Batch& batch) {
  using What = Outcome::What;
  const uint32_t partition = batch.from.partition;
  StateLane* const lane = ready_lane(partition);
  if (lane == nullptr) return {What::kStale, 0, "", 0};
  size_t done = 0;
  while (done < batch.items.size()) {
    if (around_.stopping->load()) return {What::kLater, done, "this process ends", 0};
    Chunk chunk;
    const Batch rest{batch.from, batch.begin, batch.next, batch.items.subspan(done)};
    Status written = fold(*lane, rest, chunk);
    if (written) written = write_chunk(*lane, chunk);
    if (written && chunk.gap) written = ask_for_gap(*lane, partition);
    if (!written) {
      if (written.error().code != Code::kConflict) give_up(partition, written.error());
      return {What::kLater, done, written.error().message, 0};
    }
    FRESHET_ASSERT(chunk.wrong || chunk.next > 0);  // or it would never end
    done += chunk.next;
    if (chunk.wrong) return {What::kRefused, done, "the record is no change of a profile", 0};
  }
  return {What::kDone, done, "", 0};
}

std::vector<Outcome> StateTopic::take(std::span<const Batch> batches) {
  if (const Status dropped = drop_strays(); !dropped) log::warn("{}", dropped.error().message);
  std::vector<Outcome> outcomes;
  for (const Batch& batch : batches) {
    const bool away = around_.clock->monotonic_us() < calm_until_;
    outcomes.push_back(away ? Outcome{Outcome::What::kLater, 0, "the brokers of the state topic are away", 0}
                            : write(batch));
  }
  return outcomes;
}

}  // namespace

Result<cluster::Connection> state_connection(const model::Sink& sink,
                                             const std::function<Result<std::string>(const std::string&)>& secret) {
  cluster::Connection connection;
  connection.bootstrap = sink.brokers;
  connection.client_id = "freshet-sink";
  connection.timeout_us = kBrokersUs;
  for (const auto& [name, value] : sink.properties) {
    FRESHET_ASSIGN(std::string said, secret(value));
    connection.properties.emplace_back(name, std::move(said));
  }
  return connection;
}

std::string state_directory(const std::string& tenant, const model::Sink& sink) {
  return tenant + "." + sink.name + "." + hash128(sink.brokers + "/" + sink.topic).hex().substr(0, kTableHashDigits);
}

Result<std::unique_ptr<Sink>> open_topic_on(const Around& around, StateTarget target, OpenStateTable open_table) {
  FRESHET_ASSIGN(target.record_bytes_max, prepare_state_topic(target));
  return std::unique_ptr<Sink>(std::make_unique<StateTopic>(around, std::move(target), std::move(open_table)));
}

Result<std::unique_ptr<Sink>> open_topic(const Around& around) {
  // Each client is opened with the secrets as they are then: somebody may have changed a password.
  const auto connection = [sink = around.sink, secret = around.secret] { return state_connection(sink, secret); };
  StateTarget target;
  target.topic = around.sink.topic;
  target.partitions = around.partitions;
  target.replication = around.sink.replication;
  target.open_admin = [connection, clock = around.clock]() -> Result<std::shared_ptr<cluster::Admin>> {
    FRESHET_ASSIGN(const cluster::Connection with, connection());
    return cluster::connect(with, *clock);
  };
  FRESHET_ASSIGN(target.admin, target.open_admin());
  target.open_reader = [connection, topic = target.topic]() -> Result<std::unique_ptr<cluster::Reader>> {
    FRESHET_ASSIGN(const cluster::Connection with, connection());
    return cluster::open_reader(with, {.queue_bytes_max = 8u << 20, .name = topic});
  };
  target.open_writer = [connection,
                        clock = around.clock](const std::string& id) -> Result<std::unique_ptr<cluster::Writer>> {
    FRESHET_ASSIGN(const cluster::Connection with, connection());
    cluster::WriterOptions writing;
    writing.transactional_id = id;
    writing.outage_max_us = kBrokersUs;
    return cluster::open_writer(with, *clock, writing);
  };
  return open_topic_on(around, std::move(target), [directory = around.directory, memory = around.memory] {
    return StateTable::open(directory, memory);
  });
}

}  // namespace freshet::sinks
