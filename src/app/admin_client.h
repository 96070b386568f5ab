// What the commands that talk to a running Freshet's admin listener share.
#pragma once

#include <simdjson.h>

#include <memory>
#include <string>
#include <string_view>

#include "app/config.h"
#include "base/result.h"
#include "http/client.h"

namespace CLI {
class App;
}

namespace freshet::app {

// Whom a command talks to, and about which tenant.
struct AdminTarget {
  std::string url = "http://127.0.0.1:8081";
  std::string token;  // never printed
  std::string ca;     // a PEM file; "": the system's authorities
  std::string tenant;
  bool json = false;
};

// Adds --url, --ca, --token (or FRESHET_ADMIN_TOKEN) and --json.
void add_server_options(CLI::App& command, AdminTarget& target);
// The same, and --tenant (required).
void add_admin_options(CLI::App& command, AdminTarget& target);

void add_ca_option(CLI::App& command, std::string& ca);

// Where the admin listener of this configuration is asked: on this machine if it listens on all addresses. "": nowhere.
[[nodiscard]] std::string admin_url_of(const Config::Admin& admin);
// A token of the configuration that can be sent, which a hash can't. "": there is none.
[[nodiscard]] std::string admin_token_of(const Config::Admin& admin);

class AdminClient {
 public:
  explicit AdminClient(AdminTarget target) : target_(std::move(target)) {}

  // `rest` follows /v1/tenants/{tenant}/, or /v1/tenants without a tenant, and is percent-encoded. It
  // returns the body of a 2xx answer; otherwise an error with the server's own message: kNotFound for
  // 404, kInvalid for other 4xx, kRetry for 5xx and for a server that can't be reached.
  [[nodiscard]] Result<std::string> call(const std::string& method, const std::string& rest, std::string body = "");
  // The same with the headers of the answer.
  [[nodiscard]] Result<http::Response> ask(const std::string& method, const std::string& rest, std::string body = "");
  // The same at any address of the listener.
  [[nodiscard]] Result<http::Response> ask_at(const std::string& method, std::string path, std::string body = "");

 private:
  AdminTarget target_;
  std::unique_ptr<http::Client> client_;
};

// The text of a member, or "" if there is none. Control characters become blanks, so that no data
// can steer the terminal.
[[nodiscard]] std::string printable(std::string_view text);
[[nodiscard]] std::string text_of(simdjson::dom::object object, std::string_view name);
// Prints the error and returns the exit status that it means.
[[nodiscard]] int report(const Error& error);

}  // namespace freshet::app
