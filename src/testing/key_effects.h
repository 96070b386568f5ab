// For tests: no key that does nothing. Each key of a description (yaml/fields.h) is read by code that is not the
// description's own, and a test says where: whoever adds a key adds the line that reads it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "testing/file.h"
#include "yaml/field_table.h"

namespace freshet {

// Where a key has its effect.
struct KeyEffect {
  std::string_view key;
  std::string_view file;  // under src/
  std::string_view code;  // that reads it
};

// A file of src/ without comments, which read nothing.
[[nodiscard]] inline std::string code_of_file(std::string_view file) {
  std::istringstream lines(fleet::file_text("src/" + std::string(file)));
  std::string out;
  for (std::string line; std::getline(lines, line);) out += line.substr(0, line.find("//")) + "\n";
  return out;
}

// `fields`: what paths of files begin with that describe keys, and so use none.
inline void expect_each_key_is_read(const std::vector<yaml::FieldRow>& rows, std::span<const KeyEffect> effects,
                                    std::string_view fields) {
  std::set<std::string_view> with_effect;
  for (const KeyEffect& effect : effects) {
    EXPECT_FALSE(effect.file.starts_with(fields)) << effect.key;
    EXPECT_NE(code_of_file(effect.file).find(effect.code), std::string::npos)
        << effect.key << ": src/" << effect.file << " doesn't read " << effect.code
        << ". A key without an effect must not be there, or be refused: v.unavailable()";
    EXPECT_TRUE(with_effect.insert(effect.key).second) << effect.key << " is there twice";
  }
  for (const yaml::FieldRow& row : rows) {
    EXPECT_EQ(with_effect.contains(row.key), row.available) << row.key << ": say what reads it";
    with_effect.erase(row.key);
  }
  for (const std::string_view key : with_effect) ADD_FAILURE() << key << ": there is no such key";
}

// Each key has another value in one of `read`, the rows of files that were read, than in a fresh configuration.
inline void expect_each_key_changes(const std::vector<yaml::FieldRow>& fresh,
                                    const std::vector<std::vector<yaml::FieldRow>>& read) {
  std::map<std::string, std::string> defaults;
  for (const yaml::FieldRow& row : fresh) defaults.emplace(row.key, row.value);
  std::set<std::string> changed;
  for (const std::vector<yaml::FieldRow>& rows : read) {
    for (const yaml::FieldRow& row : rows)
      if (defaults.at(row.key) != row.value) changed.insert(row.key);
  }
  for (const yaml::FieldRow& row : fresh)
    EXPECT_EQ(changed.contains(row.key), row.available) << row.key << ": give it a value that is not its default";
}

}  // namespace freshet
