// Keeps the progress of imports in a key-value store, one row each.

#include "ingest/sources/csv/import_store.h"

#include "base/assert.h"

namespace freshet::ingest {
namespace {

constexpr char kProgressRow = 'i';
constexpr char kMappingRow = 'm';

std::string key_of(char row, const std::string& tenant, const std::string& id) {
  // The NUL ends the tenant's name, so that no tenant's rows lie within the range of another one.
  FRESHET_ASSERT(tenant.find('\0') == std::string::npos);
  std::string key(1, row);
  key.append(tenant).append(1, '\0').append(id);
  return key;
}

class KvImportStore final : public ImportStore {
 public:
  explicit KvImportStore(std::shared_ptr<kv::Store> store) : store_(std::move(store)) {}

  Status put(const v1::ImportProgress& progress, bool synced) override {
    kv::WriteBatch batch;
    const std::string mapping_key = key_of(kMappingRow, progress.tenant(), progress.id());
    if (progress.complete()) {
      batch.remove(mapping_key);
    } else if (!progress.mapping().empty()) {
      batch.put(mapping_key, progress.mapping());
    }
    const std::string key = key_of(kProgressRow, progress.tenant(), progress.id());
    if (progress.mapping().empty()) {
      batch.put(key, progress.SerializeAsString());
    } else {
      v1::ImportProgress bare = progress;
      bare.clear_mapping();
      batch.put(key, bare.SerializeAsString());
    }
    return store_->write(batch, synced ? kv::Durability::kSynced : kv::Durability::kLogged);
  }

  Result<std::optional<v1::ImportProgress>> get(const std::string& tenant, const std::string& id) override {
    FRESHET_ASSIGN(auto row, store_->get(key_of(kProgressRow, tenant, id)));
    if (!row) return std::nullopt;
    v1::ImportProgress progress;
    if (!progress.ParseFromString(*row))
      return fail(Code::kCorrupt, "the stored progress of import " + id + " is damaged");
    return progress;
  }

  Result<std::string> mapping(const std::string& tenant, const std::string& id) override {
    FRESHET_ASSIGN(auto row, store_->get(key_of(kMappingRow, tenant, id)));
    if (row) return std::string(*row);
    FRESHET_ASSIGN(auto progress, get(tenant, id));
    if (progress && !progress->mapping().empty()) return progress->mapping();
    return fail(Code::kNotFound, "import " + id + " has no mapping");
  }

  Result<std::vector<v1::ImportProgress>> list(const std::string& tenant, const std::string& after,
                                               size_t count) override {
    std::vector<v1::ImportProgress> all;
    FRESHET_TRY(each(tenant, after, [&](v1::ImportProgress& progress) {
      if (all.size() >= count) return false;
      progress.clear_mapping();
      progress.clear_recent();
      all.push_back(std::move(progress));
      return true;
    }));
    return all;
  }

  Result<ImportCounts> count(const std::string& tenant) override {
    ImportCounts counts;
    FRESHET_TRY(each(tenant, "", [&](const v1::ImportProgress& progress) {
      ++counts.all;
      if (!progress.complete()) ++counts.open;
      return true;
    }));
    return counts;
  }

  Status remove(const std::string& tenant, const std::string& id) override {
    kv::WriteBatch batch;
    batch.remove(key_of(kProgressRow, tenant, id));
    batch.remove(key_of(kMappingRow, tenant, id));
    return store_->write(batch, kv::Durability::kSynced);
  }

  Result<std::vector<std::pair<std::string, std::string>>> complete_before(int64_t before_us, size_t count) override {
    std::vector<std::pair<std::string, std::string>> found;
    FRESHET_TRY(store_->scan(std::string(1, kProgressRow), std::string(1, kProgressRow + 1),
                             [&](std::string_view, std::string_view value) {
                               v1::ImportProgress progress;
                               if (progress.ParseFromArray(value.data(), static_cast<int>(value.size())) &&
                                   progress.complete() && progress.updated_at_us() < before_us)
                                 found.emplace_back(progress.tenant(), progress.id());
                               return found.size() < count;
                             }));
    return found;
  }

 private:
  // Until visit(progress) returns false. A damaged row is left out: one bad import must not hide the others. get()
  // tells of it.
  template <class Visit>
  Status each(const std::string& tenant, const std::string& after, const Visit& visit) {
    // The range ends before the next byte after the NUL: all rows of this tenant and of no other.
    std::string end = key_of(kProgressRow, tenant, "");
    end.back() = '\1';
    const std::string begin = key_of(kProgressRow, tenant, after) + (after.empty() ? "" : std::string(1, '\0'));
    return store_->scan(begin, end, [&](std::string_view, std::string_view value) {
      v1::ImportProgress progress;
      return !progress.ParseFromArray(value.data(), static_cast<int>(value.size())) || visit(progress);
    });
  }

  std::shared_ptr<kv::Store> store_;
};

}  // namespace

std::unique_ptr<ImportStore> make_import_store(std::shared_ptr<kv::Store> store) {
  return std::make_unique<KvImportStore>(std::move(store));
}

}  // namespace freshet::ingest
