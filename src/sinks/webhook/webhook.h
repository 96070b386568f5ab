// Posts each record to an address as JSON, signed. docs/sinks.md has the request and what answers mean.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http/client.h"
#include "sinks/sink.h"

namespace freshet::sinks {

// kInvalid: the secret can't be had.
[[nodiscard]] Result<std::unique_ptr<Sink>> open_webhook(const Around& around);
using ConnectWebhook =
    std::function<Result<std::unique_ptr<http::Client>>(const std::string& url, const http::ClientOptions& options)>;
// The same over connections of this kind. Those of a sink with a concurrency of 1 are used by the caller's thread.
[[nodiscard]] Result<std::unique_ptr<Sink>> open_webhook_over(const Around& around, ConnectWebhook connect);

}  // namespace freshet::sinks
