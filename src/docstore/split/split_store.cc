#include "docstore/split/split_store.h"

#include <algorithm>
#include <utility>

#include "model/document.h"

namespace freshet::docstore {
namespace {

using v1::Change;
using v1::ChangeOp;

// A call of write(), on its way through both stores.
struct Job {
  std::vector<Change> bulk;
  std::vector<Status> results;
  WriteDone done;
  std::vector<size_t> sent;  // which of the bulk went to the second store, too
};

class SplitStore final : public DocStore {
 public:
  SplitStore(std::unique_ptr<DocStore> whole, std::unique_ptr<DocStore> searched, std::vector<std::string> indexed)
      : indexed_(std::move(indexed)), whole_(std::move(whole)), searched_(std::move(searched)) {
    std::sort(indexed_.begin(), indexed_.end());
  }

  void write(std::vector<Change> bulk, WriteDone done) override {
    const auto job = std::make_shared<Job>();
    job->done = std::move(done);
    whole_->write(std::move(bulk), [this, job](std::vector<Change> written, std::vector<Status> results) {
      job->bulk = std::move(written);
      job->results = std::move(results);
      write_searched(job);
    });
  }

  Status sync() override {
    FRESHET_TRY(whole_->sync());
    return searched_->sync();
  }
  bool wants_sync() const override { return whole_->wants_sync() || searched_->wants_sync(); }
  Result<std::optional<StoredDocument>> get(const EntityKey& key) override { return whole_->get(key); }
  Result<std::optional<StoredDocument>> find(const std::string& tenant, v1::EntityKind kind,
                                             const v1::Identifier& identifier) override {
    return whole_->find(tenant, kind, identifier);
  }
  Result<std::vector<StoredDocument>> list(const std::string& tenant, v1::EntityKind kind, std::string_view after,
                                           size_t count) override {
    return whole_->list(tenant, kind, after, count);
  }

 private:
  // What the first store has taken, as far as the second one is to have it.
  void write_searched(const std::shared_ptr<Job>& job) {
    std::vector<Change> part;
    for (size_t i = 0; i < job->bulk.size(); ++i) {
      if (!job->results[i] || !matters(job->bulk[i])) continue;
      part.push_back(projected(job->bulk[i]));
      job->sent.push_back(i);
    }
    if (part.empty()) return job->done(std::move(job->bulk), std::move(job->results));
    searched_->write(std::move(part), [job](const std::vector<Change>&, std::vector<Status> results) {
      for (size_t i = 0; i < results.size(); ++i) job->results[job->sent[i]] = std::move(results[i]);
      job->done(std::move(job->bulk), std::move(job->results));
    });
  }

  [[nodiscard]] bool is_searched(const ChangeOp& op) const {
    if (op.section() == v1::IDENTIFIERS) return true;
    return op.section() == v1::ATTRIBUTES && std::binary_search(indexed_.begin(), indexed_.end(), op.name());
  }
  [[nodiscard]] bool matters(const Change& change) const {
    if (change.remove() || change.whole() || model::follows(0, change)) return true;
    return std::any_of(change.ops().begin(), change.ops().end(),
                       [this](const ChangeOp& op) { return is_searched(op); });
  }
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
  const std::unique_ptr<DocStore> searched_;  // destroyed first: then nothing is under way any more
};

}  // namespace

std::unique_ptr<DocStore> make_split_store(std::unique_ptr<DocStore> whole, std::unique_ptr<DocStore> searched,
                                           std::vector<std::string> indexed) {
  return std::make_unique<SplitStore>(std::move(whole), std::move(searched), std::move(indexed));
}

}  // namespace freshet::docstore
