// What is tried again and again may fail for hours: its failure is worth a line in the log when it begins or becomes
// another one, and not each time.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace freshet {

// One thread uses it.
class LastFailure {
 public:
  // Whether `done` failed, and otherwise than the time before.
  [[nodiscard]] bool is_new(const Status& done) {
    std::string now = done ? "" : done.error().message;
    const bool is_other = !done && now != last_;
    last_ = std::move(now);
    return is_other;
  }

 private:
  std::string last_;  // "": the last time it went well
};

}  // namespace freshet
