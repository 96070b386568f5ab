#include "app/doctor/server_answers.h"

#include <fmt/core.h>

#include <cstdlib>

#include "http/client.h"

namespace freshet::app {
namespace {

// It is on this machine, or near.
constexpr uint32_t kAnswerS = 5;

}  // namespace

Result<std::string> ask_server(const AdminTarget& target, const std::string& path) {
  FRESHET_ASSIGN(const auto client, http::Client::connect(target.url, {.timeout_s = kAnswerS, .ca_file = target.ca}));
  http::Request request;
  request.method = "GET";
  request.path = path;
  if (!target.token.empty()) request.headers.emplace_back("Authorization", "Bearer " + target.token);
  FRESHET_ASSIGN(auto response, client->send(request));
  if (response.status != 200) return fail(Code::kRetry, fmt::format("GET {} answers {}", path, response.status));
  return std::move(response.body);
}

double sum_of(std::string_view metrics, std::string_view name) {
  double sum = 0;
  while (!metrics.empty()) {
    const size_t end = std::min(metrics.find('\n'), metrics.size());
    const std::string_view line = metrics.substr(0, end);
    metrics.remove_prefix(std::min(end + 1, metrics.size()));
    if (!line.starts_with(name)) continue;
    const std::string_view rest = line.substr(name.size());
    const size_t blank = rest.rfind(' ');
    if (blank == std::string_view::npos || (rest.front() != '{' && rest.front() != ' ')) continue;
    sum += std::strtod(std::string(rest.substr(blank + 1)).c_str(), nullptr);
  }
  return sum;
}

}  // namespace freshet::app
