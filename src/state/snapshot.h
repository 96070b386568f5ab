// Rows that a persist writes, as they are at its beginning: while another thread writes them, records go on changing
// the rows in memory. Made by one thread, then handed over and used by the other.
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
  // Room for so many rows, so that none of them waits until the others have moved.
  void reserve(size_t rows) { rows_.reserve(rows); }
  // A row under the key of `kind` and the hash.
  void add(char kind, const Hash128& hash, std::string_view row);
  // Writes all of them in the order of their keys.
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
