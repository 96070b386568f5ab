// Look-ups go on over many steps of the worker, which dies between them like between any others. One is under way at a
// time, so that what the last answer was is known when it ends.
#include "readers.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "model/document.h"
#include "model/packed_state.h"

namespace freshet::sim {
namespace {

using action::FoundProfile;
using action::ProfileAnswer;
using action::ProfileQuestion;
using v1::EntityState;

constexpr size_t kKnownMax = 32;

bool has_identifier(const v1::Document& document, const v1::Identifier& identifier) {
  const v1::Value* const values = model::find_field(document, v1::IDENTIFIERS, identifier.type());
  if (values == nullptr) return false;
  return std::any_of(values->list().values().begin(), values->list().values().end(),
                     [&](const v1::Value& value) { return value.text() == identifier.value(); });
}

}  // namespace

void Readers::step() {
  if (!busy_ && dice_.one_in(4)) begin_one();
}

void Readers::begin_one() {
  if (!known_.empty() && dice_.one_in(4)) {
    busy_ = true;
    return action::get_profile(*this, stage_.broker.partitions(Topic::kActions), dice_.pick(known_),
                               [this](const auto&) { busy_ = false; });
  }
  const auto partition = static_cast<uint32_t>(dice_.roll(stage_.broker.partitions(Topic::kActions)));
  const auto& records = stage_.broker.at({Topic::kActions, partition}).records;
  if (records.empty()) return;
  v1::Envelope record;
  const std::string_view bytes = records[dice_.roll(records.size())].value;
  require(record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())), "no envelope in the log");
  const bool user = !record.user().empty();
  const auto& identifiers = user ? record.user() : record.device();
  if (identifiers.empty()) return;  // a message between partitions, or rules
  const v1::Identifier& one = identifiers[static_cast<int>(dice_.roll(static_cast<size_t>(identifiers.size())))];
  ProfileQuestion of{record.tenant(), user ? v1::ENTITY_KIND_USER : v1::ENTITY_KIND_DEVICE, one, {}};
  busy_ = true;
  action::find_profile(*this, stage_.broker.partitions(Topic::kActions), of,
                       [this, of](Result<std::optional<FoundProfile>> found) {
                         busy_ = false;
                         if (!found) return;  // The worker died.
                         stage_.probes.hit(*found ? Probe::kReadFound : Probe::kReadNobody);
                         require(!ends_merged_, "a look-up ends at a profile that was merged away");
                         if (!*found) return;
                         require(has_identifier((*found)->document, *of.identifier),
                                 "a look-up finds a profile that does not list the identifier");
                         if (known_.size() < kKnownMax) known_.push_back({of.tenant, of.kind, {}, (*found)->id});
                       });
}

void Readers::ask(uint32_t partition, ProfileQuestion question, action::ProfileAnswered answered) {
  action::ProfileReads* const reads = reads_();
  if (reads == nullptr) return answered(fail(Code::kRetry, "the worker is down"));
  reads->ask(partition, question, [this, partition, question, answered](Result<ProfileAnswer> answer) {
    if (answer) check(partition, question, *answer);
    answered(std::move(answer));
  });
}

// What is expected is found by looking into the shadow's rows, and not by the code that answered.
void Readers::check(uint32_t partition, const ProfileQuestion& question, const ProfileAnswer& answer) {
  ends_merged_ = !question.identifier && answer.leads_to;
  if (ends_merged_) stage_.probes.hit(Probe::kReadRedirected);
  const Follower& shadow = shadow_.follower(partition);
  require(answer.offset == shadow.offset(), [&] {
    return fmt::format("a reader is shown partition {} at offset {}, committed is {}", partition, answer.offset,
                       shadow.offset());
  });
  const ProfileAnswer expected = shadow.answer(question);
  if (question.identifier) return require(answer.leads_to == expected.leads_to, "a reader is led to somebody else");
  const std::optional<EntityState> entity = shadow.entity(question.id);
  const bool merged = entity && entity->status() == EntityState::REDIRECT;
  const bool shown = entity && entity->version() > 0 &&
                     (entity->status() == EntityState::LIVE || entity->status() == EntityState::LEAVING);
  require(answer.leads_to.has_value() == merged, "a reader is not told that a profile was merged away");
  require(answer.document.has_value() == shown, [&] {
    return fmt::format("a reader is {} profile {}", shown ? "not shown" : "shown the removed", question.id.hex());
  });
  if (!shown) return;
  require(answer.document->version() == entity->version(), "a reader is shown another version");
  require(answer.document->SerializeAsString() == expected.document->SerializeAsString(),
          "a reader is shown another document");
}

std::optional<FoundProfile> Readers::wait_for(const ProfileQuestion& of, const std::function<void()>& work) {
  const auto answer = std::make_shared<std::optional<Result<std::optional<FoundProfile>>>>();
  const auto take = [answer](Result<std::optional<FoundProfile>> found) { *answer = std::move(found); };
  const uint32_t partitions = stage_.broker.partitions(Topic::kActions);
  of.identifier ? action::find_profile(*this, partitions, of, take) : action::get_profile(*this, partitions, of, take);
  for (size_t steps = 0; !*answer; ++steps) {
    require(steps < 100, "a reader gets no answer");
    work();
  }
  require((*answer)->has_value(), "a reader is refused");
  return std::move(***answer);
}

std::map<std::string, v1::Document> Readers::read_all(const std::function<void()>& work) {
  for (size_t steps = 0; busy_ && steps < 100; ++steps) work();  // What was asked in the storm.
  std::map<std::string, v1::Document> documents;
  for (uint32_t p = 0; p < stage_.broker.partitions(Topic::kActions); ++p) {
    const Rows rows = shadow_.rows(p);
    for (auto row = rows.lower_bound("e"); row != rows.end() && row->first[0] == 'e'; ++row) {
      EntityState entity;
      require(entity.ParseFromString(row->second), "a row of the state can't be read");
      const std::string id = row->first.substr(1);
      const ProfileQuestion of{entity.tenant(), entity.ref().kind(), {}, Hash128::from(id)};
      const auto found = wait_for(of, work);
      if (!found) continue;
      documents[id] = found->document;
      for (const v1::IdentifierUse& use : entity.identifiers()) {
        const auto again = wait_for({of.tenant, of.kind, use.identifier(), {}}, work);
        require(again && again->id == of.id, [&] {
          return fmt::format("{} is not found by its {} {}", of.id.hex(), use.identifier().type(),
                             use.identifier().value());
        });
      }
    }
  }
  return documents;
}

}  // namespace freshet::sim
