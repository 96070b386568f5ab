// How far a capture has come: one record, the last of the capture's topic `….position`, written in the transaction of
// what it speaks of. Format (docs/format/capture.md): a JSON object
//   {"v":1,"at":POSITION,"known":[COLLECTION…],"todo":[{"collection":…,"sweep":bool,"snapshot":bool,"after":ID}…]}
// where POSITION is docstore's (docstore/mongo/tails.h), and ID the text of an id or absent.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "capture/config.h"
#include "cluster/admin/admin.h"
#include "cluster/stream/stream.h"

namespace freshet::capture {

// What is left to do with a collection before changes are followed on.
struct Todo {
  std::string collection;
  bool sweep = false;     // documents that the topic has and the collection has not are told to be deleted
  bool snapshot = false;  // all its documents are written
  std::string after;      // of the snapshot: the last id that is done
  bool operator==(const Todo&) const = default;
};

struct Position {
  std::string at;               // changes behind it are not written yet
  std::set<std::string> known;  // collections that were captured at any time
  std::vector<Todo> todo;
  bool operator==(const Position&) const = default;
};

[[nodiscard]] std::string encode(const Position& position);
// kCorrupt: it is none.
[[nodiscard]] Result<Position> decode_position(std::string_view text);

using OpenReader = std::function<Result<std::unique_ptr<cluster::Reader>>()>;

// The newest one. nullopt: there is none yet. REQUIRES: what a predecessor left open is decided (Writer::settle()).
[[nodiscard]] Result<std::optional<Position>> read_position(const Config& config, cluster::Admin& admin,
                                                            const OpenReader& open_reader, env::Clock& clock);

}  // namespace freshet::capture
