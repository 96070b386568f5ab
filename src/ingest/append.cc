// Routes, frames and appends what a request brought. It is the only place of ingest that writes to
// the log, so the promise "durable before acknowledged" (invariant 1) rests on the callback of
// append() here.

#include "ingest/append.h"

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

// Serializes into the batch's own memory, so that a record is copied once.
template <class Message>
void add_message(RecordBatch& batch, std::string_view key, const Message& message) {
  const size_t size = message.ByteSizeLong();
  char* const space = batch.add_space(key, size);
  uint8_t* const end = message.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(space));
  FRESHET_ASSERT(end == reinterpret_cast<uint8_t*>(space) + size);
}

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

// Finds the batch of a partition. A linear search is enough, because a request touches few of many
// partitions.
class Batches {
 public:
  RecordBatch& of(Topic topic, uint32_t partition) {
    for (Produce& produce : produces_)
      if (produce.to.topic == topic && produce.to.partition == partition) return produce.records;
    return produces_.emplace_back(Produce{{topic, partition}, {}}).records;
  }
  std::vector<Produce> take() { return std::move(produces_); }

 private:
  std::vector<Produce> produces_;
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
  Batches batches;
  for (const v1::Envelope* const envelope : out.envelopes) {
    const std::string key = key_of(*envelope);
    const LaneKind kind = lane_for(*envelope, out.backfill);
    if (const auto& lane = entry.partition[static_cast<size_t>(kind)]) {
      RecordBatch& batch = batches.of(Topic::kOverflow, *lane);
      const size_t before = batch.bytes();
      add_message(batch, overflow_key({entry.tenant, kind}, key), *envelope);
      entry.bytes[static_cast<size_t>(kind)] += batch.bytes() - before;
    } else {
      add_message(batches.of(Topic::kActions, partition_of(key, partitions_)), key, *envelope);
    }
  }
  for (size_t kind = 0; kind < kLaneKinds; ++kind)
    if (entry.partition[kind])
      lanes_->entered({entry.tenant, static_cast<LaneKind>(kind)}, entry.records[kind], entry.bytes[kind]);
  if (!out.dead_letters.empty()) {
    const uint32_t partitions = std::max(1u, log_.partitions(Topic::kDeadLetters));
    for (const v1::DeadLetter& letter : out.dead_letters)
      add_message(batches.of(Topic::kDeadLetters, partition_of(letter.tenant(), partitions)), letter.id(), letter);
  }
  for (const v1::SchemaChange& change : out.schema_changes)
    // The topic has one partition, so that every node learns the same types in the same order.
    add_message(batches.of(Topic::kSchema, 0), change.tenant(), change);
  std::vector<Produce> produces = batches.take();
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
