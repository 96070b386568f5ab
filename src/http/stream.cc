#include "http/stream.h"

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "http/dialed.h"
#include "http/tls.h"

namespace freshet::http {
namespace {

namespace asio = boost::asio;

class DialedStream final : public Stream {
 public:
  DialedStream(const Address& address, std::shared_ptr<asio::ssl::context> tls, bool check_host)
      : dialed_(address, std::move(tls), check_host) {}

  Status connect() { return dialed_.connect(); }
  void limit_time(env::TimeUs timeout_us) override { dialed_.limit_time(std::chrono::microseconds(timeout_us)); }
  Status write(std::string_view bytes) override {
    if (!is_open()) return fail(Code::kRetry, "the connection is closed");
    return outcome(dialed_.run(
        [&](auto& stream, auto done) { asio::async_write(stream, asio::buffer(bytes.data(), bytes.size()), done); }));
  }
  Status read(char* bytes, size_t size) override {
    return outcome(
        dialed_.run([&](auto& stream, auto done) { asio::async_read(stream, asio::buffer(bytes, size), done); }));
  }
  bool is_open() override { return dialed_.unread() != Dialed::Unread::kEnd; }
  void close() override { dialed_.close(); }

 private:
  Status outcome(const Dialed::ErrorCode& error) {
    if (!error) return {};
    close();
    return fail(Code::kRetry, dialed_.text_of(error));
  }

  Dialed dialed_;
};

Result<std::shared_ptr<asio::ssl::context>> context_of(const StreamTls& tls) {
  FRESHET_ASSIGN(auto context, client_tls(tls.ca_file));
  if (!tls.cert_file.empty()) FRESHET_TRY(show_certificate(*context, tls.cert_file, tls.key_file, tls.key_password));
  return context;
}

}  // namespace

Result<std::unique_ptr<Stream>> Stream::open(const Address& address, const std::optional<StreamTls>& tls,
                                             env::TimeUs timeout_us) {
  std::shared_ptr<asio::ssl::context> context;
  if (tls) {
    FRESHET_ASSIGN(context, context_of(*tls));
  }
  auto stream = std::make_unique<DialedStream>(address, std::move(context), !tls || tls->check_host);
  stream->limit_time(timeout_us);
  FRESHET_TRY(stream->connect());
  return stream;
}

}  // namespace freshet::http
