#include "testing/action/cluster.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/assert.h"
#include "model/packed_state.h"
#include "state/repartition.h"

namespace freshet::action::testing {

TestCluster::TestCluster(uint32_t partitions, uint64_t seed, const model::Tenant& tenant, const StepBounds& bounds)
    : bounds_(bounds), parts_(partitions), rng_(seed) {
  change_rules(tenant);
  for (uint32_t p = 0; p < partitions; ++p) open(parts_[p], p);
}

TestCluster::TestCluster(TestCluster& drained, uint32_t partitions, uint64_t seed)
    : bounds_(drained.bounds_),
      revision_(drained.revision_),
      parts_(partitions),
      rng_(seed),
      documents_(drained.documents_),
      events_(drained.events_),
      dead_letters_(drained.dead_letters_),
      notices_(drained.notices_) {
  std::vector<std::unique_ptr<kv::Store>> stores;
  std::vector<kv::Store*> from, into;
  const auto add = [&](TestPartition& p, std::vector<kv::Store*>& to) {
    to.push_back(stores.emplace_back(kv::open_memory(p.disk, {})).get());
  };
  for (TestPartition& p : drained.parts_) add(p, from);
  for (TestPartition& p : parts_) add(p, into);
  const auto done = state::repartition(from, into, {.memory_bytes = 400, .threads = 2, .progress = {}});
  FRESHET_ASSERT(done.has_value());
  stores.clear();
  for (uint32_t p = 0; p < partitions; ++p) open(parts_[p], p);
}

void TestCluster::change_rules(const model::Tenant& tenant, bool events_if_read) {
  v1::Envelope control = control_record({tenant}, partitions(), "0123456789abcdef", 1);
  control.mutable_control()->set_revision(++revision_);
  control.mutable_control()->set_events_if_read(events_if_read);
  for (TestPartition& p : parts_) p.log.push_back(control.SerializeAsString());
}

void TestCluster::open(TestPartition& p, uint32_t index) {
  const auto opener = [&](const kv::Options& options) -> Result<std::unique_ptr<kv::Store>> {
    return kv::open_memory(p.disk, options);
  };
  p.engine.reset();
  auto state = state::PartitionState::open({}, {}, opener);
  FRESHET_ASSERT(state.has_value());
  p.state = std::move(*state);
  p.out = std::make_unique<Outputs>(index, partitions());
  p.engine = std::make_unique<Engine>(index, partitions(), *p.state, *p.out, bounds_);
}

void TestCluster::send(const v1::Envelope& record) {
  const bool user = record.user_size() > 0;
  const uint32_t home = model::home_of(record.tenant(), user ? v1::ENTITY_KIND_USER : v1::ENTITY_KIND_DEVICE,
                                       user ? record.user(0) : record.device(0), partitions());
  send_to(home, record);
}

void TestCluster::send_to(uint32_t partition, const v1::Envelope& record) {
  send_bytes(partition, record.SerializeAsString());
}

void TestCluster::send_bytes(uint32_t partition, std::string_view record) {
  parts_[partition].log.emplace_back(record);
}

bool TestCluster::is_drained() const {
  return std::all_of(parts_.begin(), parts_.end(), [](const TestPartition& p) { return p.committed == p.log.size(); });
}

// Memory is lost; what was flushed stays. Replay with outputs suppressed up to the committed offset.
void TestCluster::crash(uint32_t index) {
  TestPartition& p = parts_[index];
  open(p, index);
  p.out->suppress(true);
  while (static_cast<size_t>(p.state->offset()) < p.committed)
    step(index, std::min<size_t>(1 + rng_() % 5, p.committed - static_cast<size_t>(p.state->offset())));
  p.out->suppress(false);
}

void TestCluster::step(uint32_t index, size_t count) {
  TestPartition& p = parts_[index];
  const auto at = static_cast<size_t>(p.state->offset());
  std::vector<eventlog::RecordView> records;
  std::vector<std::string> hold;
  hold.reserve(count);
  for (size_t i = at; i < at + count; ++i) {
    hold.push_back(p.log[i]);
    records.push_back({static_cast<eventlog::Offset>(i), {}, hold.back()});
  }
  const ProtocolCounters before = p.engine->identity();
  const Status status = p.engine->process(records);
  step_bytes_max_ = std::max(step_bytes_max_, p.engine->identity().step_bytes - before.step_bytes);
  step_messages_max_ = std::max(step_messages_max_, p.engine->identity().step_messages - before.step_messages);
  FRESHET_ASSERT(status.has_value());
  p.state->advance(static_cast<int64_t>(at + count));
}

void TestCluster::run(double crash_rate, size_t batch_max, size_t steps_max) {
  for (; steps_max > 0; --steps_max) {
    std::vector<uint32_t> ready;
    for (uint32_t p = 0; p < partitions(); ++p)
      if (parts_[p].committed < parts_[p].log.size()) ready.push_back(p);
    if (ready.empty()) break;
    const uint32_t index = ready[rng_() % ready.size()];
    TestPartition& p = parts_[index];
    const auto chance = [&](double rate) { return static_cast<double>(rng_() % 10'000) < rate * 10'000; };
    if (chance(crash_rate)) crash(index);
    const size_t count = std::min(p.log.size() - p.committed, 1 + rng_() % batch_max);
    step(index, count);
    auto outputs = p.out->take();
    uint64_t bytes = 0;
    for (const eventlog::Produce& produce : outputs) bytes += produce.records.data().size();
    output_bytes_max_ = std::max(output_bytes_max_, bytes);
    if (chance(crash_rate)) {  // between processing and commit: outputs are lost, and done again
      crash(index);
      continue;
    }
    p.committed += count;
    deliver(std::move(outputs));
    if (crash_rate > 0 && rng_() % 4 == 0) p.state->settle();
    if (crash_rate > 0 && rng_() % 6 == 0) FRESHET_ASSERT(p.state->persist().has_value());
  }
  for (TestPartition& p : parts_) FRESHET_ASSERT(p.state->persist().has_value());
}

void TestCluster::keep_letter(std::string_view value) {
  v1::DeadLetter letter;
  FRESHET_ASSERT(letter.ParseFromArray(value.data(), static_cast<int>(value.size())));
  (letter.body_type() == v1::DeadLetter::ERASURE_NOTICE ? notices_ : dead_letters_).emplace_back(value);
}

void TestCluster::deliver(std::vector<eventlog::Produce> outputs) {
  for (const eventlog::Produce& produce : outputs) {
    std::string_view data = produce.records.data(), key, value;
    bool corrupt = false;
    while (eventlog::next_record(data, key, value, &corrupt)) {
      if (produce.to.topic == eventlog::Topic::kActions) parts_[produce.to.partition].log.emplace_back(value);
      if (produce.to.topic == eventlog::Topic::kEvents) events_.emplace_back(value);
      if (produce.to.topic == eventlog::Topic::kDeadLetters) keep_letter(value);
      if (produce.to.topic != eventlog::Topic::kChanges) continue;
      v1::Change change;
      FRESHET_ASSERT(change.ParseFromArray(value.data(), static_cast<int>(value.size())));
      if (!change.trace_parent().empty()) traced_changes_.push_back(change);
      model::apply_change(
          documents_[fmt::format("{} {}", static_cast<int>(change.kind()), Hash128::from(change.id()).hex())], change);
    }
    FRESHET_ASSERT(!corrupt);
  }
}

std::vector<std::map<std::string, std::string, std::less<>>> TestCluster::rows() {
  std::vector<std::map<std::string, std::string, std::less<>>> all;
  for (TestPartition& p : parts_) all.push_back(p.disk->rows);
  return all;
}

std::vector<v1::EntityState> TestCluster::entities() {
  std::vector<v1::EntityState> all;
  for (TestPartition& p : parts_)
    for (const auto& [key, row] : p.disk->rows)
      if (key[0] == 'e') {
        FRESHET_ASSERT(all.emplace_back().ParseFromString(row));
        model::unpack(all.back());
      }
  return all;
}

std::map<std::string, v1::Document> TestCluster::documents() const {
  std::map<std::string, v1::Document> live;
  for (const auto& [id, document] : documents_)
    if (!document.removed()) live[id] = document;
  return live;
}

uint64_t TestCluster::erased_messages() {
  uint64_t sum = 0;
  for (TestPartition& p : parts_) sum += p.state->meta().erased_messages();
  return sum;
}

uint64_t TestCluster::counted_letters() const {
  uint64_t sum = 0;
  for (const TestPartition& p : parts_) sum += p.engine->counters().dead_letters;
  return sum;
}

uint64_t TestCluster::refused(Reason reason) const {
  uint64_t sum = 0;
  for (const TestPartition& p : parts_) sum += p.engine->identity().refused_by[static_cast<size_t>(reason)];
  return sum;
}

uint64_t TestCluster::dropped(Reason reason) const {
  uint64_t sum = 0;
  for (const TestPartition& p : parts_) sum += p.engine->identity().dropped_by[static_cast<size_t>(reason)];
  return sum;
}

v1::Envelope make_record(const std::string& message_id, const std::vector<std::pair<std::string, std::string>>& user,
                         int64_t time_us, const std::string& event) {
  v1::Envelope record;
  record.set_tenant("t");
  record.set_source("test");
  record.set_message_id(message_id);
  record.set_kind(event.empty() ? v1::Envelope::IDENTIFY : v1::Envelope::TRACK);
  for (const auto& [type, value] : user) {
    v1::Identifier& i = *record.add_user();
    i.set_type(type);
    i.set_value(value);
  }
  model::sort_identifiers(v1::ENTITY_KIND_USER, model::default_tenant("t").rules, *record.mutable_user());
  record.set_time_us(time_us);
  record.set_received_at_us(1'000'000'000'000);
  if (!event.empty()) {
    v1::Event& e = *record.add_events();
    e.set_name(event);
    e.set_time_us(time_us);
  }
  return record;
}

v1::Envelope make_merge(const std::string& message_id, const std::string& into, const std::string& from,
                        int64_t time_us) {
  v1::Envelope record = make_record(message_id, {{"user_id", into}}, time_us);
  record.set_kind(v1::Envelope::MERGE);
  record.mutable_other()->set_type("user_id");
  record.mutable_other()->set_value(from);
  return record;
}

v1::Envelope make_erase(const std::string& message_id, const std::string& type, const std::string& value,
                        int64_t time_us) {
  v1::Envelope record = make_record(message_id, {{type, value}}, time_us);
  record.set_kind(v1::Envelope::ERASE);
  return record;
}

v1::Envelope make_message(const v1::Loop& loop) {
  v1::Envelope envelope;
  envelope.set_tenant("t");
  envelope.set_kind(v1::Envelope::LOOP);
  *envelope.mutable_loop() = loop;
  return envelope;
}

v1::Envelope make_unlink(const std::string& message_id, const std::string& user_id,
                         const std::pair<std::string, std::string>& identifier, int64_t time_us) {
  v1::Envelope record = make_record(message_id, {{"user_id", user_id}}, time_us);
  record.set_kind(v1::Envelope::UNLINK);
  record.mutable_other()->set_type(identifier.first);
  record.mutable_other()->set_value(identifier.second);
  return record;
}

v1::Envelope with_device(v1::Envelope record, const std::vector<std::pair<std::string, std::string>>& device) {
  for (const auto& [type, value] : device) {
    v1::Identifier& i = *record.add_device();
    i.set_type(type);
    i.set_value(value);
  }
  model::sort_identifiers(v1::ENTITY_KIND_DEVICE, model::default_tenant("t").rules, *record.mutable_device());
  return record;
}

void set_attribute(v1::Envelope& record, const std::string& name, const std::string& text) {
  v1::AttributeOp& op = *record.add_attributes();
  op.set_type(v1::AttributeOp::SET);
  op.set_name(name);
  op.mutable_value()->set_text(text);
}

std::string describe(const v1::EntityState& state) {
  std::string text;
  for (const auto& i : state.identifiers())
    text += fmt::format("{}={} ", i.identifier().type(), i.identifier().value());
  text += "| ";
  for (const auto& r : state.attributes())
    if (r.has_value()) text += fmt::format("{}={} ", r.name(), r.value().ShortDebugString());
  text += "| ";
  for (const auto& e : state.events())
    text += fmt::format("{}={} {}..{} ", e.name(), e.stats().count(), e.stats().first_us(), e.stats().last_us());
  return text + fmt::format("| {}..{} {} messages", state.first_seen_us(), state.last_seen_us(), state.messages());
}

}  // namespace freshet::action::testing
