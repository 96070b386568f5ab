// Reading a tree against what is allowed: every unknown key, wrong type and impossible value becomes a problem that
// says what is allowed, and the nearest known name. Reading goes on after a problem, so that one run shows all of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/names.h"
#include "base/nearest.h"
#include "yaml/node.h"

namespace freshet::yaml {

// "; did you mean "x"?" (base/nearest.h) or "".
[[nodiscard]] std::string did_you_mean(std::string_view name, const NameList& candidates);
// "a, b or c"
[[nodiscard]] std::string join_names(const NameList& names);

// Scalars. `path` is for messages ("tenants[0].name"). False: a problem was added and `out` is unchanged.
bool read_text(const Node& node, const std::string& path, Problems& problems, std::string& out);
bool read_count(const Node& node, const std::string& path, uint64_t min, uint64_t max, Problems& problems,
                uint64_t& out);
bool read_number(const Node& node, const std::string& path, double min, double max, Problems& problems, double& out);
bool read_boolean(const Node& node, const std::string& path, Problems& problems, bool& out);
bool read_bytes(const Node& node, const std::string& path, uint64_t min, uint64_t max, Problems& problems,
                uint64_t& out);
bool read_duration_us(const Node& node, const std::string& path, int64_t min, int64_t max, Problems& problems,
                      int64_t& out);
// Index into `names` of the node's text.
bool read_choice(const Node& node, const std::string& path, const NameList& names, Problems& problems, size_t& out);
// The value whose name the node's text is.
template <Named E>
bool read_choice(const Node& node, const std::string& path, Problems& problems, E& out) {
  size_t index = 0;
  if (!read_choice(node, path, all_names<E>(), problems, index)) return false;
  out = names_of(E{})[index].value;
  return true;
}

// One map. Each call names a key that is allowed; finish() makes problems of the others.
class MapReader {
 public:
  // A node that is not a map is a problem; everything then reads as absent.
  MapReader(const Node& node, std::string path, Problems& problems);

  // Null if absent.
  [[nodiscard]] const Node* find(const std::string& key);
  // The same, and absence is a problem.
  [[nodiscard]] const Node* require(const std::string& key, std::string_view what);

  bool text(const std::string& key, std::string& out);
  bool count(const std::string& key, uint64_t min, uint64_t max, uint64_t& out);
  bool count(const std::string& key, uint64_t min, uint64_t max, uint32_t& out);
  bool number(const std::string& key, double min, double max, double& out);
  bool bytes(const std::string& key, uint64_t min, uint64_t max, uint64_t& out);
  bool duration_us(const std::string& key, int64_t min, int64_t max, int64_t& out);
  template <Named E>
  bool choice(const std::string& key, E& out) {
    const Node* node = find(key);
    return node != nullptr && read_choice(*node, path_of(key), problems_, out);
  }
  // A list of text without repetitions; the nodes, so that callers can place their own problems.
  [[nodiscard]] std::vector<const Node*> texts(const std::string& key);
  // Items of a list; empty if absent or not a list (a problem).
  [[nodiscard]] std::vector<const Node*> list(const std::string& key);

  // A key that is known and of no use: its presence is a problem that says why, and it is not named as allowed.
  void refuse(const std::string& key, std::string_view why);

  void finish();
  [[nodiscard]] std::string path_of(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }
  [[nodiscard]] std::string called() const { return path_.empty() ? "the file" : path_; }  // itself, in messages
  [[nodiscard]] Place at() const { return node_.at; }
  [[nodiscard]] bool is_map() const { return node_.kind == Node::Kind::kMap; }

 private:
  const Node& node_;
  std::string path_;
  Problems& problems_;
  std::vector<std::string> known_;
  std::vector<std::string> refused_;
};

}  // namespace freshet::yaml
