// Trees as YAML that every parser reads alike. The writer is careful rather than pretty: whatever one of the versions
// 1.1 and 1.2 might take for something other than text is quoted ("no" is false in 1.1; 1e3 is a number; "a: b" a
// map).
#include "yaml/writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/assert.h"
#include "base/text.h"

namespace freshet::yaml {
namespace {

constexpr size_t kIndent = 2;

// Says whether YAML 1.1 or 1.2 takes the word for a boolean or null. Case counts for nothing there: "NO", "No" and
// "no" are the same word.
bool is_reserved(std::string_view value) {
  constexpr std::array<std::string_view, 9> kWords = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
  return std::any_of(kWords.begin(), kWords.end(), [&](std::string_view word) {
    return word.size() == value.size() && std::equal(word.begin(), word.end(), value.begin(),
                                                     [](char a, char b) { return a == (is_letter(b) ? b | 0x20 : b); });
  });
}

// A text may stand without quotes if it begins with a letter, '/' or '_', and has nothing that means something
// anywhere in a plain scalar, in flow style either.
bool is_plain(std::string_view value) {
  if (value.empty() || !(is_letter(value.front()) || value.front() == '/' || value.front() == '_')) return false;
  constexpr std::string_view kOthers = "_/.-+=@()<>*$^|~;%";
  for (size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == ' ') {
      if (i + 1 == value.size()) return false;
    } else if (c == ':') {
      if (i + 1 == value.size() || value[i + 1] == ' ') return false;
    } else if (!is_letter(c) && !is_digit(c) && kOthers.find(c) == std::string_view::npos) {
      return false;
    }
  }
  return !is_reserved(value);
}

// A literal block can show several lines as they are if they are printable ASCII, the first one is not indented, and
// one newline ends them.
bool is_block(std::string_view value) {
  if (value.size() < 2 || value.find('\n') == value.size() - 1 || value.back() != '\n') return false;
  if (value.front() == ' ' || value.front() == '\n' || value[value.size() - 2] == '\n') return false;
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\n' ? i > 0 && value[i - 1] == ' ' : value[i] < ' ' || value[i] > '~') return false;
  }
  return true;
}

// Line breaks of YAML 1.1, and what readers refuse or drop as it is.
struct Escaped {
  std::string_view text, as;
};
constexpr std::array<Escaped, 5> kEscaped = {{{"\u2028", "\\u2028"},
                                              {"\u2029", "\\u2029"},
                                              {"\ufeff", "\\ufeff"},
                                              {"\ufffe", "\\ufffe"},
                                              {"\uffff", "\\uffff"}}};

// Double quotes take every text. What is not printable ASCII or the rest of a UTF-8 sequence is written as \xNN, which
// both versions of YAML read.
void append_quoted(std::string& out, std::string_view value) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto append_hex = [&](unsigned char byte) { ((out += "\\x") += kHex[byte >> 4]) += kHex[byte & 15]; };
  out += '"';
  while (!value.empty()) {
    const auto begins = [&](const Escaped& escaped) { return value.starts_with(escaped.text); };
    const auto* const escaped = std::ranges::find_if(kEscaped, begins);
    const auto byte = static_cast<unsigned char>(value.front());
    const auto next = static_cast<unsigned char>(value.size() > 1 ? value[1] : 0);
    // Controls of Latin-1, whose second byte is their number.
    const bool is_control = byte == 0xc2 && next < 0xa0;
    if (escaped != kEscaped.end()) {
      out += escaped->as;
    } else if (byte == '"' || byte == '\\') {
      (out += '\\') += value.front();
    } else if (byte == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      append_hex(byte);
    } else if (is_control) {
      append_hex(next);
    } else {
      out += value.front();
    }
    value.remove_prefix(escaped != kEscaped.end() ? escaped->text.size() : is_control ? 2 : 1);
  }
  out += '"';
}

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  // Writes what follows "key:" or "-", on the line or below it, with its newline.
  void value(const Node& node, size_t indent) {
    switch (node.kind) {
      case Node::Kind::kMap:
        if (node.keys.empty()) return line(" {}");
        out_ += '\n';
        return map(node, indent);
      case Node::Kind::kList:
        if (node.items.empty()) return line(" []");
        out_ += '\n';
        return list(node, indent);
      case Node::Kind::kScalar:
        if (node.quoted && is_block(node.text)) return block(node.text, indent);
        out_ += ' ';
        return scalar(node);
      case Node::Kind::kNull: return line(" null");
    }
  }

  void map(const Node& node, size_t indent, bool first_is_placed = false) {
    for (size_t i = 0; i < node.keys.size(); ++i) {
      if (i > 0 || !first_is_placed) out_.append(indent, ' ');
      FRESHET_ASSERT(node.keys.size() == node.items.size());
      append_text(node.keys[i].text);
      out_ += ':';
      value(node.items[i], indent + kIndent);
    }
  }

  // An item that is a map begins on the line of its dash; any other value stands as it would behind a key.
  void list(const Node& node, size_t indent) {
    for (const Node& item : node.items) {
      out_.append(indent, ' ').append("-");
      if (item.kind == Node::Kind::kMap && !item.keys.empty()) {
        out_ += ' ';
        map(item, indent + kIndent, true);
      } else {
        value(item, indent + kIndent);
      }
    }
  }

  void scalar(const Node& node) {
    if (node.quoted) {
      append_text(node.text);
    } else {
      out_ += node.text;
    }
    out_ += '\n';
  }

 private:
  void line(std::string_view text) { (out_ += text) += '\n'; }

  void append_text(std::string_view text) {
    if (is_plain(text)) {
      out_ += text;
    } else {
      append_quoted(out_, text);
    }
  }

  void block(std::string_view text, size_t indent) {
    out_ += " |\n";
    while (!text.empty()) {
      // is_block() has seen to it that the text ends with a line break.
      const size_t end = text.find('\n');
      FRESHET_ASSERT(end != std::string_view::npos);
      if (end > 0) out_.append(indent, ' ').append(text.substr(0, end));
      out_ += '\n';
      text.remove_prefix(end + 1);
    }
  }

  std::string& out_;
};

}  // namespace

Node text(std::string_view value) {
  return Node{.kind = Node::Kind::kScalar, .quoted = true, .text = std::string(value)};
}

Node tagged(std::string_view tag, std::string_view value) {
  FRESHET_ASSERT(tag.size() > 1 && tag.front() == '!' && std::all_of(tag.begin() + 1, tag.end(), is_letter));
  std::string out(tag);
  append_quoted(out += ' ', value);
  return plain(std::move(out));
}

Node plain(std::string value) { return Node{.kind = Node::Kind::kScalar, .text = std::move(value)}; }

Node number(double value) {
  std::array<char, 32> digits{};
  FRESHET_ASSERT(std::isfinite(value));
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  FRESHET_ASSERT(error == std::errc());
  return plain(std::string(digits.data(), end));
}

std::string write(const Node& root) {
  std::string out;
  Writer writer(out);
  switch (root.kind) {
    case Node::Kind::kMap: root.keys.empty() ? void(out = "{}\n") : writer.map(root, 0); break;
    case Node::Kind::kList: root.items.empty() ? void(out = "[]\n") : writer.list(root, 0); break;
    case Node::Kind::kScalar:
      root.quoted ? append_quoted(out, root.text) : void(out = root.text);
      out += '\n';
      break;
    case Node::Kind::kNull: out = "null\n"; break;
  }
  return out;
}

}  // namespace freshet::yaml
