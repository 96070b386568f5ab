// Writers beside one another, over a store that fails, answers late and dies: each checkpoint that counts is whole,
// always.
#include "state/checkpoint/writer.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "state/checkpoint/catalog.h"
#include "testing/memory_object_store.h"

namespace freshet::state {
namespace {

namespace fs = std::filesystem;
using objectstore::LocalFile;
using objectstore::Pace;

struct Crash {};

enum class Fault : uint8_t { kNone, kRefused, kUnknown, kLate, kCrash, kAnotherWriter };

// One fault at one operation.
class FaultyStore final : public objectstore::ObjectStore {
 public:
  explicit FaultyStore(objectstore::MemoryStore& inner) : inner_(inner) {}

  int fault_at = -1;
  Fault fault = Fault::kNone;
  std::function<void()> another_writer;

  Status put_new(const std::string& key, std::string_view content) override {
    return change([this, key, content = std::string(content)] { return inner_.put_new(key, content); });
  }
  Status put_file(const std::string& key, const LocalFile& file, Pace& pace) override {
    std::string content;
    std::ifstream in(file.path, std::ios::binary);
    content.assign(std::istreambuf_iterator<char>(in), {});
    (void)pace;
    return change([this, key, content]() -> Status {
      inner_.objects[key] = content;
      return {};
    });
  }
  Status copy(const std::string& from, const std::string& to) override {
    return change([this, from, to] { return inner_.copy(from, to); });
  }
  Status get(const std::string& key, Pace& pace, const objectstore::Sink& sink) override {
    FRESHET_TRY(change([]() -> Status { return {}; }));
    return inner_.get(key, pace, sink);
  }
  Result<std::vector<objectstore::Object>> list(const std::string& prefix) override {
    FRESHET_TRY(change([]() -> Status { return {}; }));
    return inner_.list(prefix);
  }
  Status remove(const std::string& key) override {
    return change([this, key] { return inner_.remove(key); });
  }
  void cancel() override {}
  const std::string& where() const override { return inner_.where(); }

  // What was under way when its caller gave up takes effect.
  void late() {
    for (const auto& effect : std::exchange(late_, {})) (void)effect();
  }

 private:
  Status change(const std::function<Status()>& effect) {
    if (fault_at-- != 0) return effect();
    switch (fault) {
      case Fault::kRefused: return fail(Code::kRetry, "refused");
      case Fault::kUnknown: (void)effect(); return fail(Code::kRetry, "no answer");
      case Fault::kLate: late_.push_back(effect); return fail(Code::kRetry, "no answer");
      case Fault::kCrash: throw Crash();
      case Fault::kAnotherWriter: another_writer(); return effect();
      case Fault::kNone: break;
    }
    return effect();
  }

  objectstore::MemoryStore& inner_;
  std::vector<std::function<Status()>> late_;
};

// A state of a few files that changes like one: each step makes a file and may drop an old one.
class World {
 public:
  World() : directory_(fs::temp_directory_path() / ("freshet-writer-" + std::to_string(getpid()))) {
    fs::remove_all(directory_);
    fs::create_directories(directory_);
  }
  ~World() { fs::remove_all(directory_); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  objectstore::MemoryStore objects;
  FaultyStore store{objects};

  WriterOptions options(uint32_t keep = 2) { return {&store, &env::real_clock(), &env::real_random(), 3, 4, keep, {}}; }

  void change() {
    ++offset_;
    std::ofstream(directory_ + "/" + std::to_string(offset_) + ".sst") << "content " << offset_ % 7;
    if (offset_ > 3) fs::remove(directory_ + "/" + std::to_string(offset_ - 3) + ".sst");
    std::ofstream(directory_ + "/CURRENT") << "names " << offset_;
  }

  Result<CheckpointWriter::Written> add(CheckpointWriter& writer) {
    v1::PartitionMeta meta;
    meta.set_format(1);
    meta.set_next_offset(offset_);
    meta.mutable_rules()->set_hash_key("0123456789abcdef");
    meta.mutable_rules()->set_logic_version(1);
    Pace pace(env::real_clock(), 0);
    // As it is now: another writer may come in between.
    const struct Snapshot {
      std::string path;
      ~Snapshot() { fs::remove_all(path); }
    } snapshot{directory_ + "-" + std::to_string(offset_)};
    fs::copy(directory_, snapshot.path);
    return writer.add(snapshot.path, meta, pace);
  }

  // Whatever happens to calls: claims anew as the checkpointer does.
  void step(std::unique_ptr<CheckpointWriter>& writer) try {
    change();
    if (!writer || writer->is_over()) {
      auto claimed = CheckpointWriter::claim(options());
      if (!claimed) return;
      writer = std::move(*claimed);
    }
    const auto written = add(*writer);
    if (written) made_ = std::max(made_, newest_in_store());
  } catch (const Crash&) {
    writer.reset();
  }

  std::vector<FoundCheckpoint> counting() { return *find_checkpoints(objects, 3); }

  CheckpointId newest_in_store() {
    const auto found = counting();
    return found.empty() ? CheckpointId{} : found.front().id;
  }

  void check() {
    Pace pace(env::real_clock(), 0);
    const auto found = counting();
    RC_ASSERT(made_ == CheckpointId{} || !found.empty());
    for (const FoundCheckpoint& checkpoint : found) {
      RC_ASSERT(checkpoint.manifest.has_value());
      const Status whole = verify_checkpoint(objects, *checkpoint.manifest, pace);
      if (!whole) RC_FAIL(whole.error().message);
    }
    if (!found.empty()) RC_ASSERT(found.front().id >= made_);
  }

  [[nodiscard]] size_t count(const std::string& folder) const {
    size_t n = 0;
    for (const auto& [key, content] : objects.objects) n += key.find("/" + folder + "/") != std::string::npos ? 1u : 0u;
    return n;
  }

 private:
  const std::string directory_;
  int64_t offset_ = 0;
  CheckpointId made_;
};

TEST(CheckpointWriter, SendsOnlyWhatIsNew) {
  World world;
  world.change();
  auto writer = *CheckpointWriter::claim(world.options());
  const auto first = world.add(*writer);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->files, 2u);
  world.change();
  const auto second = world.add(*writer);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->files, 2u);  // one more, and CURRENT
  EXPECT_EQ(writer->keep_from(), 1);
  world.change();
  ASSERT_TRUE(world.add(*writer));
  EXPECT_EQ(writer->keep_from(), 2) << "two are kept";
  EXPECT_EQ(world.count("checkpoints"), 2u);
  EXPECT_EQ(world.count("files"), 5u) << "three files, and CURRENT of two";
}

TEST(CheckpointWriter, ANewSessionCopiesWhatIsThere) {
  World world;
  world.change();
  ASSERT_TRUE(world.add(*CheckpointWriter::claim(world.options()).value()));
  world.change();
  auto writer = *CheckpointWriter::claim(world.options());
  EXPECT_EQ(writer->keep_from(), 1);
  const auto written = world.add(*writer);
  ASSERT_TRUE(written);
  EXPECT_EQ(written->copied, 1u);
  EXPECT_EQ(written->files, 2u);
  EXPECT_EQ(world.count("checkpoints"), 2u);
  world.change();
  ASSERT_TRUE(world.add(*writer));
  EXPECT_EQ(world.count("owners"), 1u);
  for (const auto& [key, content] : world.objects.objects) EXPECT_EQ(key.find("/0000000001"), std::string::npos) << key;
}

TEST(CheckpointWriter, IsFencedByALaterSession) {
  World world;
  world.change();
  auto zombie = *CheckpointWriter::claim(world.options());
  auto owner = *CheckpointWriter::claim(world.options());
  ASSERT_TRUE(world.add(*owner));
  world.change();
  const auto written = world.add(*zombie);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::kFenced);
  EXPECT_TRUE(zombie->is_over());
  EXPECT_EQ(world.newest_in_store().session, 2u);
}

TEST(CheckpointWriter, RefusesThePlaceOfAnotherInstallation) {
  World world;
  world.change();
  ASSERT_TRUE(world.add(*CheckpointWriter::claim(world.options()).value()));
  world.change();
  auto options = world.options();
  options.partitions = 8;
  const auto written = world.add(*CheckpointWriter::claim(options).value());
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::kInvalid);
  EXPECT_NE(written.error().message.find("4 partitions"), std::string::npos) << written.error().message;
}

TEST(CheckpointWriter, AnAnswerThatWasLostIsNotAConflict) {
  World world;
  world.change();
  auto writer = *CheckpointWriter::claim(world.options());
  ASSERT_TRUE(world.add(*writer));
  // The manifest is there when it is sent again: S3's client does so by itself.
  struct Twice final : objectstore::ObjectStore {
    explicit Twice(objectstore::ObjectStore& of) : inner(of) {}
    objectstore::ObjectStore& inner;
    Status put_new(const std::string& key, std::string_view content) override {
      (void)inner.put_new(key, content);
      return inner.put_new(key, content);
    }
    Status put_file(const std::string& key, const LocalFile& file, Pace& pace) override {
      return inner.put_file(key, file, pace);
    }
    Status copy(const std::string& from, const std::string& to) override { return inner.copy(from, to); }
    Status get(const std::string& key, Pace& pace, const objectstore::Sink& sink) override {
      return inner.get(key, pace, sink);
    }
    Result<std::vector<objectstore::Object>> list(const std::string& prefix) override { return inner.list(prefix); }
    Status remove(const std::string& key) override { return inner.remove(key); }
    void cancel() override {}
    const std::string& where() const override { return inner.where(); }
  } twice(world.objects);
  auto options = world.options();
  options.store = &twice;
  world.change();
  auto second = CheckpointWriter::claim(options);
  ASSERT_TRUE(second) << second.error().message;
  const auto written = world.add(**second);
  EXPECT_TRUE(written) << written.error().message;
}

using Step = std::tuple<bool, uint8_t, uint8_t, bool>;  // which writer, fault, at which operation, late effects now

RC_GTEST_PROP(CheckpointWriterProperty, EachCheckpointThatCountsIsWhole, (const std::vector<Step>& steps)) {
  World world;
  std::unique_ptr<CheckpointWriter> writers[2];
  for (const auto& [second, fault, at, late] : steps) {
    std::unique_ptr<CheckpointWriter>& writer = writers[second ? 1 : 0];
    std::unique_ptr<CheckpointWriter>& other = writers[second ? 0 : 1];
    world.store.fault = static_cast<Fault>(fault % 6);
    world.store.fault_at = at % 24;
    world.store.another_writer = [&] {
      world.step(other);
      world.check();
    };
    world.step(writer);
    world.store.fault_at = -1;
    world.check();
    if (late) world.store.late();
    world.check();
  }
  // Left alone, one writer clears away whatever there is.
  world.store.late();
  std::unique_ptr<CheckpointWriter> last;
  for (int i = 0; i < 3; ++i) world.step(last);
  world.check();
  RC_ASSERT(world.count("checkpoints") == 2u);
  RC_ASSERT(world.count("owners") == 1u);
  std::set<std::string> needed;
  for (const FoundCheckpoint& checkpoint : world.counting())
    for (const v1::CheckpointFile& file : checkpoint.manifest->files()) needed.insert(file.sha256());
  RC_ASSERT(world.count("files") == needed.size());
}

}  // namespace
}  // namespace freshet::state
