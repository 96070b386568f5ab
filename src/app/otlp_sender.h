// Sends one signal of OTLP over HTTP to a collector, and says once when that begins to fail and once when it works
// again. One thread uses it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/config.h"
#include "base/result.h"
#include "http/client.h"

namespace freshet::app {

struct OtlpTarget {
  std::string url;      // http[s]://host:port
  std::string ca_file;  // the authorities of its certificate; "": those of the system
  std::vector<std::pair<std::string, std::string>> headers;  // of each request; their values are never told
};

// The collector of the configuration, with what its headers stand for (app/secrets.h). kInvalid: one can't be had, or
// can't be sent.
[[nodiscard]] Result<OtlpTarget> open_collector(const Config::Collector& configured);

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

  // `what`: "traces", which is the end of the address, too.
  OtlpSender(OtlpTarget to, std::string what) : to_(std::move(to)), what_(std::move(what)) {}

  // It blocks, for a second in each of connecting, sending and receiving.
  [[nodiscard]] Answer send(const std::string& body);
  [[nodiscard]] bool is_failing() const { return failing_; }

 private:
  [[nodiscard]] Result<http::Response> post(const std::string& body);
  void note(const Status& health);

  const OtlpTarget to_;
  const std::string what_;
  std::unique_ptr<http::Client> client_;
  bool failing_ = false;
};

}  // namespace freshet::app
