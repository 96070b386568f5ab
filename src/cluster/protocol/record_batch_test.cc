// A batch against bytes that were made from Kafka's description of its format by other means, and every codec there and
// back; what strangers may send is in record_batch_fuzz.cc.
#include "cluster/protocol/record_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/hash.h"

namespace freshet::cluster::protocol {
namespace {

using testing::ElementsAre;

constexpr auto kPackings = {Packing::kNone, Packing::kGzip, Packing::kSnappy, Packing::kLz4, Packing::kZstd};

std::string golden() {
  return from_hex(
      "0000000000000000"  // offset
      "00000042ffffffff"  // 66 bytes from here, epoch of the leader
      "02869fe635"        // magic, CRC-32C of all that follows
      "001000000001"      // transactional, last offset
      "00000000000003e800000000000003e8"
      "0000000000000007000200000005"  // producer, epoch, sequence
      "00000002"
      "0e00000001026100"      // 7 bytes: no attributes, time 0, offset 0, no key, "a", no headers
      "100000020104626300");  // "bc"
}

NewBatch two_values() { return {{"a", "bc"}, 1000, 7, 2, 5, true, Packing::kNone}; }

TEST(RecordBatch, ByteForByte) {
  EXPECT_EQ(to_hex(encode_batch(two_values())), to_hex(golden()));
  const std::string bytes = golden();
  const auto batches = batches_in(bytes);
  ASSERT_TRUE(batches) << batches.error().message;
  ASSERT_EQ(batches->size(), 1u);
  const Batch& batch = batches->front();
  EXPECT_EQ(batch.bytes, 78u);
  EXPECT_EQ(batch.first_ms, 1000);
  EXPECT_EQ(batch.producer_id, 7);
  EXPECT_EQ(batch.producer_epoch, 2);
  EXPECT_EQ(batch.first_sequence, 5);
  EXPECT_TRUE(batch.transactional && !batch.control && !batch.appended_time);
  const auto values = values_of(batch.packed, batch.records);
  ASSERT_TRUE(values) << values.error().message;
  EXPECT_THAT(*values, ElementsAre("a", "bc"));
}

TEST(RecordBatch, TheLastIsCutOffAndAWrongOneIsRefused) {
  const std::string two = golden() + golden();
  EXPECT_EQ(batches_in(two)->size(), 2u);
  EXPECT_EQ(batches_in(std::string_view(two).substr(0, two.size() - 1))->size(), 1u);
  EXPECT_EQ(batches_in("")->size(), 0u);
  std::string damaged = golden();
  damaged.back() = '\1';
  EXPECT_EQ(batches_in(damaged).error().code, Code::kCorrupt);
  std::string short_one = golden();
  short_one[11] = 1;
  EXPECT_EQ(batches_in(short_one).error().code, Code::kCorrupt);
}

TEST(RecordBatch, JavasSnappyIsFramed) {
  const std::string block = pack(Packing::kSnappy, "hello hello hello");
  std::string framed("\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16);
  framed += std::string("\0\0\0", 3) + static_cast<char>(block.size()) + block;
  EXPECT_EQ(unpack(Packing::kSnappy, framed + framed.substr(16), 100).value(), "hello hello hellohello hello hello");
  framed.pop_back();
  EXPECT_EQ(unpack(Packing::kSnappy, framed, 100).error().code, Code::kCorrupt);
}

TEST(RecordBatch, NoCodecGivesMoreThanIsAskedFor) {
  const std::string zeros(1 << 20, '\0');
  for (const Packing packing : kPackings) {
    const std::string packed = pack(packing, zeros);
    EXPECT_EQ(unpack(packing, packed, zeros.size()).value(), zeros) << static_cast<int>(packing);
    EXPECT_EQ(unpack(packing, packed, zeros.size() - 1).error().code, Code::kInvalid) << static_cast<int>(packing);
    if (packing == Packing::kNone) continue;
    EXPECT_EQ(unpack(packing, packed.substr(0, packed.size() / 2), zeros.size()).error().code, Code::kCorrupt)
        << static_cast<int>(packing);
  }
}

RC_GTEST_PROP(RecordBatch, WhatIsEncodedIsRead, (std::vector<std::string> values)) {
  values.emplace_back("one at least");
  for (const Packing packing : kPackings) {
    NewBatch batch;
    batch.values = values;
    batch.packing = packing;
    const std::string bytes = encode_batch(batch);
    const auto batches = batches_in(bytes);
    RC_ASSERT(batches && batches->size() == 1 && batches->front().packing == packing);
    const auto records = unpack(packing, batches->front().packed, 10 << 20);
    RC_ASSERT(records.has_value());
    const auto read = values_of(*records, batches->front().records);
    RC_ASSERT(read.has_value());
    RC_ASSERT(std::vector<std::string>(read->begin(), read->end()) == values);
  }
}

}  // namespace
}  // namespace freshet::cluster::protocol
