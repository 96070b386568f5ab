#include "action/engine.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/mutant.h"
#include "model/home.h"
#include "model/identifier.h"

namespace freshet::action {
namespace {

using Kind = v1::Envelope;

bool enters(const v1::Envelope& record) {
  return record.kind() != Kind::CONTROL && record.kind() != Kind::LOOP && record.kind() != Kind::KIND_UNSPECIFIED;
}

// The trace that the record belongs to, if it is wanted; of another one nothing is passed on. A record without costs a look.
std::optional<telemetry::TraceContext> wanted_trace(v1::Envelope& envelope) {
  const bool loop = envelope.kind() == Kind::LOOP;
  const std::string& header = loop ? envelope.loop().record().trace_parent() : envelope.trace_parent();
  if (header.empty()) return std::nullopt;
  const std::optional<telemetry::TraceContext> trace = telemetry::parse_trace_parent(header);
  if (trace && trace->sampled) return trace;
  (loop ? *envelope.mutable_loop()->mutable_record() : envelope).clear_trace_parent();
  return std::nullopt;
}

// Its blocks go with each batch: few and large ones.
google::protobuf::ArenaOptions arena_options() {
  google::protobuf::ArenaOptions options;
  options.start_block_size = 4u << 10;
  options.max_block_size = 64u << 10;
  return options;
}

// A record and its repetitions have the same routing identifier.
Hash128 fingerprint(const v1::Envelope& record, model::Home home) {
  std::string key;
  key.reserve(record.tenant().size() + record.message_id().size() + record.ledger().size() + 2);
  key.append(record.tenant()).append(1, '\0').append(record.message_id());
  if (!record.ledger().empty()) key.append(1, '\0').append(record.ledger());
  return model::with_home(hash128(key), home);
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

Status Engine::process(std::span<const eventlog::RecordView> records) {
  prepare(records);
  prefetch();
  for (Prepared& p : prepared_) {
    const auto trace = p.envelope != nullptr ? wanted_trace(*p.envelope) : std::nullopt;
    FRESHET_TRY(trace ? process_traced(p, *trace) : process_one(p));
  }
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
    if (envelope->ParseFromArray(record.value.data(), static_cast<int>(record.value.size()))) p.envelope = envelope;
  }
}

// One multi_get for the aliases, one for the entities, one for the message ids. Only speeds up what follows: a change of
// rules in the middle of the batch makes it miss, nothing else.
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
    p.message = fingerprint(record, model::home_in(p.routing_key));
    aliases.push_back(p.routing_key);
    if (record.ledger().empty()) messages.push_back(p.message);
  }
  state_.prefetch_aliases(aliases);
  state_.prefetch_seen(messages);
  for (const Hash128& key : aliases)
    if (const state::Alias* alias = state_.find_alias(key); alias != nullptr && alias->held)
      entities.push_back(alias->ref.id);
  state_.prefetch_entities(entities);
}

// ---- one record ---------------------------------------------------------------------------------------------------

Status Engine::process_traced(Prepared& p, const telemetry::TraceContext& trace) {
  if (out_.suppressed()) return process_one(p);
  TracedRecord traced{trace, p.envelope->tenant(), p.offset, "processed"};
  const EngineCounters before = counters_;
  FRESHET_TRY(process_one(p));
  if (counters_.duplicates > before.duplicates) traced.outcome = "duplicate";
  if (counters_.dead_letters > before.dead_letters) traced.outcome = "dead_letter";
  traced_.push_back(std::move(traced));
  return {};
}

std::vector<TracedRecord> Engine::take_traced() { return std::exchange(traced_, {}); }

Status Engine::process_one(Prepared& p) {
  if (p.envelope == nullptr) {
    reject(p, "not_an_envelope", "the record is not an Envelope: was it written to `actions` by another program?");
    return {};
  }
  v1::Envelope& record = *p.envelope;
  if (record.kind() == Kind::CONTROL) return adopt(record);
  if (record.kind() == Kind::LOOP) {
    if (!v1::Loop::Type_IsValid(record.loop().type()) || record.loop().type() == v1::Loop::TYPE_UNSPECIFIED)
      return fail(Code::kInvalid,
                  fmt::format("a message of unknown type {} between partitions: run the newer version that wrote it",
                              static_cast<int>(record.loop().type())));
    ++counters_.loops;
    protocol_.receive(*record.mutable_loop(), record.tenant());
    return {};
  }
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
  const bool first = record.ledger().empty() ? state_.first_sight(p.message, record.received_at_us())
                                             : state_.first_in_ledger(p.message);
  if (!first && !FRESHET_MUTANT(kDedupAtApply)) {
    ++counters_.duplicates;
    return {};
  }
  protocol_.enter(record, *tenant, p.routing_key);
  return {};
}

Status Engine::adopt(const v1::Envelope& record) {
  const v1::Control& control = record.control();
  if (control.logic_version() > kLogicVersion)
    return fail(Code::kInvalid,
                fmt::format("partition {} goes on by logic version {}, this binary has {}: run the newer version "
                            "(CHANGELOG.md names the logic version of each)",
                            partition_, control.logic_version(), kLogicVersion));
  if (!adopt_rules(state_.meta(), control, record.received_at_us())) return {};
  rules_ = Rules::compile(state_.meta());
  protocol_.use_rules(rules_.get());
  prefetch();  // keys of what follows in this batch
  return {};
}

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
  letter.set_body(std::string(p.bytes));
  letter.set_body_type(v1::DeadLetter::ENVELOPE);
  out_.dead_letter(letter);
}

}  // namespace freshet::action
