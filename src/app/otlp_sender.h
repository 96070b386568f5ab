// Sends one signal of OTLP over HTTP to a collector, and says once when that begins to fail and once when it works
// again. One thread uses it.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "http/client.h"

namespace freshet::app {

class OtlpSender {
 public:
  enum class Outcome : uint8_t {
    kTaken,    // the answer's body may say that some of it was not wanted
    kAgain,    // nobody answers, or is busy
    kRefused,  // for good
  };
  struct Answer {
    Outcome outcome = Outcome::kAgain;
    std::string body;
  };

  // `url`: http[s]://host:port. `what`: "traces", which is the end of the address, too.
  OtlpSender(std::string url, std::string what) : url_(std::move(url)), what_(std::move(what)) {}

  // It blocks, for a second in each of connecting, sending and receiving.
  [[nodiscard]] Answer send(const std::string& body);
  [[nodiscard]] bool is_failing() const { return failing_; }

 private:
  [[nodiscard]] Result<http::Response> post(const std::string& body);
  void note(const Status& health);

  const std::string url_;
  const std::string what_;
  std::unique_ptr<http::Client> client_;
  bool failing_ = false;
};

}  // namespace freshet::app
