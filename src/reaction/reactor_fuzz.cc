// What others may have written into `changes`, as a reactor takes it in and an embedded store keeps it. The reactor
// goes on to the end of the topic and commits it; what is no change, or what no store takes, is a dead letter; and what
// the store has can be read, also when it is opened anew.
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "docstore/embedded/embedded_store.h"
#include "reaction/reactor_loop.h"
#include "testing/fuzzed_records.h"
#include "testing/memory_store.h"
#include "testing/reaction_fakes.h"
#include "testing/silent_fuzzing.h"

namespace freshet::reaction {
namespace {

using namespace testing;  // NOLINT: the fakes

constexpr int kStepsMost = 5'000;

// Returns its value.
v1::Value& add_op(v1::Change& change, v1::ChangeOp::Type type, v1::Section section, const char* name) {
  v1::ChangeOp& op = *change.add_ops();
  op.set_type(type);
  op.set_section(section);
  op.set_name(name);
  return *op.mutable_value();
}

const std::vector<v1::Change>& known_changes() {
  static const std::vector<v1::Change> known = [] {
    std::vector<v1::Change> all;
    for (uint64_t version = 1; version <= 12; ++version) {
      v1::Change& change = all.emplace_back();
      change.set_tenant("t");
      change.set_kind(version % 5 == 0 ? v1::ENTITY_KIND_DEVICE : v1::ENTITY_KIND_USER);
      change.set_id(std::string(16, static_cast<char>('a' + version % 3)));
      change.set_version(version);
      change.set_remove(version == 11);
      change.set_whole(version == 12);
      add_op(change, v1::ChangeOp::SET, v1::ATTRIBUTES, "n").set_text(std::to_string(version));
      add_op(change, version % 2 == 0 ? v1::ChangeOp::ADD_TO_SET : v1::ChangeOp::REMOVE_FROM_SET,
             version % 4 < 2 ? v1::IDENTIFIERS : v1::ATTRIBUTES, "email")
          .mutable_list()
          ->add_values()
          ->set_text("e" + std::to_string(version));
    }
    return all;
  }();
  return known;
}

std::unique_ptr<docstore::DocStore> open_store(const std::shared_ptr<kv::MemoryDisk>& disk) {
  return docstore::open_embedded_store(kv::open_memory(disk, docstore::embedded_options({}, nullptr)));
}

bool is_all_committed(const FakeLog& log) {
  for (uint32_t p = 0; p < log.changes.size(); ++p)
    if (log.high(p) > 0 && log.committed_to[p].value_or(0) < log.high(p)) return false;
  return true;
}

}  // namespace
}  // namespace freshet::reaction

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max, unsigned seed) {
  return freshet::mutate_records<freshet::v1::Change>(data, size, size_max, seed, freshet::reaction::known_changes());
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet;            // NOLINT
  using namespace freshet::reaction;  // NOLINT
  Dice dice(size);
  env::FakeClock clock{1'000'000};
  FakeLog log(2, dice);
  for (const std::string_view bytes : fuzzed_records({reinterpret_cast<const char*>(data), size}))
    log.add(static_cast<uint32_t>(bytes.size() % 2), std::string(bytes));
  const auto disk = std::make_shared<kv::MemoryDisk>();
  {
    FakeStore idle(dice);  // whom the consumer lets answer
    const std::unique_ptr<docstore::DocStore> store = open_store(disk);
    ReactorOptions options;
    options.log = &log;
    options.store = store.get();
    options.clock = &clock;
    options.bulk_entities_max = 3;
    options.commit_interval_us = 50'000;
    FakeConsumer consumer(log, idle, clock, dice);
    ReactorLoop loop(options, consumer);
    for (int step = 0; step < kStepsMost && !is_all_committed(log); ++step) FRESHET_ASSERT(loop.step().has_value());
    FRESHET_ASSERT(is_all_committed(log));
  }
  for (const auto& [id, letter] : log.letters)
    FRESHET_ASSERT(letter.code() == "damaged_change" || letter.code() == "refused_by_store");
  const std::unique_ptr<docstore::DocStore> store = open_store(disk);
  FRESHET_ASSERT(store->list("t", v1::ENTITY_KIND_USER, {}, 100).has_value());
  FRESHET_ASSERT(store->list("t", v1::ENTITY_KIND_DEVICE, {}, 100).has_value());
  return 0;
}
