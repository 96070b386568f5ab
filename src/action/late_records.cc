#include "action/late_records.h"

#include "base/assert.h"

namespace freshet::action {

void add_late(LateRecords& all, const std::string& tenant, const Hash128& value, uint64_t count) {
  const bool is_told_apart = all.size() < kLateValuesMax || all.contains({tenant, value});
  all[{tenant, is_told_apart ? value : Hash128()}] += count;
}

void LateRecordCounter::add(const LateRecords& records) {
  if (records.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const auto& [of, count] : records) add_late(counted_, of.first, of.second, count);
}

std::vector<v1::DeadLetter> LateRecordCounter::take(int64_t now_us, env::Random& random) {
  LateRecords counted;
  {
    const std::lock_guard lock(mutex_);
    counted.swap(counted_);
  }
  std::map<std::string, v1::LateRecords> by_tenant;
  for (const auto& [of, count] : counted) {
    v1::LateRecords::Of& one = *by_tenant[of.first].add_of();
    if (of.second != Hash128()) *one.mutable_value() = of.second.view();
    one.set_count(count);
  }
  std::vector<v1::DeadLetter> out;
  for (const auto& [tenant, records] : by_tenant) {
    uint64_t count = 0;
    for (const v1::LateRecords::Of& one : records.of()) count += one.count();
    v1::DeadLetter& letter = out.emplace_back();
    letter.set_id("late-" + to_hex(random.bytes(16)));
    letter.set_tenant(tenant);
    letter.set_source("action");
    letter.set_code("erased");
    letter.set_body_type(v1::DeadLetter::LATE_RECORDS);
    letter.set_body(records.SerializeAsString());
    letter.set_uncounted(count);  // for a console of before, which knows no such records
    letter.set_received_at_us(now_us);
  }
  return out;
}

void LateRecordCounter::put_back(const std::vector<v1::DeadLetter>& letters) {
  const std::lock_guard lock(mutex_);
  for (const v1::DeadLetter& letter : letters) {
    v1::LateRecords records;
    const bool is_whole = records.ParseFromString(letter.body());
    FRESHET_ASSERT(is_whole);  // take() has written it
    for (const v1::LateRecords::Of& one : records.of())
      add_late(counted_, letter.tenant(), one.value().empty() ? Hash128() : Hash128::from(one.value()), one.count());
  }
}

}  // namespace freshet::action
