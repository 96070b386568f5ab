// Records of an erased person leave the log: first their values, then the files.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>

#include "eventlog/embedded/embedded_log.h"
#include "testing/clock.h"

namespace freshet::eventlog {
namespace {

class ForgetTest : public testing::Test {
 protected:
  ForgetTest() {
    std::filesystem::remove_all(path_);
    open();
  }
  ~ForgetTest() override {
    log_.reset();
    std::filesystem::remove_all(path_);
  }
  void open() {
    log_.reset();
    kv::Options options;
    options.path = path_;
    options.memory = kv::make_memory_budget(32u << 20);
    options.large_values = true;
    options.log_like = true;
    options.point_reads = false;
    log_ = std::move(open_embedded_log(std::move(kv::open_rocks(options).value()), clock_, {}).value());
    ASSERT_TRUE(log_->create_topic(Topic::kEvents, {2, 0, 1'000'000'000'000, {}}));
    ASSERT_TRUE(log_->create_topic(Topic::kActions, {2, 0, 0, {"action"}}));
    ASSERT_TRUE(log_->create_topic(Topic::kChanges, {2, 0, 0, {"reaction"}}));
  }
  void append(TopicPartition to, const std::vector<std::pair<std::string, std::string>>& records) {
    std::promise<Status> done;
    std::vector<Produce> batches(1);
    batches[0].to = to;
    for (const auto& [key, value] : records) batches[0].records.add(key, value);
    log_->append(std::move(batches), [&](Status status) { done.set_value(std::move(status)); });
    ASSERT_TRUE(done.get_future().get());
  }
  std::string read(TopicPartition of) {
    std::string out;
    Offset next = 0;
    while (next < log_->watermarks(of)->high) {
      const auto fetched = log_->read(of, next, 1);
      for (const RecordView& r : fetched->records)
        out += std::to_string(r.offset) + std::string(r.key) + "=" + std::string(r.value).substr(0, 3) + " ";
      next = fetched->next;
    }
    return out;
  }
  bool files_have(const std::string& text) {
    for (const auto& file : std::filesystem::directory_iterator(path_)) {
      std::ifstream in(file.path(), std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
      if (bytes.find(text) != std::string::npos) return true;
    }
    return false;
  }

  const std::string path_ = std::filesystem::temp_directory_path() / ("freshet-forget-" + std::to_string(getpid()));
  env::FakeClock clock_;
  std::atomic<bool> canceled_{false};
  std::unique_ptr<EventLog> log_;
};

TEST_F(ForgetTest, ValuesOfAKeyGoAndOffsetsStay) {
  const TopicPartition events{Topic::kEvents, 1};
  // Small values are rows, large ones lie in files of their own.
  append(events, {{"a", "v1-SECRET"}, {"b", "v2"}, {"a", "v3" + std::string(5000, 'x') + "SECRET"}});
  append(events, {{"b", "v4"}});
  append(events, {{"a", "v5-SECRET"}});
  EXPECT_EQ(read(events), "0a=v1- 1b=v2 2a=v3x 3b=v4 4a=v5- ");
  ASSERT_TRUE(log_->forget(Topic::kEvents, {"a", "none"}, canceled_));
  EXPECT_EQ(read(events), "0a= 1b=v2 2a= 3b=v4 4a= ");
  ASSERT_TRUE(log_->scrub(canceled_));
  EXPECT_FALSE(files_have("SECRET"));
  open();
  EXPECT_EQ(read(events), "0a= 1b=v2 2a= 3b=v4 4a= ");
  append(events, {{"a", "v6"}});
  EXPECT_EQ(read(events), "0a= 1b=v2 2a= 3b=v4 4a= 5a=v6 ");
}

TEST_F(ForgetTest, WhatIsNotReadYetIsLeft) {
  const TopicPartition changes{Topic::kChanges, 0};
  append(changes, {{"a", "v1"}, {"b", "v2"}});
  const auto forgotten = log_->forget(Topic::kChanges, {"a"}, canceled_);
  ASSERT_FALSE(forgotten);
  EXPECT_EQ(forgotten.error().code, Code::kRetry);
  EXPECT_EQ(read(changes), "0a=v1 1b=v2 ");
  EXPECT_TRUE(log_->forget(Topic::kChanges, {"c"}, canceled_));
  ConsumerOptions reader;
  reader.group = "reaction";
  reader.topics = {Topic::kChanges};
  const auto consumer = std::move(log_->open_consumer(reader).value());
  ASSERT_TRUE(consumer->poll(1, 0));
  ASSERT_TRUE(consumer->commit({{}, {{changes, 2}}}));
  EXPECT_TRUE(log_->forget(Topic::kChanges, {"a"}, canceled_));
  EXPECT_EQ(read(changes), "0a= 1b=v2 ");
}

// The oldest segment is sealed soon, so a trim takes what is trimmed out of the rows also where records go on coming.
TEST_F(ForgetTest, WhatIsTrimmedIsInNoFile) {
  const TopicPartition actions{Topic::kActions, 0};
  append(actions, {{"", "SECRET"}});
  clock_.sleep_us(15'000'000);
  append(actions, {{"", "other"}});
  ConsumerOptions reader;
  reader.group = "action";
  reader.topics = {Topic::kActions};
  const auto consumer = std::move(log_->open_consumer(reader).value());
  ASSERT_TRUE(consumer->poll(1, 0));
  ASSERT_TRUE(consumer->commit({{}, {{actions, 1}}}));
  ASSERT_TRUE(log_->trim(actions, 1));
  ASSERT_TRUE(log_->scrub(canceled_));
  EXPECT_FALSE(files_have("SECRET"));
  EXPECT_TRUE(files_have("other"));
}

}  // namespace
}  // namespace freshet::eventlog
