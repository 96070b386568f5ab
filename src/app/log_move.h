// An installation goes from one log to another, which has another number of partitions: what has to stand in topic
// `schema` of both so that whoever works with either knows what it may do, and what of the old topics comes along.
// docs/operations/checkpoints.md tells it to operators, docs/decisions/0016-repartition.md why it is so.
//
// Every step may be taken again, by anybody, at any time: the logs say how far it was.
#pragma once

#include <memory>

#include "app/agreement.h"
#include "app/config.h"
#include "base/result.h"
#include "eventlog/event_log.h"
#include "schema/registry.h"

namespace freshet::app {

class LogMove {
 public:
  // All of these outlive it. The topics of `to` may be missing.
  LogMove(const Config& before, const Config& after, eventlog::EventLog& from, eventlog::EventLog& to);

  // Reads how far it is. kInvalid: `from` can't go to `to`; says why.
  [[nodiscard]] Status look();
  // kInvalid: `to` is not made for what comes from `from`, or is no more; says why. REQUIRES: look().
  [[nodiscard]] Status check_to();
  // Whether `from` has been told, so that its processes may run on, and those of `to` may take requests.
  [[nodiscard]] bool is_announced() const { return announced_; }
  // The state is in `to`, or what there was of that is done.
  [[nodiscard]] bool has_arrived() const;

  // Makes the topics, tells both logs, and copies. REQUIRES: look().
  [[nodiscard]] Status prepare();
  // The same without telling `from`, which nobody works with and which stays as it is.
  [[nodiscard]] Status begin();
  // Copies what came since the last time: topic `schema`, and the progress of imports.
  [[nodiscard]] Status copy();
  // Says that the state is there. Nobody can go on with `from` any more, if it was told.
  [[nodiscard]] Status arrive();
  // `from` goes on as before. kConflict: `to` has records of somebody already, or somebody who would write them.
  [[nodiscard]] Status call_off();

 private:
  [[nodiscard]] Status check_from() const;
  [[nodiscard]] Status check_unused();
  [[nodiscard]] Status check_nothing_sent();
  [[nodiscard]] Status await_state();  // tells `to`, and copies
  [[nodiscard]] Status copy_schema();
  [[nodiscard]] Status copy_imports();

  const Config& before_;
  const Config& after_;
  eventlog::EventLog& from_;
  eventlog::EventLog& to_;
  const std::unique_ptr<schema::Registry> registry_from_, registry_to_;  // nobody asks them
  Agreement said_from_, said_to_;
  bool announced_ = false;
};

// `freshet checkpoint prepare`, on Kafka: the topics of `after` are made for what comes from those of `before`, while
// everything runs on. Or that ends, with `cancel`.
[[nodiscard]] Status prepare_move(const Config& before, const Config& after, bool cancel);

}  // namespace freshet::app
