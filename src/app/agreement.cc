// Agreement by the order of one partition: everybody reads the same first record, so everybody
// decides the same, without a coordinator (decision 0013).

#include "app/agreement.h"

#include <fmt/format.h>

#include <utility>

#include "app/log.h"
#include "base/assert.h"

namespace freshet::app {
namespace {

constexpr eventlog::TopicPartition kSchema{eventlog::Topic::kSchema, 0};

}  // namespace

Status Agreement::follow() {
  const auto read = read_to_end(log_, kSchema, next_, [this](const eventlog::Fetched& fetched) -> Result<bool> {
    for (const eventlog::RecordView& record : fetched.records) {
      v1::SchemaChange change;
      // A record of a later version that can't be read is not for this one.
      if (change.ParseFromArray(record.value.data(), static_cast<int>(record.value.size()))) take(change);
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
void Agreement::take(const v1::SchemaChange& change) {
  if (!change.has_agreement()) return registry_.apply(change);
  const v1::Agreement& agreed = change.agreement();
  if (hash_key_.empty()) hash_key_ = agreed.hash_key();
  if (agreed.revision() != 0) claimed_.emplace(agreed.revision(), agreed.rules());
}

Status Agreement::propose(const v1::Agreement& agreement) {
  v1::SchemaChange change;
  *change.mutable_agreement() = agreement;
  std::vector<eventlog::Produce> batches(1);
  batches[0].to = kSchema;
  batches[0].records.add({}, change.SerializeAsString());
  FRESHET_TRY(append(log_, std::move(batches)));
  // What was written is read back: only that shows whether it was first.
  return follow();
}

Result<std::string> Agreement::hash_key(const std::string& proposal) {
  FRESHET_TRY(follow());
  if (!hash_key_.empty()) return hash_key_;
  v1::Agreement agreement;
  agreement.set_hash_key(proposal);
  FRESHET_TRY(propose(agreement));
  if (hash_key_.empty()) return fail(Code::kRetry, "topic schema does not show what was just written to it");
  return hash_key_;
}

Status Agreement::claim(uint64_t revision, const std::string& rules) {
  if (!claimed_.contains(revision)) {
    v1::Agreement agreement;
    agreement.set_revision(revision);
    agreement.set_rules(rules);
    FRESHET_TRY(propose(agreement));
  }
  const auto claimed = claimed_.find(revision);
  if (claimed == claimed_.end()) return fail(Code::kRetry, "topic schema does not show what was just written to it");
  if (claimed->second == rules) return {};
  return fail(
      Code::kInvalid,
      fmt::format("revision: another process has published other tenants or rules under {}: give all processes the "
                  "same configuration, or raise its revision",
                  revision));
}

}  // namespace freshet::app
