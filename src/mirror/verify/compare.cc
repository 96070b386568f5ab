#include "mirror/verify/compare.h"

#include <algorithm>

#include "base/assert.h"
#include "mirror/transform.h"

namespace freshet::mirror {
namespace {

void append_sized(std::string& out, std::optional<std::string_view> bytes) {
  const uint64_t size = bytes ? bytes->size() : ~uint64_t{0};
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  if (bytes) out.append(*bytes);
}

Hash128 chained(const Hash128& before, const Hash128& next) {
  std::array<char, 32> both;
  std::copy_n(before.view().data(), 16, both.data());
  std::copy_n(next.view().data(), 16, both.data() + 16);
  return hash128({both.data(), both.size()});
}

}  // namespace

Hash128 fingerprint(const cluster::Record& record, std::optional<std::string_view> value, const CompareRules& rules,
                    std::optional<std::string_view> route) {
  thread_local std::string bytes;
  bytes.clear();
  append_sized(bytes, record.key);
  append_sized(bytes, value);
  if (rules.timestamps) bytes.append(reinterpret_cast<const char*>(&record.timestamp_ms), sizeof record.timestamp_ms);
  // The mirror's own header is the last one.
  size_t headers = record.headers.size();
  if (route && headers > 0 && record.headers[headers - 1] == cluster::Header{kRouteHeader, *route}) --headers;
  for (size_t i = 0; i < headers; ++i) {
    append_sized(bytes, record.headers[i].name);
    append_sized(bytes, record.headers[i].value);
  }
  return hash128(bytes);
}

Hash128 unit_of(const CompareRules& rules, int32_t partition, std::optional<std::string_view> key,
                const Hash128& print) {
  if (rules.one_to_one && !rules.compacted)
    return hash128({reinterpret_cast<const char*>(&partition), sizeof partition});
  return key ? hash128(*key) : print;
}

void Compare::add_target(const Hash128& unit, int32_t partition, const Hash128& print, bool tombstone) {
  Unit& one = units_[unit];
  ++one.in_target;
  one.several |= one.place >= 0 && one.place != partition;
  one.place = partition;
  one.target_sum += print.word(0);
  one.target = rules_.compacted ? print : chained(one.target, print);
  one.target_gone = tombstone;
}

void Compare::add_source(const Hash128& unit, int32_t partition, const Hash128& print, bool tombstone, bool promised) {
  Unit& one = units_[unit];
  ++one.in_source;
  one.source_sum += print.word(0);
  one.several |= one.partition >= 0 && one.partition != partition;
  one.partition = partition;
  one.promised += promised ? 1 : 0;
  one.source = rules_.compacted ? print : chained(one.source, print);
  one.source_gone = tombstone;
  if (one.in_source == one.in_target) one.begins_alike = one.source == one.target;
  if (!rules_.keeps_ahead || promised || rules_.compacted) return;
  Beyond& beyond = beyond_[unit];
  beyond.all_sum += print.word(0);
  ++beyond.all_count;
  if (one.in_source > one.in_target) return;
  beyond.hash = chained(beyond.hash, print);
  beyond.sum += print.word(0);
  ++beyond.count;
}

void Compare::begin_with(const Ahead& ahead) {
  Unit& one = units_[ahead.unit];
  FRESHET_ASSERT(one.in_target == 0 && one.in_source == 0);
  one.in_target = ahead.count;
  one.target = ahead.target;
  one.target_sum = ahead.sum;
  one.place = ahead.place;
  one.several = ahead.several;
  one.target_gone = ahead.gone;
}

// Where a unit lies in one partition, its promised records come first. Where it does not, those that are not promised
// are known only if the target has all of them.
std::optional<std::vector<Ahead>> Compare::ahead() const {
  FRESHET_ASSERT(rules_.keeps_ahead);
  std::vector<Ahead> out;
  for (const auto& [id, unit] : units_) {
    if (rules_.compacted) {
      if (changing(unit) && unit.in_target > 0)
        out.push_back({id, unit.target, 0, 1, unit.place, unit.target_gone, false});
      continue;
    }
    if (changing(unit)) return std::nullopt;
    if (unit.in_target <= unit.promised) continue;
    const auto beyond = beyond_.find(id);
    if (beyond == beyond_.end()) return std::nullopt;
    const Beyond& of = beyond->second;
    if (unit.several) {
      out.push_back({id, {}, of.all_sum, of.all_count, unit.place, false, true});
    } else {
      out.push_back({id, of.hash, of.sum, of.count, unit.place, false, false});
    }
    if (out.back().count != unit.in_target - unit.promised) return std::nullopt;
  }
  std::sort(out.begin(), out.end(), [](const Ahead& a, const Ahead& b) { return a.unit < b.unit; });
  return out;
}

bool Compare::same(const Unit& unit) const {
  if (rules_.compacted) {
    if (unit.source_gone && unit.target_gone) return true;
    return unit.in_source > 0 && unit.in_target > 0 && unit.source == unit.target;
  }
  if (unit.in_target == 0) return unit.promised == 0;
  if (unit.in_target < unit.promised || unit.in_target > unit.in_source) return false;
  return unit.several ? unit.in_target < unit.in_source || unit.source_sum == unit.target_sum : unit.begins_alike;
}

// What is not alike may be what the source has deleted, but for what is missing.
bool Compare::untold(const Unit& unit) const {
  if (!rules_.trimmed) return false;
  if (rules_.compacted) return unit.in_source == 0;
  return unit.in_target >= unit.promised && unit.in_target > 0;
}

bool Compare::changing(const Unit& unit) const {
  if (rules_.compacted) return unit.promised != unit.in_source;
  return unit.several && unit.in_target != unit.in_source && same(unit);
}

// Which units are the first does not depend on the table's order.
Compared Compare::result() const {
  Compared out;
  std::vector<Hash128> different;
  for (const auto& [id, unit] : units_) {
    Bucket& bucket = out.buckets[id.bytes[0] % kBuckets];
    ++bucket.units;
    bucket.source += unit.promised;
    bucket.target += unit.in_target;
    out.unordered += unit.several && !rules_.compacted ? 1 : 0;
    if (changing(unit)) {
      ++out.passed_over;
    } else if (!same(unit) && untold(unit)) {
      ++out.untold;
    } else if (!same(unit)) {
      ++bucket.different;
      different.push_back(id);
    }
  }
  for (const Bucket& bucket : out.buckets) {
    out.source += bucket.source;
    out.target += bucket.target;
    out.units += bucket.units;
  }
  out.different = different.size();
  std::sort(different.begin(), different.end());
  different.resize(std::min(different.size(), kDiagnosedMost));
  out.first = std::move(different);
  return out;
}

}  // namespace freshet::mirror
