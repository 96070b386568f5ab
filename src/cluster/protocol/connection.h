// A connection to one broker, over TCP or TLS, with its SASL: one request at a time, each within a time of its own.
// Owned and used by one thread. After a failure it is closed; whoever wants to go on opens another one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "cluster/protocol/codec.h"
#include "cluster/protocol/security.h"
#include "env/clock.h"

namespace freshet::cluster::protocol {

struct ConnectionOptions {
  Security security;
  std::string client_id = "freshet";
  env::TimeUs timeout_us = 15'000'000;      // to connect and to say who we are, and of each request, to its end
  uint32_t response_bytes_max = 64u << 20;  // a broker that claims more is not one
};

class Connection {
 public:
  // Knows afterwards which versions the broker has. kRetry: it can't be reached, or stopped in the midst of an answer.
  // kInvalid: it refuses us (credentials, certificate). kCorrupt: what answers is no broker.
  [[nodiscard]] static Result<std::unique_ptr<Connection>> open(const std::string& host, uint16_t port,
                                                                const ConnectionOptions& options,
                                                                env::Random& random = env::real_random());
  virtual ~Connection() = default;

  // "127.0.0.1:9092", which every error begins with.
  [[nodiscard]] virtual const std::string& name() const = 0;
  // Whether it can still be used, as far as one can know without asking: brokers close what is idle for minutes.
  [[nodiscard]] virtual bool is_open() = 0;
  // The highest version of a key that both have. kInvalid: there is none, and which the broker has.
  [[nodiscard]] virtual Result<int16_t> version_of(int16_t key, int16_t least, int16_t most) const = 0;

  // The whole response, as the highest version has it that both know. What it says (its error codes) is for the caller.
  // kRetry: the broker is away, too slow, or stopped in the midst; what was asked may have been done. kCorrupt: it
  // answers what is no answer. kInvalid: it does not know that request.
  template <class Request>
  [[nodiscard]] Result<typename Request::Response> ask(const Request& request) {
    FRESHET_ASSIGN(const int16_t version, version_of(Request::kKey, Request::kLeast, Request::kMost));
    return ask_as(request, version);
  }
  // The same in a version of the caller's choice.
  template <class Request>
  [[nodiscard]] Result<typename Request::Response> ask_as(const Request& request, int16_t version) {
    const int32_t correlation = next_correlation_++;
    const std::string asked = encode_request(request, version, correlation, client_id_);
    // Texts may come from documents and from the broker itself.
    if (asked.empty()) return fail(Code::kInvalid, "Kafka takes no text of more than 32767 bytes, and there is one");
    FRESHET_ASSIGN(const std::string frame, exchange(Request::kKey, asked));
    auto response = decode_response<Request>(frame, version, correlation);
    if (!response) return not_an_answer(Request::kKey, response.error());
    return response;
  }

 protected:
  explicit Connection(std::string client_id) : client_id_(std::move(client_id)) {}

 private:
  // Sends a frame and receives one, without its size.
  [[nodiscard]] virtual Result<std::string> exchange(int16_t key, const std::string& frame) = 0;
  // Closes, and says which broker answered nonsense to what.
  [[nodiscard]] virtual tl::unexpected<Error> not_an_answer(int16_t key, const Error& error) = 0;

  const std::string client_id_;
  int32_t next_correlation_ = 1;
};

}  // namespace freshet::cluster::protocol
