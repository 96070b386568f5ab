// Any bytes as an answer or a request of each kind and version: decoding ends and stays inside; what it accepts is
// encoded, and that decodes to the same bytes again. The first two bytes choose the kind and the version.
#include <cstdint>

#include "base/assert.h"
#include "cluster/protocol/codec.h"

namespace {

using namespace freshet::cluster::protocol;

constexpr int32_t kCorrelation = 0;

template <class Request>
void check_response(std::string_view bytes, int16_t version) {
  const std::string frame = std::string(4, '\0') + std::string(bytes);
  const auto first = decode_response<Request>(frame, version, kCorrelation);
  if (!first) return;
  // An answer in another version than the one that was asked for is encoded as the one that was.
  if constexpr (Request::kKey == ApiVersionsRequest::kKey)
    if (first->error != 0) return;
  const std::string encoded = encode_response<Request>(*first, version, kCorrelation);
  const auto second = decode_response<Request>(std::string_view(encoded).substr(4), version, kCorrelation);
  FRESHET_ASSERT(second.has_value());
  FRESHET_ASSERT(encode_response<Request>(*second, version, kCorrelation) == encoded);
}

template <class Request>
void check_request(std::string_view bytes, int16_t version) {
  std::string frame = encode_request(Request(), version, kCorrelation, "").substr(4, 8);
  frame += bytes;
  const auto first = decode_request<Request>(frame);
  if (!first) return;
  const std::string encoded = encode_request(*first, version, kCorrelation, "");
  const auto second = decode_request<Request>(std::string_view(encoded).substr(4));
  FRESHET_ASSERT(second.has_value() && encode_request(*second, version, kCorrelation, "") == encoded);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size < 2) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(bytes) + 2, size - 2);
  int kind = bytes[0] % kRequestKinds;
  each_request([&]<class Request>(const Request&) {
    if (kind-- != 0) return;
    const int16_t version = static_cast<int16_t>(Request::kLeast + bytes[1] % (Request::kMost - Request::kLeast + 1));
    bytes[0] < 128 ? check_response<Request>(rest, version) : check_request<Request>(rest, version);
  });
  return 0;
}
