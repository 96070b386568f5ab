// The engine sorts out what may go on to the identity protocol. Whatever the log holds must not stop it: a record that
// makes no sense becomes a dead letter. The exceptions are signs of a newer version at work, where going on would do
// what that version has decided to do differently.
#include "action/engine.h"

#include <fmt/core.h>
#include <google/protobuf/io/coded_stream.h>

#include <optional>
#include <utility>

#include "action/fingerprint.h"
#include "action/identity/messages.h"
#include "action/republish.h"
#include "base/mutant.h"
#include "model/home.h"
#include "model/identifier.h"
#include "model/letter_body.h"
#include "state/slices.h"

namespace freshet::action {
namespace {

using Kind = v1::Envelope;

bool enters(const v1::Envelope& record) {
  return record.kind() != Kind::CONTROL && record.kind() != Kind::LOOP && record.kind() != Kind::KIND_UNSPECIFIED;
}

// The trace that the record belongs to, if it is sampled. Of one that is not, the header is cleared, so that nothing
// is passed on. A record without a trace costs one look at an empty string.
std::optional<telemetry::TraceContext> wanted_trace(v1::Envelope& envelope) {
  const bool loop = envelope.kind() == Kind::LOOP;
  const std::string& header = loop ? envelope.loop().record().trace_parent() : envelope.trace_parent();
  if (header.empty()) return std::nullopt;
  const std::optional<telemetry::TraceContext> trace = telemetry::parse_trace_parent(header);
  if (trace && trace->sampled) return trace;
  (loop ? *envelope.mutable_loop()->mutable_record() : envelope).clear_trace_parent();
  return std::nullopt;
}

// Ingest lets in 66 levels at most (lists in 32 lists). What is made of a record has it inside: messages between
// partitions, rows of entities that hold these. Where that is nested deeper than the 100 levels that can be read, the
// message would be lost on its way, or the partition would stand still at the row.
constexpr int kNestingMost = 80;

bool read_record(std::string_view bytes, v1::Envelope& envelope) {
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size()));
  in.SetRecursionLimit(kNestingMost);
  return envelope.ParseFromCodedStream(&in) && in.ConsumedEntireMessage();
}

// The arena is emptied after each batch, so a few large blocks serve it better than many small ones.
google::protobuf::ArenaOptions arena_options() {
  google::protobuf::ArenaOptions options;
  options.start_block_size = 4u << 10;
  options.max_block_size = 64u << 10;
  return options;
}

}  // namespace

Engine::Engine(uint32_t partition, uint32_t partitions, state::PartitionState& state, Outputs& out,
               const StepBounds& bounds)
    : partition_(partition),
      partitions_(partitions),
      state_(state),
      out_(out),
      rules_(Rules::compile(state.meta())),
      protocol_(partition, partitions, state, out, bounds),
      arena_(arena_options()) {
  protocol_.use_rules(rules_.get());
}

Engine::~Engine() = default;

// ---- batches ------------------------------------------------------------------------------------------------------

// Rows that could not be read look like rows that are not there, and the state tells at the end: asking after each
// read would cost every record what almost no batch needs. Whatever was made of them is dropped with the batch.
Status Engine::process(std::span<const eventlog::RecordView> records) {
  prepare(records);
  prefetch();
  oldest_ = nullptr;
  for (Prepared& p : prepared_) {
    const auto trace = p.envelope != nullptr ? wanted_trace(*p.envelope) : std::nullopt;
    const uint64_t letters = counters().dead_letters;
    FRESHET_TRY(trace ? process_traced(p, *trace) : process_one(p));
    if (!trace) note_untraced(p, letters);
  }
  // Where nobody takes them (the simulator's oracles) there are not more and more.
  constexpr size_t kUntracedMost = 64;
  if (oldest_ != nullptr && untraced_.size() < kUntracedMost)
    untraced_.push_back(
        {{}, oldest_->envelope->tenant(), oldest_->offset, "processed", oldest_->envelope->received_at_us()});
  counters_.records += records.size();
  prepared_.clear();
  arena_.Reset();
  return state_.status();
}

void Engine::prepare(std::span<const eventlog::RecordView> records) {
  prepared_.clear();
  prepared_.reserve(records.size());
  for (const eventlog::RecordView& record : records) {
    Prepared& p = prepared_.emplace_back();
    p.offset = record.offset;
    p.bytes = record.value;
    auto* envelope = google::protobuf::Arena::CreateMessage<v1::Envelope>(&arena_);
    if (read_record(record.value, *envelope)) p.envelope = envelope;
  }
}

// Reads ahead with one multi_get for the aliases, one for the entities and one for the message ids. That only speeds
// up what follows: a row that is missed here, because a record before has changed who holds an identifier, is read
// when it is needed.
void Engine::prefetch() {
  if (rules_->hash_key().empty()) return;
  std::vector<Hash128> aliases, messages, entities;
  aliases.reserve(prepared_.size());
  messages.reserve(prepared_.size());
  for (Prepared& p : prepared_) {
    if (p.envelope == nullptr) continue;
    const v1::Envelope& record = *p.envelope;
    if (record.kind() == Kind::LOOP) {
      if (record.loop().has_to()) entities.push_back(model::from_proto(record.loop().to()).id);
      continue;
    }
    if (!enters(record) || (record.user().empty() && record.device().empty())) continue;
    const bool user = record.user_size() > 0;
    p.routing_key = protocol_.alias_key(record.tenant(), user ? v1::ENTITY_KIND_USER : v1::ENTITY_KIND_DEVICE,
                                        user ? record.user(0) : record.device(0));
    p.message = fingerprint(record.tenant(), record.message_id(), record.ledger(), model::home_in(p.routing_key));
    aliases.push_back(p.routing_key);
    if (record.ledger().empty()) messages.push_back(p.message);
  }
  state_.prefetch_aliases(aliases);
  state_.prefetch_seen(messages);
  for (const Hash128& key : aliases)
    if (const state::Holder holder = find_holder(state_, key); holder.held) entities.push_back(holder.ref.id);
  state_.prefetch_entities(entities);
}

// ---- one record ---------------------------------------------------------------------------------------------------

Status Engine::process_traced(Prepared& p, const telemetry::TraceContext& trace) {
  if (out_.suppressed()) return process_one(p);
  TracedRecord traced{trace, p.envelope->tenant(), p.offset, "processed", p.envelope->received_at_us()};
  const EngineCounters before = counters();
  FRESHET_TRY(process_one(p));
  const EngineCounters now = counters();
  if (now.duplicates > before.duplicates) traced.outcome = "duplicate";
  if (now.dead_letters > before.dead_letters) traced.outcome = "dead_letter";
  traced_.push_back(std::move(traced));
  return {};
}

// One look at the time of receipt for a record, and a copy for the few that are told: a batch is one transaction, so
// the record that was received first is the slowest of it.
void Engine::note_untraced(const Prepared& p, uint64_t letters) {
  if (p.envelope == nullptr || out_.suppressed()) return;
  constexpr size_t kLettersMost = 8;
  const v1::Envelope& record = *p.envelope;
  if (counters().dead_letters > letters && letters_noted_ < kLettersMost) {
    ++letters_noted_;
    untraced_.push_back({{}, record.tenant(), p.offset, "dead_letter", record.received_at_us()});
  } else if (enters(record) && (oldest_ == nullptr || record.received_at_us() < oldest_->envelope->received_at_us())) {
    oldest_ = &p;
  }
}

EngineCounters Engine::counters() const {
  EngineCounters all = counters_;
  all.dead_letters += protocol_.counters().impossible + out_.too_large();
  return all;
}

std::vector<TracedRecord> Engine::take_traced() { return std::exchange(traced_, {}); }

std::vector<TracedRecord> Engine::take_untraced() {
  letters_noted_ = 0;
  return std::exchange(untraced_, {});
}

Status Engine::process_one(Prepared& p) {
  if (p.envelope == nullptr) {
    reject(p, "not_an_envelope",
           "the record is not an Envelope, or is nested too deep: was it written to `actions` by another program?");
    return {};
  }
  v1::Envelope& record = *p.envelope;
  if (record.kind() == Kind::CONTROL) return adopt(p);
  // What is made of a record has the record in it, and must fit into topics that take no more than this one.
  if (p.bytes.size() > model::kRecordBytesMost) {
    reject(p, "too_large",
           fmt::format("the record has {} bytes, {} are the most: was it written to `actions` by another program?",
                       p.bytes.size(), model::kRecordBytesMost));
    return {};
  }
  if (record.kind() == Kind::LOOP) return process_message(p);
  const Tenant* tenant = rules_->find(record.tenant());
  if (tenant == nullptr) {
    reject(p, "unknown_tenant", fmt::format("no tenant \"{}\" in the rules in force here", record.tenant()));
    return {};
  }
  if (!Kind::Kind_IsValid(record.kind()) || !enters(record)) {
    reject(p, "unknown_kind",
           fmt::format("kind {} of record is not known to this version", static_cast<int>(record.kind())));
    return {};
  }
  if (record.user().empty() && record.device().empty()) {
    reject(p, "missing_identifier", "the record names nobody: no user and no device identifier");
    return {};
  }
  if (model::partition_of(p.routing_key, partitions_) != partition_) {
    reject(p, "wrong_partition",
           fmt::format("the record lies in partition {}, its first identifier is at home in {}: was it written to "
                       "`actions` by another program?",
                       partition_, model::partition_of(p.routing_key, partitions_)));
    return {};
  }
  // Repetitions are dropped here, where a record enters, and not where it is applied: by the time a repetition comes,
  // the profile may have been merged into one of another partition, which has never seen the message.
  const bool first = record.ledger().empty() ? state_.first_sight(p.message, record.received_at_us())
                                             : state_.first_in_ledger(p.message);
  if (!first && !FRESHET_MUTANT(kDedupAtApply)) {
    ++counters_.duplicates;
    ++duplicates_[record.tenant()];
    return {};
  }
  protocol_.enter(record, *tenant, p.routing_key);
  return {};
}

// A message from another partition, or from this one through the log. A type that this version does not know stops the
// partition: dropped, it might have been the answer that a leaving profile waits for. What is malformed, or names
// somebody that no partition has ever made, was not written by Freshet.
Status Engine::process_message(Prepared& p) {
  v1::Envelope& record = *p.envelope;
  v1::Loop& message = *record.mutable_loop();
  if (is_of_newer_version(message))
    return fail(Code::kInvalid,
                fmt::format("a message of unknown type {} between partitions: run the newer version that wrote it",
                            static_cast<int>(message.type())));
  if (!may_receive(message, record.tenant())) {
    FRESHET_TRY(state_.status());  // The entity may be there, and only its row can't be read.
    if (comes_from_a_loser(message, record.tenant())) {
      protocol_.turn_away(message, record.tenant());
      return {};
    }
    reject(p, "bad_message",
           fmt::format("a message of type {} between partitions does not belong here: was it written to `actions` by "
                       "another program?",
                       v1::Loop::Type_Name(message.type())));
    return {};
  }
  ++counters_.loops;
  protocol_.receive(message, record.tenant());
  return {};
}

// Whether a partition may have said it: it has what its type needs, is for this partition, and whom it names and lives
// here was made here. These are named as the state has them, as their ranks keep redirects from forming a circle.
bool Engine::may_receive(v1::Loop& message, const std::string& tenant) {
  if (rules_->hash_key().empty() || !is_well_formed(message)) return false;
  if (target_of(message, tenant, partitions_) != partition_) return false;
  if (message.has_to() && !names_as_known(*message.mutable_to(), tenant)) return false;
  if (message.has_ref() && !names_as_known(*message.mutable_ref(), tenant)) return false;
  if (message.type() == v1::Loop::REPOINT && !names_as_known(*message.mutable_other(), tenant)) return false;
  return is_well_formed(message);
}

// Of those who live elsewhere nothing is known here.
bool Engine::names_as_known(v1::EntityRef& ref, const std::string& tenant) {
  const model::EntityRef said = model::from_proto(ref);
  if (model::partition_of(said.id, partitions_) != partition_) return true;
  const state::Entity* const known = state_.find_entity(said.id);
  if (known == nullptr || known->ref.kind != said.kind || known->state.tenant() != tenant) return false;
  to_proto(known->ref, ref);
  return true;
}

// A chunk of a loser's state that came to somebody who is nobody, or does not survive that loser: who told it to leave
// was no partition, but the loser itself may be real, and then it waits for an answer.
bool Engine::comes_from_a_loser(v1::Loop& message, const std::string& tenant) {
  if (message.type() != v1::Loop::ABSORB || !message.has_to() || !message.has_ref()) return false;
  const v1::EntityKind kind = message.ref().kind();
  return (kind == v1::ENTITY_KIND_USER || kind == v1::ENTITY_KIND_DEVICE) &&
         target_of(message, tenant, partitions_) == partition_ && names_as_known(*message.mutable_ref(), tenant);
}

// A change of rules. Each partition adopts it where it stands in its own log, so a replay meets every record under the
// rules that it was processed with before.
Status Engine::adopt(const Prepared& p) {
  const v1::Envelope& record = *p.envelope;
  const v1::Control& control = record.control();
  if (is_of_newer_version(control))
    return fail(Code::kInvalid,
                fmt::format("partition {} goes on by logic version {}, this binary has {}: run the newer version "
                            "(CHANGELOG.md names the logic version of each)",
                            partition_, control.logic_version(), kLogicVersion));
  if (control.logic_version() <= kLogicVersion && control.has_republish() && is_sound(control.republish())) {
    republish(record, partition_, *rules_, state_, out_);
    return {};
  }
  if (control.has_republish() || !are_rules(state_.meta(), control)) {
    reject(p, "bad_rules",
           "the record says nothing that can be in force here: was it written to `actions` by another program?");
    return {};
  }
  const auto before = rules_->audience_hashes();
  if (!adopt_rules(state_.meta(), control, record.received_at_us())) return {};
  rules_->renew(state_.meta(), control);
  judge_anew(before, record, partition_, *rules_, out_);
  prefetch();  // The key of alias hashes may have come with these rules: the records that follow need theirs.
  return {};
}

// The id of a dead letter says where the record lies in the log, so that a replay which tells of it again tells the
// same.
void Engine::reject(const Prepared& p, const char* code, std::string reason) {
  ++counters_.dead_letters;
  v1::DeadLetter letter;
  letter.set_id(fmt::format("{:016x}{:04x}{:012x}",
                            p.envelope != nullptr ? static_cast<uint64_t>(p.envelope->received_at_us()) : 0, partition_,
                            static_cast<uint64_t>(p.offset)));
  if (p.envelope != nullptr) {
    letter.set_tenant(p.envelope->tenant());
    letter.set_received_at_us(p.envelope->received_at_us());
    letter.set_message_id(p.envelope->message_id());
  }
  letter.set_source("action");
  letter.set_code(code);
  letter.set_reason(std::move(reason));
  model::put_body(letter, p.bytes, v1::DeadLetter::ENVELOPE);
  out_.dead_letter(letter);
}

}  // namespace freshet::action
