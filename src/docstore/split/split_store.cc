// Writes to one store and then, of what that took, to the other. The second one is never ahead:
// what it finds by an identifier is therefore in the first one too.

#include "docstore/split/split_store.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "docstore/rules.h"
#include "model/document.h"

namespace freshet::docstore {
namespace {

using v1::Change;
using v1::ChangeOp;

// A call of write() on its way through both stores.
struct SplitWrite {
  std::vector<Change> bulk;
  std::vector<Status> results;
  WriteDone done;
  std::vector<size_t> sent;  // the places in the bulk of the changes that went to the second store too
};

class SplitStore final : public DocStore {
 public:
  SplitStore(std::unique_ptr<DocStore> whole, std::unique_ptr<DocStore> searched, std::vector<std::string> indexed)
      : indexed_(std::move(indexed)), whole_(std::move(whole)), searched_(std::move(searched)) {
    std::sort(indexed_.begin(), indexed_.end());
  }

  void write(std::vector<Change> bulk, WriteDone done) override {
    FRESHET_ASSERT(done != nullptr);
    const auto job = std::make_shared<SplitWrite>();
    job->done = std::move(done);
    whole_->write(std::move(bulk), [this, job](std::vector<Change> written, std::vector<Status> results) {
      FRESHET_ASSERT(results.size() == written.size());
      job->bulk = std::move(written);
      job->results = std::move(results);
      write_searched(job);
    });
  }

  Status sync() override {
    FRESHET_TRY(whole_->sync());
    return searched_->sync();
  }
  Status health() override {
    FRESHET_TRY(whole_->health());
    return searched_->health();
  }
  Status add_tenant(const model::Tenant& tenant) override {
    FRESHET_TRY(whole_->add_tenant(tenant));
    return searched_->add_tenant(tenant);
  }
  Status scrub(std::atomic<bool>& canceled) override { return whole_->scrub(canceled); }
  Result<uint64_t> check_next_file(std::string& cursor) override { return whole_->check_next_file(cursor); }
  bool wants_sync() const override { return whole_->wants_sync() || searched_->wants_sync(); }
  Result<std::optional<StoredDocument>> get(const EntityKey& key) override { return whole_->get(key); }
  Result<std::optional<StoredDocument>> find(const std::string& tenant, v1::EntityKind kind,
                                             const v1::Identifier& identifier) override {
    return whole_->find(tenant, kind, identifier);
  }
  bool finds_by_prefix() const override { return searched_->finds_by_prefix(); }
  // MongoDB is searched, and what it finds is read whole.
  Result<std::vector<StoredDocument>> find_by_prefix(const std::string& tenant, v1::EntityKind kind,
                                                     const v1::Identifier& begin, size_t count) override {
    FRESHET_ASSIGN(const auto found, searched_->find_by_prefix(tenant, kind, begin, count));
    std::vector<StoredDocument> all;
    for (const StoredDocument& one : found) {
      FRESHET_ASSIGN(auto stored, whole_->get(one.key));
      if (stored && first_with_prefix(stored->document, begin)) all.push_back(*std::move(stored));
    }
    return all;
  }
  Result<std::vector<StoredDocument>> list(const std::string& tenant, v1::EntityKind kind, std::string_view after,
                                           size_t count) override {
    return whole_->list(tenant, kind, after, count);
  }

 private:
  // Sends what the first store has taken, as far as the second one is to have it.
  void write_searched(const std::shared_ptr<SplitWrite>& job) {
    std::vector<Change> part;
    for (size_t i = 0; i < job->bulk.size(); ++i) {
      if (!job->results[i] || !matters(job->bulk[i])) continue;
      part.push_back(projected(job->bulk[i]));
      job->sent.push_back(i);
    }
    if (part.empty()) return job->done(std::move(job->bulk), std::move(job->results));
    searched_->write(std::move(part), [job](const std::vector<Change>&, std::vector<Status> results) {
      FRESHET_ASSERT(results.size() == job->sent.size());
      for (size_t i = 0; i < results.size(); ++i) job->results[job->sent[i]] = std::move(results[i]);
      job->done(std::move(job->bulk), std::move(job->results));
    });
  }

  // What people search by.
  [[nodiscard]] bool is_searched(const ChangeOp& op) const {
    if (op.section() == v1::IDENTIFIERS) return true;
    return op.section() == v1::ATTRIBUTES && std::binary_search(indexed_.begin(), indexed_.end(), op.name());
  }
  // A change that makes or replaces a document, or takes it away, always matters: the document's
  // existence is searched too.
  [[nodiscard]] bool matters(const Change& change) const {
    if (change.remove() || change.whole() || model::follows(0, change)) return true;
    return std::any_of(change.ops().begin(), change.ops().end(),
                       [this](const ChangeOp& op) { return is_searched(op); });
  }
  // The change without the ops that the second store does not keep. It keeps its versions, by which
  // replays are recognized.
  [[nodiscard]] Change projected(const Change& change) const {
    Change part;
    part.set_tenant(change.tenant());
    part.set_kind(change.kind());
    part.set_id(change.id());
    part.set_version(change.version());
    part.set_first_version(change.first_version());
    part.set_remove(change.remove());
    part.set_whole(change.whole());
    part.set_received_at_us(change.received_at_us());
    for (const ChangeOp& op : change.ops()) {
      if (is_searched(op)) *part.add_ops() = op;
    }
    return part;
  }

  std::vector<std::string> indexed_;  // sorted
  const std::unique_ptr<DocStore> whole_;
  // Destroyed first: its threads end with it, so nothing uses the members above any more.
  const std::unique_ptr<DocStore> searched_;
};

}  // namespace

std::unique_ptr<DocStore> make_split_store(std::unique_ptr<DocStore> whole, std::unique_ptr<DocStore> searched,
                                           std::vector<std::string> indexed) {
  return std::make_unique<SplitStore>(std::move(whole), std::move(searched), std::move(indexed));
}

}  // namespace freshet::docstore
