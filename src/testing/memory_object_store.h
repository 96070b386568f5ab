// The object store in memory, for tests and the simulator. Not thread-safe.
#pragma once

#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "objectstore/object_store.h"

namespace freshet::objectstore {

class MemoryStore final : public ObjectStore {
 public:
  std::map<std::string, std::string> objects;
  std::function<Status()> before;  // called before each operation; its error is the operation's
  std::function<Status()> after;   // called after an object was made, whose answer it may spoil

  Status put_new(const std::string& key, std::string_view content) override {
    FRESHET_TRY(next());
    if (!objects.try_emplace(key, content).second) return fail(Code::kConflict, key + " is there already");
    return after ? after() : Status{};
  }
  Status put_file(const std::string& key, const LocalFile& file, Pace&) override {
    FRESHET_TRY(next());
    std::ifstream in(file.path, std::ios::binary);
    objects[key] = std::string(std::istreambuf_iterator<char>(in), {});
    return {};
  }
  Status copy(const std::string& from, const std::string& to) override {
    FRESHET_TRY(next());
    const auto found = objects.find(from);
    if (found == objects.end()) return fail(Code::kNotFound, from + " is not there");
    objects[to] = found->second;
    return {};
  }
  Status get(const std::string& key, Pace&, const Sink& sink) override {
    FRESHET_TRY(next());
    const auto found = objects.find(key);
    if (found == objects.end()) return fail(Code::kNotFound, key + " is not there");
    return found->second.empty() ? Status{} : sink(found->second);
  }
  Result<std::vector<Object>> list(const std::string& prefix) override {
    FRESHET_TRY(next());
    std::vector<Object> all;
    for (auto at = objects.lower_bound(prefix); at != objects.end() && at->first.starts_with(prefix); ++at)
      all.push_back({at->first, at->second.size()});
    return all;
  }
  Status remove(const std::string& key) override {
    FRESHET_TRY(next());
    objects.erase(key);
    return {};
  }
  void cancel() override {}
  const std::string& where() const override { return where_; }

 private:
  [[nodiscard]] Status next() const { return before ? before() : Status{}; }
  const std::string where_ = "memory";
};

// For those who want a store of their own: the one behind it outlives them.
class SharedStore final : public ObjectStore {
 public:
  explicit SharedStore(MemoryStore& store) : store_(store) {}
  Status put_new(const std::string& key, std::string_view content) override { return store_.put_new(key, content); }
  Status put_file(const std::string& key, const LocalFile& file, Pace& pace) override {
    return store_.put_file(key, file, pace);
  }
  Status copy(const std::string& from, const std::string& to) override { return store_.copy(from, to); }
  Status get(const std::string& key, Pace& pace, const Sink& sink) override { return store_.get(key, pace, sink); }
  Result<std::vector<Object>> list(const std::string& prefix) override { return store_.list(prefix); }
  Status remove(const std::string& key) override { return store_.remove(key); }
  void cancel() override {}
  const std::string& where() const override { return store_.where(); }

 private:
  MemoryStore& store_;
};

}  // namespace freshet::objectstore
