// yaml-cpp's events as our tree. Its own nodes are not used: they don't keep the place of every value, and they expand
// aliases. It throws; every exception is caught here and becomes a problem.
#include "yaml/node.h"

#include <simdjson.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cstdint>
#include <sstream>

#include "base/assert.h"
#include "base/text.h"
#include "yaml/plain.h"

namespace freshet::yaml {
namespace {

// Nobody's file is deeper; a text of 100,000 brackets would overflow the stack of everything that visits the tree.
constexpr size_t kDepthMax = 64;
constexpr size_t kKeyShownMax = 200;  // bytes of a key in a message
// "${NAME}" becomes "$\1NAME\2" before parsing: braces would be structure where a scalar is not quoted. The same width,
// so columns stay true; YAML allows neither character, so that nothing else looks like it.
constexpr char kOpen = '\1';
constexpr char kClose = '\2';

Place place_of(const YAML::Mark& mark) {
  if (mark.line < 0 || mark.column < 0) return {};
  return {static_cast<uint32_t>(mark.line) + 1, static_cast<uint32_t>(mark.column) + 1};
}

class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(Problems& problems) : problems_(problems) {}

  [[nodiscard]] Node take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    attach(Node{.at = place_or_parent(mark)});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    problems_.add(place_of(mark), "aliases (*name) are not supported: write the value out");
    attach(Node{.at = place_of(mark)});
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    attach(
        Node{.kind = Node::Kind::kScalar, .quoted = tag != "?" && !tag.empty(), .at = place_of(mark), .text = value});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (stack_.size() >= kDepthMax) throw YAML::ParserException(mark, "nested too deeply");
    stack_.push_back(Node{.kind = kind, .at = place_of(mark)});
  }

  void close() {
    // yaml-cpp ends what it began, a map only after the value of its last key.
    FRESHET_ASSERT(!stack_.empty());
    FRESHET_ASSERT(stack_.back().kind != Node::Kind::kMap || stack_.back().keys.size() == stack_.back().items.size());
    Node node = std::move(stack_.back());
    stack_.pop_back();
    attach(std::move(node));
  }

  void attach(Node node) {
    // Whoever wrote so much that is wrong need not be told of more.
    if (problems_.full()) throw YAML::Exception(YAML::Mark::null_mark(), "too much is wrong");
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Node& parent = stack_.back();
    // Events of a map alternate: as many keys as values means that a key comes next.
    const bool is_key = parent.kind == Node::Kind::kMap && parent.keys.size() == parent.items.size();
    if (is_key && node.kind != Node::Kind::kScalar) problems_.add(node.at, "a key must be text");
    (is_key ? parent.keys : parent.items).push_back(std::move(node));
  }

  // yaml-cpp gives values that are not there no place of their own: the key's is the nearest.
  [[nodiscard]] Place place_or_parent(const YAML::Mark& mark) const {
    if (stack_.empty()) return place_of(mark);
    const Node& parent = stack_.back();
    return parent.keys.size() > parent.items.size() ? parent.keys.back().at : std::max(parent.at, place_of(mark));
  }

  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) problems_.add(place_of(mark), "anchors (&name) are not supported");
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    problems_.add(place_of(mark), "tags (" + tag + ") are not supported");
  }

  Problems& problems_;
  std::vector<Node> stack_;
  Node root_;
};

// Turns ${NAME} into its placeholder, keeping the length.
std::string hide_variables(std::string_view text) {
  std::string out(text);
  for (size_t i = 0; i + 1 < out.size(); ++i) {
    if (out[i] != '$' || out[i + 1] != '{') continue;
    size_t end = i + 2;
    while (end < out.size() && is_name_char(out[end])) ++end;
    if (end == i + 2 || end == out.size() || out[end] != '}') continue;
    out[i + 1] = kOpen;
    out[end] = kClose;
    i = end;
  }
  return out;
}

// Values are put in after parsing, so whatever a variable has stays text: it can't add a key or end a quote.
void substitute(std::string& text, Place at, const Environment& environment, Problems& problems) {
  if (text.find(kOpen) == std::string::npos) return;
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size() || (text[i + 1] != kOpen && text[i + 1] != '$')) {
      out += text[i];
      continue;
    }
    // "$${NAME}" was hidden as "$$\1NAME\2": the first dollar says that the text itself is meant.
    const bool escaped = text[i + 1] == '$';
    const size_t open = escaped ? i + 2 : i + 1;
    const size_t end = open < text.size() && text[open] == kOpen ? text.find(kClose, open) : std::string::npos;
    if (end == std::string::npos) {
      out += text[i];
      continue;
    }
    const std::string name = text.substr(open + 1, end - open - 1);
    if (escaped) {
      out.append("${").append(name).append("}");
    } else if (const auto value = environment(name)) {
      if (!simdjson::validate_utf8(value->data(), value->size()))
        problems.add(at, "the environment variable " + name + " is not UTF-8");
      out += *value;
    } else {
      problems.add(at, "the environment variable " + name + " is not set; set it, or write $${" + name +
                           "} for the text itself");
    }
    i = end;
  }
  text = std::move(out);
}

void substitute_all(Node& node, const Environment& environment, Problems& problems) {
  if (node.kind == Node::Kind::kScalar) substitute(node.text, node.at, environment, problems);
  for (Node& key : node.keys) substitute(key.text, key.at, environment, problems);
  for (Node& item : node.items) substitute_all(item, environment, problems);
}

void refuse_repeated_keys(const Node& node, Problems& problems) {
  // Sorted by text, equal ones in the order of the file: a map of 20,000 keys is checked in n log n, and the later one
  // is the one that is too many.
  FRESHET_ASSERT(node.keys.empty() || node.keys.size() == node.items.size());
  std::vector<const Node*> keys;
  for (const Node& key : node.keys) keys.push_back(&key);
  std::stable_sort(keys.begin(), keys.end(), [](const Node* a, const Node* b) { return a->text < b->text; });
  for (size_t i = 1; i < keys.size() && !problems.full(); ++i) {
    if (keys[i]->text != keys[i - 1]->text) continue;
    problems.add(keys[i]->at, "\"" + keys[i]->text.substr(0, kKeyShownMax) + "\" is there twice (also at line " +
                                  std::to_string(keys[i - 1]->at.line) + ")");
  }
  for (const Node& item : node.items) refuse_repeated_keys(item, problems);
}

// Reads with yaml-cpp. An empty text is a kNull node.
std::optional<Node> parse_full(const std::string& text, Problems& problems) {
  Builder builder(problems);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return Node{};
    Node root = builder.take_root();
    if (!parser.HandleNextDocument(builder)) return root;
    problems.add({}, "several documents (---): only one is allowed");
  } catch (const YAML::Exception& e) {
    problems.add(place_of(e.mark), "not YAML: " + e.msg);
  } catch (const std::exception& e) {
    problems.add({}, std::string("not YAML: ") + e.what());
  }
  return std::nullopt;
}

// Other encodings would end up as broken text in answers and in rendered files. Looked at by lines: only one that is
// wrong is looked at by characters, for the place.
bool has_broken_text(std::string_view text, Problems& problems) {
  constexpr size_t kCharacterMost = 4;
  if (simdjson::validate_utf8(text.data(), text.size())) return false;
  Place at;
  for (; !text.empty(); text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1), ++at.line) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (simdjson::validate_utf8(line.data(), line.size())) continue;
    for (size_t i = 0, length = 1; i < line.size() && length <= kCharacterMost;) {
      const bool good = simdjson::validate_utf8(line.data() + i, std::min(length, line.size() - i));
      i += good ? length : 0;
      length = good ? 1 : length + 1;
      at.column = static_cast<uint32_t>(i) + 1;
    }
    break;
  }
  problems.add(at, "not UTF-8: save the file as UTF-8");
  return true;
}

// YAML allows none of them, and kOpen and kClose are among them: a text that had them could name a variable in
// disguise.
bool has_forbidden_characters(std::string_view text, Problems& problems) {
  Place at;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f) {
      problems.add(at, "a control character: not allowed in YAML");
      return true;
    }
    ++at.column;
    if (c == '\n') at = {at.line + 1, 1};
  }
  return false;
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].text == key) return &items[i];
  }
  return nullptr;
}

const Node* Node::find(std::initializer_list<std::string_view> path) const {
  const Node* node = this;
  for (const std::string_view key : path) {
    node = node->find(key);
    if (node == nullptr) return nullptr;
  }
  return node;
}

Place Node::place_of(std::initializer_list<std::string_view> path) const {
  const Node* node = this;
  for (const std::string_view key : path) {
    const Node* next = node->find(key);
    if (next == nullptr) break;
    node = next;
  }
  return node->at;
}

bool Where::has(std::string_view key) const {
  return std::any_of(keys.begin(), keys.end(), [&](const auto& entry) { return entry.first == key; });
}

Place Where::of(std::string_view key) const {
  for (const auto& [name, place] : keys) {
    if (name == key) return place;
  }
  return at;
}

std::vector<Problem> Problems::sorted() const {
  std::vector<Problem> list = list_;
  std::stable_sort(list.begin(), list.end(), [](const Problem& a, const Problem& b) { return a.at < b.at; });
  return list;
}

std::string Problems::text() const {
  std::string out;
  for (const Problem& problem : sorted()) {
    if (!out.empty()) out += '\n';
    out += file_ + ":" + std::to_string(problem.at.line) + ":" + std::to_string(problem.at.column) + ": " +
           problem.message;
  }
  if (full())
    out += "\n" + file_ + ": only " + std::to_string(list_.size()) + " problems are listed: there may be more";
  return out;
}

namespace {

std::optional<Node> parse_with(bool plain_first, std::string_view text, const ParseOptions& options,
                               Problems& problems) {
  if (text.size() > options.bytes_max) {
    problems.add({},
                 "too large: " + std::to_string(text.size()) + " bytes, at most " + std::to_string(options.bytes_max));
    return std::nullopt;
  }
  if (has_broken_text(text, problems) || has_forbidden_characters(text, problems)) return std::nullopt;
  if (options.structure_max != SIZE_MAX) {
    const auto structure = static_cast<size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return std::string_view("[]{},:").find(c) != std::string_view::npos; }));
    if (structure > options.structure_max) {
      problems.add({}, "too much: " + std::to_string(structure) + " brackets, commas and colons, at most " +
                           std::to_string(options.structure_max));
      return std::nullopt;
    }
  }
  const std::string hidden = options.environment ? hide_variables(text) : std::string(text);
  auto root = plain_first ? parse_plain(hidden) : std::nullopt;
  if (!root) root = parse_full(hidden, problems);
  if (!root) return std::nullopt;
  if (options.environment) substitute_all(*root, options.environment, problems);
  refuse_repeated_keys(*root, problems);
  return root;
}

}  // namespace

std::optional<Node> parse(std::string_view text, const ParseOptions& options, Problems& problems) {
  return parse_with(true, text, options, problems);
}

std::optional<Node> parse_without_plain(std::string_view text, const ParseOptions& options, Problems& problems) {
  return parse_with(false, text, options, problems);
}

}  // namespace freshet::yaml
