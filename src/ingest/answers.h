// The answers of the ingest listener, each in the shape that the sender of its endpoint expects.
#pragma once

#include <string>
#include <string_view>

#include "http/message.h"
#include "ingest/adapters/adapter.h"
#include "model/tenant.h"

namespace freshet::ingest {

// {"success":false,"error":{"code":…,"message":…}}
[[nodiscard]] http::Response refusal(int status, std::string_view code, std::string_view message);
// {"status":"fail","error":{"attribute":…,"message":…,"type":…,"request_id":…}}
[[nodiscard]] http::Response data_api_refusal(int status, std::string_view code, std::string_view message,
                                              std::string_view attribute, std::string_view request_id);
// {"status":"success","message":…,"request_id":…}
[[nodiscard]] http::Response data_api_success(size_t accepted, std::string_view request_id);
// {"accepted":n,"rejected":[{"index":i,"code":…,"message":…}]}
[[nodiscard]] http::Response verdicts(const Parsed& parsed);

// What browser libraries ask for before they send. `host` is this listener as the browser names it,
// or "" if that is not usable.
[[nodiscard]] http::Response settings(std::string_view write_key, std::string_view host, bool https);
[[nodiscard]] http::Response source_config(const model::Tenant& tenant, std::string_view write_key);

// The answer to a browser's question whether a page of another origin may send (CORS).
[[nodiscard]] http::Response preflight();
// Lets pages of any origin read the answer.
void allow_all_origins(http::Response& response);

}  // namespace freshet::ingest
