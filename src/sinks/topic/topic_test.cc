// A state topic on a cluster in memory, whose processes are killed at any step and hold themselves for the owner when
// they are not.
#include "sinks/topic/topic.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include "base/hash.h"
#include "model/document.h"
#include "sinks/topic/record.h"
#include "testing/cluster/fake_cluster.h"
#include "testing/document_changes.h"
#include "testing/memory_store.h"
#include "testing/project_path.h"
#include "testing/sink_log.h"

namespace freshet::sinks {
namespace {

using eventlog::Topic;
using testing::FakeCluster;
using testing::Killed;

constexpr const char* kPeople = "crm.people";
constexpr uint32_t kStateParts = 2;

std::string state_id(int n) {
  std::string id = "0000000000000000";
  id[0] = static_cast<char>('a' + n);
  return id;
}

// What action says, by partition, and what it knows.
struct FakeAction {
  struct Part {
    std::vector<v1::Change> changes;
    size_t low = 0;  // what lies before is not kept
    std::map<std::string, v1::Document> profiles;
    int asked = 0;
  };
  std::vector<Part> parts = std::vector<Part>(kStateParts);

  void say(uint32_t partition, const v1::Change& change) {
    model::apply_change(parts[partition].profiles[change.id()], change);
    parts[partition].changes.push_back(change);
  }
  void say_again(uint32_t partition, SayAgain what) {
    ++parts[partition].asked;
    for (auto& [id, document] : std::map(parts[partition].profiles)) {
      const bool passed_over = document.removed() && what == SayAgain::kLiving;
      if (passed_over || document.version() == 0) continue;
      document.set_version(document.version() + 1);
      say(partition, change_to_state("acme", {v1::ENTITY_KIND_USER, id, document}, 1));
    }
  }
};

struct StateWorld {
  StateWorld() {
    around.tenant = "acme";
    around.sink.name = "people";
    around.sink.kind = model::SinkKind::kTopic;
    around.sink.on = model::SinkOn::kChanges;
    around.sink.topic = kPeople;
    around.clock = &clock;
    around.random = &env::real_random();
    around.stopping = &stopping;
    around.say_again = [this](uint32_t partition, SayAgain what) -> Status {
      cluster.at_step("ask");
      action.say_again(partition, what);
      return {};
    };
  }
  StateTarget target() {
    StateTarget out;
    out.topic = kPeople;
    out.partitions = kStateParts;
    out.admin = cluster.admin();
    out.open_reader = [this] { return Result<std::unique_ptr<cluster::Reader>>(cluster.reader()); };
    out.open_writer = [this](const std::string& id) -> Result<std::unique_ptr<cluster::Writer>> {
      auto writer = cluster.writer(id);
      FRESHET_TRY(writer->settle());
      return writer;
    };
    return out;
  }
  // The states as a reader has them who begins now; each version of a key is higher than the one before.
  [[nodiscard]] std::map<std::string, v1::Document> states() const {
    std::map<std::string, v1::Document> out;
    for (uint32_t p = 0; p < kStateParts; ++p) {
      for (const auto& [offset, record] : cluster.committed(kPeople, static_cast<int32_t>(p))) {
        cluster::Record read;
        read.offset = offset;
        read.key = record.key;
        if (record.value) read.value = *record.value;
        for (const auto& [name, value] : record.headers) read.headers.push_back({name, value});
        auto state = read_state(read);
        EXPECT_TRUE(state) << state.error().message;
        if (!state || !*state) continue;
        v1::Document& known = out[(*state)->id];
        EXPECT_GT((*state)->document.version(), known.version()) << "it goes back";
        known = (*state)->document;
        if (record.value) {
          EXPECT_EQ(*record.value, model::document_json("acme", (*state)->kind, (*state)->id, known));
        }
      }
    }
    return out;
  }
  [[nodiscard]] std::map<std::string, v1::Document> wanted() const {
    std::map<std::string, v1::Document> out;
    for (const auto& part : action.parts)
      for (const auto& [id, document] : part.profiles) out[id] = document;
    return out;
  }

  env::FakeClock clock;
  FakeCluster cluster{clock};
  FakeAction action;
  std::atomic<bool> stopping{false};
  Around around;
  std::vector<size_t> places = std::vector<size_t>(kStateParts);  // as the log has them
};

bool same_states(const std::map<std::string, v1::Document>& a, const std::map<std::string, v1::Document>& b) {
  const auto text = [](const std::map<std::string, v1::Document>& all) {
    std::string out;
    for (const auto& [id, document] : all)
      if (!document.removed()) out += to_hex(id) + " " + document.ShortDebugString() + "\n";
    return out;
  };
  EXPECT_EQ(text(a), text(b));
  return text(a) == text(b);
}

// A process with a sink, as the runner drives one.
struct StateProcess {
  explicit StateProcess(StateWorld& in) : world(in), places(kStateParts) {}

  void open() {
    while (sink == nullptr) {
      auto opened = open_topic_on(world.around, world.target(), [this]() -> Result<std::unique_ptr<StateTable>> {
        return std::make_unique<StateTable>(kv::open_memory(disk, {}));
      });
      if (opened) {
        sink = *std::move(opened);
      } else {
        ASSERT_EQ(opened.error().code, Code::kRetry) << opened.error().message;
      }
    }
  }
  void die() {
    sink.reset();
    places.assign(kStateParts, std::nullopt);
  }
  // One turn of a partition, with so many changes at most.
  void step(uint32_t partition, size_t most) {
    open();
    const eventlog::TopicPartition of{Topic::kChanges, partition};
    FakeAction::Part& part = world.action.parts[partition];
    auto& place = places[partition];
    if (!place || *place < part.low) {
      const size_t from = place.value_or(world.places[partition]);
      if (from < part.low && !sink->lost(of, static_cast<eventlog::Offset>(part.low))) return;
      if (!sink->assigned(of, static_cast<eventlog::Offset>(std::max(from, part.low)))) {
        world.clock.now += 3'000'000;
        return;
      }
      place = std::max(from, part.low);
    }
    std::vector<Item> items;
    for (size_t i = *place; i < part.changes.size() && items.size() < most; ++i)
      items.push_back({static_cast<eventlog::Offset>(i), 0, part.changes[i].id(), part.changes[i].SerializeAsString()});
    if (items.empty()) return;
    const Batch batch{of, items.front().offset, items.back().offset + 1, items};
    const auto outcomes = sink->take({&batch, 1});
    *place += outcomes.at(0).done;
    if (outcomes[0].what == Outcome::What::kStale) place.reset();
    world.clock.now += 1'000'000;
  }
  void commit(uint32_t partition) {
    if (places[partition]) world.places[partition] = std::max(world.places[partition], *places[partition]);
  }
  void catch_up() {
    for (int i = 0; i < 60; ++i)
      for (uint32_t p = 0; p < kStateParts; ++p) step(p, 50);
  }

  StateWorld& world;
  std::shared_ptr<kv::MemoryDisk> disk = std::make_shared<kv::MemoryDisk>();
  std::unique_ptr<Sink> sink;
  std::vector<std::optional<size_t>> places;
};

v1::Change next_change(const FakeAction::Part& part, int n) {
  const auto known = part.profiles.find(state_id(n));
  v1::Change change = model::testing::random_change(known == part.profiles.end() ? 1 : known->second.version() + 1);
  change.set_id(state_id(n));
  return change;
}

TEST(StateTopic, HasTheLastStateOfEachProfile) {
  StateWorld world;
  world.action.say(0, docstore::change_of("acme", state_id(0), 1, {docstore::city("Pune")}));
  world.action.say(0, docstore::change_of("acme", state_id(2), 1, {docstore::city("Oslo")}));
  world.action.say(1, docstore::change_of("acme", state_id(1), 1, {docstore::city("Rome")}));
  StateProcess process(world);
  process.catch_up();
  EXPECT_EQ(world.action.parts[0].asked, 1) << "of a topic that has nothing";
  EXPECT_TRUE(same_states(world.states(), world.wanted()));
  world.action.say(0, docstore::removal_of("acme", state_id(0), 3));
  process.catch_up();
  const auto records = world.cluster.committed(kPeople, 0);
  EXPECT_EQ(records.back().second.key, to_hex(state_id(0)));
  EXPECT_EQ(records.back().second.value, std::nullopt) << "a tombstone";
  EXPECT_TRUE(same_states(world.states(), world.wanted()));
  process.die();
  process.catch_up();
  EXPECT_EQ(world.action.parts[0].asked, 1) << "it is asked once";
  EXPECT_EQ(world.cluster.committed(kPeople, 0).size(), records.size()) << "a replay writes nothing";
}

// The changes that made them are not kept any more, and there is no store to look into.
TEST(StateTopic, HasProfilesThatAreOlderThanIt) {
  StateWorld world;
  for (int n = 0; n < 5; ++n)
    for (uint64_t v = 1; v < 4; ++v)
      world.action.say(0, docstore::change_of("acme", state_id(n), v, {docstore::city(std::to_string(v))}));
  world.action.parts[0].low = 11;
  StateProcess process(world);
  process.catch_up();
  EXPECT_TRUE(same_states(world.states(), world.wanted()));
  // Retention takes changes that the sink has not had, and nothing more is said of these profiles.
  const uint64_t version = world.action.parts[0].profiles.at(state_id(1)).version();
  world.action.say(0, docstore::change_of("acme", state_id(1), version + 1, {docstore::city("gone")}));
  world.action.parts[0].low = world.action.parts[0].changes.size();
  process.catch_up();
  EXPECT_TRUE(same_states(world.states(), world.wanted()));
}

// Somebody is merged away, somebody erased, and nothing is left of the changes that said so.
TEST(StateTopic, HearsOfRemovalsThatWereLost) {
  StateWorld world;
  for (int n = 0; n < 3; ++n)
    world.action.say(0, docstore::change_of("acme", state_id(n), 1, {docstore::city("Pune")}));
  StateProcess process(world);
  process.catch_up();
  for (int n = 0; n < 2; ++n) {
    const uint64_t version = world.action.parts[0].profiles.at(state_id(n)).version();
    world.action.say(0, docstore::removal_of("acme", state_id(n), version + 1));
  }
  world.action.parts[0].low = world.action.parts[0].changes.size();
  process.catch_up();
  EXPECT_TRUE(same_states(world.states(), world.wanted()));
  EXPECT_TRUE(world.states().at(state_id(0)).removed());
}

RC_GTEST_PROP(StateTopic, IsRightWhateverHappens, ()) {
  StateWorld world;
  int until_kill = -1;
  world.cluster.at_step = [&](const char*) {
    if (until_kill > 0 && --until_kill == 0) throw Killed();
  };
  const auto ops = *rc::gen::container<std::vector<int>>(60, rc::gen::inRange(0, 1000));
  const bool loses = *rc::gen::arbitrary<bool>();
  const auto fates = *rc::gen::container<std::vector<int>>(16, rc::gen::inRange(0, 12));
  size_t fate = 0;
  world.cluster.commit_fate = [&] {
    using enum testing::CommitFate;
    constexpr testing::CommitFate kFates[] = {kRefused, kDoneMute, kLostMute, kLaterMute};
    const int drawn = fates.empty() ? 11 : fates[fate++ % fates.size()];
    return drawn < 4 ? kFates[drawn] : kDone;
  };
  std::vector<StateProcess> processes;
  processes.reserve(2);
  for (int i = 0; i < 2; ++i) processes.emplace_back(world);
  for (const int op : ops) {
    const uint32_t partition = static_cast<uint32_t>(op) % kStateParts;
    // A profile lives in one partition.
    const int profile = op / 2 % 4 * 2 + static_cast<int>(partition);
    world.action.say(partition, next_change(world.action.parts[partition], profile));
    StateProcess& process = processes[op % 7 == 0 ? 1 : 0];
    until_kill = op % 5 == 0 ? op / 90 + 1 : -1;
    try {
      process.step(partition, static_cast<size_t>(op % 4 + 1));
      if (op % 3 == 0) process.commit(partition);
      if (loses && op % 31 == 0)
        world.action.parts[partition].low = world.action.parts[partition].changes.size() * 3 / 4;
    } catch (const Killed&) {
      process.die();
    }
  }
  until_kill = -1;
  world.cluster.commit_fate = [] { return testing::CommitFate::kDone; };
  StateProcess last(world);
  // What is asked for at most so often has come.
  for (int i = 0; i < 3; ++i) {
    last.catch_up();
    world.clock.now += 3'700'000'000;
    for (uint32_t p = 0; p < kStateParts; ++p)
      world.action.say(p, next_change(world.action.parts[p], static_cast<int>(p)));
  }
  last.catch_up();
  RC_ASSERT(same_states(world.states(), world.wanted()));
}

TEST(StateTopic, RefusesATopicThatWouldLoseStates) {
  StateWorld world;
  world.cluster.make(kPeople, kStateParts,
                     {{"cleanup.policy", "delete", cluster::ConfigSource::kDefault, false, false}});
  const auto deleting = prepare_state_topic(world.target());
  ASSERT_FALSE(deleting);
  EXPECT_EQ(deleting.error().code, Code::kInvalid);
  EXPECT_NE(deleting.error().message.find("cleanup.policy=delete"), std::string::npos);
  StateWorld other;
  other.cluster.make(kPeople, kStateParts + 1,
                     {{"cleanup.policy", "compact", cluster::ConfigSource::kTopic, false, false}});
  const auto wide = prepare_state_topic(other.target());
  ASSERT_FALSE(wide);
  EXPECT_NE(wide.error().message.find("has 3 partitions"), std::string::npos) << wide.error().message;
}

TEST(StateTopic, SaysOfATooLargeProfileThatItIsNotThere) {
  StateWorld world;
  world.cluster.make(kPeople, kStateParts,
                     {{"cleanup.policy", "compact", cluster::ConfigSource::kTopic, false, false},
                      {"max.message.bytes", "2000", cluster::ConfigSource::kTopic, false, false}});
  world.action.say(0, docstore::change_of("acme", state_id(0), 1, {docstore::city(std::string(3000, 'x'))}));
  world.action.say(0, docstore::change_of("acme", state_id(2), 1, {docstore::city("Oslo")}));
  StateProcess process(world);
  process.catch_up();
  const auto states = world.states();
  EXPECT_FALSE(states.contains(state_id(0)));
  EXPECT_TRUE(states.contains(state_id(2)));
  const auto records = world.cluster.committed(kPeople, 0);
  EXPECT_NE(records.front().second.value->find("\"set_aside\":"), std::string::npos);
  world.action.say(0, docstore::change_of("acme", state_id(0), 3, {docstore::city("Pune")}));
  process.catch_up();
  EXPECT_TRUE(same_states(world.states(), world.wanted()));
}

TEST(StateTopic, ForgetsATableOfAnotherTopic) {
  StateWorld world;
  world.action.say(0, docstore::change_of("acme", state_id(0), 1, {docstore::city("Pune")}));
  StateProcess process(world);
  process.catch_up();
  process.disk->keep(process.disk->unsynced.size());
  process.die();
  world.cluster.topics.erase(kPeople);
  process.catch_up();
  EXPECT_TRUE(same_states(world.states(), world.wanted()));
}

TEST(StateTable, KeepsPartitionsApart) {
  StateTable table(kv::open_memory(std::make_shared<kv::MemoryDisk>(), {}));
  v1::Document document;
  document.set_version(7);
  for (const uint32_t p : {0u, 1u, 255u, 256u})
    ASSERT_TRUE(table.write(p, {{state_id(1), document}}, {static_cast<int64_t>(p) + 5, 9}));
  ASSERT_TRUE(table.drop(255));
  EXPECT_EQ(table.partitions().value(), (std::vector<uint32_t>{0, 1, 256}));
  EXPECT_FALSE(table.find(255, state_id(1)).value());
  EXPECT_EQ(table.find(256, state_id(1)).value()->version(), 7u);
  EXPECT_EQ(table.mark(256)->next, 261);
  EXPECT_EQ(table.mark(256)->asked_at_us, 9);
  EXPECT_EQ(table.mark(255)->next, 0);
}

TEST(StateRecord, Golden) {
  v1::Document user;
  model::apply_change(user,
                      docstore::change_of("acme", docstore::kIdA, 3,
                                          {docstore::email(v1::ChangeOp::SET, {"a@b.c"}), docstore::city("Pune")}));
  v1::Document gone;
  model::apply_change(gone, docstore::removal_of("acme", docstore::kIdB, 4));
  std::string text;
  const auto add = [&](const StateRecord& record) {
    text += "key " + record.key + "\nvalue " + record.value.value_or("null") + "\n";
    for (const cluster::Header& header : record.headers())
      text += std::string(header.name) + " " +
              (header.name == "freshet.state" ? to_hex(*header.value) : std::string(*header.value)) + "\n";
  };
  add(state_record("acme", v1::ENTITY_KIND_USER, docstore::kIdA, user));
  add(state_record("acme", v1::ENTITY_KIND_DEVICE, docstore::kIdB, gone));
  add(set_aside_state("acme", v1::ENTITY_KIND_USER, docstore::kIdA, 5, "too large"));
  const std::string path = project_path("tests/golden/sinks/state_records.txt");
  std::ifstream in(path, std::ios::binary);
  EXPECT_EQ(text, std::string(std::istreambuf_iterator<char>(in), {}));
}

TEST(StateRecord, PassesOverWhatIsNotOurs) {
  const std::string key = to_hex(docstore::kIdA);
  cluster::Record record;
  record.key = key;
  record.value = "{}";
  EXPECT_EQ(read_state(record).error().code, Code::kCorrupt);
  record.headers = {{"freshet.kind", "user"}, {"freshet.state", "\x01"}};
  EXPECT_EQ(read_state(record).error().code, Code::kCorrupt);
  record.key = "somebody";
  EXPECT_EQ(read_state(record).error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace freshet::sinks
