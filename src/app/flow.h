// Where records wait, by partition: for the console's picture.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "env/clock.h"
#include "eventlog/event_log.h"

namespace freshet::app {

// Thread-safe. Whatever asks for it how often: the log is asked five times a second at most.
class Flow {
 public:
  // Partitions that are shown of a stage; of more, those with the longest lag.
  static constexpr size_t kPartitionsShown = 256;

  Flow(eventlog::EventLog& log, env::Clock& clock) : log_(log), clock_(clock) {}

  // {"at":…,"stages":[{"name":"action","partitions":8,"lag":5,"oldest_at":"…",
  //   "waiting":[{"partition":3,"end":700,"done":695,"lag":5,"oldest_at":"…","held":false},…]},…]}
  // `waiting` has the partitions where records wait, the longest lag first. `oldest_at` is when the first record that
  // waits was received; null: nobody knows, or nothing waits. `held`: it can't be read, as it lies behind the begin of
  // a transaction that is open. Both are looked up where lag is longest only, as it takes a read. A stage whose lag the
  // log does not tell has null in the place of numbers. `readable`: what reaction has done and not committed.
  [[nodiscard]] std::string json(const std::vector<eventlog::Position>& readable);
  // The same while nobody knows, as the log does not answer. It does not ask.
  [[nodiscard]] std::string unknown_json() const;

 private:
  struct WaitingPart;
  struct Stage;

  [[nodiscard]] static std::array<Stage, 3> stages();
  [[nodiscard]] std::string look(const std::vector<eventlog::Position>& readable);
  [[nodiscard]] std::string text_of(std::span<const Stage> stages) const;
  void look_at(Stage& stage, const std::vector<eventlog::Position>& done);
  void look_at_first(eventlog::Topic topic, WaitingPart& part);
  [[nodiscard]] static std::optional<int64_t> received_us(eventlog::Topic topic, std::string_view value);

  eventlog::EventLog& log_;
  env::Clock& clock_;
  std::mutex mutex_;
  std::string last_;  // guarded by mutex_, as is what follows
  env::TimeUs looked_us_ = 0;
};

}  // namespace freshet::app
