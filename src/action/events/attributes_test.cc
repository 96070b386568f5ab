#include "action/events/attributes.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

namespace freshet::action {
namespace {

v1::Value text(const std::string& s) {
  v1::Value v;
  v.set_text(s);
  return v;
}

v1::Use use(int64_t time, const std::string& id) {
  v1::Use u;
  u.set_time_us(time);
  u.set_message_id(id);
  return u;
}

struct Op {
  int kind = 0;  // 0 set text, 1 set list, 2 unset, 3 add, 4 remove
  int value = 0;
  int64_t time = 0;
  std::string id;
};

void apply(v1::EntityState& e, const Op& op) {
  const v1::Value value = text(std::string(1, static_cast<char>('a' + op.value)));
  v1::Value list;
  *list.mutable_list()->add_values() = value;
  *list.mutable_list()->add_values() = text("z");
  if (op.kind <= 2) write_register(e, "x", op.kind == 0 ? &value : op.kind == 1 ? &list : nullptr, use(op.time, op.id));
  if (op.kind >= 3) write_element(e, "x", value, op.kind == 4, use(op.time, op.id), 100);
}

std::string seen(v1::EntityState& e) {
  const auto value = visible_attribute(e, "x");
  return value ? value->ShortDebugString() : "(none)";
}

std::vector<Op> random_ops() {
  const int n = *rc::gen::inRange(1, 9);
  std::vector<Op> ops;
  for (int i = 0; i < n; ++i)
    ops.push_back(
        {*rc::gen::inRange(0, 5), *rc::gen::inRange(0, 3), *rc::gen::inRange<int64_t>(0, 6), "m" + std::to_string(i)});
  return ops;
}

TEST(AttributesTest, AnyOrderEndsInTheSameValue) {
  rc::check("order and repetition do not matter", [] {
    const std::vector<Op> ops = random_ops();
    v1::EntityState in_order, shuffled;
    for (const Op& op : ops) apply(in_order, op);
    std::vector<Op> other = ops;
    other.push_back(ops[static_cast<size_t>(*rc::gen::inRange(0, static_cast<int>(ops.size())))]);
    for (size_t i = other.size(); i > 1; --i)
      std::swap(other[i - 1], other[static_cast<size_t>(*rc::gen::inRange(0, static_cast<int>(i)))]);
    for (const Op& op : other) apply(shuffled, op);
    RC_ASSERT(seen(in_order) == seen(shuffled));
  });
}

TEST(AttributesTest, AbsorbingIsTheSameAsApplying) {
  rc::check("split over two profiles and merged", [] {
    const std::vector<Op> ops = random_ops();
    v1::EntityState whole, left, right;
    for (const Op& op : ops) {
      apply(whole, op);
      apply(*rc::gen::arbitrary<bool>() ? left : right, op);
    }
    absorb_attributes(left, right, 100);
    RC_ASSERT(seen(whole) == seen(left));
  });
}

// IDENTITY case 23, and the tie between two writes of one moment.
TEST(AttributesTest, TimeDecidesThenTheMessageId) {
  v1::EntityState e;
  const v1::Value first = text("first"), second = text("second");
  write_register(e, "x", &second, use(2, "a"));
  write_register(e, "x", &first, use(1, "z"));
  EXPECT_EQ(visible_attribute(e, "x")->text(), "second");
  write_register(e, "x", &first, use(2, "b"));
  EXPECT_EQ(visible_attribute(e, "x")->text(), "first");
}

TEST(AttributesTest, UnsetLeavesItsTimeBehind) {
  v1::EntityState e;
  const v1::Value value = text("v");
  write_register(e, "x", nullptr, use(5, "a"));
  write_register(e, "x", &value, use(4, "b"));
  EXPECT_EQ(visible_attribute(e, "x"), std::nullopt);
}

TEST(AttributesTest, ListsStayListsAndSetsAreSorted) {
  v1::EntityState e;
  write_element(e, "x", text("b"), false, use(1, "m"), 100);
  write_element(e, "x", text("a"), false, use(2, "n"), 100);
  ASSERT_EQ(visible_attribute(e, "x")->list().values_size(), 2);
  EXPECT_EQ(visible_attribute(e, "x")->list().values(0).text(), "a");
  write_element(e, "x", text("a"), true, use(3, "o"), 100);
  write_element(e, "x", text("b"), true, use(3, "o"), 100);
  EXPECT_EQ(visible_attribute(e, "x"), std::nullopt);
}

}  // namespace
}  // namespace freshet::action
