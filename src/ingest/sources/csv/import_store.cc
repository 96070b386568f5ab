// Keeps the progress of imports in a key-value store, one row each.

#include "ingest/sources/csv/import_store.h"

#include "base/assert.h"

namespace freshet::ingest {
namespace {

std::string key_of(const std::string& tenant, const std::string& id) {
  // The NUL ends the tenant's name, so that no tenant's rows lie within the range of another one.
  FRESHET_ASSERT(tenant.find('\0') == std::string::npos);
  std::string key = "i";
  key.append(tenant).append(1, '\0').append(id);
  return key;
}

class KvImportStore final : public ImportStore {
 public:
  explicit KvImportStore(std::shared_ptr<kv::Store> store) : store_(std::move(store)) {}

  Status put(const v1::ImportProgress& progress, bool synced) override {
    kv::WriteBatch batch;
    batch.put(key_of(progress.tenant(), progress.id()), progress.SerializeAsString());
    return store_->write(batch, synced ? kv::Durability::kSynced : kv::Durability::kLogged);
  }

  Result<std::optional<v1::ImportProgress>> get(const std::string& tenant, const std::string& id) override {
    auto row = store_->get(key_of(tenant, id));
    if (!row) return tl::unexpected<Error>(std::move(row).error());
    if (!*row) return std::nullopt;
    v1::ImportProgress progress;
    if (!progress.ParseFromString(**row))
      return fail(Code::kCorrupt, "the stored progress of import " + id + " is damaged");
    return progress;
  }

  Result<std::vector<v1::ImportProgress>> list(const std::string& tenant, size_t count) override {
    std::vector<v1::ImportProgress> all;
    std::string end = key_of(tenant, "");
    // The range ends before the next byte after the NUL: all rows of this tenant and of no other.
    end.back() = '\1';
    const Status status = store_->scan(key_of(tenant, ""), end, [&](std::string_view, std::string_view value) {
      if (all.size() >= count) return false;
      v1::ImportProgress progress;
      // A damaged row is left out of the list: one bad import must not hide the others. get() tells
      // of it.
      if (progress.ParseFromArray(value.data(), static_cast<int>(value.size()))) all.push_back(std::move(progress));
      return true;
    });
    FRESHET_TRY(status);
    return all;
  }

 private:
  std::shared_ptr<kv::Store> store_;
};

}  // namespace

std::unique_ptr<ImportStore> make_import_store(std::shared_ptr<kv::Store> store) {
  return std::make_unique<KvImportStore>(std::move(store));
}

}  // namespace freshet::ingest
