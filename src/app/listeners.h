// The HTTP listeners of a process: how each is bounded, and what it hands its requests to.
#pragma once

#include <atomic>
#include <memory>

#include "app/config.h"
#include "base/result.h"
#include "console/admin.h"
#include "http/server.h"
#include "ingest/service.h"

namespace freshet::app {

// What the ingest listener is given of the configuration.
[[nodiscard]] http::ServerOptions ingest_listener(const Config::Ingest& at);

// Service and flag outlive the listener. `has_room`: requests wait while it is false.
[[nodiscard]] Result<std::unique_ptr<http::Server>> serve_ingest(const Config::Ingest& at, ingest::Service& service,
                                                                 const std::atomic<bool>& has_room);
// The admin outlives the listener.
[[nodiscard]] Result<std::unique_ptr<http::Server>> serve_admin(const Config::Admin& at, console::Admin& admin);

// Reads certificate and key of a listener again; null: there is none. `name` is for the log.
void reload_tls(http::Server* server, const char* name);

}  // namespace freshet::app
