// How a transaction of librdkafka ends, and what its failure is called. The rule of all who commit exactly once:
// whoever is told kConflict may do the work again at once, so that is said only when the transaction is surely aborted.
// Whenever that is not sure the caller throws its client away and begins its transactional id anew, which makes the
// brokers decide, before anything else happens; that is kRetry.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <optional>

#include "base/result.h"
#include "env/clock.h"
#include "rdkafka/owned.h"

namespace freshet::rdkafka {

// How long a call may go on while brokers are away.
struct Patience {
  env::Clock& clock;
  env::TimeUs outage_max_us;
  const std::atomic<bool>* interrupted = nullptr;  // null: only the time ends it
};

// Calls `call` with the milliseconds that one attempt may take, again and again while the brokers are away. An error
// that librdkafka names retriable has changed nothing.
template <class Call>
[[nodiscard]] ErrorPtr insist(rd_kafka_t* client, const Patience& patience, const Call& call) {
  constexpr int kAttemptMs = 1'000;
  const env::TimeUs end = patience.clock.monotonic_us() + patience.outage_max_us;
  while (true) {
    ErrorPtr error(call(kAttemptMs));
    rd_kafka_poll(client, 0);  // errors of connections
    if (error == nullptr || rd_kafka_error_is_retriable(error.get()) == 0) return error;
    if (patience.interrupted != nullptr && *patience.interrupted) return error;
    if (patience.clock.monotonic_us() > end) return error;
  }
}

// What librdkafka says of a call that failed.
struct Failure {
  bool is_fatal = false;      // the client is of no more use
  bool is_retriable = false;  // the call has changed nothing, so nobody knows how far the one before came
};
[[nodiscard]] Failure failure_of(const rd_kafka_error_t& error);

// Whether it makes sense to abort: else the outcome stays unknown.
[[nodiscard]] inline bool can_abort(const Failure& failure) { return !failure.is_fatal && !failure.is_retriable; }
// What the failed transaction is called. `code`: of its error; `aborted`: it was, for sure.
[[nodiscard]] Code code_of_failed(Code code, const Failure& failure, bool aborted);

// Tells a producer that was too slow, or whose brokers died at the wrong moment, from one that was replaced: both are
// told that they are fenced. So the id is begun once more: who has it by right does the same, and then it is lost for
// good. Nothing can be committed twice meanwhile: only one of them has the epoch. Used by one thread.
class Rival {
 public:
  explicit Rival(env::TimeUs transaction_timeout_us) : window_us_(2 * transaction_timeout_us) {}
  // The id was fenced now. True: and not long ago, too, so somebody else runs with it.
  [[nodiscard]] bool shows(env::TimeUs now_us);

 private:
  const env::TimeUs window_us_;
  std::optional<env::TimeUs> fenced_at_;
};

}  // namespace freshet::rdkafka
