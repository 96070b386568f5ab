// The straight loop, in steps that the measurement calls. One thread, no queues, no protocols.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "floor/batch.h"
#include "floor/checks.h"
#include "floor/entity.h"
#include "floor/parts.h"
#include "floor/seen.h"
#include "kv/store.h"

namespace freshet::bench {

struct Stores {
  kv::Store& log;
  kv::Store& state;
  kv::Store& seen;
};

class Loop {
 public:
  Loop(const Parts& parts, const Stores& stores) : parts_(parts), stores_(stores), seen_(stores.seen) {}

  // Every user is there from the start: a pipeline that runs for days seldom meets a new one.
  void add_users(uint64_t users);
  // Takes one request's body, as it came.
  [[nodiscard]] Status take(const std::string& body, env::TimeUs now_us);
  // Makes durable what came in since the last call, and what there is to say of it.
  [[nodiscard]] Status append();
  // Writes the entities that changed, each once, however often it changed; and the message ids.
  [[nodiscard]] Status write_behind();

  [[nodiscard]] uint64_t applied() const { return applied_; }
  [[nodiscard]] uint64_t written() const { return written_; }

 private:
  [[nodiscard]] Hash128 key_of(std::string_view user);
  [[nodiscard]] Status drop_repeated();
  void apply(const Item& item, env::TimeUs now_us);
  // Null: nobody is known by it.
  [[nodiscard]] Entity* find(std::string_view user);
  void log_item(const Item& item);
  void say_change(const Entity& entity, const Item& item, const EventCount* counted);
  void say_event(const Entity& entity, const Item& item);

  const Parts parts_;
  const Stores stores_;
  Seen seen_;
  Checks checks_;
  BatchReader reader_;
  std::vector<Hash128> messages_;  // of a batch, as is the next
  std::vector<bool> first_;
  // What waits for the next append, as records one after the other.
  std::string incoming_, changes_, events_;
  std::string key_text_, row_, received_at_;
  kv::WriteBatch log_batch_;
  absl::flat_hash_map<Hash128, uint32_t, Hash128Hasher> aliases_;
  std::vector<Entity> entities_;
  std::vector<uint32_t> changed_;
  uint64_t log_next_ = 0;
  uint64_t applied_ = 0;
  uint64_t written_ = 0;
};

}  // namespace freshet::bench
