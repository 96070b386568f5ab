// A record now and then that takes the whole way of a tenant's record: accepted, durable, processed, written. How long
// it takes is in the freshness of the tenant freshet-canary, so the objective is watched, and a standstill is seen,
// while nobody else sends anything.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "env/clock.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::app {

// One thread calls it; the callbacks of `submit` may come on any, also when it is gone.
class Canary {
 public:
  using Done = std::function<void(Status)>;
  using Submit = std::function<Status(v1::Envelope, Done)>;

  // `name`: of this installation, whose one profile the records change.
  Canary(std::string name, env::TimeUs every_us, Submit submit, env::Clock& clock);

  // Sends a record if one is due. While many have no answer none is sent, and counted as failed.
  void tick();

 private:
  [[nodiscard]] v1::Envelope record() const;

  const std::string name_;
  const env::TimeUs every_us_;
  const Submit submit_;
  env::Clock& clock_;
  env::TimeUs due_us_ = 0;
  const std::shared_ptr<std::atomic<uint32_t>> waiting_ = std::make_shared<std::atomic<uint32_t>>(0);
};

}  // namespace freshet::app
