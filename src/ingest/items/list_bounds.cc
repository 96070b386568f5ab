#include "ingest/items/list_bounds.h"

#include <algorithm>

#include "base/assert.h"
#include "base/text.h"

namespace freshet::ingest {
namespace {

constexpr std::string_view kJsonBlanks = " \t\r\n";
constexpr size_t kBracketsMax = 1024;  // as deep as simdjson goes

// Reads from the left what has the outlines of JSON.
class Outline {
 public:
  explicit Outline(std::string_view text) : text_(text) {}

  [[nodiscard]] size_t at() const { return at_; }
  [[nodiscard]] bool empty() const { return at_ == text_.size(); }
  // Passes over blanks and then over `c`, if that comes next.
  bool skip(char c) {
    skip_blanks();
    if (empty() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_blanks() { at_ = std::min(text_.find_first_not_of(kJsonBlanks, at_), text_.size()); }
  // A string, without its quotes and as it is escaped.
  bool string(std::string_view& inside) {
    if (!skip('"')) return false;
    const size_t begin = at_;
    for (; !empty() && text_[at_] != '"'; ++at_)
      if (text_[at_] == '\\' && ++at_ == text_.size()) return false;
    if (empty()) return false;
    inside = text_.substr(begin, at_++ - begin);
    return true;
  }
  // Anything up to the comma or the bracket behind it, without blanks. It may be no JSON, but what it opens it closes.
  bool value(std::string_view& out) {
    skip_blanks();
    const size_t begin = at_;
    brackets_.clear();
    while (!empty()) {
      const char c = text_[at_];
      std::string_view ignored;
      if (c == '"') {
        if (!string(ignored)) return false;
        continue;
      }
      if (c == '{' || c == '[') {
        if (brackets_.size() == kBracketsMax) return false;
        brackets_ += c;
      } else if (c == '}' || c == ']') {
        if (brackets_.empty()) break;
        if (brackets_.back() != (c == '}' ? '{' : '[')) return false;
        brackets_.pop_back();
      } else if (c == ',' && brackets_.empty()) {
        break;
      }
      ++at_;
    }
    out = trim(text_.substr(begin, at_ - begin), kJsonBlanks);
    return brackets_.empty() && !out.empty();
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
  std::string brackets_;  // those that are open
};

// REQUIRES: the list's [ was passed.
bool read_elements(Outline& outline, size_t elements_max, std::vector<std::string_view>& elements) {
  elements.clear();
  if (outline.skip(']')) return true;
  do {
    if (elements.size() == elements_max || !outline.value(elements.emplace_back())) return false;
  } while (outline.skip(','));
  return outline.skip(']');
}

}  // namespace

std::optional<ListBounds> list_bounds(std::string_view text, std::string_view name, size_t elements_max) {
  Outline outline(text);
  ListBounds bounds;
  bool found = false;
  if (!outline.skip('{')) return std::nullopt;
  do {
    std::string_view key, value;
    if (!outline.string(key) || !outline.skip(':')) return std::nullopt;
    if (key != name || !outline.skip('[')) {
      if (!outline.value(value)) return std::nullopt;
      continue;
    }
    found = true;
    bounds.before = text.substr(0, outline.at());
    if (!read_elements(outline, elements_max, bounds.elements)) return std::nullopt;
    bounds.after = text.substr(outline.at() - 1);
  } while (outline.skip(','));
  if (!found || !outline.skip('}')) return std::nullopt;
  outline.skip_blanks();
  if (!outline.empty()) return std::nullopt;
  FRESHET_ASSERT(bounds.before.ends_with('[') && bounds.after.starts_with(']'));
  return bounds;
}

}  // namespace freshet::ingest
