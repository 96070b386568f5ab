#include "kv/rocks_batch.h"

#include "base/assert.h"

namespace freshet::kv {

namespace {

// A batch of RocksDB, read by a Visitor.
class BatchHandler final : public rocksdb::WriteBatch::Handler {
 public:
  explicit BatchHandler(WriteBatch::Visitor& visitor) : visitor_(visitor) {}
  rocksdb::Status PutCF(uint32_t, const rocksdb::Slice& key, const rocksdb::Slice& value) override {
    visitor_.put(view(key), view(value));
    return {};
  }
  rocksdb::Status MergeCF(uint32_t, const rocksdb::Slice& key, const rocksdb::Slice& operand) override {
    visitor_.merge(view(key), view(operand));
    return {};
  }
  rocksdb::Status DeleteCF(uint32_t, const rocksdb::Slice& key) override {
    visitor_.remove(view(key));
    return {};
  }
  rocksdb::Status DeleteRangeCF(uint32_t, const rocksdb::Slice& begin, const rocksdb::Slice& end) override {
    visitor_.remove_range(view(begin), view(end));
    return {};
  }

 private:
  WriteBatch::Visitor& visitor_;
};

}  // namespace

WriteBatch::WriteBatch() : rep_(std::make_unique<Rep>()) {}
WriteBatch::~WriteBatch() = default;
WriteBatch::WriteBatch(WriteBatch&&) noexcept = default;
WriteBatch& WriteBatch::operator=(WriteBatch&&) noexcept = default;

// Without size limit and protection bytes, adding to a batch does not fail.
void WriteBatch::put(std::string_view key, std::string_view value) {
  FRESHET_ASSERT(rep_->batch.Put(slice(key), slice(value)).ok());
}

void WriteBatch::put(std::string_view key, std::span<const std::string_view> parts) {
  rep_->parts.clear();
  for (const std::string_view part : parts) rep_->parts.push_back(slice(part));
  const rocksdb::Slice whole_key = slice(key);
  FRESHET_ASSERT(rep_->batch
                     .Put(rocksdb::SliceParts(&whole_key, 1),
                          rocksdb::SliceParts(rep_->parts.data(), static_cast<int>(rep_->parts.size())))
                     .ok());
}

void WriteBatch::merge(std::string_view key, std::string_view operand) {
  FRESHET_ASSERT(rep_->batch.Merge(slice(key), slice(operand)).ok());
}

void WriteBatch::remove(std::string_view key) { FRESHET_ASSERT(rep_->batch.Delete(slice(key)).ok()); }

void WriteBatch::remove_range(std::string_view begin, std::string_view end) {
  if (begin >= end) return;
  FRESHET_ASSERT(rep_->batch.DeleteRange(slice(begin), slice(end)).ok());
}

void WriteBatch::clear() { rep_->batch.Clear(); }
size_t WriteBatch::count() const { return rep_->batch.Count(); }
size_t WriteBatch::bytes() const { return rep_->batch.GetDataSize(); }

void WriteBatch::visit(Visitor& visitor) const {
  BatchHandler handler(visitor);
  FRESHET_ASSERT(rep_->batch.Iterate(&handler).ok());
}

}  // namespace freshet::kv
