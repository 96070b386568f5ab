// What a rebalance has to remember to go on after it was killed: its moves, how far it is, and every setting that it
// made with what was there before. Saved before anything is done, so whatever was begun is in it.
//
// Format (one JSON object, version 1): "version", "cluster_id", "outcome", "wave", "limits", "pace", "windows",
// "at_close", "goal", "dir_bytes", "waves" (a list of lists of moves) and "settings", with the fields below by their
// names. Journals of earlier releases have neither pace nor windows (their throttle stays as it is), goal or dir_bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/names.h"
#include "base/result.h"
#include "fleet/rebalance/copy_rate.h"
#include "fleet/rebalance/plan.h"

namespace freshet::fleet::rebalance {

// A move by names, which hold when partitions or dirs are numbered otherwise.
struct JournalMove {
  std::string topic;
  int32_t partition = 0;
  int32_t from = 0, to = 0;            // brokers
  std::string from_dir, to_dir;        // paths
  std::vector<int32_t> before, after;  // replicas of the partition
  [[nodiscard]] bool is_within_broker() const { return from == to; }
  [[nodiscard]] std::string name() const { return topic + "[" + std::to_string(partition) + "]"; }
};

// One configuration of a topic or a broker that is ours for the time of the move.
struct Setting {
  enum class Kind : uint8_t { kTopic, kBroker };
  Kind kind = Kind::kTopic;
  std::string resource;  // a topic, or a broker's number
  std::string name;
  std::optional<std::string> before;  // nullopt: it was not set. Read once: a broker may show what is gone for a while
  bool is_ours = true;                // set or about to be; false: put back
};

enum class Outcome : uint8_t { kRunning, kPaused, kDone, kCancelled };
[[nodiscard]] constexpr auto names_of(Outcome) {
  using enum Outcome;
  return std::to_array<Name<Outcome>>(
      {{kRunning, "running"}, {kPaused, "paused"}, {kDone, "done"}, {kCancelled, "cancelled"}});
}

// The throttle as it is now, and what it is judged by.
struct JournalCopyRate {
  Bounds bounds;
  double bytes_per_s = 0;        // 0: that of the limits
  double least_bytes_per_s = 0;  // of the wave that runs
  std::optional<Signs> before;   // how the cluster was before anything was moved; nullopt: nobody has looked
};

// What becomes of moves that are under way when a window of maintenance closes: they end, or they are taken back and
// begun anew in the next one.
enum class AtClose : uint8_t { kFinish, kTakeBack };
[[nodiscard]] constexpr auto names_of(AtClose) {
  using enum AtClose;
  return std::to_array<Name<AtClose>>({{kFinish, "finish"}, {kTakeBack, "take-back"}});
}

struct Journal {
  std::string cluster_id;
  Outcome outcome = Outcome::kRunning;
  Limits limits;
  JournalCopyRate copy_rate;
  std::vector<std::string> windows;  // in which moves may begin (windows.h); none: always
  AtClose at_close = AtClose::kFinish;
  std::string goal;      // what it was begun for, as the command line says it; "": of a release that did not note it
  double dir_bytes = 0;  // of each log dir, as whoever began it said; 0: brokers tell
  std::vector<std::vector<JournalMove>> waves;
  uint32_t wave = 0;              // those before it are done
  std::vector<Setting> settings;  // all that were ever ours

  // How many settings are not put back.
  [[nodiscard]] size_t settings_set() const {
    return static_cast<size_t>(
        std::count_if(settings.begin(), settings.end(), [](const Setting& one) { return one.is_ours; }));
  }
  [[nodiscard]] bool is_open() const { return outcome == Outcome::kRunning || outcome == Outcome::kPaused; }
};

[[nodiscard]] Journal journal_of(const State& state, const Plan& plan, const Limits& limits,
                                 const std::string& cluster_id);

[[nodiscard]] std::string to_json(const Journal& journal);
// kCorrupt: it is no journal, or one of a later release.
[[nodiscard]] Result<Journal> journal_from_json(const std::string& text);

}  // namespace freshet::fleet::rebalance
