// Dead letters as the console keeps them: taken from topic `deadletters`, where all tenants share one way, into a store
// in which each tenant has room of its own. So a tenant that sends garbage pushes out its own letters and nobody
// else's, and one letter can be taken out again.
//
// Rows (docs/format/letters.md): 'l' tenant NUL id -> DeadLetter; 'n' tenant NUL day NUL code -> count; 'o' partition
// -> the offset up to which the topic is in these rows. Not thread-safe: LetterKeeper sees to that.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "env/clock.h"
#include "freshet/v1/event.pb.h"
#include "kv/store.h"

namespace freshet::console {

// Which letters are wanted.
struct LetterFilter {
  std::string tenant;
  std::string code;             // if it is empty, any code
  std::string message_id = {};  // likewise
};

struct LetterPage {
  std::vector<v1::DeadLetter> letters;  // the newest first: by falling id
  std::optional<std::string> next;      // the id after which the next page goes on; nullopt: nothing older is left
};

// How much one page may cost.
struct PageBounds {
  size_t limit = 50;            // letters of the page
  size_t rows_max = 5000;       // looked at before the page ends short, with a cursor
  size_t bytes_max = 8u << 20;  // the same
};

// What is kept of each tenant. Beyond it the oldest of that tenant go.
struct LetterQuota {
  uint64_t letters = 100'000;
  uint64_t bytes = 64u << 20;
  env::TimeUs age_us = 30ll * 86'400 * 1'000'000;
};

struct LetterCount {
  std::string day;  // of received_at, UTC: 2026-01-31
  std::string code;
  uint64_t count = 0;
};

struct LetterUsage {
  uint64_t letters = 0;
  uint64_t bytes = 0;
};

class Letters {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Letters>> open(kv::Store& store, const LetterQuota& quota);

  // ---- taking in: gathered in `batch`, which the caller writes, whole, before the next call of anything else
  // One that is there already changes nothing: an append may be repeated.
  [[nodiscard]] Status add(const v1::DeadLetter& letter, kv::WriteBatch& batch);
  // Counted only: `count` letters of this code are kept nowhere.
  [[nodiscard]] Status count(const v1::DeadLetter& of, std::string_view code, uint64_t count, kv::WriteBatch& batch);
  void written();

  // Takes out the oldest of the tenants that have more than their quota. Counted in freshet_deadletters_evicted_total.
  [[nodiscard]] Status evict();
  // Takes out what is older than the quota allows, of all tenants.
  [[nodiscard]] Status expire(env::TimeUs now_us);

  // ---- reading
  [[nodiscard]] Result<LetterPage> page(const LetterFilter& filter, std::string_view after, const PageBounds& bounds);
  [[nodiscard]] Result<std::optional<v1::DeadLetter>> get(const std::string& tenant, const std::string& id);
  [[nodiscard]] Result<std::vector<LetterCount>> counts(const std::string& tenant);
  [[nodiscard]] LetterUsage usage(const std::string& tenant) const;
  [[nodiscard]] uint64_t total() const;  // of all tenants
  [[nodiscard]] const LetterQuota& quota() const { return quota_; }

  // Takes out those of these ids that are still there.
  [[nodiscard]] Status remove(const std::string& tenant, const std::vector<std::string>& ids);

 private:
  Letters(kv::Store& store, const LetterQuota& quota) : store_(store), quota_(quota) {}

  [[nodiscard]] Status load_usage();
  [[nodiscard]] Status evict(const std::string& tenant, LetterUsage& usage);
  [[nodiscard]] Status remove(const std::string& tenant, const std::vector<std::pair<std::string, uint64_t>>& rows);

  kv::Store& store_;
  const LetterQuota quota_;
  std::map<std::string, LetterUsage, std::less<>> usage_;
  std::map<std::string, std::string, std::less<>> oldest_;  // by tenant: nothing is left before this key
  std::map<std::string, uint64_t> counts_;                  // rows of the batch that is not written yet
  std::map<std::string, uint64_t> added_;                   // the same: keys of letters, and their sizes
};

// Where the topic goes on, in the same rows.
[[nodiscard]] std::string position_key(uint32_t partition);
// Of which log these are; no row: from before there were names.
inline constexpr std::string_view kLogNameKey = "p";

// kInvalid: not a cursor.
[[nodiscard]] Status check_cursor(std::string_view text);

// With `whole` the letter has its body: as JSON if it is some, else as text or as hex.
[[nodiscard]] std::string letter_json(const v1::DeadLetter& letter, bool whole);

}  // namespace freshet::console
