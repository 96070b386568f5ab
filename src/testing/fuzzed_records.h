// For fuzz targets of topics: an input is a list of records, each with its length in front (two bytes, the higher
// first). Where all of them are messages of one type, the input is changed field by field, too: bytes that are changed
// at random are seldom a message.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "testing/mutate_message.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace freshet {

inline constexpr size_t kFuzzedRecordsMax = 64;

inline std::vector<std::string_view> fuzzed_records(std::string_view bytes) {
  std::vector<std::string_view> out;
  while (bytes.size() >= 2 && out.size() < kFuzzedRecordsMax) {
    const size_t size = size_t{static_cast<uint8_t>(bytes[0])} << 8 | static_cast<uint8_t>(bytes[1]);
    out.push_back(bytes.substr(2, size));
    bytes.remove_prefix(2 + out.back().size());
  }
  return out;
}

// As LLVMFuzzerCustomMutator. `known`: valid records, which are changed, too, and whose parts are put into others.
template <class Record>
size_t mutate_records(uint8_t* data, size_t size, size_t size_max, unsigned seed,
                      const std::vector<Record>& known = {}) {
  std::mt19937_64 rng(seed);
  std::vector<Record> records;
  for (const std::string_view bytes : fuzzed_records({reinterpret_cast<const char*>(data), size})) {
    Record record;
    if (record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) records.push_back(std::move(record));
  }
  if (rng() % 8 == 0) return LLVMFuzzerMutate(data, size, size_max);
  std::vector<const google::protobuf::Message*> donors;
  for (const Record& one : records) donors.push_back(&one);
  for (const Record& one : known) donors.push_back(&one);
  testing::MessageMutator mutator(rng, donors);
  const std::vector<Record>& from = records.empty() || (!known.empty() && rng() % 2 == 0) ? known : records;
  Record changed = from.empty() ? Record() : from[rng() % from.size()];
  for (uint64_t changes = 1 + rng() % 6; changes > 0; --changes) mutator.mutate(changed);
  const size_t at = records.empty() ? 0 : rng() % (records.size() + 1);
  if (at < records.size() && rng() % 2 == 0) {
    records[at] = std::move(changed);
  } else {
    records.insert(records.begin() + static_cast<std::ptrdiff_t>(at), std::move(changed));
  }
  std::string out;
  for (const Record& one : records) {
    const std::string bytes = one.SerializeAsString();
    if (bytes.size() > 0xffff || out.size() + 2 + bytes.size() > size_max) continue;
    out.push_back(static_cast<char>(bytes.size() >> 8));
    out.push_back(static_cast<char>(bytes.size()));
    out += bytes;
  }
  std::memcpy(data, out.data(), out.size());
  return out.size();
}

}  // namespace freshet
