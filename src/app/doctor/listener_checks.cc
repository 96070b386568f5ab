// The configuration itself, the addresses of the listeners, and their certificates.
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>

#include "app/doctor/checks.h"
#include "app/doctor/processes.h"
#include "http/address.h"
#include "http/probe.h"

namespace freshet::app {
namespace {

constexpr int64_t kDayS = 86'400;
constexpr int64_t kEndsSoonS = 14 * kDayS;

bool has_secrets(const Config& config) {
  const bool of_admin = !config.admin.token.empty() || !config.admin.tokens.empty();
  const bool of_tenants = std::any_of(config.tenants.begin(), config.tenants.end(), [](const model::Tenant& tenant) {
    return !tenant.server_keys.empty() || !tenant.app_secret.empty();
  });
  return of_admin || of_tenants || !config.profiles.mongodb_uri.empty() || !config.log.properties.empty();
}

void look_at_port(const Subject& subject, const std::string& name, const std::string& listen, Findings& out) {
  const auto address = http::parse_address(listen);
  const Status free = http::can_listen(listen);
  if (free) return out.ok(fmt::format("{} {} is free", name, listen));
  if (free.error().code != Code::kConflict)
    return out.fail(
        fmt::format("{}: {}", name, free.error().message),
        "name an address of this machine (0.0.0.0 for all), and a port from 1024 on unless it runs as root");
  if (subject.server != 0 && address && listens(subject.server, address->port))
    return out.ok(fmt::format("{} {} is ours: process {} runs", name, listen, subject.server));
  out.fail(
      fmt::format("{} {} is taken by another program", name, listen),
      fmt::format("ss -ltnp 'sport = :{}' names it; stop that, or set {}.listen", address ? address->port : 0, name));
}

void look_at_certificate(const Subject& subject, const std::string& name, const Config::Tls& tls, Findings& out) {
  if (tls.cert.empty()) return;
  const auto end_s = http::certificate_end_s(tls.cert, tls.key);
  if (!end_s)
    return out.fail(fmt::format("{}.{}", name, end_s.error().message),
                    "both files must be PEM, readable by this user, and belong together");
  const int64_t left_s = *end_s - subject.clock->now_us() / 1'000'000;
  if (left_s <= 0) return out.fail(fmt::format("{}: {} has ended", name, tls.cert), "renew it, then send SIGHUP");
  if (left_s < kEndsSoonS)
    return out.warn(fmt::format("{}: {} ends in {} days", name, tls.cert, left_s / kDayS),
                    "renew it, then send SIGHUP");
  out.ok(fmt::format("{}: {} ends in {} days", name, tls.cert, left_s / kDayS));
}

}  // namespace

void look_at_configuration(const Subject& subject, Findings& out) {
  if (const Status roles = check_roles(subject.config); !roles)
    return out.fail(roles.error().message, "docs/configuration.md, Roles apart");
  struct stat file{};
  const bool named = !subject.config_file.empty() && ::stat(subject.config_file.c_str(), &file) == 0;
  if (named && (file.st_mode & S_IROTH) != 0 && has_secrets(subject.config))
    out.warn(fmt::format("everybody on this machine may read {}, which has secrets", subject.config_file),
             fmt::format("chmod o-r {}, or put the secrets into the environment (${{NAME}})", subject.config_file));
  if (subject.config.log.kind == Config::LogKind::kEmbedded && subject.config.checkpoints.to.empty())
    out.warn("there are no checkpoints: all that is known is on this one disk",
             "set checkpoints.to (docs/operations/checkpoints.md)");
  out.ok(fmt::format("{}: revision {}, {} tenant{}, roles {}", named ? subject.config_file : "the built-in one",
                     subject.config.revision, subject.config.tenants.size(),
                     subject.config.tenants.size() == 1 ? "" : "s", text_of(subject.config.roles)));
}

void look_at_ports(const Subject& subject, Findings& out) {
  if (subject.config.roles.ingest) look_at_port(subject, "ingest", subject.config.ingest.listen, out);
  look_at_port(subject, "admin", subject.config.admin.listen, out);
}

void look_at_certificates(const Subject& subject, Findings& out) {
  look_at_certificate(subject, "ingest", subject.config.ingest.tls, out);
  look_at_certificate(subject, "admin", subject.config.admin.tls, out);
}

}  // namespace freshet::app
