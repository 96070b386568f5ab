// Names and the record grammar.
#include "eventlog/event_log.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstring>
#include <utility>

namespace freshet::eventlog {
namespace {

using Records = std::vector<std::pair<std::string, std::string>>;

// The whole records, and whether the rest is damaged.
std::pair<Records, bool> parse(std::string_view data) {
  Records out;
  std::string_view key, value;
  bool corrupt = false;
  while (next_record(data, key, value, &corrupt)) out.emplace_back(key, value);
  return {out, corrupt};
}

TEST(EventLog, TopicNames) {
  EXPECT_EQ(name_of(Topic::kActions), "actions");
  EXPECT_EQ(name_of(Topic::kDeadLetters), "deadletters");
  EXPECT_EQ(name_of(Topic::kSchema), "schema");
}

TEST(RecordBatch, Bytes) {
  RecordBatch batch;
  batch.add("k", "vv");
  std::memcpy(batch.add_space("", 200), std::string(200, 'x').data(), 200);
  EXPECT_EQ(batch.count(), 2u);
  EXPECT_EQ(batch.data(), std::string("\x01k\x02vv\x00\xc8\x01", 8) + std::string(200, 'x'));
  const std::string bytes = batch.release();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.bytes(), 0u);
  EXPECT_EQ(bytes.size(), 208u);
}

TEST(RecordBatch, DamagedBytes) {
  const std::string_view bad[] = {
      {"\x01", 1},                       // key cut
      {"\x01k", 2},                      // no value
      {"\x01k\x02v", 4},                 // value cut
      {"\x80", 1},                       // size cut
      {"\xff\xff\xff\xff\xff\x01", 6},   // size of six bytes
      {"\xff\xff\xff\xff\x1f\x00", 6},   // size above 32 bits
      {"\x01k\xff\xff\xff\xff\x0f", 7},  // size of 4 GiB
  };
  for (const std::string_view data : bad) {
    const auto [records, corrupt] = parse(data);
    EXPECT_TRUE(records.empty());
    EXPECT_TRUE(corrupt);
  }
  EXPECT_FALSE(parse("").second);
}

RC_GTEST_PROP(RecordBatch, ReadsWhatWasWritten,
              (const Records& first, const Records& second, const std::string& large)) {
  RecordBatch batch, other;
  for (const auto& [key, value] : first) batch.add(key, value);
  for (const auto& [key, value] : second) {
    char* space = other.add_space(key, value.size());
    std::copy(value.begin(), value.end(), space);
  }
  other.add(large + std::string(300, 'x'), large);
  batch.append(other);
  Records wanted = first;
  wanted.insert(wanted.end(), second.begin(), second.end());
  wanted.emplace_back(large + std::string(300, 'x'), large);
  RC_ASSERT(batch.count() == wanted.size());
  const auto [records, corrupt] = parse(batch.data());
  RC_ASSERT(!corrupt);
  RC_ASSERT(records == wanted);
}

RC_GTEST_PROP(RecordBatch, CutBytesAreAPrefixThenDamaged, (const Records& records)) {
  RecordBatch batch;
  for (const auto& [key, value] : records) batch.add(key, value);
  const auto cut = *rc::gen::inRange<size_t>(0, batch.bytes() + 1);
  const auto [read, corrupt] = parse(std::string_view(batch.data()).substr(0, cut));
  RC_ASSERT(read.size() <= records.size());
  RC_ASSERT(std::equal(read.begin(), read.end(), records.begin()));
  RecordBatch whole;
  for (const auto& [key, value] : read) whole.add(key, value);
  RC_ASSERT(corrupt == (whole.bytes() != cut));
}

}  // namespace
}  // namespace freshet::eventlog
