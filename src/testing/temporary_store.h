// For tests: an embedded store in a directory of its own, gone with it.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include "docstore/embedded/embedded_store.h"

namespace freshet::docstore {

struct TemporaryStore {
  TemporaryStore() {
    static int made = 0;
    path = std::filesystem::temp_directory_path() /
           ("freshet-docstore-" + std::to_string(getpid()) + "-" + std::to_string(++made));
    std::filesystem::remove_all(path);
    open();
  }
  ~TemporaryStore() {
    store.reset();
    std::filesystem::remove_all(path);
  }
  TemporaryStore(const TemporaryStore&) = delete;
  TemporaryStore& operator=(const TemporaryStore&) = delete;
  void open() {
    store.reset();
    store = open_again();
  }
  // The store, for who wraps it. REQUIRES: the one before is gone.
  [[nodiscard]] std::unique_ptr<DocStore> open_again() {
    auto opened = kv::open_rocks(embedded_options(path, memory));
    if (!opened) throw std::runtime_error(opened.error().message);
    rows = opened->get();
    return open_embedded_store(std::move(*opened));
  }

  std::filesystem::path path;
  std::shared_ptr<kv::MemoryBudget> memory = kv::make_memory_budget(64u << 20);
  std::unique_ptr<DocStore> store;
  kv::Store* rows = nullptr;
};

}  // namespace freshet::docstore
