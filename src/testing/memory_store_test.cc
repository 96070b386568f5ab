#include "testing/memory_store.h"

#include <gtest/gtest.h>

namespace freshet::kv {
namespace {

// Operands of one key are merged at once where they follow one another, and always in their order.
TEST(MemoryStoreTest, OperandsAreMergedInOrder) {
  int merges = 0;
  Options options;
  options.merge = [&](std::optional<std::string_view> existing, std::span<const std::string_view> operands) {
    ++merges;
    std::string all(existing.value_or(""));
    for (const std::string_view operand : operands) all += operand;
    return all;
  };
  const auto store = open_memory(std::make_shared<MemoryDisk>(), options);
  WriteBatch batch;
  batch.merge("a", "1");
  batch.merge("a", "2");
  batch.merge("b", "x");
  batch.merge("a", "3");
  batch.put("b", "y");
  batch.merge("b", "z");
  batch.merge("gone", "1");
  batch.remove("gone");
  batch.merge("last", "1");
  ASSERT_TRUE(store->write(batch, Durability::kNone));
  EXPECT_EQ(store->get("a")->value_or(""), "123");
  EXPECT_EQ(store->get("b")->value_or(""), "yz");
  EXPECT_FALSE(store->get("gone")->has_value());
  EXPECT_EQ(store->get("last")->value_or(""), "1");
  EXPECT_EQ(merges, 6) << "1 and 2 together";
}

}  // namespace
}  // namespace freshet::kv
