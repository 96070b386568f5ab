// Imports in memory, whose store can be made to fail; and a schema that knows and allows every name.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ingest/sources/csv/import_store.h"
#include "schema/registry.h"

namespace freshet::ingest {

class MemoryImportStore final : public ImportStore {
 public:
  Status put(const v1::ImportProgress& progress, bool) override {
    if (fail_puts) return fail(Code::kFatal, "disk");
    const std::string key = progress.tenant() + "/" + progress.id();
    if (!progress.mapping().empty()) mappings[key] = progress.mapping();
    if (progress.complete()) mappings.erase(key);
    rows[key] = progress;
    rows[key].clear_mapping();
    return {};
  }
  Result<std::optional<v1::ImportProgress>> get(const std::string& tenant, const std::string& id) override {
    const auto found = rows.find(tenant + "/" + id);
    return found == rows.end() ? std::nullopt : std::optional(found->second);
  }
  Result<std::string> mapping(const std::string& tenant, const std::string& id) override {
    const auto found = mappings.find(tenant + "/" + id);
    if (found == mappings.end()) return fail(Code::kNotFound, "no mapping");
    return found->second;
  }
  Result<std::vector<v1::ImportProgress>> list(const std::string& tenant, const std::string& after,
                                               size_t count) override {
    std::vector<v1::ImportProgress> all;
    for (const auto& [key, value] : rows) {
      if (value.tenant() == tenant && value.id() > after && all.size() < count) all.push_back(value);
    }
    return all;
  }
  Result<std::vector<std::pair<std::string, std::string>>> complete_before(int64_t before_us, size_t count) override {
    std::vector<std::pair<std::string, std::string>> found;
    for (const auto& [key, value] : rows)
      if (value.complete() && value.updated_at_us() < before_us && found.size() < count)
        found.emplace_back(value.tenant(), value.id());
    return found;
  }
  Result<ImportCounts> count(const std::string& tenant) override {
    ++counted;
    ImportCounts counts;
    for (const auto& [key, value] : rows) {
      if (value.tenant() != tenant) continue;
      ++counts.all;
      if (!value.complete()) ++counts.open;
    }
    return counts;
  }
  Status remove(const std::string& tenant, const std::string& id) override {
    if (fail_puts) return fail(Code::kFatal, "disk");
    rows.erase(tenant + "/" + id);
    mappings.erase(tenant + "/" + id);
    return {};
  }
  std::map<std::string, v1::ImportProgress> rows;
  std::map<std::string, std::string> mappings;
  int counted = 0;
  bool fail_puts = false;
};

class KnowsAll final : public schema::Registry {
 public:
  std::unique_ptr<Session> begin(const model::Tenant&, int64_t) override { return std::make_unique<One>(); }
  void apply(const v1::SchemaChange&) override {}
  bool knows(const std::string&, schema::Subject, std::string_view, std::string_view) override { return true; }
  std::vector<schema::Known> list(const std::string&) override { return {}; }

 private:
  class One final : public Session {
   public:
    schema::Verdict check(schema::Subject, std::string_view, std::string_view, schema::Type) override {
      return schema::Verdict::kKnown;
    }
    std::vector<v1::SchemaChange> take_discoveries() override { return {}; }
  };
};

}  // namespace freshet::ingest
