// How many messages a request of OTLP would be made of, told before any of them is made: an empty one takes two bytes
// of a body, and 72 bytes of memory. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace freshet::ingest {

// Of a request: 20,000 records with two dozen attributes each, and a name and a value are messages by themselves.
inline constexpr size_t kOtlpMessagesMax = 1'000'000;

// Of a body in Protobuf, with the fields that this version does not know, which are kept as long as the request. No
// more than one over `most` are counted; of what is damaged those before the damage.
[[nodiscard]] size_t otlp_protobuf_messages(std::string_view body, size_t most);
// Of a body in JSON, in which each is an object; a brace within a text counts, too.
[[nodiscard]] size_t otlp_json_messages(std::string_view body);

}  // namespace freshet::ingest
