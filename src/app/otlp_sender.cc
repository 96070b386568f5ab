#include "app/otlp_sender.h"

#include <fmt/format.h>

#include <utility>

#include "telemetry/log.h"

namespace freshet::app {
namespace {

// Of each step of a request. A collector is near; a slow one is as good as none.
constexpr uint32_t kTimeoutS = 1;

// The statuses that OTLP/HTTP calls retryable; everything else is for good.
bool is_temporary(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

}  // namespace

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
    FRESHET_ASSIGN(client_, http::Client::connect(url_, {.timeout_s = kTimeoutS, .ca_file = ""}));
  }
  http::Request request;
  request.method = "POST";
  request.path = "/v1/" + what_;
  request.headers = {{"Content-Type", "application/x-protobuf"}};
  request.body = body;
  return client_->send(request);
}

// One line when sending begins to fail and one when it works again, not one for each batch.
void OtlpSender::note(const Status& health) {
  if (health.has_value() != failing_) return;
  failing_ = !health;
  if (failing_) {
    spdlog::warn("{} can't be sent to {}: {}; it is tried again, and dropped if it is too much or not wanted there",
                 what_, url_, health.error().message);
  } else {
    spdlog::info("{} can be sent to {} again", what_, url_);
  }
}

}  // namespace freshet::app
