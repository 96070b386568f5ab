// The object store that checkpoints go to: one for the run, as bad as its contract allows. A request may fail, be done
// although its answer is lost, or take effect much later; and a process may die before and after each.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "faults.h"
#include "testing/memory_object_store.h"

namespace freshet::sim {

class Bucket {
 public:
  Bucket(Dice& dice, const Faults& faults, Probes& probes) : dice_(dice), faults_(faults), probes_(probes) {}

  // As it is, without faults.
  [[nodiscard]] objectstore::MemoryStore& objects() { return objects_; }
  // Lets one request take effect that nobody waits for any more, or never; false: there is none.
  bool land_late();

 private:
  friend class BucketClient;
  enum class Fate : uint8_t { kWell, kFails, kAnswerLost, kLate };
  [[nodiscard]] Fate fate_of(bool changes);

  Dice& dice_;
  const Faults& faults_;
  Probes& probes_;
  objectstore::MemoryStore objects_;
  std::deque<std::function<void()>> late_;
};

// A process's way to it.
class BucketClient final : public objectstore::ObjectStore {
 public:
  BucketClient(Bucket& bucket, CrashPoint& crash) : bucket_(bucket), crash_(crash) {}

  Status put_new(const std::string& key, std::string_view content) override;
  Status put_file(const std::string& key, const objectstore::LocalFile& file, objectstore::Pace& pace) override;
  Status copy(const std::string& from, const std::string& to) override;
  Status get(const std::string& key, objectstore::Pace& pace, const objectstore::Sink& sink) override;
  Result<std::vector<objectstore::Object>> list(const std::string& prefix) override;
  Status remove(const std::string& key) override;
  void cancel() override {}
  const std::string& where() const override { return bucket_.objects().where(); }

 private:
  // `work` changes something: done now, later or never.
  [[nodiscard]] Status change(std::function<Status()> work);

  Bucket& bucket_;
  CrashPoint& crash_;
};

}  // namespace freshet::sim
