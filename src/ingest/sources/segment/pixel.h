// Pixels of Segment and of RudderStack: a message in the query of a GET, for where nothing else can be sent, such as
// mails. (Both pixel APIs: names with dots are members of members; Segment's also has a whole message in `data`, as
// base64 or as it is.)
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/response.h"

namespace freshet::ingest {

// The message of a query: {"anonymousId":…,"context":{"page":{"url":…}}}. All values are texts; `writeKey` is no part
// of it. Of a name that comes twice the last counts, and so it does of a value and members of one name. Beyond
// kPixelDepthMax dots stay part of the name. If there is `data`, that is the message. kInvalid: a malformed escape, no
// UTF-8, or `data` that is neither JSON nor base64.
inline constexpr size_t kPixelDepthMax = 6;
[[nodiscard]] Result<std::string> pixel_message(std::string_view query);

// An image of one transparent pixel.
[[nodiscard]] http::Response pixel_image();

}  // namespace freshet::ingest
