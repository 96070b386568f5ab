// Rows that a persist writes, copied as they are at its beginning. Made by one thread, then used by another.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "kv/store.h"

namespace freshet::state {

class Snapshot {
 public:
  // Key: `kind`, then the hash.
  void add(char kind, const Hash128& hash, std::string_view row);
  void put(kv::SortedRows& rows);

 private:
  struct Row {
    char kind = 0;
    Hash128 hash;
    std::string_view row;
  };
  std::string_view keep(std::string_view row);

  std::vector<Row> rows_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  size_t room_ = 0;  // at the end of the last block
  char* next_ = nullptr;
};

}  // namespace freshet::state
