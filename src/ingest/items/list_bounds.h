// Where the elements of a list stand in a text that is no valid JSON. One damaged element must not cost the others
// ("NaN", a byte that is no UTF-8, a control character in a string), and a parser of JSON stops at the first damage. So
// the elements are found by brackets, commas and quotes alone, and then each is parsed by itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace freshet::ingest {

struct ListBounds {
  std::string_view before;                 // up to the list's [ and with it
  std::vector<std::string_view> elements;  // without blanks around them; none is empty
  std::string_view after;                  // the list's ] and what follows

  // The text without the elements, or with one of them: what they have in common is not looked at here.
  [[nodiscard]] std::string with(std::string_view element) const {
    return std::string(before).append(element).append(after);
  }
};

// The list that is the member `name` of the object that the text is; of several the last one. nullopt: there is none,
// it has more than `elements_max` elements, or quotes and brackets don't match, so that no bound is certain. One pass
// over the text.
[[nodiscard]] std::optional<ListBounds> list_bounds(std::string_view text, std::string_view name, size_t elements_max);

}  // namespace freshet::ingest
