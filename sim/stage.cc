// The disks of a process: a store that passes everything on and may kill its process before and
// after each write. Reads never kill: a process that dies reading leaves nothing else than one that
// dies before its next write.

#include "stage.h"

#include <utility>

#include "base/assert.h"

namespace freshet::sim {
namespace {

using Visit = std::function<bool(std::string_view, std::string_view)>;

class CrashingStore final : public kv::Store {
 public:
  CrashingStore(std::unique_ptr<kv::Store> inner, CrashPoint& crash) : inner_(std::move(inner)), crash_(crash) {
    FRESHET_ASSERT(inner_ != nullptr);
  }

  Result<std::optional<std::string>> get(std::string_view key) override { return inner_->get(key); }
  Status multi_get(std::span<const std::string_view> keys, const Found& found) override {
    return inner_->multi_get(keys, found);
  }
  Status write(kv::WriteBatch& batch, kv::Durability durability) override {
    crash_.point();
    FRESHET_TRY(inner_->write(batch, durability));
    crash_.point();
    return {};
  }
  Status write_sorted(const std::function<void(kv::SortedRows&)>& fill) override {
    crash_.point();
    FRESHET_TRY(inner_->write_sorted(fill));
    crash_.point();
    return {};
  }
  Status scan(std::string_view begin, std::string_view end, const Visit& visit) override {
    return inner_->scan(begin, end, visit);
  }
  Status scan_back(std::string_view begin, std::string_view end, const Visit& visit) override {
    return inner_->scan_back(begin, end, visit);
  }
  Status flush() override {
    crash_.point();
    FRESHET_TRY(inner_->flush());
    crash_.point();
    return {};
  }
  Status sync() override { return flush(); }
  Status reclaim(std::string_view begin, std::string_view end) override { return inner_->reclaim(begin, end); }
  uint64_t disk_bytes() override { return inner_->disk_bytes(); }

 private:
  std::unique_ptr<kv::Store> inner_;
  CrashPoint& crash_;
};

}  // namespace

std::unique_ptr<kv::Store> open_crashing(std::shared_ptr<kv::MemoryDisk> disk, const kv::Options& options,
                                         CrashPoint& crash) {
  return std::make_unique<CrashingStore>(kv::open_memory(std::move(disk), options), crash);
}

}  // namespace freshet::sim
