// RudderStack's pixel addresses: a message in the query of a GET, for where nothing else can be sent, such as mails.
// (RudderStack Pixel API: names with dots are members of members.)
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/response.h"

namespace freshet::ingest {

// The message of a query: {"anonymousId":…,"context":{"page":{"url":…}}}. All values are texts; `writeKey` is no part
// of it. Of a name that comes twice the last counts, and so it does of a value and members of one name. Beyond
// kPixelDepthMax dots stay part of the name. kInvalid: a malformed escape, or no UTF-8.
inline constexpr size_t kPixelDepthMax = 6;
[[nodiscard]] Result<std::string> pixel_message(std::string_view query);

// An image of one transparent pixel.
[[nodiscard]] http::Response pixel_image();

}  // namespace freshet::ingest
