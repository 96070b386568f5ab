// A recursive descent over the part of YAML that people write. It knows nothing of errors: as soon as something is not
// plain it gives up, and the full parser reads the text again from the beginning. So it must never accept what the
// full parser would read otherwise; that it gives up too often costs only time.
#include "yaml/plain.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/text.h"

namespace freshet::yaml {
namespace {

// Bounds recursion. The full parser takes deeper trees (node.cc).
constexpr size_t kPlainDepthMax = 32;

bool is_key_char(char c) { return is_name_char(c) || c == '.' || c == '-'; }
// These characters mean nothing by themselves, wherever they stand in a scalar.
bool is_scalar_char(char c) {
  return is_key_char(c) || c == ' ' ||
         (c != '\0' && std::string_view("/+*@%$()=<>^;'~\"!|\\&").find(c) != std::string_view::npos);
}
bool is_scalar_start(char c) { return is_name_char(c) || c == '/' || c == '.' || c == '+' || c == '$' || c == '('; }
bool is_null(std::string_view text) { return text == "null" || text == "Null" || text == "NULL"; }

// Every function that reads leaves `position_` behind what it read. False: not plain, and all is given up.
class PlainParser {
 public:
  explicit PlainParser(std::string_view text) : text_(text) {}

  std::optional<Node> run() {
    Node root;
    if (!skip() || at_end()) return std::nullopt;
    // A scalar alone is no file of ours.
    if (!starts_item() && !starts_entry()) return std::nullopt;
    if (!block(root) || !at_end()) return std::nullopt;
    return root;
  }

 private:
  [[nodiscard]] bool at_end() const { return position_ == text_.size(); }
  [[nodiscard]] char peek(size_t ahead = 0) const {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\n';  // the end is the end of a line
  }
  [[nodiscard]] size_t column() const { return position_ - line_start_; }
  [[nodiscard]] Place place() const { return {line_, static_cast<uint32_t>(column() + 1)}; }
  [[nodiscard]] static bool is_blank(char c) { return c == ' ' || c == '\n'; }

  // Goes on to the next token. Lines that begin like a document's end or a directive are not plain.
  bool skip() {
    while (!at_end()) {
      const char c = text_[position_];
      if (c == '\n') {
        line_start_ = ++position_;
        ++line_;
      } else if (c == ' ') {
        ++position_;
      } else if (c == '#') {
        if (position_ > line_start_ && text_[position_ - 1] != ' ') return false;
        position_ = std::min(text_.find('\n', position_), text_.size());
      } else {
        break;
      }
    }
    const std::string_view rest = text_.substr(position_);
    return column() > 0 || !(rest.starts_with("---") || rest.starts_with("...") || rest.starts_with("%"));
  }

  [[nodiscard]] bool starts_item() const { return peek() == '-' && is_blank(peek(1)); }

  // Measures the key here, with ":" behind it; 0: there is none.
  [[nodiscard]] size_t key_length() const {
    size_t length = 0;
    if (!is_name_char(peek())) return 0;
    while (is_key_char(peek(length))) ++length;
    return peek(length) == ':' && is_blank(peek(length + 1)) ? length : 0;
  }
  [[nodiscard]] bool starts_entry() const { return key_length() > 0; }

  bool read_key(Node& map) {
    const size_t length = key_length();
    constexpr size_t kKeyBytesMax = 200;
    const std::string_view key = text_.substr(position_, length);
    if (length == 0 || length > kKeyBytesMax || is_null(key)) return false;
    // A key belongs to the value that is read next.
    FRESHET_ASSERT(map.keys.size() == map.items.size());
    map.keys.push_back(Node{.kind = Node::Kind::kScalar, .at = place(), .text = std::string(key)});
    position_ += length + 1;
    return true;
  }

  // Reads what begins here and has the rest of the line, or the lines that are indented like it.
  bool block(Node& out) {
    if (++depth_ > kPlainDepthMax) return false;
    FRESHET_ASSERT(position_ <= text_.size() && line_start_ <= position_);
    const bool good = starts_item()    ? block_list(out)
                      : starts_entry() ? block_map(out)
                                       : inline_value(out, false) && skip();
    --depth_;
    return good;
  }

  bool block_list(Node& out) {
    out = Node{.kind = Node::Kind::kList, .at = place()};
    const size_t indent = column();
    do {
      ++position_;
      if (!skip() || at_end() || column() <= indent) return false;  // an item that is nothing has no place of its own
      if (!block(out.items.emplace_back())) return false;
    } while (!at_end() && column() == indent && starts_item());
    return at_end() || column() <= indent;
  }

  bool block_map(Node& out) {
    out = Node{.kind = Node::Kind::kMap, .at = place()};
    const size_t indent = column();
    do {
      if (!read_key(out)) return false;
      const uint32_t line = line_;
      if (!skip()) return false;
      if (!entry_value(out, indent, line != line_)) return false;
    } while (!at_end() && column() == indent && !starts_item());
    return at_end() || column() < indent;
  }

  // Nothing behind the colon and nothing deeper below it is null; a list may stand as deep as its key.
  bool entry_value(Node& map, size_t indent, bool is_new_line) {
    const bool is_list_below = is_new_line && column() == indent && starts_item();
    if (at_end() || (is_new_line && column() <= indent && !is_list_below)) {
      map.items.push_back(Node{.at = map.keys.back().at});
      return true;
    }
    // Structure behind "key:" on its line is not YAML.
    if (!is_new_line && (starts_item() || starts_entry())) return false;
    return block(map.items.emplace_back());
  }

  bool inline_value(Node& out, bool in_flow) {
    switch (peek()) {
      case '[': return flow(out, ']', in_flow);
      case '{': return flow(out, '}', in_flow);
      case '"': return quoted(out, "\"\\", in_flow);
      case '\'': return quoted(out, "'", in_flow);
      default: return scalar(out, in_flow);
    }
  }

  // Behind a value there is the end of the line, a comment, or in a flow what goes on.
  [[nodiscard]] bool ends_value(bool in_flow) const {
    const char c = peek();
    return is_blank(c) || (in_flow && (c == ',' || c == ']' || c == '}'));
  }

  // Reads up to the first of `ends`, which must be the quote itself.
  bool quoted(Node& out, std::string_view ends, bool in_flow) {
    const Place at = place();
    const size_t begin = position_ + 1;
    const size_t end = text_.find_first_of(ends, begin);
    if (end == std::string_view::npos || text_[end] != ends.front()) return false;
    const std::string_view value = text_.substr(begin, end - begin);
    if (!std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; })) return false;
    out = Node{.kind = Node::Kind::kScalar, .quoted = true, .at = at, .text = std::string(value)};
    position_ = end + 1;
    return ends_value(in_flow) && (in_flow || ends_line());
  }

  // Nothing but a comment is left of the line.
  [[nodiscard]] bool ends_line() const {
    const size_t next = text_.find_first_not_of(' ', position_);
    return next == std::string_view::npos || text_[next] == '\n' || (text_[next] == '#' && next > position_);
  }

  // A scalar without quotes ends with its line, at a comment, or in a flow at what separates items. Blanks at its end
  // are no part of it.
  bool scalar(Node& out, bool in_flow) {
    const Place at = place();
    const size_t begin = position_;
    const bool is_negative = peek() == '-' && is_name_char(peek(1));
    if (!is_negative && !is_scalar_start(peek())) return false;
    while (is_scalar_char(peek()) || (peek() == ':' && is_key_char(peek(1)))) ++position_;
    size_t end = position_;
    while (end > begin && text_[end - 1] == ' ') --end;
    const bool is_comment = peek() == '#' && end < position_;
    const bool goes_on = in_flow && (peek() == ',' || peek() == ']' || peek() == '}');
    if (peek() != '\n' && !is_comment && !goes_on) return false;
    const std::string_view value = text_.substr(begin, end - begin);
    if (is_null(value)) return false;
    out = Node{.kind = Node::Kind::kScalar, .at = at, .text = std::string(value)};
    return true;
  }

  // `end` says what it is: a list up to ']' or a map up to '}'. A comma before the end is left to the full parser.
  bool flow(Node& out, char end, bool in_flow) {
    if (++depth_ > kPlainDepthMax) return false;
    out = Node{.kind = end == ']' ? Node::Kind::kList : Node::Kind::kMap, .at = place()};
    ++position_;
    if (!skip_in_flow()) return false;
    while (peek() != end) {
      if (end == '}' && !(read_key(out) && skip_in_flow())) return false;
      if (end == ']' && starts_entry()) return false;
      if (!inline_value(out.items.emplace_back(), true) || !skip_in_flow()) return false;
      if (peek() == end) break;
      if (peek() != ',') return false;
      ++position_;
      if (!skip_in_flow() || peek() == end) return false;
    }
    ++position_;
    --depth_;
    return ends_value(in_flow) && (in_flow || ends_line());
  }

  bool skip_in_flow() {
    const uint32_t line = line_;
    // A token at the beginning of a line could be taken for one of a block.
    return skip() && !at_end() && (line == line_ || column() > 0);
  }

  std::string_view text_;
  size_t position_ = 0;
  size_t line_start_ = 0;
  uint32_t line_ = 1;
  size_t depth_ = 0;
};

}  // namespace

std::optional<Node> parse_plain(std::string_view text) {
  // What ends a line, and so a place, would be a question.
  if (text.find('\r') != std::string_view::npos) return std::nullopt;
  return PlainParser(text).run();
}

}  // namespace freshet::yaml
