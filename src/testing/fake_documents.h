// A MongoDB database in memory with its log, as docstore/mongo/change_reader.h shows one. For tests.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/pattern.h"
#include "docstore/mongo/change_reader.h"
#include "testing/clock.h"

namespace freshet::testing {

// For one thread; outlives its readers. Ids and documents are texts of JSON.
class FakeDocuments {
 public:
  using Documents = std::map<std::string, std::string>;

  explicit FakeDocuments(env::FakeClock& with) : clock(with) {}

  void put(const std::string& collection, const std::string& id, const std::string& text) {
    const std::optional<std::string> before = state_of(collection, id);
    const bool fresh = collections[collection].insert_or_assign(id, text).second;
    docstore::DocumentChange change =
        of(fresh ? docstore::ChangeKind::kInsert : docstore::ChangeKind::kUpdate, collection);
    change.id = id;
    if (fresh) change.after = text;
    if (keeps_before) change.before = before;
    log.push_back(std::move(change));
  }
  void erase(const std::string& collection, const std::string& id) {
    const std::optional<std::string> before = state_of(collection, id);
    if (collections[collection].erase(id) == 0) return;
    docstore::DocumentChange change = of(docstore::ChangeKind::kDelete, collection);
    change.id = id;
    if (keeps_before) change.before = before;
    log.push_back(std::move(change));
  }
  void drop(const std::string& collection) {
    if (collections.erase(collection) > 0) log.push_back(of(docstore::ChangeKind::kDropped, collection));
  }
  void rename(const std::string& from, const std::string& to) {
    if (from == to || !collections.contains(from)) return;
    collections[to] = std::exchange(collections[from], {});
    collections.erase(from);
    docstore::DocumentChange change = of(docstore::ChangeKind::kRenamed, from);
    change.to = to;
    log.push_back(std::move(change));
  }
  // What is older is no longer known.
  void forget_log() { first = log.size(); }

  [[nodiscard]] std::unique_ptr<docstore::ChangeReader> reader(std::vector<std::string> patterns);

  // Called in each call of a reader with its name, before it looks.
  std::function<void(const char* call)> at_call = [](const char*) {};
  // Asked after it: not ok, and that is the answer.
  std::function<Status(const char* call)> refuse = [](const char*) { return Status{}; };
  bool keeps_before = false;  // changes tell the document before them, as change streams can
  env::FakeClock& clock;
  std::map<std::string, Documents> collections;
  std::vector<docstore::DocumentChange> log;  // a position is an index
  size_t first = 0;

  [[nodiscard]] Status step(const char* call) {
    at_call(call);
    return refuse(call);
  }

 private:
  [[nodiscard]] std::optional<std::string> state_of(const std::string& collection, const std::string& id) {
    const auto& all = collections[collection];
    const auto found = all.find(id);
    return found == all.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] docstore::DocumentChange of(docstore::ChangeKind kind, const std::string& collection) const {
    docstore::DocumentChange change;
    change.kind = kind;
    change.collection = collection;
    change.at_ms = clock.now / 1000;
    return change;
  }
};

class FakeDocumentsReader final : public docstore::ChangeReader {
 public:
  FakeDocumentsReader(FakeDocuments& of, std::vector<std::string> patterns) : of_(of), patterns_(std::move(patterns)) {}

  Result<std::string> now() override {
    FRESHET_TRY(of_.step("now"));
    return std::to_string(of_.log.size());
  }
  Result<std::vector<std::string>> collections() override {
    FRESHET_TRY(of_.step("collections"));
    std::vector<std::string> out;
    for (const auto& [name, documents] : of_.collections)
      if (wants(name)) out.push_back(name);
    return out;
  }
  Result<docstore::DocumentPage> documents(const std::string& collection, const std::string& after_id, size_t most,
                                           size_t) override {
    FRESHET_TRY(of_.step("documents"));
    docstore::DocumentPage page;
    page.last = true;
    const auto& all = of_.collections[collection];
    for (auto one = after_id.empty() ? all.begin() : all.upper_bound(after_id); one != all.end(); ++one) {
      page.last = page.documents.size() < std::min(most, page_most);
      if (!page.last) break;
      page.documents.push_back({one->first, one->second, ""});
    }
    return page;
  }
  Result<std::vector<std::string>> gone(const std::string& collection, const std::vector<std::string>& ids) override {
    FRESHET_TRY(of_.step("gone"));
    std::vector<std::string> out;
    for (const std::string& id : ids)
      if (!of_.collections[collection].contains(id)) out.push_back(id);
    return out;
  }
  Result<docstore::DocumentChanges> changes(const std::string& position, env::TimeUs timeout_us) override {
    FRESHET_TRY(of_.step("changes"));
    size_t at = 0;
    (void)std::from_chars(position.data(), position.data() + position.size(), at);
    if (at < of_.first) return fail(Code::kNotFound, "the log begins later");
    docstore::DocumentChanges out;
    if (at == of_.log.size()) of_.clock.sleep_us(timeout_us);
    for (size_t taken = 0; at < of_.log.size() && taken < changes_most; ++at, ++taken) {
      docstore::DocumentChange change = of_.log[at];
      if (!wants(change.collection) && !wants(change.to)) continue;
      const auto& all = of_.collections[change.collection];
      if (change.kind == docstore::ChangeKind::kUpdate)
        if (const auto found = all.find(change.id); found != all.end()) change.after = found->second;
      out.list.push_back(std::move(change));
      if (is_of_collection(out.list.back().kind)) {
        ++at;
        break;
      }
    }
    out.next = std::to_string(at);
    return out;
  }

  size_t page_most = 3;
  size_t changes_most = 4;

 private:
  [[nodiscard]] bool wants(const std::string& name) const {
    return !name.empty() && std::any_of(patterns_.begin(), patterns_.end(),
                                        [&](const std::string& pattern) { return fits_pattern(pattern, name); });
  }
  FakeDocuments& of_;
  const std::vector<std::string> patterns_;
};

inline std::unique_ptr<docstore::ChangeReader> FakeDocuments::reader(std::vector<std::string> patterns) {
  return std::make_unique<FakeDocumentsReader>(*this, std::move(patterns));
}

}  // namespace freshet::testing
