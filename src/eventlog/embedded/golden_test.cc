// docs/format/embedded-log.md shows a log's rows, byte for byte: this writes that log and compares.
#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <map>

#include "base/hash.h"
#include "eventlog/embedded/embedded_log.h"
#include "eventlog/embedded/rows.h"
#include "testing/clock.h"
#include "testing/memory_store.h"
#include "testing/project_path.h"

namespace freshet::eventlog::embedded {
namespace {

void append(EventLog& log, TopicPartition to, const std::string& key, const std::string& value) {
  std::vector<Produce> batches(1);
  batches[0].to = to;
  batches[0].records.add(key, value);
  batches[0].records.add(key, "");
  std::promise<Status> answer;
  log.append(std::move(batches), [&](Status status) { answer.set_value(std::move(status)); });
  ASSERT_TRUE(answer.get_future().get());
}

std::map<std::string, std::string> rows_of_example() {
  auto rows = std::make_shared<kv::MemoryDisk>();
  env::FakeClock clock(1'767'323'045'678'000);  // 2026-01-02T03:04:05.678Z
  auto log = open_embedded_log(kv::open_memory(rows, {}), clock, {}).value();
  TopicOptions options;
  options.partitions = 2;
  options.retention_bytes = 1u << 30;
  options.retention_us = 3'600'000'000;
  options.consumers = {"reaction"};
  EXPECT_TRUE(log->create_topic(Topic::kChanges, options));
  const TopicPartition changes1{Topic::kChanges, 1};
  append(*log, changes1, "k", "hello");
  append(*log, changes1, "", std::string(130, 'x'));
  ConsumerOptions reaction;
  reaction.group = "reaction";
  reaction.topics = {Topic::kChanges};
  auto consumer = log->open_consumer(reaction).value();
  Transaction transaction;
  transaction.done = {{changes1, 3}};
  EXPECT_TRUE(consumer->commit(std::move(transaction)));
  EXPECT_TRUE(log->trim(changes1, 1));
  consumer.reset();
  log.reset();
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : rows->rows) out[to_hex(key)] = to_hex(value);
  return out;
}

// Lines `key = value` in hex inside the document's block ```rows; blanks are for people.
std::map<std::string, std::string> rows_of_document() {
  std::ifstream file(project_path("docs/format/embedded-log.md"));
  EXPECT_TRUE(file.is_open());
  std::map<std::string, std::string> out;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("```")) inside = line == "```rows";
    const size_t equals = line.find('=');
    if (!inside || equals == std::string::npos) continue;
    const auto hex = [](std::string text) {
      std::erase(text, ' ');
      return text;
    };
    out[hex(line.substr(0, equals))] = hex(line.substr(equals + 1));
  }
  return out;
}

TEST(EmbeddedLogFormat, IsAsDocumented) { EXPECT_EQ(rows_of_example(), rows_of_document()); }

TEST(EmbeddedLogFormat, DecodesWhatItEncodes) {
  const TopicPartition of{Topic::kOverflow, 0x01020304};
  const auto chunk = decode_partition_key(chunk_key(of, 0x0506070809)).value();
  EXPECT_EQ(chunk.of, of);
  EXPECT_EQ(chunk.base, 0x0506070809);
  EXPECT_EQ(decode_partition_key(mark_key(of))->of, of);
  EXPECT_EQ(decode_group_key(group_key("g", of))->group, "g");
  EXPECT_EQ(decode_group_key(group_key("g", of))->of, of);
  EXPECT_LT(chunk_key(of, 255), chunk_key(of, 256));
  TopicOptions options;
  options.partitions = 3;
  options.consumers = {"a", "", "bc"};
  EXPECT_EQ(decode_topic_options(encode(options))->consumers, options.consumers);
  EXPECT_FALSE(decode_topic_options(encode(options).substr(1)));
  EXPECT_FALSE(decode_topic_options(encode(options) + "x"));
  EXPECT_FALSE(decode_partition_key("c"));
  EXPECT_FALSE(decode_partition_key(chunk_key(of, 1) + "x"));
  EXPECT_FALSE(decode_group_key("g"));
  std::string low_above_high = encode(Mark{5, 5, 0, 0});
  low_above_high[15] = 4;  // the last byte of `high`
  EXPECT_FALSE(decode_mark(low_above_high));
  EXPECT_FALSE(decode_chunk_header(std::string(kChunkHeaderBytes, '\0'))) << "a chunk without records";
  EXPECT_FALSE(decode_offset("1234567"));
}

}  // namespace
}  // namespace freshet::eventlog::embedded
