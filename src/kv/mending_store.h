// A store that mends itself: after a failed write (a full disk) it is opened again, as often as it takes. What was
// written and not synced before may be gone then, so whoever keeps some of it in memory reads it again.
#pragma once

#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "kv/store.h"

namespace freshet::kv {

// What becomes of a store that is damaged.
enum class OnDamage : uint8_t {
  kBeginAnew,  // it is set aside, and an empty one begins: of rows that cost time and nothing else if they are gone
  kStayIll,    // it is not opened, as there is nothing else that has its rows
};

class MendingStore final : public Store {
 public:
  [[nodiscard]] static Result<std::unique_ptr<MendingStore>> open(const Options& options, OnDamage on_damage);

  // Does nothing while the store is well. To be called now and then; waits for the calls that are under way.
  // Not ok: what is still wrong.
  [[nodiscard]] Status mend();

  // While it can't be opened they answer kRetry.
  Result<std::optional<std::string>> get(std::string_view key) override;
  Status multi_get(std::span<const std::string_view> keys, const Found& found) override;
  Status write(WriteBatch& batch, Durability durability) override;
  Status write_sorted(const std::function<void(SortedRows&)>& fill) override;
  Status scan(std::string_view begin, std::string_view end,
              const std::function<bool(std::string_view, std::string_view)>& visit) override;
  Status scan_back(std::string_view begin, std::string_view end,
                   const std::function<bool(std::string_view, std::string_view)>& visit) override;
  Status flush() override;
  Status sync() override;
  Status reclaim(std::string_view begin, std::string_view end) override;
  Status scrub(std::atomic<bool>& canceled) override;
  Result<uint64_t> check_next_file(std::string& cursor) override;
  uint64_t disk_bytes() override;
  Status health() override;

 private:
  MendingStore(Options options, OnDamage on_damage) : options_(std::move(options)), on_damage_(on_damage) {}
  [[nodiscard]] Status reopen();
  template <class Call>
  auto with_store(Call call) -> decltype(call(std::declval<Store&>()));

  const Options options_;
  const OnDamage on_damage_;
  std::shared_mutex mutex_;  // calls share it
  std::unique_ptr<Store> store_;
  Status why_;  // of a store that could not be opened
};

}  // namespace freshet::kv
