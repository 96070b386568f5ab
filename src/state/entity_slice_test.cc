#include "state/entity_slice.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "model/packed_state.h"
#include "state/wire.h"

namespace freshet::state {
namespace {

std::string row_of(v1::EntityState& entity) {
  model::pack(entity);
  return entity.SerializeAsString();
}

// As action counts an event, and touches some of the rest.
void count_in(v1::EntityState& entity, const v1::Envelope& record) {
  for (const v1::Event& event : record.events()) {
    auto& all = *entity.mutable_events();
    int at = 0;
    while (at < all.size() && all[at].name() < event.name()) ++at;
    if (at == all.size() || all[at].name() != event.name()) {
      all.Add()->set_name(event.name());
      for (int i = all.size() - 1; i > at; --i) all.SwapElements(i, i - 1);
    }
    v1::EventStats& stats = *all[at].mutable_stats();
    stats.set_count(stats.count() + 1);
    stats.set_last_us(event.time_us());
  }
  entity.set_version(entity.version() + 1);
  entity.set_last_seen_us(record.time_us());
  entity.mutable_sessions()->set_before(entity.version());
}

v1::Envelope record_of(const std::vector<std::string>& names) {
  v1::Envelope record;
  record.set_time_us(77);
  for (const std::string& name : names) {
    v1::Event& event = *record.add_events();
    event.set_name(name);
    event.set_time_us(5);
  }
  return record;
}

v1::EntityState entity_with(const std::vector<std::string>& names, uint64_t parts) {
  v1::EntityState entity;
  entity.mutable_ref()->set_id_high(7);
  entity.set_version(1);
  count_in(entity, record_of(names));
  if ((parts & 1) != 0) entity.add_identifiers()->mutable_identifier()->set_value("u1");
  if ((parts & 2) != 0) entity.add_attributes()->set_name("city");
  if ((parts & 4) != 0) entity.add_computed()->set_name("orders");
  if ((parts & 8) != 0) entity.clear_ref();
  if ((parts & 16) != 0) entity.clear_version();
  return entity;
}

RC_GTEST_PROP(EntitySliceProperty, MakesTheRowThatTheWholeEntityWouldMake, ()) {
  const auto name = rc::gen::element<std::string>("", "a", "aa", "b", "c", "d", "Order", "Order Completed", "\xc3\xa9");
  v1::EntityState entity =
      entity_with(*rc::gen::container<std::vector<std::string>>(name), *rc::gen::inRange<uint64_t>(0, 32));
  const v1::Envelope record = record_of(*rc::gen::container<std::vector<std::string>>(name));
  const std::string row = row_of(entity);
  EntitySlice slice;
  v1::EntityState part;
  RC_ASSERT(slice.read(row, record, part));
  RC_ASSERT(static_cast<int>(part.events_size()) <= record.events_size());
  count_in(entity, record);
  count_in(part, record);
  std::string made;
  slice.write(part, made);
  RC_ASSERT(made == row_of(entity));
}

TEST(EntitySlice, DecodesNoOtherEvents) {
  v1::EntityState entity = entity_with({"a", "b", "c"}, 1);
  EntitySlice slice;
  v1::EntityState part;
  ASSERT_TRUE(slice.read(row_of(entity), record_of({"b", "x"}), part));
  ASSERT_EQ(part.events_size(), 1);
  EXPECT_EQ(part.events(0).name(), "b");
  EXPECT_EQ(part.identifiers_size(), 1);
}

// Wherever a row ends: nothing is read past it, and what is missing is either seen or not in the slice.
TEST(EntitySlice, ADamagedRowDoesNoHarm) {
  v1::EntityState entity = entity_with({"a", "b"}, 7);
  const std::string row = row_of(entity);
  EntitySlice slice;
  for (size_t size = 0; size < row.size(); ++size) {
    v1::EntityState part;
    const bool read = slice.read(row.substr(0, size), record_of({"b"}), part);
    EXPECT_TRUE(!read || part.SerializeAsString() != row) << size;
  }
  v1::EntityState part;
  EXPECT_FALSE(slice.read("no row", record_of({"b"}), part));
}

// No release wrote such rows; were they sliced, the list would no longer be sorted.
TEST(EntitySlice, EventsThatAreNotInTheirPlaceAreNotSliced) {
  v1::EntityState front = entity_with({"b"}, 0), back = entity_with({"a"}, 0);
  EntitySlice slice;
  v1::EntityState part;
  EXPECT_FALSE(slice.read(row_of(front) + row_of(back), record_of({"b"}), part));
  v1::EntityState unsorted = entity_with({"a", "b"}, 0);
  unsorted.mutable_events()->SwapElements(0, 1);
  EXPECT_FALSE(slice.read(row_of(unsorted), record_of({"b"}), part));
}

}  // namespace
}  // namespace freshet::state
