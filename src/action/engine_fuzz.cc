// What others may have written into `actions`, behind honest records: those of ingest, messages between partitions and
// rules, valid, changed and forged. Nothing of it ends an engine. What is refused is a dead letter with a code of
// docs/format/events.md, and is counted. A partition by itself comes to its end, and to the same end wherever its
// batches end and however often it crashes.
#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "action/control.h"
#include "action/identity/messages.h"
#include "base/assert.h"
#include "model/home.h"
#include "testing/action/random_records.h"
#include "testing/fuzzed_records.h"

namespace freshet::action {
namespace {

using testing::TestCluster;

constexpr StepBounds kSmallSteps = {.chunk_bytes = 300, .bytes = 2'000, .messages = 5};
constexpr size_t kStepsMost = 100'000;  // for a partition that must come to its end

std::vector<v1::Envelope> honest_records(size_t count) {
  std::mt19937_64 rng(1);
  std::vector<v1::Envelope> records;
  for (int k = 0; records.size() < count; ++k) {
    records.push_back(testing::on_some_device(testing::random_record(rng, k, true), rng));
    if (auto command = testing::random_command(rng, k, records.back())) records.push_back(*std::move(command));
  }
  return records;
}

// Records of all kinds, to be changed, and to take parts of.
const std::vector<v1::Envelope>& known_records() {
  static const std::vector<v1::Envelope> known = [] {
    TestCluster cluster(2, 1, testing::contended_tenant(1), kSmallSteps);
    for (const v1::Envelope& record : honest_records(60)) cluster.send(record);
    cluster.run();
    std::vector<v1::Envelope> all = {republish_record(1, 0), republish_record(1, 1, "t", true)};
    for (uint32_t p = 0; p < cluster.partitions(); ++p)
      for (const std::string& bytes : cluster.log(p)) FRESHET_ASSERT(all.emplace_back().ParseFromString(bytes));
    return all;
  }();
  return known;
}

// What only a newer version can have written stops a partition, until that version takes it over.
bool is_of_a_newer_version(const v1::Envelope& record) {
  if (record.kind() == v1::Envelope::CONTROL) return is_of_newer_version(record.control());
  return record.kind() == v1::Envelope::LOOP && is_of_newer_version(record.loop());
}

// Where it has the best prospects.
uint32_t place_of(const v1::Envelope& record, uint32_t partitions) {
  const v1::Loop& message = record.loop();
  if (record.kind() == v1::Envelope::LOOP)
    return message.has_to() || message.has_identifier() ? target_of(message, record.tenant(), partitions) : 0;
  if (record.user().empty() && record.device().empty()) return 0;
  const bool user = record.user_size() > 0;
  return model::home_of(record.tenant(), user ? v1::ENTITY_KIND_USER : v1::ENTITY_KIND_DEVICE,
                        user ? record.user(0) : record.device(0), partitions);
}

void send_some(TestCluster& cluster) {
  static const std::vector<v1::Envelope> honest = honest_records(10);
  for (const v1::Envelope& record : honest) cluster.send(record);
}

// A record comes when what the one before has begun is half done.
void play_in_two_partitions(const std::vector<std::string_view>& records) {
  static constexpr std::array<std::string_view, 9> kCodes = {"unknown_tenant",  "unknown_kind",    "missing_identifier",
                                                             "wrong_partition", "not_an_envelope", "bad_message",
                                                             "bad_rules",       "person_limit",    "too_large"};
  TestCluster cluster(2, 1, testing::contended_tenant(1), kSmallSteps);
  send_some(cluster);
  cluster.run(0, 8, 6);
  for (const std::string_view bytes : records) {
    v1::Envelope record;
    const bool readable = record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    cluster.send_bytes(readable ? place_of(record, 2) : 0, bytes);
    cluster.run(0, 4, 8);
  }
  cluster.run(0, 4, testing::kEnoughSteps);
  uint64_t refused = 0;
  for (const std::string& bytes : cluster.dead_letters()) {
    v1::DeadLetter letter;
    FRESHET_ASSERT(letter.ParseFromString(bytes));
    FRESHET_ASSERT(!letter.id().empty() && std::count(kCodes.begin(), kCodes.end(), letter.code()) == 1);
    refused += letter.code() != "person_limit";
  }
  FRESHET_ASSERT(refused == cluster.counted_letters());
}

void play_alone(const std::vector<std::string_view>& records) {
  TestCluster calm(1, 1, testing::contended_tenant(1), kSmallSteps);
  TestCluster rough(1, 2, testing::contended_tenant(1), kSmallSteps);
  for (TestCluster* const cluster : {&calm, &rough}) {
    send_some(*cluster);
    for (const std::string_view bytes : records) cluster->send_bytes(0, bytes);
    cluster->run(cluster == &rough ? 0.2 : 0, cluster == &rough ? 8 : 1, kStepsMost);
    FRESHET_ASSERT(cluster->is_drained());
  }
  FRESHET_ASSERT(calm.log(0) == rough.log(0));
  FRESHET_ASSERT(calm.rows() == rough.rows());
}

}  // namespace
}  // namespace freshet::action

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max, unsigned seed) {
  return freshet::mutate_records<freshet::v1::Envelope>(data, size, size_max, seed, freshet::action::known_records());
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet;  // NOLINT
  std::vector<std::string_view> records;
  for (const std::string_view bytes : fuzzed_records({reinterpret_cast<const char*>(data), size})) {
    v1::Envelope record;
    const bool readable = record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    if (!readable || !action::is_of_a_newer_version(record)) records.push_back(bytes);
  }
  action::play_in_two_partitions(records);
  action::play_alone(records);
  return 0;
}
