// Restarts the brokers of a journal one after another: looks whether everything is in sync, has the command run, waits
// until the broker was away and is back in sync everywhere, has it lead again what it should, and only then goes on.
//
// Every step may be done twice: one that was killed goes on by being run again with the journal that it left. One
// thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "env/clock.h"
#include "fleet/restart/journal.h"
#include "fleet/restart/state.h"

namespace freshet::fleet::restart {

// The living cluster, and what restarts a broker of it. kRetry passes by itself.
class Port {
 public:
  virtual ~Port() = default;
  [[nodiscard]] virtual Result<State> look() = 0;
  // The preferred leader leads again where it is in sync.
  [[nodiscard]] virtual Status elect(const std::vector<Partition>& partitions) = 0;
  // Begins the command for this broker; one at a time.
  [[nodiscard]] virtual Status begin(const Broker& broker) = 0;
  // Its exit status; nullopt: it runs yet.
  [[nodiscard]] virtual Result<std::optional<int>> ended() = 0;
};

struct FollowOptions {
  env::TimeUs poll_us = 500'000;
  env::TimeUs ready_max_us = 600'000'000;   // how long the cluster may take to be in sync before the next broker goes
  env::TimeUs back_max_us = 1'800'000'000;  // how long a broker may take to be back in sync
  env::TimeUs seen_max_us = 60'000'000;     // after the command: until it must have been away
  env::TimeUs settle_us = 0;                // between two brokers
  bool may_stop_writes = false;             // also brokers without which partitions can't be written or read
  std::function<Status(const Journal&)> save;  // durable when it returns
  std::function<void(const std::string&)> tell;
  std::function<bool()> stops;  // asked between steps: then it ends when the broker that is away is back
};

class Follower {
 public:
  Follower(Port& port, env::Clock& clock, Journal journal, FollowOptions options)
      : port_(port), clock_(clock), journal_(std::move(journal)), options_(std::move(options)) {}

  // To the end, or until somebody wants it to stop: journal().outcome says which. kInvalid: it is another cluster.
  // kConflict: the cluster is not ready, or the next broker can't be spared; nothing was done to it. kFatal: a command
  // failed, or a broker does not come back. kRetry: the cluster does not answer.
  [[nodiscard]] Status run();
  [[nodiscard]] const Journal& journal() const { return journal_; }

 private:
  // What shows afterwards that a broker was away.
  struct Before {
    std::vector<Partition> led;
    bool seen_away = false;
  };

  [[nodiscard]] Result<State> look();
  [[nodiscard]] Result<State> wait_until_ready(int32_t ours);
  [[nodiscard]] Status one(JournalBroker& journalled);
  [[nodiscard]] Status check_spared(int32_t broker, const Cost& cost) const;
  [[nodiscard]] Status run_command(const Broker& broker, Before& before);
  [[nodiscard]] Status wait_until_back(int32_t broker, Before& before);
  [[nodiscard]] Status save() { return options_.save(journal_); }

  Port& port_;
  env::Clock& clock_;
  Journal journal_;
  const FollowOptions options_;
};

}  // namespace freshet::fleet::restart
