// Imports in memory, whose store can be made to fail; and a schema that knows and allows every name.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/sources/csv/import_store.h"
#include "schema/registry.h"

namespace freshet::ingest {

class MemoryImportStore final : public ImportStore {
 public:
  Status put(const v1::ImportProgress& progress, bool) override {
    if (fail_puts) return fail(Code::kFatal, "disk");
    rows[progress.tenant() + "/" + progress.id()] = progress;
    return {};
  }
  Result<std::optional<v1::ImportProgress>> get(const std::string& tenant, const std::string& id) override {
    const auto found = rows.find(tenant + "/" + id);
    return found == rows.end() ? std::nullopt : std::optional(found->second);
  }
  Result<std::vector<v1::ImportProgress>> list(const std::string& tenant, size_t count) override {
    std::vector<v1::ImportProgress> all;
    for (const auto& [key, value] : rows) {
      if (value.tenant() == tenant && all.size() < count) all.push_back(value);
    }
    return all;
  }
  std::map<std::string, v1::ImportProgress> rows;
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
