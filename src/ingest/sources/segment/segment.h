// The Segment tracking API: bodies of POST /v1/{batch,import,identify,track,page,screen,group,alias}.
// What becomes of each field: docs/sources/segment.md. Spec: https://segment.com/docs/connections/spec/
#pragma once

#include <google/protobuf/arena.h>

#include <string>
#include <string_view>

#include "ingest/items/parsed.h"

namespace freshet::ingest {

inline constexpr std::string_view kSegmentSource = "segment";
inline constexpr size_t kSegmentBatchBytesMax = 500u << 10;
inline constexpr size_t kSegmentItemsMax = 2500;

struct SegmentRequest {
  // identify, track, page, screen, group or alias: the body is one message. "batch": a list of
  // them. "": the body is one message that says its own type (a replayed item of a batch).
  std::string_view call;
  // What the rest of its batch said of a replayed message: Rejection::context.
  std::string_view outer_context = {};
};

// kInvalid: the body is not JSON, or it is a batch without its list or with too many items.
[[nodiscard]] ParseResult parse_segment(std::string_view body, const SegmentRequest& request,
                                        const AdapterContext& context, google::protobuf::Arena& arena);

// The writeKey of the body, or of its first message, for requests without an Authorization header;
// "" if there is none.
[[nodiscard]] std::string segment_write_key(std::string_view body);

}  // namespace freshet::ingest
