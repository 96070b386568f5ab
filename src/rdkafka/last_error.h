// The last thing that went wrong with a client's brokers or connections, of which librdkafka tells as it happens.
#pragma once

#include <librdkafka/rdkafka.h>

#include <mutex>
#include <utility>

#include "base/result.h"

namespace freshet::rdkafka {

// Thread-safe.
class LastError {
 public:
  // `as`: what the client's owner makes of it.
  void note(rd_kafka_resp_err_t error, Error as) {
    const std::lock_guard lock(mutex_);
    // That all brokers are down only follows from what was said of each of them, which tells more.
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !last_.message.empty()) return;
    last_ = std::move(as);
  }
  // An empty message: nothing went wrong.
  [[nodiscard]] Error get() const {
    const std::lock_guard lock(mutex_);
    return last_;
  }

 private:
  mutable std::mutex mutex_;
  Error last_{Code::kRetry, {}};  // guarded by mutex_
};

}  // namespace freshet::rdkafka
