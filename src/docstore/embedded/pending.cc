// The changes between two syncs. They are kept serialized: a hot document has many changes, and
// bytes are smaller and cheaper to copy than messages.

#include "docstore/embedded/pending.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "model/document.h"

namespace freshet::docstore {
namespace {

// Operands of a document are folded into one when there are so many, and of all their bytes at least such
// a part has come since the last time: folding each time would parse all of them for every change.
constexpr uint32_t kOperandsMin = 16;
constexpr size_t kFoldedPart = 8;
// Memory of a waiting document beside its operands, as it counts against the bound.
constexpr size_t kDocumentBytes = 160;

void append_operand(std::string& operands, const std::string& operand) {
  const auto size = static_cast<uint32_t>(operand.size());
  operands.append(reinterpret_cast<const char*>(&size), sizeof size).append(operand);
}

std::vector<std::string_view> split(std::string_view operands) {
  std::vector<std::string_view> all;
  while (!operands.empty()) {
    uint32_t size = 0;
    std::memcpy(&size, operands.data(), sizeof size);
    FRESHET_ASSERT(operands.size() >= sizeof size + size);  // written by append_operand()
    all.push_back(operands.substr(sizeof size, size));
    operands.remove_prefix(sizeof size + size);
  }
  return all;
}

// Operands that wait follow one another and were parsed before, so folding them can't fail.
std::string folded(std::string_view operands) {
  const std::vector<std::string_view> all = split(operands);
  return all.size() == 1 ? std::string(all[0]) : fold_operands(all).value();
}

}  // namespace

std::optional<std::string> fold_operands(std::span<const std::string_view> operands) {
  v1::Change fold;
  v1::Change next;
  bool first = true;
  for (const std::string_view operand : operands) {
    if (!next.ParseFromArray(operand.data(), static_cast<int>(operand.size()))) return std::nullopt;
    // Operands of merge rows may be of any age, so one that is not newer than the fold before it is
    // skipped.
    if (std::exchange(first, false)) {
      fold.Swap(&next);
    } else if (fold.version() < next.version()) {
      if (!model::follows(fold.version(), next)) return std::nullopt;
      model::fold_change(fold, std::move(next));
    }
  }
  return fold.SerializeAsString();
}

void Pending::add(const std::string& key, const v1::Change& change) {
  const std::string operand = change.SerializeAsString();
  const std::lock_guard lock(mutex_);
  const auto [at, made] = waiting_.try_emplace(key);
  Document& document = at->second;
  if (made) {
    bytes_ += kDocumentBytes;
    // A replay: what waits has its effect already.
  } else if (change.version() <= document.last) {
    return;
  }
  FRESHET_ASSERT(bytes_ >= document.operands.size());
  bytes_ -= document.operands.size();
  // What lies between is in the store already, and so is what waits: that came late, from somebody
  // who no longer has the partition. Folding the two would lift the late one over what lies
  // between.
  if (!made && !model::follows(document.last, change)) document = {};
  FRESHET_ASSERT(change.version() > document.last);
  document.last = change.version();
  append_operand(document.operands, operand);
  if (++document.count >= kOperandsMin && document.operands.size() - document.folded > document.folded / kFoldedPart) {
    std::string fold;
    append_operand(fold, folded(document.operands));
    document.operands = std::move(fold);
    document.folded = document.operands.size();
    document.count = 1;
  }
  bytes_ += document.operands.size();
}

void Pending::forget(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto at = waiting_.find(key);
  if (at == waiting_.end()) return;
  FRESHET_ASSERT(bytes_ >= kDocumentBytes + at->second.operands.size());
  bytes_ -= kDocumentBytes + at->second.operands.size();
  waiting_.erase(at);
}

std::vector<std::string> Pending::of(const std::string& key) const {
  std::vector<std::string> operands;
  const std::lock_guard lock(mutex_);
  // What flies is older than what waits. Both are read until the flight has landed; applied twice,
  // a change is stale.
  for (const Documents* documents : {&flying_, &waiting_})
    if (const auto at = documents->find(key); at != documents->end())
      for (const std::string_view operand : split(at->second.operands)) operands.emplace_back(operand);
  return operands;
}

size_t Pending::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void Pending::begin_flight() {
  const std::lock_guard lock(mutex_);
  if (!flying_.empty()) return;
  flying_ = std::exchange(waiting_, {});
  bytes_ = 0;
}

void Pending::put(kv::SortedRows& rows) const {
  // Sorted files are written in the order of keys. flying_ does not change during a flight, so this
  // needs no lock.
  std::vector<const Documents::value_type*> sorted;
  sorted.reserve(flying_.size());
  for (const auto& document : flying_) sorted.push_back(&document);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
  for (const auto* document : sorted) rows.merge(document->first, folded(document->second.operands));
}

void Pending::land() {
  const std::lock_guard lock(mutex_);
  flying_.clear();
}

}  // namespace freshet::docstore
