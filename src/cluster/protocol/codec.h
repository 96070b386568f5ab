// From messages to bytes and back, as pure functions. A frame on the wire is size:i32, then
//
//   request:   key:i16 version:i16 correlation:i32 client:nullable classic string [tags, if flexible] message
//   response:  correlation:i32 [tags, if flexible; never for ApiVersions] message
//
// Both directions of both, so that a broker can be played, too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cluster/protocol/messages.h"

namespace freshet::cluster::protocol {

inline constexpr size_t kSizeBytes = 4;  // of a frame's size

struct RequestHead {
  int16_t key = 0, version = 0;
  int32_t correlation = 0;
};

// Whole, with its size in front. Empty: a text in it has more than the 32,767 bytes that Kafka takes of one.
// REQUIRES: kLeast <= version <= kMost of the request.
template <class Request>
[[nodiscard]] std::string encode_request(const Request& request, int16_t version, int32_t correlation,
                                         const std::string& client);
// Of a frame without its size; what follows the head is decoded by decode_request. kCorrupt: it is none.
[[nodiscard]] Result<RequestHead> decode_head(std::string_view frame);
template <class Request>
[[nodiscard]] Result<Request> decode_request(std::string_view frame);

// Whole, with its size in front.
template <class Request>
[[nodiscard]] std::string encode_response(const typename Request::Response& response, int16_t version,
                                          int32_t correlation);
// Of a frame without its size. kCorrupt: it is none, of another correlation, or has something behind its end; at which
// byte.
template <class Request>
[[nodiscard]] Result<typename Request::Response> decode_response(std::string_view frame, int16_t version,
                                                                 int32_t correlation);

}  // namespace freshet::cluster::protocol
