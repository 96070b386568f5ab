// Calls to the admin listener, and what makes their answers fit for a terminal.

#include "app/admin_client.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "http/address.h"

namespace freshet::app {
namespace {

// The server's own words are the best explanation, if it is a Freshet that answered.
std::string message_of(const http::Response& response) {
  simdjson::dom::parser parser;
  std::string_view message;
  if (parser.parse(response.body).at_pointer("/error/message").get_string().get(message) == simdjson::SUCCESS)
    return printable(message);
  return fmt::format("the server answered {}; is this the admin listener of a Freshet?", response.status);
}

Code code_of(int status) {
  if (status == 404) return Code::kNotFound;
  return status < 500 ? Code::kInvalid : Code::kRetry;
}

}  // namespace

void add_ca_option(CLI::App& command, std::string& ca) {
  command.add_option("--ca", ca, "PEM file with the authority of an https:// address (default: those of the system)")
      ->check(CLI::ExistingFile);
}

void add_server_options(CLI::App& command, AdminTarget& target) {
  command.add_option("--url", target.url, "The admin listener")->capture_default_str();
  add_ca_option(command, target.ca);
  command.add_option("--token", target.token, "Admin token (better: the environment variable FRESHET_ADMIN_TOKEN)")
      ->envname("FRESHET_ADMIN_TOKEN");
  command.add_flag("--json", target.json, "One JSON object on standard output");
}

void add_admin_options(CLI::App& command, AdminTarget& target) {
  add_server_options(command, target);
  command.add_option("--tenant", target.tenant, "Whose data this is")->required();
}

std::string admin_url_of(const Config::Admin& admin) {
  const auto address = http::parse_address(admin.listen);
  if (!address) return "";
  const bool everywhere = address->host == "0.0.0.0" || address->host == "::";
  return http::text_of({!admin.tls.cert.empty(), {everywhere ? "127.0.0.1" : address->host, address->port}});
}

std::string admin_token_of(const Config::Admin& admin) {
  constexpr std::string_view kHash = "sha256-";
  if (!admin.token.empty() && !admin.token.starts_with(kHash)) return admin.token;
  for (const console::Token& token : admin.tokens)
    if (!token.secret.starts_with(kHash)) return token.secret;
  return "";
}

Result<std::string> AdminClient::call(const std::string& method, const std::string& rest, std::string body) {
  FRESHET_ASSIGN(auto response, ask(method, rest, std::move(body)));
  return std::move(response.body);
}

Result<http::Response> AdminClient::ask(const std::string& method, const std::string& rest, std::string body) {
  std::string path = "/v1/tenants";
  if (!target_.tenant.empty()) path += "/" + percent_encode(target_.tenant) + (rest.empty() ? "" : "/");
  return ask_at(method, path + rest, std::move(body));
}

Result<http::Response> AdminClient::ask_at(const std::string& method, std::string path, std::string body) {
  if (client_ == nullptr) {
    FRESHET_ASSIGN(auto client, http::Client::connect(target_.url, {.timeout_s = 30, .ca_file = target_.ca}));
    client_ = std::move(client);
  }
  http::Request request;
  request.method = method;
  request.path = std::move(path);
  request.body = std::move(body);
  if (!target_.token.empty()) request.headers.emplace_back("Authorization", "Bearer " + target_.token);
  FRESHET_ASSIGN(auto response, client_->send(request));
  if (response.status / 100 != 2) return fail(code_of(response.status), message_of(response));
  return response;
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (size_t i = 0; i < out.size(); ++i) {
    const auto byte = static_cast<unsigned char>(out[i]);
    // C1 controls, which terminals obey too, are two bytes in UTF-8.
    const bool is_c1 = byte == 0xc2 && i + 1 < out.size() && static_cast<unsigned char>(out[i + 1]) < 0xa0;
    if (is_c1) out[i + 1] = ' ';
    if (is_c1 || byte < 0x20 || byte == 0x7f) out[i] = ' ';
  }
  return out;
}

std::string text_of(simdjson::dom::object object, std::string_view name) {
  std::string_view text;
  return object[name].get_string().get(text) == simdjson::SUCCESS ? printable(text) : "";
}

int report(const Error& error) {
  fmt::print(stderr, "{}\n", error.message);
  return error.code == Code::kInvalid ? 2 : 1;
}

}  // namespace freshet::app
