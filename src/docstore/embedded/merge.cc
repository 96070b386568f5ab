// How rows of the profile store become documents: the function that RocksDB calls where it meets
// merge operands, on threads of its own. It must give the same bytes whenever and however often it
// is called.

#include <google/protobuf/arena.h>

#include <algorithm>

#include "docstore/embedded/embedded_store.h"
#include "docstore/embedded/pending.h"
#include "model/document.h"
#include "telemetry/metrics.h"

namespace freshet::docstore {
namespace {

// Damage is counted and passed over: a store that stops at one damaged row would show no profile at
// all.
telemetry::Counter& damaged() {
  static telemetry::Counter& counter =
      telemetry::counter("freshet_docstore_damaged_total", "Stored documents or changes that could not be read.");
  return counter;
}

bool parse(google::protobuf::MessageLite& message, std::string_view bytes) {
  if (message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return true;
  damaged().add();
  message.Clear();
  return false;
}

}  // namespace

std::string merge_document(std::optional<std::string_view> existing, std::span<const std::string_view> operands) {
  google::protobuf::Arena arena;
  auto& document = *google::protobuf::Arena::CreateMessage<v1::Document>(&arena);
  auto& change = *google::protobuf::Arena::CreateMessage<v1::Change>(&arena);
  bool readable = !existing || parse(document, *existing);
  for (const std::string_view operand : operands) {
    if (!parse(change, operand)) continue;
    // A version that is not higher than the document's changes nothing, so replays are harmless.
    (void)model::apply_change(document, change);
    // A change that says the whole document mends a damaged one.
    readable = readable || change.whole() || change.remove();
  }
  // Unreadable bytes are handed on as they are, so that the damage shows and is not taken for an
  // empty profile.
  if (!readable) return std::string(*existing);
  return document.SerializeAsString();
}

kv::Options embedded_options(std::string path, std::shared_ptr<kv::MemoryBudget> memory) {
  kv::Options options;
  options.path = std::move(path);
  options.memory = std::move(memory);
  options.merge = merge_document;
  options.fold = fold_operands;
  options.remember_damage = true;  // It is made anew then.
  options.note_synced = true;
  (void)damaged();  // registered before the first read
  return options;
}

}  // namespace freshet::docstore
