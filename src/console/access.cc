#include "console/access.h"

#include <string_view>

#include "base/assert.h"
#include "base/text.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::console {
namespace {

constexpr env::TimeUs kLogEveryUs = 1'000'000;

// The host without its port: "[::1]:8081" becomes "[::1]".
std::string_view name_of_host(std::string_view host) {
  const size_t colon = host.rfind(':');
  return colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos ? host
                                                                                            : host.substr(0, colon);
}

bool is_loopback_name(std::string_view name) {
  // A name that only begins so is not enough: 127.0.0.1.example.com is whatever its owner makes it.
  return name == "localhost" || name == "[::1]" ||
         (name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string_view::npos);
}

}  // namespace

Access::Access(const std::vector<Token>& tokens, env::Clock& clock) : clock_(clock) {
  for (const Token& token : tokens) {
    FRESHET_ASSERT(!token.secret.empty());
    tokens_.push_back({token.name, SecretHash::of_configured(token.secret), token.role});
  }
}

std::optional<Access::Visitor> Access::visitor_of(const http::Request& request) const {
  if (tokens_.empty()) return Visitor{"", Role::kErase};
  constexpr std::string_view kBearer = "bearer ";
  const std::string_view header = request.header("authorization");
  if (lower_case(header.substr(0, kBearer.size())) != kBearer) return std::nullopt;
  const SecretHash sent = SecretHash::of(trim(header.substr(kBearer.size())));
  for (const Known& known : tokens_)
    if (known.secret == sent) return Visitor{known.name, known.role};
  return std::nullopt;
}

bool Access::is_own_page(const http::Request& request) const {
  const std::string_view host = request.header("host");
  const std::string_view origin = request.header("origin");
  if (!origin.empty() && origin != "http://" + std::string(host) && origin != "https://" + std::string(host))
    return false;
  return !tokens_.empty() || host.empty() || is_loopback_name(name_of_host(host));
}

void Access::refused(const http::Request& request, const char* why) const {
  telemetry::counter("freshet_admin_refused_total", "Requests to the admin listener that were refused, by reason.",
                     {{"reason", why}})
      .add();
  const env::TimeUs now = clock_.monotonic_us();
  env::TimeUs next = next_log_us_.load(std::memory_order_relaxed);
  // Whoever tries tokens by the thousand must not fill the log with it.
  if (now < next || !next_log_us_.compare_exchange_strong(next, now + kLogEveryUs)) return;
  log::warn(
      "admin: refused a request of {} (reason: {}); more of this second are counted in freshet_admin_refused_total",
      request.remote, why);
}

}  // namespace freshet::console
