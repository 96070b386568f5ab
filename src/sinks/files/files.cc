// How a crash makes no second copy: the end of a batch is decided by an object that is put first and only if it is not
// there (the plan); files are named by begin and end and put likewise; the manifest comes last and says that all is
// there. Whoever repeats a batch finds the plan and makes the same files.
#include "sinks/files/files.h"

#include <cstdlib>
#include <map>
#include <utility>

#include "base/assert.h"
#include "base/mutant.h"
#include "sinks/files/layout.h"

namespace freshet::sinks {
namespace {

constexpr env::TimeUs kFilesLingerUs = 60'000'000;
constexpr size_t kPlanBytesMax = 16u << 20;
constexpr uint32_t kAttempts = 2;  // the runner makes more of them

// What is there already is as good.
Status put_if_absent(objectstore::ObjectStore& store, const std::string& key, std::string_view content) {
  Status put = store.put_new(key, content);
  if (!put && put.error().code == Code::kConflict) return {};
  return put;
}

class Files final : public Sink {
 public:
  Files(const Around& around, std::unique_ptr<objectstore::ObjectStore> store)
      : around_(around),
        style_{around.sink.compression, around.sink.split_by, around.sink.format, around.sink.columns},
        layout_(around.tenant, around.sink.name),
        store_(std::move(store)) {}

  BatchWish wish() const override { return {around_.sink.file_bytes, kFilesLingerUs}; }
  Result<Resume> assigned(eventlog::TopicPartition of, eventlog::Offset committed) override;
  Status passed(eventlog::TopicPartition of, eventlog::Offset from, eventlog::Offset to) override;
  std::vector<Outcome> take(std::span<const Batch> batches) override;

 private:
  [[nodiscard]] Result<std::optional<Plan>> read(const std::string& key);
  [[nodiscard]] Result<std::optional<Plan>> settle(const Batch& batch, Plan plan);
  [[nodiscard]] Result<bool> are_there(const std::vector<PlannedFile>& files);
  [[nodiscard]] Outcome write(const Batch& batch);
  [[nodiscard]] Status write_all(const Batch& batch, bool& stale);

  const Around around_;
  const FileStyle style_;
  const FileLayout layout_;
  std::unique_ptr<objectstore::ObjectStore> store_;
  std::map<eventlog::TopicPartition, FileStyle> resumed_;  // of batches that were begun before
};

// nullopt: there is none.
Result<std::optional<Plan>> Files::read(const std::string& key) {
  const auto text = objectstore::get_small(*store_, key, kPlanBytesMax);
  if (!text && text.error().code == Code::kNotFound) return std::nullopt;
  if (!text) return tl::unexpected(text.error());
  auto plan = parse_plan(*text);
  if (!plan) return fail(plan.error().code, store_->where() + "/" + key + ": " + plan.error().message);
  return *std::move(plan);
}

Result<bool> Files::are_there(const std::vector<PlannedFile>& files) {
  for (const PlannedFile& file : files) {
    FRESHET_ASSIGN(const auto found, store_->list(file.path));
    if (found.empty() || found.front().key != file.path) return false;
  }
  return true;
}

// Follows the manifests from the log's place on: those that are there are done. A plan without a manifest is a batch
// that was begun: it is finished as it was planned.
Result<Resume> Files::assigned(eventlog::TopicPartition of, eventlog::Offset committed) {
  resumed_.erase(of);
  Resume resume{committed, std::nullopt};
  while (true) {
    FRESHET_ASSIGN(const auto written, read(layout_.manifest_key(of, resume.from)));
    if (written && written->next <= resume.from)
      return fail(Code::kCorrupt, layout_.manifest_key(of, resume.from) + ": ends before it begins");
    if (written) {
      resume.from = written->next;
      continue;
    }
    FRESHET_ASSIGN(const auto plan, read(layout_.plan_key(of, resume.from)));
    if (!plan) return resume;
    FRESHET_ASSIGN(const bool complete, are_there(plan->files));
    if (!complete) {
      if (FRESHET_MUTANT(kFilesPlanIgnored)) return resume;
      resume.until = plan->next;
      resumed_[of] = plan->style;
      return resume;
    }
    const Batch batch{of, resume.from, plan->next, {}};
    FRESHET_TRY(put_if_absent(*store_, layout_.manifest_key(of, resume.from), text_of_plan(batch, *plan)));
  }
}

// The plan that counts: this one, or that which was there before. nullopt: it is gone again.
Result<std::optional<Plan>> Files::settle(const Batch& batch, Plan plan) {
  const std::string key = layout_.plan_key(batch.from, batch.begin);
  const Status planned = store_->put_new(key, text_of_plan(batch, plan));
  if (planned) return plan;
  if (planned.error().code != Code::kConflict) return tl::unexpected(planned.error());
  return read(key);
}

// A batch without files, which is planned and written as any other.
Status Files::passed(eventlog::TopicPartition of, eventlog::Offset from, eventlog::Offset to) {
  const Batch batch{of, from, to, {}};
  FRESHET_ASSIGN(const auto first, settle(batch, {to, style_, {}}));
  if (!first || first->next != to || !first->files.empty())
    return fail(Code::kConflict, "another process has begun to write these records");
  return put_if_absent(*store_, layout_.manifest_key(of, from), text_of_plan(batch, *first));
}

std::vector<Outcome> Files::take(std::span<const Batch> batches) {
  std::vector<Outcome> outcomes;
  for (const Batch& batch : batches) outcomes.push_back(write(batch));
  return outcomes;
}

Outcome Files::write(const Batch& batch) {
  bool stale = false;
  const Status written = write_all(batch, stale);
  if (stale) return {Outcome::What::kStale, 0, "another process has begun to write these records", 0};
  if (!written) return {Outcome::What::kLater, 0, written.error().message, 0};
  resumed_.erase(batch.from);
  return {Outcome::What::kDone, batch.items.size(), "", 0};
}

// Another process may have planned the same begin with another end since: then this batch is not ours to write.
Status Files::write_all(const Batch& batch, bool& stale) {
  const auto resumed = resumed_.find(batch.from);
  const FileStyle style = resumed != resumed_.end() ? resumed->second : style_;
  const std::vector<MadeFile> files = layout_.make(batch, style);
  Plan plan{batch.next, style, {}};
  for (const MadeFile& made : files) plan.files.push_back(made.file);
  FRESHET_ASSIGN(const auto first, settle(batch, std::move(plan)));
  stale = !first || first->next != batch.next || first->style != style;
  if (stale && !FRESHET_MUTANT(kFilesPlanIgnored)) return {};
  const std::string text = text_of_plan(batch, *first);
  const std::string manifest = layout_.manifest_key(batch.from, batch.begin);
  if (FRESHET_MUTANT(kFilesManifestFirst)) FRESHET_TRY(put_if_absent(*store_, manifest, text));
  for (const MadeFile& made : files) FRESHET_TRY(put_if_absent(*store_, made.file.path, made.content));
  return put_if_absent(*store_, manifest, text);
}

}  // namespace

std::unique_ptr<Sink> make_files(const Around& around, std::unique_ptr<objectstore::ObjectStore> store) {
  return std::make_unique<Files>(around, std::move(store));
}

Result<std::unique_ptr<Sink>> open_files(const Around& around) {
  objectstore::StoreOptions options;
  options.to = around.sink.to;
  options.endpoint = around.sink.endpoint;
  options.attempts = kAttempts;
  take_from_environment(options, [](const char* name) -> const char* {
    return std::getenv(name);  // NOLINT: nothing sets variables after the start
  });
  FRESHET_ASSIGN(auto store, objectstore::open_store(options, *around.clock, *around.random));
  return make_files(around, std::move(store));
}

}  // namespace freshet::sinks
