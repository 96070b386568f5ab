// The identifiers that documents list, of those whose identifiers were written lately: these are
// changed and removed without being read. Memory is bounded: of two generations the older one is
// forgotten when the newer one is full. Thread-safe.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/assert.h"
#include "freshet/v1/change.pb.h"

namespace freshet::docstore {

class KnownIdentifiers {
 public:
  explicit KnownIdentifiers(size_t generation_max = 16'384) : generation_max_(generation_max) {}

  // Returns a document of nothing but its identifiers and the version that wrote them; nullopt if
  // that is not known.
  [[nodiscard]] std::optional<v1::Document> find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    if (const auto at = older_.find(key); at != older_.end()) {
      newer_.insert_or_assign(key, std::move(at->second));
      older_.erase(at);
    }
    const auto at = newer_.find(key);
    v1::Document document;
    if (at == newer_.end() || !document.ParseFromString(at->second)) return std::nullopt;
    return document;
  }

  // From now on this is what is known of the document, which may have other fields too.
  void put(const std::string& key, const v1::Document& document) {
    v1::Document identifiers;
    identifiers.set_version(document.version());
    for (const v1::Field& field : document.fields()) {
      if (field.section() > v1::IDENTIFIERS) break;  // fields are sorted by section
      *identifiers.add_fields() = field;
    }
    const std::lock_guard lock(mutex_);
    older_.erase(key);
    newer_.insert_or_assign(key, identifiers.SerializeAsString());
    if (newer_.size() >= generation_max_) older_ = std::exchange(newer_, {});
    FRESHET_ASSERT(newer_.size() < generation_max_);
  }

  // Nothing is known of this document any more.
  void forget(const std::string& key) {
    const std::lock_guard lock(mutex_);
    older_.erase(key);
    newer_.erase(key);
  }

  // For failures: what was put may not be in the store.
  void forget_all() {
    const std::lock_guard lock(mutex_);
    older_.clear();
    newer_.clear();
  }

 private:
  using Generation = absl::flat_hash_map<std::string, std::string>;

  const size_t generation_max_;
  std::mutex mutex_;
  Generation newer_, older_;  // a key is in one of them only
};

}  // namespace freshet::docstore
