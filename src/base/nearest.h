// What somebody may have meant by a name that is not known.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace freshet {

// A list of names, whatever it is a list of; views of what was given, which must outlive it.
class NameList {
 public:
  template <class Names>
  NameList(const Names& names) : names_(names.begin(), names.end()) {}  // NOLINT: meant to convert
  [[nodiscard]] auto begin() const { return names_.begin(); }
  [[nodiscard]] auto end() const { return names_.end(); }
  [[nodiscard]] size_t size() const { return names_.size(); }
  [[nodiscard]] std::string_view operator[](size_t index) const { return names_[index]; }

 private:
  std::vector<std::string_view> names_;
};

// Edits (insert, delete, replace, swap of neighbours, each character once) from a to b. Time and space of both lengths'
// product and of b's length.
[[nodiscard]] size_t edit_distance(std::string_view a, std::string_view b);

// The candidate with the fewest edits to `name`, whatever the case, if these are few enough to be a slip; else "". The
// first of several. What is longer than 200 bytes is not compared, nor what is behind so many that it would take long.
[[nodiscard]] std::string_view nearest(std::string_view name, const NameList& candidates);

}  // namespace freshet
