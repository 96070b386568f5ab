// What a rolling restart has to remember to go on after it was killed. Saved before anything is done to a broker. The
// command is not in it: whoever goes on gives it again, and a secret in it is written nowhere.
//
// Format (one JSON object, version 1): {"version","cluster_id","outcome","brokers":[{"id","host","port","rack",
// "stage"}…]}
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/names.h"
#include "base/result.h"
#include "fleet/restart/state.h"

namespace freshet::fleet::restart {

enum class Stage : uint8_t {
  kWaiting,
  kAway,  // its command was begun: it is away, or is coming back
  kDone,
};
[[nodiscard]] constexpr auto names_of(Stage) {
  using enum Stage;
  return std::to_array<Name<Stage>>({{kWaiting, "waiting"}, {kAway, "away"}, {kDone, "done"}});
}

enum class Outcome : uint8_t { kRunning, kStopped, kDone };
[[nodiscard]] constexpr auto names_of(Outcome) {
  using enum Outcome;
  return std::to_array<Name<Outcome>>({{kRunning, "running"}, {kStopped, "stopped"}, {kDone, "done"}});
}

struct JournalBroker {
  Broker broker;  // with its address, as long as it was up: one that is down tells none
  Stage stage = Stage::kWaiting;
  bool operator==(const JournalBroker&) const = default;
};

struct Journal {
  std::string cluster_id;
  Outcome outcome = Outcome::kRunning;
  std::vector<JournalBroker> brokers;  // in their order
  [[nodiscard]] size_t done() const;
  bool operator==(const Journal&) const = default;
};

[[nodiscard]] std::string to_json(const Journal& journal);
// kCorrupt: it is no journal, or one of a later release.
[[nodiscard]] Result<Journal> journal_from_json(const std::string& text);

}  // namespace freshet::fleet::restart
