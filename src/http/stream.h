// Bytes to and from a server, over TCP or TLS: what a client of another protocol than HTTP stands on (Kafka's:
// cluster/protocol/connection.h), which needs not know Asio for it. One thread uses it, and waits for each step. After
// a failure it is closed.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "env/clock.h"
#include "http/address.h"

namespace freshet::http {

struct StreamTls {
  std::string ca_file;                            // PEM: whom we trust; empty: the authorities of the system
  std::string cert_file, key_file, key_password;  // who we are, if the server asks; PEM
  bool check_host = true;                         // the certificate must be that host's
};

class Stream {
 public:
  // Connected within that time. kRetry: nobody answers. kInvalid: a file can't be used, or the server's certificate is
  // not to be trusted.
  [[nodiscard]] static Result<std::unique_ptr<Stream>> open(const Address& address, const std::optional<StreamTls>& tls,
                                                            env::TimeUs timeout_us);
  virtual ~Stream() = default;

  // All that follows, until this is called again, ends within that time: whoever sends a byte now and then is too slow,
  // too.
  virtual void limit_time(env::TimeUs timeout_us) = 0;
  [[nodiscard]] virtual Status write(std::string_view bytes) = 0;   // all of them, or kRetry
  [[nodiscard]] virtual Status read(char* bytes, size_t size) = 0;  // as many, or kRetry
  // Whether the other side has not closed it, as far as one can know without asking.
  [[nodiscard]] virtual bool is_open() = 0;
  virtual void close() = 0;
};

}  // namespace freshet::http
