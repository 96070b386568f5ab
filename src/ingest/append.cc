// Routes, frames and appends what a request brought. It is the only place of ingest that writes to
// the log, so the promise "durable before acknowledged" (invariant 1) rests on the callback of
// append() here.

#include "ingest/append.h"

#include <google/protobuf/message_lite.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mutant.h"
#include "model/identifier.h"

namespace freshet::ingest {
namespace {

using eventlog::Produce;
using eventlog::RecordBatch;
using eventlog::Topic;

// The routing key: the first identifier, which is the one of highest priority as the adapter sorted
// them. All records of one person have the same first identifier most of the time, so they land
// where the profile lives and need no message to another partition.
std::string key_of(const v1::Envelope& envelope) {
  FRESHET_ASSERT(!envelope.user().empty() || !envelope.device().empty());
  return envelope.user().empty() ? model::identifier_key(envelope.tenant(), v1::ENTITY_KIND_DEVICE, envelope.device(0))
                                 : model::identifier_key(envelope.tenant(), v1::ENTITY_KIND_USER, envelope.user(0));
}

LaneKind lane_for(const v1::Envelope& envelope, bool backfill) {
  return backfill ? LaneKind::kBackfill : lane_kind_of(envelope);
}

// What a record takes in a RecordBatch; frame() finds out if that has changed.
size_t framed_bytes(size_t key_size, size_t value_size) {
  const auto varint = [](size_t value) {
    size_t bytes = 1;
    while (value >>= 7) ++bytes;
    return bytes;
  };
  return varint(key_size) + key_size + varint(value_size) + value_size;
}

// Puts records into a batch for each partition. All of them are counted before the first is written, so that a batch is
// allocated once and has nothing to spare: the log keeps it in memory as it is.
class Framer {
 public:
  explicit Framer(size_t records) { records_.reserve(records); }

  // Returns what the record takes of its batch. The message must stay as it is until frame().
  size_t add(Topic topic, uint32_t partition, std::string key, const google::protobuf::MessageLite& message) {
    const size_t bytes = framed_bytes(key.size(), message.ByteSizeLong());
    const size_t batch = batch_of({topic, partition});
    bytes_[batch] += bytes;
    records_.push_back({batch, std::move(key), &message});
    return bytes;
  }

  std::vector<Produce> frame() {
    for (size_t i = 0; i < produces_.size(); ++i) produces_[i].records.reserve(bytes_[i]);
    for (const Record& record : records_) write(produces_[record.batch].records, record.key, *record.message);
    for (size_t i = 0; i < produces_.size(); ++i) FRESHET_ASSERT(produces_[i].records.bytes() == bytes_[i]);
    return std::move(produces_);
  }

 private:
  struct Record {
    size_t batch;
    std::string key;
    const google::protobuf::MessageLite* message;
  };

  // A linear search is enough, because a request touches few of many partitions.
  size_t batch_of(eventlog::TopicPartition to) {
    for (size_t i = 0; i < produces_.size(); ++i)
      if (produces_[i].to == to) return i;
    produces_.push_back({to, {}});
    bytes_.push_back(0);
    return produces_.size() - 1;
  }

  // Serializes into the batch's own memory, so that a record is copied once. Its size was asked for by add().
  static void write(RecordBatch& batch, std::string_view key, const google::protobuf::MessageLite& message) {
    const auto size = static_cast<size_t>(message.GetCachedSize());
    char* const space = batch.add_space(key, size);
    uint8_t* const end = message.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(space));
    FRESHET_ASSERT(end == reinterpret_cast<uint8_t*>(space) + size);
  }

  std::vector<Produce> produces_;
  std::vector<size_t> bytes_;  // of each of them
  std::vector<Record> records_;
};

}  // namespace

Appender::Appender(eventlog::EventLog& log, schema::Registry& registry, uint32_t partitions, size_t inflight_bytes_max,
                   std::function<bool()> has_room, LetterBudget* letters, std::shared_ptr<Lanes> lanes)
    : log_(log),
      registry_(registry),
      partitions_(partitions),
      inflight_bytes_max_(inflight_bytes_max),
      has_room_(std::move(has_room)),
      letters_(letters),
      lanes_(std::move(lanes)) {
  FRESHET_ASSERT(partitions > 0);
}

uint32_t Appender::full_for_s(const model::Tenant& tenant, const std::vector<v1::Envelope*>& envelopes,
                              bool backfill) const {
  if (lanes_ == nullptr || !lanes_->any_open()) return 0;
  if (envelopes.empty()) return lanes_->full_for_s(tenant, backfill ? LaneKind::kBackfill : LaneKind::kLive);
  uint32_t longest = 0;
  for (const v1::Envelope* e : envelopes)
    longest = std::max(longest, lanes_->full_for_s(tenant, lane_for(*e, backfill)));
  return longest;
}

Appender::Entry Appender::enter(const Outgoing& out) const {
  Entry entry;
  if (lanes_ == nullptr || out.tenant == nullptr) return entry;
  entry.tenant = out.tenant->name;
  for (const v1::Envelope* const envelope : out.envelopes)
    ++entry.records[static_cast<size_t>(lane_for(*envelope, out.backfill))];
  for (size_t kind = 0; kind < kLaneKinds; ++kind)
    if (entry.records[kind] > 0)
      entry.partition[kind] = lanes_->enter(*out.tenant, static_cast<LaneKind>(kind), entry.records[kind]);
  return entry;
}

void Appender::leave(const std::shared_ptr<Lanes>& lanes, const Entry& entry, bool taken) {
  for (size_t kind = 0; kind < kLaneKinds; ++kind)
    if (entry.partition[kind])
      lanes->left({entry.tenant, static_cast<LaneKind>(kind)}, taken, entry.records[kind], entry.bytes[kind]);
}

std::vector<Produce> Appender::frame(const Outgoing& out, Entry& entry) const {
  Framer framer(out.envelopes.size() + out.dead_letters.size() + out.schema_changes.size());
  for (const v1::Envelope* const envelope : out.envelopes) {
    std::string key = key_of(*envelope);
    const LaneKind kind = lane_for(*envelope, out.backfill);
    if (const auto& lane = entry.partition[static_cast<size_t>(kind)]) {
      entry.bytes[static_cast<size_t>(kind)] +=
          framer.add(Topic::kOverflow, *lane, overflow_key({entry.tenant, kind}, key), *envelope);
    } else {
      const uint32_t partition = partition_of(key, partitions_);
      framer.add(Topic::kActions, partition, std::move(key), *envelope);
    }
  }
  for (size_t kind = 0; kind < kLaneKinds; ++kind)
    if (entry.partition[kind])
      lanes_->entered({entry.tenant, static_cast<LaneKind>(kind)}, entry.records[kind], entry.bytes[kind]);
  if (!out.dead_letters.empty()) {
    const uint32_t partitions = std::max(1u, log_.partitions(Topic::kDeadLetters));
    for (const v1::DeadLetter& letter : out.dead_letters)
      framer.add(Topic::kDeadLetters, partition_of(letter.tenant(), partitions), letter.id(), letter);
  }
  for (const v1::SchemaChange& change : out.schema_changes)
    // The topic has one partition, so that every node learns the same types in the same order.
    framer.add(Topic::kSchema, 0, change.tenant(), change);
  std::vector<Produce> produces = framer.frame();
  size_t count = 0;
  for (const Produce& produce : produces) count += produce.records.count();
  FRESHET_ASSERT(count == out.envelopes.size() + out.dead_letters.size() + out.schema_changes.size());
  return produces;
}

Status Appender::room() const {
  if (!has_room_ || has_room_()) return {};
  return fail(Code::kRetry, "the profiles are too far behind what was accepted already; send it again later");
}

void Appender::append(Outgoing out, eventlog::AppendDone done) {
  FRESHET_ASSERT(done != nullptr);
  if (Status status = room(); !status) {
    // The schema forgets what it learned from a request that was not taken. Otherwise this node
    // would know names that no other node ever hears of, and would never announce them again.
    registry_.forget(out.schema_changes);
    return done(std::move(status));
  }
  if (letters_ != nullptr) letters_->apply(out.dead_letters);
  Entry entry = enter(out);
  std::vector<Produce> produces = frame(out, entry);
  if (produces.empty()) return done({});
  size_t bytes = 0;
  // The sum is taken first and given back if it is too much: two requests at once can't both slip
  // under the bound.
  for (const Produce& produce : produces) bytes += produce.records.bytes();
  if (in_flight_->bytes.fetch_add(bytes, std::memory_order_relaxed) + bytes > inflight_bytes_max_) {
    in_flight_->bytes.fetch_sub(bytes, std::memory_order_relaxed);
    registry_.forget(out.schema_changes);
    leave(lanes_, entry, false);
    return done(fail(Code::kRetry, "too much is under way to the log already; send it again in a moment"));
  }
  if (FRESHET_MUTANT(kAnswerBeforeDurable)) {
    leave(lanes_, entry, true);
    return log_.append(std::move(produces), [](const Status&) {}), done({});
  }
  log_.append(std::move(produces),
              [in_flight = in_flight_, bytes, &registry = registry_, lanes = lanes_, entry = std::move(entry),
               changes = std::move(out.schema_changes), done = std::move(done)](Status status) {
                const size_t before = in_flight->bytes.fetch_sub(bytes, std::memory_order_relaxed);
                FRESHET_ASSERT(before >= bytes);
                if (!status && !changes.empty()) registry.forget(changes);
                leave(lanes, entry, status.has_value());
                done(std::move(status));
              });
}

}  // namespace freshet::ingest
