// The bytes of a connection, in pieces, through parser, limits and answers, on one thread and without a network: the
// server's end of a pair of sockets. Whatever comes, what is handed on is within the limits, what is sent back is HTTP
// with nothing behind the answer that ends the connection, and the connection ends once its peer has.
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>

#include "base/assert.h"
#include "http/connection.h"
#include "http/response.h"
#include "testing/silent_fuzzing.h"

namespace freshet::http {
namespace {

constexpr size_t kBodyMax = 300;
constexpr size_t kHeaderMax = 600;

ServerOptions options() {
  ServerOptions options;
  options.body_bytes_max = kBodyMax;
  options.header_bytes_max = kHeaderMax;
  options.bodies_bytes_max = 4 * kBodyMax;
  options.strangers_bodies_bytes_max = 4 * kBodyMax;
  options.on_header = [](const Request& head) {
    FRESHET_ASSERT(head.body.empty());
    HeaderVerdict verdict;
    verdict.trusted = head.header("key") == "k";
    if (head.path.starts_with("/no")) verdict.refuse = error_response(401, "unauthorized", "no key");
    if (head.path.starts_with("/small")) verdict.body_bytes_max = 10;
    return verdict;
  };
  return options;
}

void check(const Request& request) {
  FRESHET_ASSERT(request.body.size() <= (request.path.starts_with("/small") ? 10 : kBodyMax));
  FRESHET_ASSERT(!request.method.empty() && request.path.find('?') == std::string::npos);
  FRESHET_ASSERT(!request.path.starts_with("/no"));
  size_t bytes = 0;
  for (const auto& [name, value] : request.headers) {
    bytes += name.size() + value.size();
    FRESHET_ASSERT(!name.empty() && name.find_first_of(" :\r\n") == std::string::npos);
    FRESHET_ASSERT(value.find_first_of("\r\n") == std::string::npos);
  }
  FRESHET_ASSERT(bytes <= kHeaderMax);
}

// The server's side of one connection, and what is to be called later of its handler.
struct Served {
  Served() {
    FRESHET_ASSERT(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    const auto seat = shared->seats.admit(1, 0, 0).seat;
    Socket socket(worker->io());
    socket.assign(boost::asio::ip::tcp::v4(), ends[0]);
    const auto connection = std::make_shared<Connection<Socket>>(worker, seat, std::move(socket));
    worker->add(seat, connection);
    connection->start();
    watched = connection;
  }
  ~Served() { ::close(ends[1]); }

  // All that is ready, and the answers that were put off.
  void go_on() {
    for (bool again = true; again;) {
      worker->io().restart();
      again = worker->io().poll() > 0;
      for (auto& answer : std::exchange(later, {})) {
        answer();
        again = true;
      }
      read();
    }
  }
  void read() {
    char bytes[4096];
    for (ssize_t n = 0; (n = ::recv(ends[1], bytes, sizeof bytes, 0)) > 0;)
      received.append(bytes, static_cast<size_t>(n));
  }
  void send(std::string_view bytes) {
    // Whoever was told that the connection ends may be cut off.
    while (!bytes.empty()) {
      const ssize_t n = ::send(ends[1], bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(n));
      go_on();
    }
  }

  std::vector<std::function<void()>> later;
  std::string received;
  int ends[2] = {-1, -1};
  std::shared_ptr<Shared> shared = std::make_shared<Shared>(options(), [this](const Request& request, Respond respond) {
    check(request);
    Response response;
    response.headers = {{"X-Method", request.method}};
    response.body = "[" + request.body + "]";  // so that it never looks like the next answer
    response.close = request.path == "/close";
    if (request.path == "/forget") return;
    if (request.path != "/later") return respond(std::move(response));
    later.push_back([respond = std::move(respond), response] { respond(response); });
  });
  std::shared_ptr<Worker> worker = std::make_shared<Worker>(shared);
  std::weak_ptr<AnyConnection> watched;
};

// What stands behind the name in a head; "" if it is absent.
std::string_view value_of(std::string_view head, std::string_view name) {
  const size_t at = head.find(name);
  if (at == std::string_view::npos) return "";
  return head.substr(at + name.size(), head.find("\r\n", at) - at - name.size());
}

// One answer after the other; the last one may be to a HEAD that was refused, and then has no body.
void check_answers(std::string_view text) {
  while (!text.empty()) {
    const size_t end = text.find("\r\n\r\n");
    FRESHET_ASSERT(end != std::string_view::npos);
    const std::string_view head = text.substr(0, end + 2);
    text.remove_prefix(end + 4);
    FRESHET_ASSERT(head.starts_with("HTTP/1.") && head.size() > 12 && head[8] == ' ');
    if (head.substr(9, 3) == "100") continue;
    const std::string_view length = value_of(head, "\r\nContent-Length: ");
    size_t bytes = 0;
    std::from_chars(length.data(), length.data() + length.size(), bytes);
    const bool is_last = value_of(head, "\r\nConnection: ") == "close";
    if (value_of(head, "\r\nX-Method: ") == "HEAD" || (text.size() < bytes && text.empty())) bytes = 0;
    // A HEAD that the judge refuses has no body, and is told from others by what follows.
    if (text.starts_with("HTTP/1.")) bytes = 0;
    FRESHET_ASSERT(text.size() >= bytes);
    text.remove_prefix(bytes);
    if (is_last) FRESHET_ASSERT(text.empty());
  }
}

}  // namespace
}  // namespace freshet::http

// The first byte says how large the pieces are.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet::http;
  if (size < 2) return 0;
  const size_t piece = data[0] % 8 == 0 ? size : size_t{data[0]};
  std::string_view left(reinterpret_cast<const char*>(data) + 1, size - 1);
  Served served;
  served.go_on();
  while (!left.empty()) {
    served.send(left.substr(0, piece));
    left.remove_prefix(std::min(piece, left.size()));
  }
  ::shutdown(served.ends[1], SHUT_WR);
  served.go_on();
  FRESHET_ASSERT(served.watched.expired());
  check_answers(served.received);
  return 0;
}
