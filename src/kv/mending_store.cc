// A store whose disk was full is read-only for good, as RocksDB may or may not have what could not be written. Closed
// and opened again it has what is in its files.
#include "kv/mending_store.h"

#include <mutex>
#include <utility>

#include "telemetry/log.h"

namespace freshet::kv {

Result<std::unique_ptr<MendingStore>> MendingStore::open(const Options& options, OnDamage on_damage) {
  std::unique_ptr<MendingStore> store(new MendingStore(options, on_damage));
  FRESHET_TRY(store->reopen());
  return store;
}

Status MendingStore::reopen() {
  auto opened = open_rocks(options_);
  if (!opened && opened.error().code == Code::kCorrupt && on_damage_ == OnDamage::kBeginAnew) {
    FRESHET_ASSIGN(const std::string aside, set_aside(options_.path));
    log::error("{}; it begins anew, the damaged one lies in {}", opened.error().message, aside);
    opened = open_rocks(options_);
  }
  why_ = opened ? Status{} : tl::unexpected(opened.error());
  if (opened) store_ = std::move(*opened);
  return why_;
}

// Waits for the calls that are under way, and holds up new ones, until the store was closed and opened again.
Status MendingStore::mend() {
  if (health()) return {};
  const std::unique_lock lock(mutex_);
  store_.reset();
  const Status opened = reopen();
  if (opened) log::info("store {} was opened again and is well", options_.path);
  return opened;
}

Status MendingStore::health() {
  const std::shared_lock lock(mutex_);
  return store_ == nullptr ? why_ : store_->health();
}

template <class Call>
auto MendingStore::with_store(Call call) -> decltype(call(std::declval<Store&>())) {
  const std::shared_lock lock(mutex_);
  if (store_ == nullptr) return fail(Code::kRetry, "it can't be opened at the moment: " + why_.error().message);
  return call(*store_);
}

Result<std::optional<std::string>> MendingStore::get(std::string_view key) {
  return with_store([&](Store& store) { return store.get(key); });
}

Status MendingStore::multi_get(std::span<const std::string_view> keys, const Found& found) {
  return with_store([&](Store& store) { return store.multi_get(keys, found); });
}

Status MendingStore::write(WriteBatch& batch, Durability durability) {
  return with_store([&](Store& store) { return store.write(batch, durability); });
}

Status MendingStore::write_sorted(const std::function<void(SortedRows&)>& fill) {
  return with_store([&](Store& store) { return store.write_sorted(fill); });
}

Status MendingStore::scan(std::string_view begin, std::string_view end,
                          const std::function<bool(std::string_view, std::string_view)>& visit) {
  return with_store([&](Store& store) { return store.scan(begin, end, visit); });
}

Status MendingStore::scan_back(std::string_view begin, std::string_view end,
                               const std::function<bool(std::string_view, std::string_view)>& visit) {
  return with_store([&](Store& store) { return store.scan_back(begin, end, visit); });
}

Status MendingStore::flush() {
  return with_store([](Store& store) { return store.flush(); });
}

Status MendingStore::sync() {
  return with_store([](Store& store) { return store.sync(); });
}

Status MendingStore::reclaim(std::string_view begin, std::string_view end) {
  return with_store([&](Store& store) { return store.reclaim(begin, end); });
}

Status MendingStore::scrub(std::atomic<bool>& canceled) {
  return with_store([&](Store& store) { return store.scrub(canceled); });
}

Result<uint64_t> MendingStore::check_next_file(std::string& cursor) {
  return with_store([&](Store& store) { return store.check_next_file(cursor); });
}

uint64_t MendingStore::disk_bytes() {
  const std::shared_lock lock(mutex_);
  return store_ == nullptr ? 0 : store_->disk_bytes();
}

}  // namespace freshet::kv
