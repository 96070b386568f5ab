// The body of a request as its sender meant it: decompressed, and within the bounds of its source.
#pragma once

#include <cstddef>
#include <optional>

#include "http/message.h"
#include "ingest/source.h"

namespace freshet::ingest {

// Replaces the body by what was compressed in it, following Content-Encoding: gzip, x-gzip and deflate, in any case
// (RFC 9110, section 8.4.1); the Content-Type does not count, because real libraries send compressed JSON as a form.
// Memory is bounded by bytes_max whatever the body unpacks to. A refusal: 413 too_large, 400 bad_encoding, 415
// unsupported_encoding; then the body is as it was.
[[nodiscard]] std::optional<Refusal> decode_body(http::Request& request, size_t bytes_max);

// Unpacks what is small: then the request is as if it had been sent without compression. False: there is more in it
// than so many bytes, and it is as it was. What is wrong with it decode_body() says.
[[nodiscard]] bool unpack_small(http::Request& request, size_t bytes_max);

// Of the head alone, before the body is read. It refuses what decode_body() would refuse for its coding.
[[nodiscard]] std::optional<Refusal> check_encoding(const http::Request& head);
[[nodiscard]] bool is_compressed(const http::Request& head);

}  // namespace freshet::ingest
