#include "base/name_map.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

namespace freshet {
namespace {

template <class T>
std::map<std::string, T> content_of(const NameMap<T>& names) {
  std::map<std::string, T> content;
  names.each([&](const std::string& name, const T& value) { EXPECT_TRUE(content.emplace(name, value).second); });
  EXPECT_EQ(content.size(), names.size());
  return content;
}

RC_GTEST_PROP(NameMap, IsAsAMapAndLeavesOlderOnesAlone,
              (const std::vector<std::tuple<uint8_t, uint16_t, bool>>& steps)) {
  NameMap<int> names;
  std::map<std::string, int> model;
  std::vector<std::pair<NameMap<int>, std::map<std::string, int>>> before;
  int value = 0;
  for (const auto& [high, low, add] : steps) {
    before.emplace_back(names, model);
    const std::string name = std::to_string((high * 7 + low) % 300);
    names = add ? names.with(name, ++value) : names.without(name);
    if (add) {
      model[name] = value;
    } else {
      model.erase(name);
    }
    const int* const found = names.find(name);
    RC_ASSERT((found != nullptr) == add);
    if (add) RC_ASSERT(*found == value);
  }
  before.emplace_back(names, model);
  for (const auto& [old_names, old_model] : before) RC_ASSERT(content_of(old_names) == old_model);
}

// What a discovery costs does not grow with what is there: were the map copied for each, this would be two hundred
// million strings.
TEST(NameMap, TakesManyNames) {
  NameMap<int> names;
  for (int i = 0; i < 20'000; ++i) names = names.with("name " + std::to_string(i), i);
  EXPECT_EQ(names.size(), 20'000u);
  for (int i = 0; i < 20'000; ++i) ASSERT_EQ(*names.find("name " + std::to_string(i)), i);
  EXPECT_EQ(names.find("name"), nullptr);
  for (int i = 0; i < 20'000; ++i) names = names.without("name " + std::to_string(i));
  EXPECT_EQ(names.size(), 0u);
  EXPECT_TRUE(content_of(names).empty());
}

}  // namespace
}  // namespace freshet
