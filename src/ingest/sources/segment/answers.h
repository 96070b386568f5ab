// What browser libraries ask for before they send. The shapes are contracts of others: Segment's and RudderStack's
// libraries read these very keys, so what looks unused here is read over there.
#pragma once

#include <string_view>

#include "http/message.h"
#include "model/tenant.h"

namespace freshet::ingest {

// `host` is this listener as the browser names it, or "" if that is not usable.
[[nodiscard]] http::Response settings(std::string_view write_key, std::string_view host, bool https);
[[nodiscard]] http::Response source_config(const model::Tenant& tenant, std::string_view write_key);

}  // namespace freshet::ingest
