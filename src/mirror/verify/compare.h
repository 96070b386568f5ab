// Whether two topics hold the same records in the same order, as far as order was promised, from one look at each:
// pure, fed record by record, target first.
//
// Records are compared by unit, within which their order counts:
//   one to one    a unit is a partition
//   by key        a unit is a key; records without one are units by themselves, so that only their number counts
// Of each unit both sides have a count and a hash over its records in their order. What the mirror has promised lies
// below its positions: that must be in the target. What the source has beyond may be there or not, but whatever the
// target has must be the beginning of what the source has. So a running mirror can be checked.
//
// A key may lie in several partitions of either side, because some were added: then their order to one another can't be
// seen there, and what its records are is compared, not in which order they come.
//
// What the source has deleted since can't be compared: of a unit of which the target has what was promised, and more or
// other records beside it, nobody can tell whether these were the source's.
//
// Of compacted topics each side may have forgotten other records: there only the last one of each key is compared,
// where a tombstone is as good as none, and keys that have changed since the positions were read are passed over.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "cluster/stream/stream.h"

namespace freshet::mirror {

struct CompareRules {
  bool one_to_one = false;
  bool compacted = false;
  bool timestamps = true;    // false: the target's brokers set their own
  bool trimmed = false;      // the source has deleted records
  bool keeps_ahead = false;  // for ahead()
};

// What is the same of a record on both sides. `route`: a header of this mirror, which is not looked at.
[[nodiscard]] Hash128 fingerprint(const cluster::Record& record, std::optional<std::string_view> value,
                                  const CompareRules& rules, std::optional<std::string_view> route);
// What a record belongs to that is compared as one. `print`: its fingerprint.
[[nodiscard]] Hash128 unit_of(const CompareRules& rules, int32_t partition, std::optional<std::string_view> key,
                              const Hash128& print);

inline constexpr size_t kBuckets = 64;  // ranges of keys' hashes, or of partitions

struct Bucket {
  uint64_t source = 0;  // records that must be in the target
  uint64_t target = 0;  // that are
  uint64_t units = 0;
  uint64_t different = 0;  // units
};

struct Compared {
  std::array<Bucket, kBuckets> buckets;
  uint64_t source = 0;
  uint64_t target = 0;
  uint64_t units = 0;
  uint64_t different = 0;
  uint64_t passed_over = 0;    // they were changing; of compacted topics, and keys in several partitions
  uint64_t unordered = 0;      // keys in several partitions
  uint64_t untold = 0;         // units of which it can't be told, as the source has deleted records
  std::vector<Hash128> first;  // units that differ, up to kDiagnosedMost
  [[nodiscard]] bool same() const { return different == 0 && untold == 0; }
};

inline constexpr size_t kDiagnosedMost = 8;

// What the target has of a unit beyond what was promised: where the sides are the same, these are the first records of
// the source behind the positions. Of a compacted topic: of a key that is changing, the last record of the target.
struct Ahead {
  Hash128 unit;
  Hash128 target;    // over them in their order
  uint64_t sum = 0;  // over their fingerprints in any order
  uint32_t count = 0;
  int32_t place = -1;    // their partition
  bool gone = false;     // the last one is a tombstone
  bool several = false;  // they lie in several partitions, so that they have no order
  bool operator==(const Ahead&) const = default;
};

// Memory: about 130 bytes a unit, and about 70 of those with records that are not promised yet, if they are kept.
class Compare {
 public:
  explicit Compare(CompareRules rules) : rules_(rules) {}

  // What an earlier look has found ahead: the target's records begin with it. Before anything is added.
  void begin_with(const Ahead& ahead);

  // `print`: the record's fingerprint. All of the target first, each partition in its order.
  void add_target(const Hash128& unit, int32_t partition, const Hash128& print, bool tombstone);
  // `promised`: it lies below the mirror's position.
  void add_source(const Hash128& unit, int32_t partition, const Hash128& print, bool tombstone, bool promised);
  [[nodiscard]] Compared result() const;
  // What the next look, from the positions and the ends of this one on, begins with, by unit. nullopt: of some unit it
  // can't be told, so the next look must begin where this one has. REQUIRES: rules.keeps_ahead, and result().same().
  [[nodiscard]] std::optional<std::vector<Ahead>> ahead() const;

 private:
  struct Unit {
    Hash128 target;           // over all of the target; of a compacted topic: its last record
    Hash128 source;           // over what was added
    uint64_t target_sum = 0;  // over fingerprints in any order
    uint64_t source_sum = 0;
    int32_t partition = -1;  // of the source
    int32_t place = -1;      // of the target
    uint32_t in_target = 0;
    uint32_t in_source = 0;
    uint32_t promised = 0;
    bool begins_alike = false;  // the target's are the first of the source's
    bool several = false;       // partitions of the source, or of the target
    bool target_gone = true;    // the last one was a tombstone, or there was none
    bool source_gone = true;
  };
  // Of the source's records that are not promised.
  struct Beyond {
    Hash128 hash;  // over those that the target has, in their order
    uint64_t sum = 0, all_sum = 0;
    uint32_t count = 0, all_count = 0;
  };
  [[nodiscard]] bool same(const Unit& unit) const;
  [[nodiscard]] bool untold(const Unit& unit) const;
  // It can't be compared while it changes.
  [[nodiscard]] bool changing(const Unit& unit) const;

  const CompareRules rules_;
  absl::flat_hash_map<Hash128, Unit, Hash128Hasher> units_;
  absl::flat_hash_map<Hash128, Beyond, Hash128Hasher> beyond_;
};

}  // namespace freshet::mirror
