// Counts records that came of persons who were erased before, and were refused, and sends the counts to whoever tells
// of erasures (the console), now and then: by topic `deadletters`, in records that are no letters. They are for people,
// as metrics are: nothing that action does depends on them, and a crash forgets what was not sent yet.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "env/clock.h"
#include "freshet/v1/event.pb.h"

namespace freshet::action {

// By tenant and the keyed hash (model::value_hash) of the identifier that the record was routed by.
using LateRecords = std::map<std::pair<std::string, Hash128>, uint64_t>;

// Identifiers that are told apart at a time, of all tenants. Of others it is only said how many of a tenant came.
inline constexpr size_t kLateValuesMax = 1000;
void add_late(LateRecords& all, const std::string& tenant, const Hash128& value, uint64_t count);

// Thread-safe, and bounded.
class LateRecordCounter {
 public:
  void add(const LateRecords& records);
  // What was counted since the last call, a record for each tenant.
  [[nodiscard]] std::vector<v1::DeadLetter> take(int64_t now_us, env::Random& random);
  // These could not be sent: they are counted again, with those that came meanwhile.
  void put_back(const std::vector<v1::DeadLetter>& letters);

 private:
  std::mutex mutex_;
  LateRecords counted_;
};

}  // namespace freshet::action
