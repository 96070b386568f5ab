// The data API's answers, whose shapes its clients know.
#pragma once

#include <string_view>

#include "http/message.h"
#include "ingest/source.h"

namespace freshet::ingest {

// {"status":"fail","error":{"attribute":…,"message":…,"type":…,"request_id":…}}
[[nodiscard]] http::Response data_api_refusal(const Refusal& refusal, std::string_view request_id);
// {"status":"success","message":…,"request_id":…}
[[nodiscard]] http::Response data_api_success(size_t accepted, std::string_view request_id);

}  // namespace freshet::ingest
