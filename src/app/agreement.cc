// Agreement by the order of one partition: everybody reads the same first record, so everybody
// decides the same, without a coordinator (decision 0013).

#include "app/agreement.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "app/log.h"
#include "base/assert.h"
#include "base/hash.h"
#include "model/tenant.h"

namespace freshet::app {
namespace {

constexpr eventlog::TopicPartition kSchemaPartition{eventlog::Topic::kSchema, 0};
// What a claim of a change by the API begins with; that of a file is a hash in hex.
constexpr std::string_view kOfApi = "api:";

bool is_of_api(std::string_view claim) { return claim.starts_with(kOfApi); }

// Others may write into the topic, too. What is agreed goes into a file of lines, and the next revision is one higher.
bool can_be_agreed(const v1::Agreement& agreed) {
  const bool is_text =
      std::none_of(agreed.rules().begin(), agreed.rules().end(), [](char c) { return c >= 0 && c < ' '; });
  const bool has_key = agreed.hash_key().empty() || agreed.hash_key().size() == sizeof(Hash128);
  return is_text && has_key && agreed.revision() <= model::kRevisionMost;
}

v1::SchemaChange partitions_record(uint32_t partitions) {
  v1::SchemaChange record;
  record.mutable_agreement()->set_partitions(partitions);
  return record;
}

}  // namespace

bool is_of_one_log(const v1::SchemaChange& change) {
  return change.agreement().partitions() != 0 || change.agreement().has_move();
}

Status Agreement::follow() {
  const auto read =
      read_to_end(log_, kSchemaPartition, next_, [this](const eventlog::Fetched& fetched) -> Result<bool> {
        for (const eventlog::RecordView& record : fetched.records) {
          v1::SchemaChange change;
          // A record of a later version that can't be read is not for this one.
          if (change.ParseFromArray(record.value.data(), static_cast<int>(record.value.size())))
            take(change, record.offset);
        }
        return true;
      });
  if (!read) return tl::unexpected(read.error());
  FRESHET_ASSERT(*read >= next_);  // an offset never goes back
  next_ = *read;
  return {};
}

// The first key and the first claim of a revision count; later ones lost the race and change
// nothing.
void Agreement::take(const v1::SchemaChange& change, eventlog::Offset offset) {
  copied_next_ = std::max<eventlog::Offset>(copied_next_, change.copied_next());
  if (!change.has_agreement() && !change.has_tenants()) return registry_.apply(change);
  const v1::Agreement& agreed = change.agreement();
  if (!can_be_agreed(agreed)) return;
  if (agreed.has_move()) moves_.take(agreed.move());
  if (hash_key_.empty() && !agreed.hash_key().empty()) {
    hash_key_ = agreed.hash_key();
    phones_are_normal_ = agreed.normal_phones();
  }
  if (partitions_ == 0) partitions_ = agreed.partitions();
  bool is_first = true;
  // A revision that was claimed behind the copy of this log would be given away a second time in the new one.
  if (agreed.revision() != 0 && !moves_.check_claims()) {
    void_.insert(offset);
    return;
  }
  if (agreed.revision() != 0) is_first = claimed_.emplace(agreed.revision(), agreed.rules()).second;
  if (agreed.revision() != 0 && is_first && !is_of_api(agreed.rules()))
    file_revision_ = std::max(file_revision_, agreed.revision());
  if (change.has_tenants() && is_first && tenants_) tenants_(change.tenants());
}

Status Agreement::take_step(v1::Move::Step step, const std::string& other_prefix, uint32_t partitions) {
  v1::SchemaChange record;
  record.mutable_agreement()->set_partitions(partitions);
  record.mutable_agreement()->mutable_move()->set_step(step);
  record.mutable_agreement()->mutable_move()->set_prefix(other_prefix);
  const bool leaving = moves_.at() == v1::Move::LEAVING;
  FRESHET_TRY(propose({record}));
  const v1::Move::Step wanted = step == v1::Move::CALLED_OFF && leaving ? v1::Move::STEP_UNSPECIFIED : step;
  if (moves_.at() == wanted && (step == v1::Move::CALLED_OFF || moves_.other_prefix() == other_prefix)) return {};
  return fail(Code::kRetry, "somebody else moves this installation just now: look again");
}

Status Agreement::note_imports(eventlog::Offset next) {
  v1::SchemaChange record;
  record.mutable_agreement()->mutable_move()->set_imports_next(next);
  return propose({record});
}

Status Agreement::propose(const std::vector<v1::SchemaChange>& changes) {
  FRESHET_ASSERT(!changes.empty());
  std::vector<eventlog::Produce> batches(1);
  batches[0].to = kSchemaPartition;
  for (const v1::SchemaChange& change : changes) batches[0].records.add({}, change.SerializeAsString());
  FRESHET_TRY(append(log_, std::move(batches)));
  return follow();
}

Status Agreement::say(const std::vector<v1::TenantsChange>& changes) {
  std::vector<v1::SchemaChange> records;
  for (const v1::TenantsChange& change : changes) *records.emplace_back().mutable_tenants() = change;
  return propose(records);
}

std::string Agreement::claim_of(uint64_t revision) const {
  const auto claimed = claimed_.find(revision);
  return claimed == claimed_.end() ? std::string() : claimed->second;
}

Result<bool> Agreement::claim_change(const v1::TenantsChange& change, env::Random& random) {
  FRESHET_ASSERT(change.revision() > 0 && change.by_api());
  FRESHET_TRY(moves_.check_claims());
  if (claimed_.contains(change.revision())) return false;
  v1::SchemaChange record;
  record.mutable_agreement()->set_revision(change.revision());
  record.mutable_agreement()->set_rules(std::string(kOfApi) + to_hex(random.bytes(16)));
  *record.mutable_tenants() = change;
  FRESHET_TRY(propose({record}));
  const std::string claimed = claim_of(change.revision());
  if (claimed.empty()) FRESHET_TRY(moves_.check_claims());
  if (claimed.empty()) return fail(Code::kRetry, "topic schema does not show what was just written to it");
  return claimed == record.agreement().rules();
}

Result<std::string> Agreement::hash_key(const std::string& proposal, bool is_new) {
  FRESHET_TRY(follow());
  if (!hash_key_.empty()) return hash_key_;
  if (moves_.at() != v1::Move::STEP_UNSPECIFIED)
    return fail(Code::kRetry, "these topics are being prepared: wait until `freshet checkpoint prepare` is done");
  v1::SchemaChange record;
  record.mutable_agreement()->set_hash_key(proposal);
  record.mutable_agreement()->set_normal_phones(is_new);
  FRESHET_TRY(propose({record}));
  if (hash_key_.empty()) return fail(Code::kRetry, "topic schema does not show what was just written to it");
  return hash_key_;
}

Result<uint32_t> Agreement::partitions(uint32_t proposal) {
  FRESHET_TRY(follow());
  if (partitions_ != 0) return partitions_;
  FRESHET_TRY(propose({partitions_record(proposal)}));
  if (partitions_ == 0) return fail(Code::kRetry, "topic schema does not show what was just written to it");
  return partitions_;
}

Status Agreement::claim(uint64_t revision, const FileHash& file) {
  if (!claimed_.contains(revision)) {
    FRESHET_TRY(moves_.check_claims());
    v1::SchemaChange record;
    record.mutable_agreement()->set_revision(revision);
    record.mutable_agreement()->set_rules(file.whole);
    FRESHET_TRY(propose({record}));
  }
  const auto claimed = claimed_.find(revision);
  if (claimed == claimed_.end()) return fail(Code::kRetry, "topic schema does not show what was just written to it");
  if (file.is(claimed->second)) return {};
  return fail(
      Code::kInvalid,
      fmt::format("revision: another process has published other tenants or rules under {}: give all processes the "
                  "same configuration, or raise its revision",
                  revision));
}

}  // namespace freshet::app
