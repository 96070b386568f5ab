// The answers that most sources share; a source with shapes of its own has them in its folder.
#pragma once

#include <string_view>

#include "base/json_writer.h"
#include "http/message.h"
#include "ingest/items/parsed.h"

namespace freshet::ingest {

// {"success":false,"error":{"code":…,"message":…},"code":…,"message":…}. The last two are where RudderStack's library
// for Python looks, which takes an answer without them for a broken network and sends the batch again.
[[nodiscard]] http::Response common_refusal(int status, std::string_view code, std::string_view message);
// {"accepted":n,"rejected":[{"index":i,"code":…,"message":…}]}
[[nodiscard]] http::Response verdicts(const Parsed& parsed);

// The answer to a browser's question whether a page of another origin may send (CORS): it may, with whatever headers it
// asks for.
[[nodiscard]] http::Response preflight(const http::Request& request);
// Lets the page that asks read the answer, of whatever origin it is.
void allow_origin(const http::Request& request, http::Response& response);

// A response whose body is one JSON object; `write(json)` writes its members.
template <class Write>
[[nodiscard]] http::Response json_response(int status, const Write& write) {
  http::Response response;
  response.status = status;
  JsonWriter json(response.body);
  json.begin_object();
  write(json);
  json.end_object();
  return response;
}

}  // namespace freshet::ingest
