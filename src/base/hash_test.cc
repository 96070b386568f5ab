#include "base/hash.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/parts_hash.h"

namespace freshet {
namespace {

std::string counting_bytes(size_t n) {
  std::string bytes;
  for (size_t i = 0; i < n; ++i) bytes += static_cast<char>(i);
  return bytes;
}

// The values of Kafka's own test, UtilsTest.testMurmur2, plus one for each length of the tail.
TEST(Murmur2, IsWhatKafkasJavaClientComputes) {
  const auto hash = [](std::string_view text) { return static_cast<int32_t>(murmur2(text)); };
  EXPECT_EQ(hash("21"), -973932308);
  EXPECT_EQ(hash("foobar"), -790332482);
  EXPECT_EQ(hash("a-little-bit-long-string"), -985981536);
  EXPECT_EQ(hash("a-little-bit-longer-string"), -1486304829);
  EXPECT_EQ(hash("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), -58897971);
  EXPECT_EQ(hash("abc"), 479470107);
  EXPECT_EQ(hash(""), 275646681);
}

TEST(Murmur2, PartitionIsTheHashWithoutItsSign) {
  EXPECT_EQ(partition_of("21", 16), (static_cast<uint32_t>(-973932308) & 0x7fffffffu) % 16);
  EXPECT_EQ(partition_of("abc", 7), 479470107u % 7);
  EXPECT_EQ(partition_of("anything", 1), 0u);
}

RC_GTEST_PROP(Murmur2, PartitionIsInRange, (const std::string& key)) {
  const auto partitions = *rc::gen::inRange<uint32_t>(1, 1000);
  RC_ASSERT(partition_of(key, partitions) < partitions);
}

// From the reference implementation's vectors (key 00..0f, message 00..n-1).
TEST(KeyedHash, IsSipHash24With128Bits) {
  const std::string key = counting_bytes(16);
  EXPECT_EQ(keyed_hash128(key, "").hex(), "a3817f04ba25a8e66df67214c7550293");
  EXPECT_EQ(keyed_hash128(key, counting_bytes(1)).hex(), "da87c1d86b99af44347659119b22fc45");
  EXPECT_EQ(keyed_hash128(key, counting_bytes(63)).hex(), "5150d1772f50834a503e069a973fbd7c");
}

RC_GTEST_PROP(KeyedHash, AnotherKeyGivesAnotherHash, (const std::string& text)) {
  const auto byte = *rc::gen::inRange<size_t>(0, 16);
  const std::string key = counting_bytes(16);
  std::string other = key;
  other[byte] = static_cast<char>(other[byte] ^ 1);
  RC_ASSERT(keyed_hash128(key, text) != keyed_hash128(other, text));
}

// Golden: these hashes are in stored formats. The empty one is XXH128's published value, in its canonical byte order.
TEST(Hash128, IsXxh3InCanonicalOrder) {
  EXPECT_EQ(hash128("").hex(), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(hash128("abc").hex(), "06b05ab6733a618578af5f94892f3950");
  EXPECT_EQ(hash128(counting_bytes(300)).hex(), "a699035354fc0bebd44052f5a3485425");
}

TEST(Hash128, OfPartsIsThatOfTheWhole) {
  for (const size_t size : {size_t{0}, size_t{3}, size_t{300}, size_t{5000}}) {
    const std::string whole = counting_bytes(size);
    PartsHash parts;
    for (size_t at = 0; at < size; at += 97) parts.add(std::string_view(whole).substr(at, 97));
    parts.add("");
    EXPECT_EQ(parts.hash(), hash128(whole));
  }
}

TEST(Hash128, IsOrderedAsBytes) {
  EXPECT_LT(Hash128::from(std::string(16, '\x01')), Hash128::from(std::string(16, '\xff')));
  std::string late(16, '\0');
  late[15] = 1;
  EXPECT_LT(Hash128{}, Hash128::from(late));
}

RC_GTEST_PROP(Hash128, RawBytesSurvive, ()) {
  const auto raw = *rc::gen::container<std::string>(16, rc::gen::arbitrary<char>());
  RC_ASSERT(Hash128::from(raw).view() == raw);
  RC_ASSERT(from_hex(Hash128::from(raw).hex()) == raw);
}

TEST(Hash128DeathTest, AnotherLengthIsABug) { EXPECT_DEATH((void)Hash128::from("short"), "assertion failed"); }

TEST(Hex, KnownValues) {
  EXPECT_EQ(to_hex(std::string_view("\x00\x7f\xff", 3)), "007fff");
  EXPECT_EQ(from_hex("007FfF"), std::string("\x00\x7f\xff", 3));
  EXPECT_EQ(to_hex(""), "");
}

TEST(Hex, RefusesWhatIsNotHex) {
  EXPECT_EQ(from_hex("abc"), "");
  EXPECT_EQ(from_hex("0g"), "");
  EXPECT_EQ(from_hex("00 1"), "");
}

RC_GTEST_PROP(Hex, ReadsBackWhatItWrote, (const std::string& bytes)) { RC_ASSERT(from_hex(to_hex(bytes)) == bytes); }

}  // namespace
}  // namespace freshet
