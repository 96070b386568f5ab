#include "app/otlp_sender.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "app/secrets.h"
#include "base/text.h"
#include "telemetry/log.h"

namespace freshet::app {
namespace {

// Of each step of a request. A collector is near; a slow one is as good as none.
constexpr uint32_t kTimeoutS = 1;

// The statuses that OTLP/HTTP calls retryable; everything else is for good.
bool is_temporary(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

Result<OtlpTarget> open_collector(const Config::Collector& configured) {
  OtlpTarget out{configured.otlp, configured.ca, {}};
  for (const auto& [name, value] : configured.headers) {
    auto secret = secret_of(value);
    const auto wrong = [&](const std::string& why) {
      return fail(Code::kInvalid, fmt::format("header {} for the collector {}: {}", name, out.url, why));
    };
    if (!secret) return wrong(secret.error().message);
    if (name.empty() || !std::all_of(name.begin(), name.end(), [](char c) { return is_name_char(c) || c == '-'; }))
      return wrong("a name has letters, digits, - and _ only");
    if (!is_printable(*secret)) return wrong("its value has characters that no header may have");
    out.headers.emplace_back(name, *std::move(secret));
  }
  return out;
}

OtlpSender::Answer OtlpSender::send(const std::string& body) {
  Result<http::Response> response = post(body);
  if (!response) {
    note(tl::unexpected(response.error()));
    return {};
  }
  if (response->status == 200) {
    note({});
    return {Outcome::kTaken, std::move(response->body)};
  }
  note(fail(Code::kRetry, fmt::format("it answered {} to POST /v1/{}", response->status, what_)));
  return {is_temporary(response->status) ? Outcome::kAgain : Outcome::kRefused, {}};
}

Result<http::Response> OtlpSender::post(const std::string& body) {
  // The connection is kept; the client makes a new one where it broke.
  if (client_ == nullptr) {
    FRESHET_ASSIGN(client_, http::Client::connect(to_.url, {.timeout_s = kTimeoutS, .ca_file = to_.ca_file}));
  }
  http::Request request;
  request.method = "POST";
  request.path = "/v1/" + what_;
  request.headers = to_.headers;
  request.headers.emplace_back("Content-Type", "application/x-protobuf");
  request.body = body;
  return client_->send(request);
}

// One line when sending begins to fail and one when it works again, not one for each batch.
void OtlpSender::note(const Status& health) {
  if (health.has_value() != failing_) return;
  failing_ = !health;
  if (failing_) {
    log::warn("{} can't be sent to {}: {}; it is tried again, and dropped if it is too much or not wanted there", what_,
              to_.url, health.error().message);
  } else {
    log::info("{} can be sent to {} again", what_, to_.url);
  }
}

}  // namespace freshet::app
